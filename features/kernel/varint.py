"""Integers as bytes: zigzag varints and little-endian numbers of a fixed size."""

import numpy as np

from features.kernel.compilation import inner


@inner
def put_varint(out: np.ndarray, at: int, value: int) -> int:
    """Write a signed integer as a zigzag LEB128 varint, 7 bits a byte; the position behind it."""
    bits = np.uint64((value << 1) ^ (value >> 63))
    while bits >= np.uint64(128):
        out[at] = np.uint8(bits & np.uint64(127)) | np.uint8(128)
        bits >>= np.uint64(7)
        at += 1
    out[at] = np.uint8(bits)
    return at + 1


@inner
def get_varint(data: np.ndarray, at: int) -> tuple[np.int64, int]:
    """Read a zigzag varint; the integer and the position behind it."""
    bits, shift = np.uint64(0), np.uint64(0)
    while data[at] >= 128:
        bits |= np.uint64(data[at] & 127) << shift
        shift += np.uint64(7)
        at += 1
    bits |= np.uint64(data[at]) << shift
    value = np.int64(bits >> np.uint64(1)) ^ -np.int64(bits & np.uint64(1))
    return value, at + 1


@inner
def put_unsigned(out: np.ndarray, at: int, size: int, value: int) -> int:
    """Write a little-endian unsigned integer of ``size`` bytes; the position behind it."""
    for j in range(size):
        out[at + j] = np.uint8(value >> (8 * j) & 255)
    return at + size


@inner
def get_unsigned(data: np.ndarray, at: int, size: int) -> np.int64:
    """Read a little-endian unsigned integer of ``size`` bytes."""
    value = np.int64(0)
    for j in range(size):
        value |= np.int64(data[at + j]) << np.int64(8 * j)
    return value
