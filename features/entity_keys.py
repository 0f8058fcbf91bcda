"""The entities that have a state record, and the Redis keys of those records.

A store has one of two forms. In the *plain* form a record is a string under the key
``prefix:letter:{bucket}rest``: the 16 hexadecimal digits of the pseudonym, of which the first two, in braces, are
the hash tag. So all records of one bucket are in one Redis Cluster slot and one script call may handle them together,
while the key needs nothing but the pseudonym. With 256 buckets a batch of 2,000 keys makes at most 256 script calls in
a cluster (with 4,096 buckets about 1,600), and CRC16 puts 4, 20 and 31 per cent more than the mean on the fullest of
3, 6 and 12 equal masters (with 4,096 under 1 per cent). Script calls cost every batch, while slots can be moved.

In the *compact* form a record is a field of a hash, since a key of its own costs Redis 110 bytes and a field 13. The
hash is ``prefix:h:{bucket}`` and the next 10 bits of the pseudonym as three hexadecimal digits; the field's name is
the other 46 bits behind 2 bits for the entity, 6 bytes. What this module calls the key of the record is both, one
behind the other. The 262,144 hashes hold 86 records each in a town of a million subscribers.
"""

import re
from enum import Enum, IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt


class Entity(IntEnum):
    """The kind of entity whose state a record is."""

    SUBSCRIBER = 0
    NUMBER = 1
    ACCOUNT = 2
    DEVICE = 3


ENTITIES: Final = ("subscriber", "counterparty", "device")
"""The records that one event reads, in this order: that of ``Score.reads`` and ``Score.applied``.

The counterparty is a number (calls) or an account (transfers).
"""

LETTERS: Final = "snad"
"""Key letter of each :class:`Entity`."""

BUCKETS: Final = 256

_HEX = np.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), dtype=np.uint8)
_HEX_PAIRS = _HEX.reshape(256, 2)
_DIGITS = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
_FIELD_KEY = re.compile(rb":h:\{([0-9a-f]{2})\}([0-3][0-9a-f]{2})(.{6})\Z", re.DOTALL)


FIELD_BYTES: Final = 6
"""Length of a field's name, with which the key of a record ends in the compact form."""

_FIELD_BITS = 46
_HASH_BITS = 10


class StateForm(Enum):
    """How the records of a store are kept: keys of their own in the plain layout, or hashes in the compact one."""

    PLAIN = "plain"
    COMPACT = "compact"


def keys(
    prefix: str,
    entity: int,
    pseudonyms: npt.NDArray[np.uint64],
    form: StateForm = StateForm.COMPACT,
) -> list[bytes]:
    """Redis keys of the records of many entities of one kind.

    Args:
        prefix: of the installation, for example ``fw``.
        entity: an :class:`Entity`.
        pseudonyms: uint64, none of them 0.
        form: of the store.
    """
    if form is StateForm.COMPACT:
        return _field_keys(prefix, entity, pseudonyms)
    head = f"{prefix}:{LETTERS[entity]}:{{".encode()
    width = len(head) + 17  # 16 digits and the closing brace
    out = np.empty((len(pseudonyms), width), dtype=np.uint8)
    digits = _HEX_PAIRS[pseudonyms.astype(">u8").view(np.uint8).reshape(-1, 8)].reshape(-1, 16)
    at = len(head)
    out[:, :at] = np.frombuffer(head, dtype=np.uint8)
    out[:, at : at + 2] = digits[:, :2]
    out[:, at + 2] = ord("}")
    out[:, at + 3 :] = digits[:, 2:]
    listed: list[bytes] = out.reshape(-1).view(f"S{width}").tolist()
    return listed


def _field_keys(prefix: str, entity: int, pseudonyms: npt.NDArray[np.uint64]) -> list[bytes]:
    head = f"{prefix}:h:{{".encode()
    at = len(head)
    width = at + 6 + FIELD_BYTES  # two digits, the closing brace, three digits
    out = np.empty((len(pseudonyms), width), dtype=np.uint8)
    out[:, :at] = np.frombuffer(head, dtype=np.uint8)
    out[:, at : at + 2] = _HEX_PAIRS[pseudonyms >> np.uint64(56)]
    out[:, at + 2] = ord("}")
    number = pseudonyms >> np.uint64(_FIELD_BITS) & np.uint64((1 << _HASH_BITS) - 1)
    for digit in range(3):
        out[:, at + 3 + digit] = _DIGITS[number >> np.uint64(8 - 4 * digit) & np.uint64(15)]
    names = pseudonyms & np.uint64((1 << _FIELD_BITS) - 1) | np.uint64(entity << _FIELD_BITS)
    out[:, at + 6 :] = names.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 2:]
    joined = out.tobytes()
    return [joined[start : start + width] for start in range(0, len(joined), width)]


def key(prefix: str, entity: int, pseudonym: int, form: StateForm = StateForm.COMPACT) -> bytes:
    """Redis key of one record."""
    return keys(prefix, entity, np.array([pseudonym], dtype=np.uint64), form)[0]


def parse_key(key: bytes) -> tuple[Entity, int]:
    """The entity kind and pseudonym that a key names.

    Raises:
        ValueError: if it is not the key of a state record.
    """
    found = _FIELD_KEY.search(key)
    if found:
        tag, number, name = found.groups()
        field = int.from_bytes(name, "big")
        high = int(tag, 16) << _HASH_BITS | int(number, 16)
        rest = field & ((1 << _FIELD_BITS) - 1)
        return Entity(field >> _FIELD_BITS), high << _FIELD_BITS | rest
    _, letter, digits = key.decode().rsplit(":", 2)
    return Entity(LETTERS.index(letter)), int(digits.replace("{", "").replace("}", ""), 16)


def describe(key: bytes) -> str:
    """A key as an operator can read it and give it to ``redis-cli``."""
    if _FIELD_KEY.search(key):
        name = "".join(f"\\x{byte:02x}" for byte in key[-FIELD_BYTES:])
        return f'{key[:-FIELD_BYTES].decode()} "{name}"'
    return key.decode()
