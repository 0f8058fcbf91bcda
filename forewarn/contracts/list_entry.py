"""Messages of the compacted ``lists`` topic: who is blocked, trusted, excepted or watched.

The alerting service is the only writer; every worker reads the topic from its beginning and keeps
the newest value of each key. A record without a value (a tombstone) removes the key. Numbers and
accounts are written as pseudonyms only: the topic is kept for good, and the worker compares
pseudonyms anyway. An entry past ``expires_at_ms`` counts as removed, tombstone or not.
"""

from typing import Annotated, Literal

import msgspec

from forewarn.contracts.event import EpochMs, Identifier, Tenant

ListName = Literal["block", "allow", "pair", "watch"]
"""``block``: confirmed to belong to a fraudster. ``allow``: trusted for all people. ``pair``: trusted
for one subscriber (a grandparent's monthly gift). ``watch``: near a swindler, not confirmed."""

PeerKind = Literal["phone", "account"]
HexPseudonym = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}$")]


class ListEntry(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    tag_field="type",
    tag="list_entry",
):
    """One entry in force; ``subscriber`` is set for ``pair`` and for nothing else."""

    schema_version: Literal[1] = 1
    entry_id: Identifier
    tenant: Tenant = "default"
    list: ListName
    kind: PeerKind
    peer: HexPseudonym
    subscriber: HexPseudonym | None = None
    reason: str = ""
    changed_at_ms: EpochMs
    expires_at_ms: EpochMs | None = None


def list_key(
    tenant: str, name: ListName, kind: PeerKind, peer: str, subscriber: str | None = None
) -> bytes:
    """The record key of an entry; one entry a key is in force at a time."""
    return f"{tenant}/{name}/{kind}/{peer}/{subscriber or '-'}".encode()


_decoder = msgspec.json.Decoder(ListEntry)


def decode_list_entry(value: bytes) -> ListEntry:
    """Decode a value of the ``lists`` topic.

    Raises:
        msgspec.MsgspecError: if the bytes are not a list entry.
    """
    return _decoder.decode(value)
