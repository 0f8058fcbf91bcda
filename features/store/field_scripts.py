"""The Lua scripts of a store whose records are fields of hashes, and their arguments.

A record is kept behind one byte that says in which span of two days it expires, modulo 256. Redis 6.2 to 8 cannot let a
field expire without giving up the compact encoding of its hash, so an expired record counts as absent, and a hash is
rid of its expired records when one of its records is written for the first time in a span. The hash itself
expires when nothing was written to it for longer than any record lives.

The spans are counted by the clock of the caller: a record is kept five days longer than any window, so a clock that
is wrong by hours does no harm, and the script needs no right to ask Redis for the time.
"""

import re
from collections.abc import Sequence
from typing import Final

from features.entity_keys import FIELD_BYTES
from features.record_header import version_bytes
from features.store.redis_scripts import CHECK_AND_JOURNAL
from features.store.state_store import JournalWrite, Write

SPAN_SECONDS: Final = 2 * 86_400
LONGEST_MS: Final = 182 * 86_400_000
"""The longest time to live of a record: half of the spans that a byte counts is 256 days."""
_HASH_MS: Final = LONGEST_MS + 2 * SPAN_SECONDS * 1000

_ALIVE: Final = "(byte(OLD) - now - 1) % 256 < 128"


def _alive(name: str) -> str:
    return re.sub("OLD", name, _ALIVE)


LOAD: Final = f"""
-- KEYS: marker, the hash of each record; ARGV: the present span, names of the fields
local call, sub, byte = redis.call, string.sub, string.byte
local now, names = tonumber(ARGV[1]), ARGV[2]
local found = {{call('GET', KEYS[1])}}
for i = 2, #KEYS do
  local old = call('HGET', KEYS[i], sub(names, {FIELD_BYTES} * i - {2 * FIELD_BYTES - 1}, {FIELD_BYTES} * (i - 1)))
  found[i] = old and {_alive("old")} and old
end
return found
"""

COMMIT: Final = f"""
-- KEYS: marker, epoch of each partition, journal of the first of them, the hash of each record
-- ARGV: identity, number of epochs, number of journals, epochs, journals,
--       the present span, names of the fields, the versions expected and their lengths (1 byte each, 0: no record),
--       the span in which each record expires (1 byte each), records
{CHECK_AND_JOURNAL}
local now, names, versions, lengths, spans =
  tonumber(ARGV[at + 1]), ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], ARGV[at + 5]
local values, keys, version = at + 5, 1 + epochs + journals, 1
local conflicts = {{}}
for i = 1, #KEYS - keys do
  local key, name = KEYS[keys + i], sub(names, {FIELD_BYTES} * i - {FIELD_BYTES - 1}, {FIELD_BYTES} * i)
  local old = call('HGET', key, name)
  if old and not ({_alive("old")}) then old = false end
  local length = byte(lengths, i)
  local expected = sub(versions, version, version + length - 1)
  version = version + length
  if (old and sub(old, 3, 2 + length) or '') == expected and (length > 0 or not old) then
    local span = sub(spans, i, i)
    call('HSET', key, name, span .. ARGV[values + i])
    if not old or sub(old, 1, 1) ~= span then
      if call('PTTL', key) < {_HASH_MS - SPAN_SECONDS * 1000} then
        local all = call('HGETALL', key)
        for j = 1, #all, 2 do
          if not ({_alive("all[j + 1]")}) then call('HDEL', key, all[j]) end
        end
        call('PEXPIRE', key, {_HASH_MS})
      end
    end
  else
    conflicts[#conflicts + 1] = i - 1
    conflicts[#conflicts + 1] = old and sub(old, 2)
  end
end
return conflicts
"""


def split(keys: Sequence[bytes]) -> tuple[list[bytes], bytes]:
    """The hash of each key, and the names of the fields, joined."""
    return [key[:-FIELD_BYTES] for key in keys], b"".join([key[-FIELD_BYTES:] for key in keys])


def commit_arguments(
    identity: bytes,
    epochs: Sequence[int],
    journals: Sequence[JournalWrite],
    writes: Sequence[Write],
    names: bytes,
    now_seconds: float,
) -> list[bytes | int]:
    """ARGV of ``COMMIT``, in the order that the script reads it.

    Raises:
        ValueError: if a time to live is longer than ``LONGEST_MS``.
    """
    spans = {
        expire_ms: _span_after(now_seconds, expire_ms)
        for expire_ms in {write.expire_ms for write in writes}
    }
    versions, lengths = _versions([write.expected_version for write in writes])
    return [
        identity,
        len(epochs),
        len(journals),
        *epochs,
        *(entry.entry for entry in journals),
        present_span(now_seconds),
        names,
        versions,
        lengths,
        bytes([spans[write.expire_ms] for write in writes]),
        *(write.value for write in writes),
    ]


def present_span(now_seconds: float) -> int:
    """The span of two days in which a time is, modulo 256."""
    return int(now_seconds // SPAN_SECONDS) % 256


def _span_after(now_seconds: float, expire_ms: int) -> int:
    """The first span that begins at least ``expire_ms`` after now, modulo 256."""
    if expire_ms > LONGEST_MS:
        raise ValueError(f"a time to live of {expire_ms} ms; the longest is {LONGEST_MS}")
    return -int(-(now_seconds + expire_ms / 1000) // SPAN_SECONDS) % 256


def _versions(expected: list[int]) -> tuple[bytes, bytes]:
    """The versions as records have them, joined, and how many bytes each has; none for 0."""
    if expected and min(expected) > 0 and max(expected) < 128:
        return bytes(expected), b"\1" * len(expected)
    parts = [version_bytes(version) if version else b"" for version in expected]
    return b"".join(parts), bytes(map(len, parts))
