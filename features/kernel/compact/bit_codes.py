"""Numbers as bits in an array of 64-bit words: plain bits, and exponential Golomb codes.

A position counts bits from the start of the array, the lowest bit of a word first, so on a little-endian machine
the bytes of the array are the bytes of the record. Reading beyond the array gives zeros: a record cut short or
corrupted is decoded to nonsense within bounds, and the decoder's caller compares where it ended.

An exponential Golomb code of order ``k`` (S. Teuhola, 1978) writes ``v + 2**k`` in as few bits as it has and says before it, in
unary, how many more than ``k`` those are: ``k + 1`` bits for a value below ``2**k``, two more for each doubling. Negative numbers
and those of more than ``k + 15`` bits are rare: sixteen ones, then all 64 bits.
"""

from typing import Any

import numpy as np
from numba import types
from numba.core.cgutils import false_bit
from numba.extending import intrinsic

from features.kernel.compilation import inner

_ESCAPE = 16


@intrinsic
def _trailing_ones(_context: Any, _bits: Any) -> Any:
    """How many of the lowest bits are ones, before the first zero; one instruction of the processor."""

    def code(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(builder.not_(arguments[0]), false_bit)

    return types.int64(types.uint64), code


@intrinsic
def _leading_zeros(_context: Any, _bits: Any) -> Any:
    """How many of the highest bits are zeros."""

    def code(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctlz(arguments[0], false_bit)

    return types.int64(types.uint64), code


@inner
def begin(words: np.ndarray, at: int) -> None:
    """Clear the word in which a sequence of writes begins, from a position on."""
    word = np.uint64(at >> 6)
    words[word] &= (np.uint64(1) << np.uint64(at & 63)) - np.uint64(1)


@inner
def get_bits(words: np.ndarray, at: int, size: int) -> np.int64:
    """Read ``size`` bits, at most 63."""
    return np.int64(_window(words, at) & ((np.uint64(1) << np.uint64(size)) - np.uint64(1)))


@inner
def put_bits(words: np.ndarray, at: int, size: int, value: int) -> int:
    """Write the ``size`` lowest bits of a value without others, at most 63; the position behind them.

    The word behind the position is set as well, so nothing has to be cleared after ``begin``.
    """
    word, shift, bits = np.uint64(at >> 6), np.uint64(at & 63), np.uint64(value)
    words[word] |= bits << shift
    # Two shifts, because one by 64 is undefined.
    words[word + np.uint64(1)] = bits >> np.uint64(1) >> (np.uint64(63) - shift)
    return at + size


@inner
def get_code(words: np.ndarray, at: int, order: int) -> tuple[np.int64, int]:
    """Read a code; the value and the position behind it."""
    window = _window(words, at)
    more = _trailing_ones(window)
    if more >= _ESCAPE:
        return np.int64(_window(words, at + _ESCAPE)), at + _ESCAPE + 64
    size = np.uint64(order + more)
    rest = window >> np.uint64(more + 1) & ((np.uint64(1) << size) - np.uint64(1))
    value = rest + (np.uint64(1) << size) - (np.uint64(1) << np.uint64(order))
    return np.int64(value), at + order + 2 * more + 1


@inner
def put_code(words: np.ndarray, at: int, order: int, value: int) -> int:
    """Write the code of an integer; the position behind it. The order is at most 32."""
    if value < 0 or value >> (order + _ESCAPE - 1) != 0:
        at = put_bits(words, at, _ESCAPE, (1 << _ESCAPE) - 1)
        at = put_bits(words, at, 32, value & 0xFFFFFFFF)
        return put_bits(words, at, 32, value >> 32 & 0xFFFFFFFF)
    whole = value + (1 << order)
    more = 63 - order - _leading_zeros(np.uint64(whole))
    rest = whole - (1 << (order + more))
    return put_bits(words, at, order + 2 * more + 1, (1 << more) - 1 | rest << (more + 1))


@inner
def _window(words: np.ndarray, at: int) -> np.uint64:
    """The 64 bits from a position on."""
    word, shift = np.uint64(at >> 6), np.uint64(at & 63)
    if word >= np.uint64(len(words) - 1):
        return words[word] >> shift if word < np.uint64(len(words)) else np.uint64(0)
    return words[word] >> shift | words[word + np.uint64(1)] << np.uint64(1) << (
        np.uint64(63) - shift
    )
