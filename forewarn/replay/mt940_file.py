"""SWIFT MT940 statements to one object a transfer.

The library ``mt940`` cuts the fields; debit and credit marks are kept apart from the sign, and the information for
the account owner (:86:) is read here, since its layouts differ by country.
"""

import re
from collections.abc import Iterator
from typing import Any

import mt940

from forewarn.errors import ConfigurationError
from forewarn.replay.entry_identity import identify
from forewarn.replay.iso20022_file import NO_REFERENCE
from forewarn.replay.party_text import iban_within, subfields, tagged, words

_RETURN_CODES = frozenset({"108", "109", "159"})
"""German transaction codes (GVC) of returned direct debits and credit transfers."""


def mt940_rows(data: bytes, name: str) -> list[dict[str, str]]:
    """The transfers of a file of statements.

    Raises:
        ConfigurationError: if a line :61: cannot be read.
    """
    text = _decoded(data)
    expected = sum(line.startswith(":61:") for line in text.splitlines())
    try:
        found = [one for statement in _statements(text) for one in _rows(statement)]
    except (ValueError, RuntimeError, KeyError, ArithmeticError) as error:
        raise ConfigurationError(
            f"{name} is broken MT940: {error}.", hint="Nothing was read of it."
        ) from error
    if len(found) != expected:
        raise ConfigurationError(
            f"{name} has {expected} lines :61:, and {len(found)} could be read.",
            hint="Correct the lines that do not have the form of the standard; nothing was read.",
        )
    identify(found, "mt940")
    return found


def _decoded(data: bytes) -> str:
    """UTF-8, or the Windows code page that banks of Western Europe write where a byte is none."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="backslashreplace")


def _statements(text: str) -> list[str]:
    """The messages of a file: each begins with :20:."""
    parts = text.replace("\r\n", "\n").split("\n:20:")
    first = parts[0] if parts[0].startswith(":20:") else ":20:" + parts[0].partition(":20:")[2]
    return [first, *(":20:" + part for part in parts[1:])]


def _rows(text: str) -> Iterator[dict[str, str]]:
    statement = mt940.models.Transactions(processors={"post_transaction_details": []})
    statement.parse(text)
    about = statement.data
    number = "/".join(
        str(about.get(name) or "") for name in ("statement_number", "sequence_number")
    )
    for place, one in enumerate(statement.transactions, start=1):
        fields = one.data
        row = {
            "statement": str(about.get("transaction_reference", "")),
            "statement_number": number.strip("/"),
            "entry": str(place),
            "own_account": str(about.get("account_identification", "")),
            "booked": f"{fields.get('entry_date') or fields['date']:%Y-%m-%d}",
            "valued": f"{fields['date']:%Y-%m-%d}",
            "amount": f"{abs(fields['amount'].amount):f}",
            "currency": str(fields["amount"].currency),
            "type": str(fields.get("id", "")),
            "customer_ref": _reference(fields.get("customer_reference")),
            "bank_ref": _reference(fields.get("bank_reference")),
        }
        yield row | _details(fields, row)


def _details(fields: dict[str, Any], row: dict[str, str]) -> dict[str, str]:
    """Mark, parties and text of an entry."""
    raw = str(fields.get("transaction_details") or "")
    german = subfields(raw.replace("\n", ""))
    joined = " ".join(raw.split())
    dutch = tagged(raw.replace("\n", ""))
    mark = str(fields.get("status", ""))
    returned = row["type"][1:] == "RTI" or german.get("code") in _RETURN_CODES or "RTRN" in dutch
    if returned and mark in ("D", "C"):
        mark = "RC" if mark == "D" else "RD"
    if german:
        text = " ".join(value for key, value in german.items() if key[0] in "26")
        account, name = german.get("38") or german.get("31", ""), _joined(german, "32", "33")
        name = name or words(german.get("00", "") + " " + text)
    else:
        text = joined
        more = str(fields.get("extra_details") or "")
        account = dutch.get("IBAN", "") or iban_within(f"{more} {joined}", row["own_account"])
        name = dutch.get("NAME", "") or words(joined)
    debit = mark in ("D", "RC")
    outgoing = mark in ("D", "RD")
    mine, other = ("debtor", "creditor") if outgoing else ("creditor", "debtor")
    return {
        "mark": mark,
        "credit_debit": "DBIT" if debit else "CRDT",
        "reversal": "true" if mark in ("RC", "RD") else "false",
        "text": text,
        f"{mine}_account": row["own_account"],
        f"{mine}_name": "",
        f"{other}_account": account,
        f"{other}_name": name,
    }


def _joined(found: dict[str, str], *names: str) -> str:
    return "".join(found.get(name, "") for name in names).strip()


def _reference(found: object) -> str:
    text = re.sub(r"\s+", " ", str(found or "")).strip()
    return "" if text.upper() in NO_REFERENCE else text
