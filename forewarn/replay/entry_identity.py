"""What an entry of a bank statement is called, and which earlier entry it takes back.

Few banks give every entry a reference that is its alone: customer references are texts of the payer and repeat in
a standing order, and many lines have none. So an entry is named by its content, and among entries of equal content
by their order within the day, which is the same in every statement that shows the day.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable

Row = dict[str, str]

_CONTENT = (
    "own_account", "booked", "credit_debit", "reversal", "amount", "currency", "bank_ref", "customer_ref",
    "debtor_account", "creditor_account", "debtor_name", "creditor_name", "text",
)  # fmt: skip
_PARTIES = ("debtor_account", "creditor_account", "debtor_name", "creditor_name")


def identify(rows: list[Row], label: str) -> None:
    """Give every entry ``identity``, ``ref`` and, where it takes an earlier one back, ``original_ref``.

    ``identity`` distinguishes it from all other entries of the account. ``ref`` is the reference of the bank where
    no other payment of the file has the same one, and the identity otherwise.

    Args:
        rows: entries of one file, in their order; ``reversal`` is ``true`` for those that take another back.
        label: put before the identities.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    named: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for row in rows:
        content = tuple(row.get(name, "") for name in _CONTENT)
        # Pending and then booked is one entry: only entries of one state are counted apart.
        counted = (*content, row.get("status", ""))
        seen[counted] += 1
        text = "|".join((*content, str(seen[counted])))
        row["identity"] = f"{label}-{hashlib.blake2b(text.encode(), digest_size=8).hexdigest()}"
        if not taken_back(row) and row.get("bank_ref"):
            named[_reference(row)].add(row["identity"])
    for row in rows:
        alone = len(named.get(_reference(row), ())) <= 1
        row["ref"] = row["bank_ref"] if row.get("bank_ref") and alone else row["identity"]
    _name_originals(rows)


def _reference(row: Row) -> tuple[str, ...]:
    return row["own_account"], row.get("bank_ref", ""), row.get("status", "")


def taken_back(row: Row) -> bool:
    """Whether an entry takes an earlier one back."""
    return row.get("reversal") in ("true", "1")


def _name_originals(rows: list[Row]) -> None:
    """Name the entry that each reversal takes back, if the file holds exactly one that it can be.

    By the first of these that finds one: the same reference of the bank, the same reference of the payer, the same
    parties; the last two with the same amount. No entry is taken back twice.
    """
    payments: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        if not taken_back(row):
            payments[row["own_account"], row["credit_debit"], row["currency"]].append(row)
    gone: set[str] = set()
    for row in sorted(filter(taken_back, rows), key=lambda row: row["booked"][:10]):
        direction = "DBIT" if row["credit_debit"] == "CRDT" else "CRDT"
        possible = [
            payment
            for payment in payments[row["own_account"], direction, row["currency"]]
            if payment["identity"] not in gone and payment["booked"][:10] <= row["booked"][:10]
        ]
        for same in _SIGNS:
            originals = [payment for payment in possible if same(row, payment)]
            if len(originals) == 1:
                (original,) = originals
                gone.add(original["identity"])
                row["original_ref"] = original["ref"]
                row |= {name: original[name] for name in _PARTIES if original.get(name)}
                break


def _same(*names: str) -> Callable[[Row, Row], bool]:
    def same(row: Row, payment: Row) -> bool:
        filled = any(row.get(name) for name in names if name != "amount")
        return filled and all(row.get(name, "") == payment.get(name, "") for name in names)

    return same


def _same_names(row: Row, payment: Row) -> bool:
    return not (row.get("debtor_account") or row.get("creditor_account")) and _same(
        "amount", "debtor_name", "creditor_name"
    )(row, payment)


_SIGNS = (
    _same("bank_ref"),
    _same("amount", "customer_ref"),
    _same("amount", "debtor_account", "creditor_account"),
    _same_names,
)
