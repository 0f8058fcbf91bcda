"""Telephone numbers and accounts: parties are integers until the town is written down.

Identifiers carry no signal by construction. Every number of a kind is drawn without replacement
from one range, whatever its owner, and every account, device and event id is an invertible scramble
of its index. So nothing can be learned from digits, which PaySim's merchants and mules allowed.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from forewarn.simulator.activity_clock import Ints

NumberKind = Literal["mobile", "landline", "service", "foreign", "short"]
KINDS: tuple[NumberKind, ...] = ("mobile", "landline", "service", "foreign", "short")

HEX_ID_CHARS = 17

_FORMS: dict[NumberKind, tuple[str, int]] = {
    # prefix, digits drawn after it; reserved-looking ranges are avoided on purpose: a simulated
    # number must never pass for a short list of "known bad" ones
    "mobile": ("+861", 10),
    "landline": ("+86734", 8),
    "service": ("+86400", 7),
    "foreign": ("+", 11),
    "short": ("95", 3),
}


def scramble(index: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    """Map indices to 64-bit values one to one (the finaliser of splitmix64, Steele et al. 2014)."""
    with np.errstate(over="ignore"):
        z = index + np.uint64((seed * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) % 2**64)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


_HEX_PAIRS = np.array([f"{value:02x}".encode() for value in range(256)]).view(np.uint16)


def hex_ids(values: NDArray[np.uint64], letter: bytes) -> NDArray[np.uint8]:
    """Write 64-bit values as one letter and 16 hexadecimal digits: an array of n by 17 bytes."""
    text = np.empty((values.size, HEX_ID_CHARS), dtype=np.uint8)
    text[:, 0] = letter[0]
    pairs = _HEX_PAIRS[values.astype(">u8").view(np.uint8).reshape(-1, 8)]
    text[:, 1:] = pairs.view(np.uint8).reshape(-1, 16)
    return text


def texts_of(rows: NDArray[np.uint8]) -> pl.Series:
    """Rows of ASCII bytes, all of one length, as strings; nothing is copied one by one."""
    count, width = rows.shape
    offsets = np.arange(count + 1, dtype=np.int64) * width
    data = pa.py_buffer(np.ascontiguousarray(rows))
    return pl.Series(pa.LargeStringArray.from_buffers(count, pa.py_buffer(offsets), data))


def decimal_text(values: Ints, width: int, prefix: str) -> NDArray[np.bytes_]:
    """Write integers as ``prefix`` and exactly ``width`` decimal digits each."""
    text = np.empty((values.size, len(prefix) + width), dtype=np.uint8)
    text[:, : len(prefix)] = np.frombuffer(prefix.encode(), dtype=np.uint8)
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    text[:, len(prefix) :] = values[:, None] // powers % 10 + ord("0")
    return text.view(f"S{len(prefix) + width}").ravel()


def _distinct(rng: np.random.Generator, count: int, low: int, high: int) -> Ints:
    """Draw ``count`` distinct integers in random order from a range far larger than that."""
    drawn = np.unique(rng.integers(low, high, int(count * 1.2) + 64))
    if drawn.size < count:  # only where a range is nearly used up
        return rng.choice(np.arange(low, high), count, replace=False)
    return rng.permutation(drawn)[:count]


@dataclass(slots=True)
class Directory:
    """Hands out indices of telephone numbers and of accounts.

    Number and account *i* belong to subscriber *i* while ``i < subscribers``.
    """

    subscribers: int
    _kinds: list[Ints] = field(default_factory=list)
    _numbers: int = 0
    _accounts: int = 0
    _devices: int = 0

    def __post_init__(self) -> None:
        self.new_numbers(self.subscribers, "mobile")
        self._accounts = self.subscribers
        self._devices = self.subscribers

    def new_numbers(self, count: int, kind: NumberKind) -> Ints:
        """Indices of ``count`` new numbers of one kind."""
        return self.new_numbers_of(np.full(count, KINDS.index(kind), dtype=np.int64))

    def new_numbers_of(self, kinds: Ints) -> Ints:
        """Indices of one new number for each given position in ``KINDS``."""
        first = self._numbers
        self._numbers += kinds.size
        self._kinds.append(kinds)
        return np.arange(first, self._numbers, dtype=np.int64)

    def new_accounts(self, count: int) -> Ints:
        """Indices of ``count`` new accounts."""
        first = self._accounts
        self._accounts += count
        return np.arange(first, self._accounts, dtype=np.int64)

    def new_devices(self, count: int) -> Ints:
        """Indices of ``count`` new devices; device *i* is the handset of subscriber *i*."""
        first = self._devices
        self._devices += count
        return np.arange(first, self._devices, dtype=np.int64)

    @property
    def kinds(self) -> Ints:
        """Position in ``KINDS`` of every number."""
        return np.concatenate(self._kinds)

    @property
    def account_count(self) -> int:
        """How many accounts were handed out."""
        return self._accounts

    def number_texts(self, rng: np.random.Generator) -> list[str]:
        """The E.164 text of every number."""
        kinds = self.kinds
        texts = np.empty(kinds.size, dtype="S20")
        for position, kind in enumerate(KINDS):
            chosen = np.flatnonzero(kinds == position)
            prefix, width = _FORMS[kind]
            # Foreign numbers begin with a country code other than 0 and 8 (of +86).
            low, high = (2 * 10**10, 7 * 10**10) if kind == "foreign" else (0, 10**width)
            if kind == "mobile":
                low = 3 * 10**9
            texts[chosen] = decimal_text(_distinct(rng, chosen.size, low, high), width, prefix)
        return [text.decode() for text in texts.tolist()]

    def account_texts(self, seed: int) -> pl.Series:
        """The text of every account: the letter a and 16 hexadecimal digits."""
        return _texts(self._accounts, seed + 2, b"a")

    def device_texts(self, seed: int) -> pl.Series:
        """The text of every device: the letter d and 16 hexadecimal digits."""
        return _texts(self._devices, seed + 5, b"d")


def _texts(count: int, seed: int, letter: bytes) -> pl.Series:
    return texts_of(hex_ids(scramble(np.arange(count, dtype=np.uint64), seed), letter))
