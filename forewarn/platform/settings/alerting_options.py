"""Options of the alerting service, read from ``alerting.toml`` and again whenever it changes."""

import re
from pathlib import Path
from string import Formatter
from typing import Annotated, ClassVar, Literal, Self, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

ORIGIN = r"^(https?://[^\s?#@]+)?$"


class OptionTable(BaseModel):
    """One table of the file: unknown names and values of another type are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class FirstResponseTable(OptionTable):
    """Time to a first response, by severity; it counts from when the warning was raised."""

    extreme_seconds: int = Field(
        60, ge=1, description="time to the first response of an extreme case"
    )
    critical_seconds: int = Field(
        60, ge=1, description="time to the first response of a critical case"
    )
    high_seconds: int = Field(180, ge=1, description="time to the first response of a high case")
    medium_seconds: int = Field(
        300, ge=1, description="time to the first response of a medium case"
    )
    low_seconds: int = Field(
        259_200,
        ge=60,
        description="time after which a low warning, which is a text and no case, gets its outcome",
    )


class FollowUpTable(OptionTable):
    """Time that the holder of a case has for the next step, by severity."""

    extreme_contact_seconds: int = Field(
        300, ge=1, description="time from taking a case to trying to reach the person"
    )
    critical_contact_seconds: int = Field(300, ge=1, description="as above")
    high_contact_seconds: int = Field(900, ge=1, description="as above")
    medium_contact_seconds: int = Field(1_800, ge=1, description="as above")
    extreme_outcome_seconds: int = Field(
        1_800, ge=1, description="time from reaching the person to an outcome"
    )
    critical_outcome_seconds: int = Field(1_800, ge=1, description="as above")
    high_outcome_seconds: int = Field(3_600, ge=1, description="as above")
    medium_outcome_seconds: int = Field(14_400, ge=1, description="as above")


class CaseTable(OptionTable):
    """Which warnings make one case, and how long a payment counts against its outcome."""

    correlation_window_seconds: int = Field(
        86_400, ge=0, description="warnings of one victim this close in event time are one scam"
    )
    attribution_window_seconds: int = Field(
        259_200, ge=0, description="a payment to the swindler within it undoes prevented loss"
    )


class MessageTable(OptionTable):
    """Messages to people and pages to responders."""

    language: Literal["zh", "en"] = Field("zh", description="language of messages to people")
    person_budget_per_day: int = Field(
        3, ge=0, description="messages to one person in 24 h, critical ones not counted"
    )


class GatewayTable(OptionTable):
    """Gateways; each signs with its own secret, which is an environment variable or a file."""

    timeout_seconds: float = Field(
        5.0, gt=0, description="longest wait for one request to a gateway"
    )
    attempts: int = Field(6, ge=1, le=20, description="tries of one delivery")
    lease_seconds: float = Field(
        30.0, gt=0, description="time after which another replica takes over a delivery"
    )
    sms_url: str = Field("", description="SMS gateway; empty: none")
    voice_url: str = Field("", description="voice call-back gateway; empty: none")
    bank_url: str = Field("", description="takes orders to hold a transfer; empty: none")
    operator_url: str = Field("", description="takes orders to suspend a line; empty: none")


class ChatTable(OptionTable):
    """Origins of chat services with robots, for a proxy in between or an installation of one's own."""

    wecom_url: str = Field("", pattern=ORIGIN, description="empty: https://qyapi.weixin.qq.com")
    dingtalk_url: str = Field("", pattern=ORIGIN, description="empty: https://oapi.dingtalk.com")
    feishu_url: str = Field("", pattern=ORIGIN, description="empty: https://open.feishu.cn")
    lark_url: str = Field("", pattern=ORIGIN, description="empty: https://open.larksuite.com")


class ReturnVisitTable(OptionTable):
    """Return visits to people who were dissuaded."""

    hours: list[Annotated[int, Field(ge=1, le=2_160)]] = Field(
        [24, 72],
        max_length=10,
        description="time from the closure to each visit; an empty list: none",
    )
    watch_days: int = Field(
        30,
        ge=0,
        le=365,
        description="time after a dissuasion in which a new warning about the person is critical",
    )


LifeEventName = Literal[
    "opened", "upgraded", "withdrawn", "claimed", "contacted", "closed", "reopened", "appealed"
]


class WebhookTable(OptionTable):
    """Systems that hear of the life of cases, by a name of small letters, digits and hyphens."""

    ALL: ClassVar[tuple[LifeEventName, ...]] = get_args(LifeEventName)

    urls: dict[str, str] = Field(
        default_factory=dict, max_length=20, description="where to post, by name"
    )
    events: dict[str, list[LifeEventName]] = Field(
        default_factory=dict, description="by name; without one: every event"
    )
    tenants: dict[str, list[str]] = Field(
        default_factory=dict, description="by name; without one: every tenant"
    )
    districts: dict[str, list[str]] = Field(
        default_factory=dict, description="by name; without one: every district"
    )

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        for name, url in self.urls.items():
            if not re.fullmatch(r"[a-z0-9-]{1,32}", name):
                raise ValueError(f"{name!r} is not a name of small letters, digits and hyphens")
            if not re.fullmatch(r"https?://[^\s@]+", url):
                raise ValueError(f"the address of {name!r} is not http or https")
        for table in (self.events, self.tenants, self.districts):
            for name in table.keys() - self.urls.keys():
                raise ValueError(f"{name!r} has no address in urls")
        return self


class SmtpTable(OptionTable):
    """The mail server; its password is `FOREWARN_ALERTING_SMTP_PASSWORD`."""

    url: str = Field("", description="smtp://HOST:PORT or smtps://...; empty: no e-mail")
    username: str = Field("", description="user for the mail server; empty: no sign-in")
    starttls: bool = Field(
        True,
        description="TLS with an smtp:// server; false sends mails (never a password) in clear",
    )
    ca_file: Annotated[Path | None, Field(strict=False)] = Field(
        None, description="PEM; who signs the mail server's certificate; empty: the system's"
    )
    sender: str = Field("forewarn@localhost", description="address that mails come from")


class TimerTable(OptionTable):
    """How due timers of cases are worked off."""

    tick_seconds: float = Field(0.25, gt=0, description="pause between looks at due timers")
    threads: int = Field(
        4, ge=1, le=16, description="cases worked on at once; on SQLite always one"
    )


class SweepTable(OptionTable):
    """Warning the other people that a confirmed caller or payee has touched."""

    quiet_days: int = Field(
        30, ge=1, description="a person gets no second message about the same swindler within it"
    )
    max_contacts: int = Field(
        20_000, ge=1, description="a number that touched more people is swept on approval only"
    )


class NoticeTable(OptionTable):
    """One text to people whom an order holds or cuts off; empty names fit all."""

    occasion: Literal["stopped", "released", "objection_refused"]
    language: Literal["zh", "en"]
    text: str = Field(min_length=10, max_length=500)
    tenant: str = ""
    typology: str = ""
    kind: Literal["", "hold_transfer", "stop_account", "suspend_line"] = ""

    @field_validator("text")
    @classmethod
    def _has_known_fields(cls, text: str) -> str:
        try:
            parts = [part for part in Formatter().parse(text) if part[1] is not None]
        except ValueError:
            raise ValueError("the text has a brace without its partner") from None
        known = {"typology", "until", "contact", "order_id", "reason"}
        wrong = sorted({name or "" for _, name, form, conversion in parts
                        if name not in known or form or conversion})  # fmt: skip
        if wrong:
            raise ValueError(f"the text has unknown fields: {', '.join(wrong)}")
        return text


class OrderTable(OptionTable):
    """Orders that stop a transfer, an account or a line: how long they hold, and on what basis."""

    hours: int = Field(48, ge=1, le=72, description="an order holds, and each extension of it")
    hours_by_tenant: dict[str, Annotated[int, Field(ge=1, le=72)]] = Field(
        default_factory=dict, description="the same for tenants that differ"
    )
    extensions: int = Field(
        2, ge=0, le=2, description="how often one order may be extended, each time with a reason"
    )
    warn_before_minutes: int = Field(
        120,
        ge=1,
        le=1440,
        description="time before the end of an order at which its case's holder is warned",
    )
    confirm_minutes: int = Field(
        5, ge=1, le=120, description="an unconfirmed order is alerted to, a release ordered again"
    )
    legal_basis_payment: str = Field(
        "《中华人民共和国反电信网络诈骗法》第二十条",
        max_length=300,
        description="named by orders that stop money, unless the order names another",
    )
    legal_basis_line: str = Field(
        "《中华人民共和国反电信网络诈骗法》第十一条",
        max_length=300,
        description="named by orders that suspend a line, unless the order names another",
    )
    appeal_hours: int = Field(
        24, ge=1, le=72, description="within which an objection to an order is decided"
    )
    appeal_hours_by_tenant: dict[str, Annotated[int, Field(ge=1, le=72)]] = Field(
        default_factory=dict, description="the same for tenants that differ"
    )
    contact: str = Field(
        "96110", min_length=3, max_length=100, description="where people object, named by notices"
    )
    notices: list[NoticeTable] = Field(
        default_factory=list,
        description="texts of notices by tenant, typology and kind of order (see alerting.md)",
    )


class ReviewTable(OptionTable):
    """Closures that a second person checks."""

    share: float = Field(
        0.05, ge=0, le=1, description="share of closures, which are chosen at random"
    )


class RetentionTable(OptionTable):
    """How long personal data are kept."""

    timeline_days: int = Field(14, ge=0, description="calls and transfers kept for case timelines")
    contact_days: int = Field(90, ge=1, description="contacts kept for sweeps")
    personal_data_days: int = Field(
        1095, ge=1, description="time after which closed cases lose numbers, accounts and names"
    )


class ConsoleTable(OptionTable):
    """How the console presents itself, and the days of its reports."""

    language: Literal["zh", "en"] = Field(
        "zh", description="language for browsers that ask for neither Chinese nor English"
    )
    currency: str = Field("CNY", pattern=r"^[A-Z]{3}$", description="ISO 4217, of the report")
    daily_target_minor: int = Field(
        200_000_000, ge=0, description="prevented loss a day to be held against; 0 for none"
    )
    timezone: str = Field("Asia/Shanghai", description="IANA zone of a report's days")

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"{name!r} is not a time zone") from None
        return name


class RankingTable(OptionTable):
    """The order of cases whose amounts are in different currencies."""

    rates: dict[str, dict[Currency, Annotated[float, Field(gt=0, lt=1e9)]]] = Field(
        default_factory=dict,
        description="by tenant (`*` for all), units of the console's currency for one unit of another; others"
        " have built-in rates; no amount is converted",
    )


class SessionTable(OptionTable):
    """Sessions of people, and limits on requests."""

    idle_seconds: int = Field(
        1800, ge=60, description="time without a request after which a session ends"
    )
    life_seconds: int = Field(43_200, ge=300, description="one shift; then sign in again")
    rotate_seconds: int = Field(900, ge=60, description="age at which a token is replaced")
    lockout_failures: int = Field(
        5, ge=1, description="failed sign-ins of a name from one address before it pauses"
    )
    person_requests_per_second: float = Field(
        20.0, gt=0, description="requests of one person, on average"
    )
    service_requests_per_second: float = Field(
        2000.0, gt=0, description="requests of one key, on average"
    )


class ClaimTable(OptionTable):
    """Claims of the OpenID Connect provider; a dotted name leads into objects."""

    scopes: str = Field("openid profile", description="asked for at sign-in")
    roles: str = Field("roles", description="claim that lists a person's roles")
    tenants: str = Field("tenants", description="claim that lists tenants")
    districts: str = Field("districts", description="claim that lists districts")
    role_names: dict[str, str] = Field(
        default_factory=dict, description="the provider's role names, each with one of ours"
    )


class AlertingOptions(OptionTable):
    """The whole file; every table and every value has a default."""

    first_response: FirstResponseTable = FirstResponseTable()
    follow_up: FollowUpTable = FollowUpTable()
    cases: CaseTable = CaseTable()
    messages: MessageTable = MessageTable()
    gateways: GatewayTable = GatewayTable()
    chat: ChatTable = ChatTable()
    return_visits: ReturnVisitTable = ReturnVisitTable()
    webhooks: WebhookTable = WebhookTable()
    smtp: SmtpTable = SmtpTable()
    timers: TimerTable = TimerTable()
    sweeps: SweepTable = SweepTable()
    orders: OrderTable = OrderTable()
    reviews: ReviewTable = ReviewTable()
    retention: RetentionTable = RetentionTable()
    console: ConsoleTable = ConsoleTable()
    ranking: RankingTable = RankingTable()
    sessions: SessionTable = SessionTable()
    claims: ClaimTable = ClaimTable()
