"""Lists for a backtest, in clear: a CSV with the numbers and accounts that the data hold.

    list,kind,peer,subscriber,expires_at_ms
    block,account,acct-123,,
    pair,phone,+8613900000002,+8613800000001,

``list`` is block, allow, pair or watch, ``kind`` phone or account; ``subscriber`` belongs to pairs.
The lists of an installation cannot be taken: they are pseudonyms under its own key.
"""

import csv
from pathlib import Path
from typing import get_args

from forewarn.contracts.list_entry import ListName, PeerKind
from forewarn.errors import ConfigurationError
from forewarn.platform.pseudonyms import Pseudonymiser
from models.policy.party_lists import Lists, entry


def read_lists(path: Path, pseudonymiser: Pseudonymiser) -> Lists:
    """Read a file of lists.

    Raises:
        ConfigurationError: naming the line that is not an entry.
    """
    lists = Lists()
    names: dict[str, ListName] = {name: name for name in get_args(ListName)}
    kinds: dict[str, PeerKind] = {kind: kind for kind in get_args(PeerKind)}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot read the lists: {error}") from error
    for number, row in enumerate(rows, start=2):
        name, kind = names.get(row.get("list") or ""), kinds.get(row.get("kind") or "")
        peer, subscriber = row.get("peer") or "", row.get("subscriber") or ""
        expires = row.get("expires_at_ms") or ""
        if (
            name is None
            or kind is None
            or not peer
            or (name == "pair") != bool(subscriber)
            or (expires and not expires.isdigit())
        ):
            raise ConfigurationError(
                f"line {number} of {path} is no list entry.",
                hint="Columns are list, kind, peer, subscriber (of pairs only), expires_at_ms.",
            )
        pseudonym = pseudonymiser.phone if kind == "phone" else pseudonymiser.account
        lists.add(
            entry(
                name,
                pseudonym(peer),
                kind=kind,
                subscriber=pseudonymiser.phone(subscriber) if subscriber else 0,
                expires_at_ms=int(expires) if expires else None,
            )
        )
    return lists
