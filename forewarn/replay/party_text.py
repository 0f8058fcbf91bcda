"""The other side of a payment as a text names it: tags of banks, an IBAN within it, or its words."""

import re

from forewarn.replay.cell_conversion import is_iban

_TAGS = (
    "TRTP", "IBAN", "BIC", "NAME", "REMI", "USTD", "STRD", "EREF", "MARF", "CSID", "CNTP", "ORDP", "BENM", "ADDR",
    "ISDT", "RTRN", "PURP", "PREF", "NRTX", "TRCD", "ULTD", "ULTB", "ULTC", "SVCL", "KREF", "BREF", "ID",
)  # fmt: skip
_TAG = re.compile(rf"/({'|'.join(_TAGS)})/")


def tagged(text: str) -> dict[str, str]:
    """The values of tags such as ``/IBAN/.../NAME/.../``, as banks of the Netherlands write them; the first of each."""
    parts = _TAG.split(text)
    found: dict[str, str] = {}
    for name, value in zip(parts[1::2], parts[2::2], strict=True):
        found.setdefault(name, value.strip().strip("/"))
    if counterparty := parts_of(found.get("CNTP", "")):  # account/BIC/name/city
        found.setdefault("IBAN", counterparty[0])
        found.setdefault("NAME", counterparty[2] if len(counterparty) > 2 else "")
    return found


def parts_of(value: str) -> list[str]:
    """A value of several parts between slashes."""
    return [part.strip() for part in value.split("/")] if value else []


def subfields(text: str) -> dict[str, str]:
    """Subfields such as ``116?00...?20...?32...`` of German banks by their numbers; the code before them as ``code``."""
    begun = re.match(r"(\d{3})([?+<>~@%&])(?=\d\d)", text)
    if begun is None:
        return {}
    found = {"code": begun[1]}
    for part in text[begun.end() :].split(begun[2]):
        if re.match(r"\d\d", part):
            found[part[:2]] = found.get(part[:2], "") + part[2:].strip()
    return found


def iban_within(text: str, own: str) -> str:
    """The one IBAN in a text that is not the own account; empty where there is none or more than one."""
    written = re.findall(
        r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{2,4}){3,8}\b|\b[A-Z]{2}\d{2}[A-Z0-9]{11,30}\b", text
    )
    found = {plain for one in written if is_iban(plain := one.replace(" ", ""))}
    others = {one for one in found if one not in own}
    return others.pop() if len(others) == 1 else ""


def words(text: str) -> str:
    """The words of a text: what has figures in it is a reference, a date or a time, and differs in each payment.

    A text without any other word stays as it is.
    """
    kept = [word for word in text.split() if re.fullmatch(r"\D*[^\W\d_]\D*", word)]
    return " ".join(kept or text.split())
