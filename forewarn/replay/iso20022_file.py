"""ISO 20022 statements (camt.05x) and credit transfers (pacs.008) to one object a transfer.

Readers of camt.053 were seen to hide that an entry is pending, or that it takes an earlier one back, so the
elements are read here by their names in the standard, whatever its version. A batch whose transactions are listed
gives one object each; one that is not listed gives the entry.
"""

from collections import Counter
from collections.abc import Iterator

from lxml import etree
from lxml.etree import _Element as Element

from forewarn.errors import ConfigurationError
from forewarn.replay.entry_identity import identify, taken_back
from forewarn.replay.party_text import iban_within, words

NO_REFERENCE = frozenset({"NOTPROVIDED", "NONREF", "NOTPROVIDED.", "NOREF", ""})
"""What banks write into a mandatory field that they cannot fill."""

_RETURNS = frozenset({"RRTN", "RPCR", "UPCT", "UPDD", "RCDD", "PRDD", "ARET"})
"""Sub-families of returned, reversed, recalled and unpaid payments in ISO 20022's external transaction codes."""


def iso20022_rows(data: bytes, name: str) -> list[dict[str, str]]:
    """The transfers of a message.

    Raises:
        ConfigurationError: if it is broken, or another message.
    """
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
        rows.extend(_entries(statement))
    identify(rows, "camt")
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
            "sub_family": _text(entry, "BkTxCd/Domn/Fmly/SubFmlyCd"),
            "entry_ref": _id(_text(entry, "AcctSvcrRef")),
            "about": _text(entry, "AddtlNtryInf"),
            "transactions": str(max(len(details), 1)),
        }
        for place, detail in enumerate(details or [None], start=1):
            yield _completed(shared | _detail(detail, shared, place, len(details)))


def _completed(row: dict[str, str]) -> dict[str, str]:
    """An entry whose return is marked and whose parties are those of the payment.

    A return of SEPA says so by its reason or its kind and seldom by ``RvslInd``; its parties are those of the
    original at some banks, and the other way round at others.
    """
    if row.pop("returned") or row["sub_family"] in _RETURNS:
        row["reversal"] = "true"
    pays, paid = ("debtor", "creditor")
    outgoing = (row["credit_debit"] == "DBIT") != taken_back(row)
    mine, other = (pays, paid) if outgoing else (paid, pays)
    own = row["own_account"]
    if taken_back(row) and row[f"{other}_account"] == own and row[f"{mine}_account"] != own:
        for what in ("account", "name"):
            row[f"{pays}_{what}"], row[f"{paid}_{what}"] = (
                row[f"{paid}_{what}"],
                row[f"{pays}_{what}"],
            )
    if not row[f"{other}_account"] and not row[f"{other}_name"]:
        row[f"{other}_account"] = iban_within(row["text"], own)
        row[f"{other}_name"] = words(row["text"])
    row[f"{mine}_account"] = row[f"{mine}_account"] or own
    return row


def _detail(
    detail: Element | None, shared: dict[str, str], place: int, count: int
) -> dict[str, str]:
    """What one transaction of an entry says more, or otherwise."""
    amount = _child(detail, "Amt")
    if amount is None:
        amount = _child(detail, "AmtDtls/TxAmt/Amt")
    numbered = f"{shared['entry_ref']}-{place}" if count > 1 else shared["entry_ref"]
    texts = [] if detail is None else _all(detail, "Ustrd")
    text = " ".join(node.text or "" for node in texts).strip()
    found = {
        "transaction": str(place),
        "bank_ref": _id(_text(detail, "Refs/AcctSvcrRef"))
        or (numbered if shared["entry_ref"] else "")
        or _id(_text(detail, "Refs/UETR"))
        or _id(_text(detail, "Refs/TxId")),
        "customer_ref": _id(_text(detail, "Refs/EndToEndId")),
        "debtor_account": _account(detail, "RltdPties/DbtrAcct"),
        "creditor_account": _account(detail, "RltdPties/CdtrAcct"),
        "debtor_name": _text(detail, "RltdPties/Dbtr/Nm") or _text(detail, "RltdPties/Dbtr/Pty/Nm"),
        "creditor_name": _text(detail, "RltdPties/Cdtr/Nm")
        or _text(detail, "RltdPties/Cdtr/Pty/Nm"),
        "returned": "true" if _child(detail, "RtrInf") is not None else "",
        "sub_family": _text(detail, "BkTxCd/Domn/Fmly/SubFmlyCd") or shared["sub_family"],
        "text": text or _text(detail, "AddtlTxInf") or shared["about"],
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
    message = _text(header, "MsgId")
    transfers = _children(group, "CdtTrfTxInf")
    refs = [
        _id(_text(each, "PmtId/UETR"))
        or _id(_text(each, "PmtId/TxId"))
        or _id(_text(each, "PmtId/InstrId"))
        for each in transfers
    ]
    uses = Counter(refs)
    for number, (transfer, ref) in enumerate(zip(transfers, refs, strict=True), start=1):
        amount = _child(transfer, "IntrBkSttlmAmt")
        yield {
            "message": message,
            # The reference of the payer repeats in standing orders; the place in the message does not.
            "ref": ref if ref and uses[ref] == 1 else f"{message}-{number}",
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


def _when(entry: Element, name: str) -> str:
    return _text(entry, f"{name}/DtTm") or _text(entry, f"{name}/Dt")


def _account(node: Element | None, path: str) -> str:
    return _text(node, f"{path}/Id/IBAN") or _id(_text(node, f"{path}/Id/Othr/Id"))


def _id(text: str) -> str:
    return "" if text.upper() in NO_REFERENCE else text


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
