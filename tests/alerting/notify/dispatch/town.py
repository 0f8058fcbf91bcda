"""A town to test the dispatch in: its routing, and the service with its gateways."""

from sqlalchemy import select

from alerting.access import Principal
from alerting.bootstrap.background_tasks import delivery_sender, timer_worker
from alerting.db.case_tables import Case, CaseEvent
from alerting.db.dispatch_tables import Delivery
from alerting.notify.dispatch.gateway_reports import GatewayResult
from alerting.web.service_container import Services
from forewarn.platform.settings import AlertingSettings
from tests.alerting.factory import NOW_MS, Clock

ROUTING = """
version = 1
[route]
receiver = "national"
escalate = [{{ receiver = "chief" }}, {{ receiver = "national", after_seconds = 120 }}]
repeat_seconds = 60
[[route.routes]]
match = {{ district = "4304*" }}
receiver = "hengyang"
[[receivers]]
name = "hengyang"
team = "hengyang"
pages = [{{ channel = "oncall" }}, {{ channel = "webhook", address = "{hook}" }}]
pages_per_hour = 2
[[receivers]]
name = "chief"
team = "chief"
pages = [{{ channel = "email", address = "chief@example.org" }}]
[[receivers]]
name = "national"
team = "national"
pages = [{{ channel = "chat", address = "{chat}" }}]
[[route.routes]]
match = {{ district = "1101*" }}
receiver = "beijing"
group_wait_seconds = 20
[[receivers]]
name = "beijing"
team = "beijing"
pages = [{{ channel = "webhook", address = "{hook}" }}]
[[inhibit]]
source = {{ severity = "critical" }}
target = {{ severity = "high" }}
equal = ["subscriber"]
[quiet_hours]
start = "00:00"
end = "23:59"
"""


class Town:
    """The service with its gateways, driven by hand."""

    def __init__(self, services: Services, settings: AlertingSettings, clock: Clock) -> None:
        self.services, self.settings, self.clock = services, settings, clock
        self.timers = timer_worker(settings, services)
        self.courier = delivery_sender(settings, services)

    def run(self) -> None:
        """Act on all that is due, and send all that is to be sent."""
        self.timers.run_due()
        while parcels := self.courier.lease():
            for parcel in parcels:
                self.courier.deliver(parcel)
            self.timers.run_due()

    def case(self) -> Case:
        with self.services.db.read() as session:
            return session.scalars(select(Case)).one()

    def cases(self) -> list[Case]:
        with self.services.db.read() as session:
            return list(session.scalars(select(Case).order_by(Case.case_id)))

    def deliveries(self, **wanted: str) -> list[Delivery]:
        with self.services.db.read() as session:
            rows = session.scalars(select(Delivery).order_by(Delivery.created_at_ms)).all()
        return [row for row in rows if all(getattr(row, k) == v for k, v in wanted.items())]

    def report(self, row: Delivery, result: GatewayResult) -> None:
        """What the gateway of a delivery reports about it."""
        self.services.gateway_reports.take(row.delivery_id, result, channels=[row.channel])

    def events(self) -> list[str]:
        with self.services.db.read() as session:
            return list(session.scalars(select(CaseEvent.kind).order_by(CaseEvent.event_no)))


def on_call(town: Town, boss: Principal) -> None:
    town.services.routing_service.add_shift(
        boss, tenant="default", district="4304", team="hengyang", responder="li",
        channel="sms", address="+8613900000000",
        starts_at_ms=NOW_MS - 1000, ends_at_ms=NOW_MS + 86_400_000,
    )  # fmt: skip
