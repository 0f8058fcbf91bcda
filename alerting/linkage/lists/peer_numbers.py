"""Which numbers and accounts a person may put on a list: pure checks of their form."""

import re

from forewarn.contracts.list_entry import PeerKind

_PHONE = re.compile(r"\+?[0-9]{3,20}")
_ACCOUNT = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{3,63}")
_COUNTRY_CODE = re.compile(r"(?:\+|00)86")

SERVICE_NUMBER_DIGITS = 6
"""Longest short code of the Chinese numbering plan: 1XX, 10XXX, 12XXX, 95XXX(X), 96XXX(X)."""


def decide_peer(kind: PeerKind, peer: str) -> str | None:
    """The reason why a peer is not a number or account, or None."""
    if kind == "phone":
        return None if _PHONE.fullmatch(peer) else "not_a_number"
    return None if _ACCOUNT.fullmatch(peer) else "not_an_account"


def is_service_number(kind: str, peer: str) -> bool:
    """Whether a number is a short code of a bank, operator or authority.

    Swindlers show these numbers, and customers need them: blocking one harms everyone but the
    swindler.
    """
    if kind != "phone":
        return False
    return len(_COUNTRY_CODE.sub("", peer, count=1).lstrip("+")) <= SERVICE_NUMBER_DIGITS
