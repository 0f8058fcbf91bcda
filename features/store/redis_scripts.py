"""The Lua scripts that make compare-and-set one step, and their arguments; those of the plain form of a store.

Measured on one core against MGET + MSET of the same 512-byte records (``benchmarks/store.py``):
MGET and MSET inside Lua reach half of it, because every record crosses between Redis and Lua three
times; GETRANGE of the version and then SET reach 55-60 %; ``SET ... GET KEEPTTL`` reaches 75 % with
one call a record. So a record is written first and restored in the rare case that it had another version.
No other client sees the state between, since a script is one step.

Redis refuses a script for lack of memory at its first write only, so a script never stops half way.
"""

import struct
from collections.abc import Sequence
from typing import Final

from features.store.state_store import JournalWrite, Write

VERSION_SLICE: Final = slice(4, 8)
"""Where ``features.record_header`` keeps the record's version."""
ACTIVITY_SLICE: Final = slice(11, 14)
"""The upper bytes of the header's last event time, which change every 2**24 ms (4.7 hours)."""

MAX_RECORDS_A_SCRIPT: Final = 1000
"""Bound on how long one script blocks the server: about 8 ms."""

_RENEW: Final = 128

LOST: Final = "LOST"
FENCED: Final = "FENCED"


def _lua_slice(part: slice) -> str:
    """Write a Python slice as the two inclusive, one-based numbers of Lua's string.sub."""
    return f"{part.start + 1}, {part.stop}"


CHECK_AND_JOURNAL: Final = f"""
local call, sub, byte = redis.call, string.sub, string.byte
if call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('{LOST}') end
local epochs, journals = tonumber(ARGV[2]), tonumber(ARGV[3])
local stale = ''
for i = 1, epochs do
  if call('GET', KEYS[1 + i]) ~= ARGV[3 + i] then
    stale = stale .. ' ' .. string.match(KEYS[1 + i], '%d+$')
  end
end
if stale ~= '' then return redis.error_reply('{FENCED}' .. stale) end
local at = 3 + epochs
for i = 1, journals do call('SET', KEYS[1 + epochs + i], ARGV[at + i]) end
at = at + journals
"""
"""With which a commit begins: the identity, the epochs, and the journals, which are written before any record."""

COMMIT: Final = f"""
-- KEYS: marker, epoch of each partition, journal of the first of them, records
-- ARGV: identity, number of epochs, number of journals, epochs, journals,
--       versions (4 bytes each), index into the times to live (1 byte each, its highest bit:
--       renew the time), their number, the times to live in ms, records
{CHECK_AND_JOURNAL}
local versions, which, ttls = ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3])
local ttl = at + 3
local values, keys = ttl + ttls, 1 + epochs + journals
local conflicts = {{}}
for i = 1, #KEYS - keys do
  local key, value = KEYS[keys + i], ARGV[values + i]
  local old = call('SET', key, value, 'GET', 'KEEPTTL')
  local version = old and sub(old, {_lua_slice(VERSION_SLICE)}) or '\\0\\0\\0\\0'
  if version ~= sub(versions, 4 * i - 3, 4 * i) then
    if old then call('SET', key, old, 'KEEPTTL') else call('DEL', key) end
    conflicts[#conflicts + 1] = i - 1
    conflicts[#conflicts + 1] = old
  else
    local index, renew = byte(which, i), false
    if index >= {_RENEW} then index, renew = index - {_RENEW}, true end
    if renew or not old
        or sub(old, {_lua_slice(ACTIVITY_SLICE)}) ~= sub(value, {_lua_slice(ACTIVITY_SLICE)}) then
      call('PEXPIRE', key, ARGV[ttl + index])
    end
  end
end
return conflicts
"""
"""A time to live is renewed if the write says so, else only when the last event time has reached another
step of 4.7 hours; within one step the old time runs on, so a record may expire that much too early, never
too late."""

TAKE_OVER: Final = f"""
-- KEYS: marker, epochs; ARGV: identity
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('{LOST}') end
local epochs = {{}}
for i = 2, #KEYS do epochs[i - 1] = redis.call('INCR', KEYS[i]) end
return epochs
"""


def commit_arguments(
    identity: bytes,
    epochs: Sequence[int],
    journals: Sequence[JournalWrite],
    writes: Sequence[Write],
) -> list[bytes | int]:
    """ARGV of ``COMMIT``, in the order that the script reads it."""
    versions = [write.expected_version for write in writes]
    expiries = [write.expire_ms for write in writes]
    renewals = [write.renew for write in writes]
    ttls = sorted(set(expiries))
    place = {ttl: index + 1 for index, ttl in enumerate(ttls)}
    if len(ttls) >= _RENEW:
        raise ValueError(f"{len(ttls)} different times to live in one commit, at most {_RENEW - 1}")
    return [
        identity,
        len(epochs),
        len(journals),
        *epochs,
        *(entry.entry for entry in journals),
        struct.pack(f"<{len(writes)}I", *versions),
        # Thousands of records of a batch share a time to live, and hardly one is renewed.
        bytes([place[ttl] for ttl in expiries])
        if not any(renewals)
        else bytes(
            place[ttl] + _RENEW * renew for ttl, renew in zip(expiries, renewals, strict=True)
        ),
        len(ttls),
        *ttls,
        *(write.value for write in writes),
    ]
