"""Made-up orders for pictures: the money of the shown case passed on twice, its stops, and an objection."""

from alerting.access import Principal, Scope
from alerting.linkage.contact_index import ContactIndex
from alerting.linkage.contact_rows import from_transfer
from alerting.orders.appeal_service import Objection
from alerting.orders.order_rows import OrderRequest
from alerting.web.service_container import Services
from forewarn.contracts.transfer import Transfer
from tests.alerting.factory import MINUTE_MS, PAYEE, VICTIM, warning
from tests.alerting.web.console.pictured import NOON_MS

WANG = Principal("local:wang", "王伟", frozenset({"supervisor"}), Scope(None, None), "session")
LI = Principal("local:li", "李娜", frozenset({"responder"}), Scope(None, None), "session")
OWN = "6217000000000000123"
FIRST, SECOND, THIRD = "6222020000007654321", "6222020000008888888", "6222020000005550001"
CLUES = """kind,number,reason,days
phone,+86 170-0000-1111,fake customer service,30
account,6222020000001234567,paid by three victims,90
phone,95588,bank,30
phone,+8617000003333,called from one cell,30
"""


def fill(services: Services, case_id: str) -> str:
    """Let the money move and place the orders; returns the order that the page of one order shows."""
    paid = warning(
        "w-paid", subject_id="t-1", subject_status="completed", payer=OWN, district="430407",
        typology="fake_customer_service", offset=900, event_time_ms=NOON_MS - 3 * MINUTE_MS,
        raised_at_ms=NOON_MS - 2 * MINUTE_MS,
    )  # fmt: skip
    services.ingestor.ingest([paid], "picture")
    index = ContactIndex(
        services.db, services.clock, services.late_losses,
        transfers_topic="transfers", attribution_window_ms=86_400_000, reject=print,
    )  # fmt: skip
    moves = (
        (OWN, PAYEE, 5_000_000, -180, VICTIM),
        (PAYEE, FIRST, 4_000_000, -120, "+8613511110001"),
        (PAYEE, THIRD, 600_000, -110, "+8613511110001"),
        (FIRST, SECOND, 1_500_000, -60, "+8613511110002"),
    )
    with services.db.write() as session:
        index.take(
            session,
            [from_transfer(_moved(number, *move), number) for number, move in enumerate(moves, 1)],
        )
    shown = services.orders.order(
        case_id,
        WANG,
        OrderRequest(
            "stop_account", "paid by the victim minutes ago", payer_name="王秀英", payee_name="陈某",
            payee_account=PAYEE, amount_minor=5_000_000, occurred_at_ms=NOON_MS - 3 * MINUTE_MS,
        ),
    )  # fmt: skip
    services.orders.record_result(shown.order_id, WANG, done=True)
    services.appeals.file(
        shown.order_id,
        LI,
        Objection("陈某", "The account is my shop's.", "phone", "+8613900005678"),
    )
    services.clue_imports.propose(
        LI, tenant="default", name="watch", data=CLUES.encode(), reason="handed over by a bank"
    )
    return shown.order_id


def _moved(
    number: int, payer: str, payee: str, amount_minor: int, seconds: int, subscriber: str
) -> Transfer:
    return Transfer(
        event_id=f"m-{number}", event_time_ms=NOON_MS + seconds * 1000, subscriber=subscriber,
        transfer_id=f"t-{number}", status="completed", direction="outgoing",
        payer_account=payer, payee_account=payee, amount_minor=amount_minor,
    )  # fmt: skip
