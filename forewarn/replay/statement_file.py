"""Bank statements that are no tables: ISO 20022 XML and MT940, to one object a transfer.

Readers of camt.053 were seen to hide that an entry is pending, or that it takes an earlier one back, so the
elements are read here by their names in the standard, whatever its version; MT940 is cut by the library
``mt940``, whose debit and credit marks are kept apart from the sign. A batch whose transactions are listed gives
one object each; one that is not listed gives the entry.
"""

from collections.abc import Iterator

import mt940
from lxml import etree
from lxml.etree import _Element as Element

from forewarn.errors import ConfigurationError

STATEMENTS = frozenset({".xml", ".camt", ".sta", ".mt940", ".940"})

_NO_ID = frozenset({"NOTPROVIDED", "NONREF", "NOTPROVIDED.", "NOREF", ""})
"""What banks write into a mandatory field that they cannot fill."""


def statement_rows(data: bytes, name: str) -> list[dict[str, str]]:
    """The transfers of a statement, by its content.

    Raises:
        ConfigurationError: if it is neither camt.05x, pacs.008 nor MT940, or broken.
    """
    head = data[:4096].lstrip(b"\xef\xbb\xbf \r\n\t")
    if head.startswith(b"<"):
        return _iso20022(data, name)
    if b":20:" in head and b":25" in head:
        return _mt940(data, name)
    raise ConfigurationError(
        f"{name} is neither ISO 20022 XML nor MT940.", hint="See forewarn formats."
    )


def _iso20022(data: bytes, name: str) -> list[dict[str, str]]:
    # Entities and networks are off: a statement needs none, and a hostile one would read files by them.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise ConfigurationError(
            f"{name} is broken XML: {error}.", hint="Fetch it again; nothing was read."
        ) from error
    rows: list[dict[str, str]] = []
    for statement in _all(root, "Stmt", "Rpt", "Ntfctn"):
        rows.extend(_with_originals(list(_entries(statement))))
    for group in _all(root, "FIToFICstmrCdtTrf"):
        rows.extend(_credit_transfers(group))
    if not rows and not _all(root, "Stmt", "Rpt", "Ntfctn", "FIToFICstmrCdtTrf"):
        raise ConfigurationError(f"{name} is no camt.052, camt.053, camt.054 or pacs.008.")
    return rows


def _entries(statement: Element) -> Iterator[dict[str, str]]:
    own = _text(statement, "Acct/Id/IBAN") or _text(statement, "Acct/Id/Othr/Id")
    for number, entry in enumerate(_children(statement, "Ntry"), start=1):
        amount = _child(entry, "Amt")
        details = _all(entry, "TxDtls")
        shared = {
            "statement": _text(statement, "Id"),
            "entry": str(number),
            "own_account": own,
            "credit_debit": _text(entry, "CdtDbtInd"),
            "reversal": _text(entry, "RvslInd") or "false",
            "status": _text(entry, "Sts/Cd") or _text(entry, "Sts"),
            "booked": _when(entry, "BookgDt") or _when(entry, "ValDt"),
            "currency": amount.get("Ccy", "") if amount is not None else "",
            "amount": (amount.text or "").strip() if amount is not None else "",
            "entry_ref": _id(_text(entry, "AcctSvcrRef")) or _id(_text(entry, "NtryRef")),
            "transactions": str(max(len(details), 1)),
        }
        for place, detail in enumerate(details or [None], start=1):
            yield shared | _detail(detail, shared, place, len(details))


def _with_originals(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Name the entry that a reversal takes back, if the statement holds exactly one that it can be.

    That is an earlier entry of the other direction between the same accounts with the same amount.
    """
    same = ("amount", "currency", "debtor_account", "creditor_account")
    for place, row in enumerate(rows):
        if row["reversal"] not in ("true", "1") or row.get("original_ref"):
            continue
        originals = [
            earlier
            for earlier in rows[:place]
            if earlier["reversal"] not in ("true", "1")
            and earlier["credit_debit"] != row["credit_debit"]
            and row.get("debtor_account")
            and all(earlier.get(name) == row.get(name) for name in same)
        ]
        if len(originals) == 1:
            row["original_ref"] = originals[0]["ref"]
    return rows


def _detail(
    detail: Element | None, shared: dict[str, str], place: int, count: int
) -> dict[str, str]:
    """What one transaction of an entry says more, or otherwise."""
    if detail is None:
        return {"transaction": "1", "ref": shared["entry_ref"]}
    amount = _child(detail, "Amt")
    if amount is None:
        amount = _child(detail, "AmtDtls/TxAmt/Amt")
    ref = (
        _id(_text(detail, "Refs/AcctSvcrRef"))
        or (shared["entry_ref"] + (f"-{place}" if count > 1 else "") if shared["entry_ref"] else "")
        or _id(_text(detail, "Refs/TxId"))
        or _id(_text(detail, "Refs/EndToEndId"))
    )
    found = {
        "transaction": str(place),
        "ref": ref,
        "end_to_end_id": _id(_text(detail, "Refs/EndToEndId")),
        "debtor_account": _account(detail, "RltdPties/DbtrAcct"),
        "creditor_account": _account(detail, "RltdPties/CdtrAcct"),
        "debtor_name": _text(detail, "RltdPties/Dbtr/Nm") or _text(detail, "RltdPties/Dbtr/Pty/Nm"),
        "creditor_name": _text(detail, "RltdPties/Cdtr/Nm")
        or _text(detail, "RltdPties/Cdtr/Pty/Nm"),
        "original_ref": _id(_text(detail, "RtrInf/OrgnlBkTxCd/Prtry/Cd")),
        "text": " ".join(node.text or "" for node in _all(detail, "Ustrd")).strip(),
    }
    if amount is not None and count > 1:
        found |= {
            "amount": (amount.text or "").strip(),
            "currency": amount.get("Ccy", shared["currency"]),
        }
    elif count > 1:
        found["amount"] = ""  # the entry's amount is that of all of them together
    direction = _text(detail, "CdtDbtInd")
    return found | ({"credit_debit": direction} if direction else {})


def _credit_transfers(group: Element) -> Iterator[dict[str, str]]:
    header = _child(group, "GrpHdr")
    for transfer in _children(group, "CdtTrfTxInf"):
        amount = _child(transfer, "IntrBkSttlmAmt")
        yield {
            "message": _text(header, "MsgId"),
            "ref": _id(_text(transfer, "PmtId/UETR")) or _id(_text(transfer, "PmtId/TxId"))
            or _id(_text(transfer, "PmtId/InstrId")) or _id(_text(transfer, "PmtId/EndToEndId")),
            "end_to_end_id": _id(_text(transfer, "PmtId/EndToEndId")),
            "created": _text(header, "CreDtTm"),
            "accepted": _text(transfer, "AccptncDtTm"),
            "settled": _text(transfer, "IntrBkSttlmDt") or _text(header, "IntrBkSttlmDt"),
            "amount": (amount.text or "").strip() if amount is not None else "",
            "currency": amount.get("Ccy", "") if amount is not None else "",
            "debtor_account": _account(transfer, "DbtrAcct"),
            "creditor_account": _account(transfer, "CdtrAcct"),
            "debtor_name": _text(transfer, "Dbtr/Nm"),
            "creditor_name": _text(transfer, "Cdtr/Nm"),
            "debtor_phone": _text(transfer, "Dbtr/CtctDtls/MobNb") or _text(transfer, "Dbtr/CtctDtls/PhneNb"),
            "text": " ".join(node.text or "" for node in _all(transfer, "Ustrd")).strip(),
        }  # fmt: skip


def _mt940(data: bytes, name: str) -> list[dict[str, str]]:
    text = data.decode("utf-8", errors="replace")
    expected = sum(line.startswith(":61:") for line in text.splitlines())
    try:
        found = [one for statement in _statements(text) for one in _mt940_rows(statement)]
    except (ValueError, RuntimeError, KeyError, ArithmeticError) as error:
        raise ConfigurationError(
            f"{name} is broken MT940: {error}.", hint="Nothing was read of it."
        ) from error
    if len(found) != expected:
        raise ConfigurationError(
            f"{name} has {expected} lines :61:, and {len(found)} could be read.",
            hint="Correct the lines that do not have the form of the standard; nothing was read.",
        )
    return found


def _statements(text: str) -> list[str]:
    """The messages of a file: each begins with :20:."""
    parts = text.replace("\r\n", "\n").split("\n:20:")
    first = parts[0] if parts[0].startswith(":20:") else ":20:" + parts[0].partition(":20:")[2]
    return [first, *(":20:" + part for part in parts[1:])]


def _mt940_rows(text: str) -> Iterator[dict[str, str]]:
    statement = mt940.models.Transactions()
    statement.parse(text)
    about = statement.data
    for number, one in enumerate(statement.transactions, start=1):
        fields = one.data
        amount = fields["amount"]
        mark = str(fields.get("status", ""))
        booked = fields.get("entry_date") or fields["date"]
        yield {
            "statement": str(about.get("transaction_reference", "")),
            "entry": str(number),
            "own_account": str(about.get("account_identification", "")),
            "mark": mark,
            "credit_debit": "DBIT" if mark in ("D", "RC") else "CRDT",
            "reversal": "true" if mark in ("RC", "RD") else "false",
            "booked": f"{booked:%Y-%m-%d}",
            "valued": f"{fields['date']:%Y-%m-%d}",
            "amount": f"{abs(amount.amount):f}",
            "currency": str(amount.currency),
            "type": str(fields.get("id", "")),
            "customer_ref": _id(str(fields.get("customer_reference") or "")),
            "bank_ref": _id(str(fields.get("bank_reference") or "")),
            "text": str(fields.get("transaction_details", "")).replace("\n", " "),
            "other_account": str(fields.get("applicant_iban") or ""),
            "other_name": str(fields.get("applicant_name") or ""),
        }


def _when(entry: Element, name: str) -> str:
    return _text(entry, f"{name}/DtTm") or _text(entry, f"{name}/Dt")


def _account(node: Element | None, path: str) -> str:
    return _text(node, f"{path}/Id/IBAN") or _text(node, f"{path}/Id/Othr/Id")


def _id(text: str) -> str:
    return "" if text.upper() in _NO_ID else text


def _children(node: Element | None, name: str) -> list[Element]:
    return [] if node is None else [child for child in node if _local(child) == name]


def _child(node: Element | None, path: str) -> Element | None:
    for name in path.split("/"):
        found = _children(node, name)
        if not found:
            return None
        node = found[0]
    return node


def _text(node: Element | None, path: str) -> str:
    found = _child(node, path)
    return "" if found is None else (found.text or "").strip()


def _all(node: Element, *names: str) -> list[Element]:
    return [child for child in node.iter() if _local(child) in names]


def _local(node: Element) -> str:
    return etree.QName(node).localname if isinstance(node.tag, str) else ""
