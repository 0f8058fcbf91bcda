"""Numbers as bits in an array of 64-bit words: plain bits, and exponential Golomb codes.

A position counts bits from the start of the array, the lowest bit of a word first, so on a little-endian machine
the bytes of the array are the bytes of the record. Reading beyond the array gives zeros: a record cut short or
corrupted is decoded to nonsense within bounds, and the decoder's caller compares where it ended.

An exponential Golomb code of order ``k`` (S. Teuhola, 1978) writes ``v + 2**k`` in as few bits as it has and says before it, in
unary, how many more than ``k`` those are: ``k + 1`` bits for a value below ``2**k``, two more for each doubling. Negative numbers
and those of more than ``k + 15`` bits are rare: sixteen ones, then all 64 bits.
"""

import numpy as np

from features.kernel.compilation import inner

_ESCAPE = 16


@inner
def get_bits(words: np.ndarray, at: int, size: int) -> np.int64:
    """Read ``size`` bits, at most 63."""
    return np.int64(_window(words, at) & ((np.uint64(1) << np.uint64(size)) - np.uint64(1)))


@inner
def put_bits(words: np.ndarray, at: int, size: int, value: int) -> int:
    """Write the ``size`` lowest bits of a value without others, at most 63; the position behind them.

    Everything behind a position is undefined until it is written, so a word is set when its first bit is.
    """
    word, shift = at >> 6, np.uint64(at & 63)
    bits = np.uint64(value)
    if shift == np.uint64(0):
        words[word] = bits
        return at + size
    words[word] |= bits << shift
    if int(shift) + size > 64:
        words[word + 1] = bits >> (np.uint64(64) - shift)
    return at + size


@inner
def get_code(words: np.ndarray, at: int, order: int) -> tuple[np.int64, int]:
    """Read a code; the value and the position behind it."""
    window = _window(words, at)
    more = 0
    while more < _ESCAPE and window >> np.uint64(more) & np.uint64(1):
        more += 1
    if more == _ESCAPE:
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
    whole, more = value + (1 << order), 0
    while whole >> (order + more + 1) != 0:
        more += 1
    rest = whole - (1 << (order + more))
    return put_bits(words, at, order + 2 * more + 1, (1 << more) - 1 | rest << (more + 1))


@inner
def _window(words: np.ndarray, at: int) -> np.uint64:
    """The 64 bits from a position on."""
    word, shift = at >> 6, np.uint64(at & 63)
    if word + 1 >= len(words):
        return words[word] >> shift if word < len(words) else np.uint64(0)
    # Two shifts, because one by 64 is undefined.
    return words[word] >> shift | words[word + 1] << np.uint64(1) << (np.uint64(63) - shift)
