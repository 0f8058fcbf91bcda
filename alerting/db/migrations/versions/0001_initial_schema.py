"""The schema of the first release: all tables, their indexes, and the guards of what is append-only.

The audit log and the ledger are only ever added to, and the database itself refuses anything else.
Case histories too, except that the erasure of personal data may empty a remark. PostgreSQL's
TRUNCATE fires no trigger of a row, so it has a guard of its own; the head of the audit chain may
only move forward, since with the head set back a log that was cut would look whole.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    "cases", "warnings", "case_events", "relatives", "timers", "deliveries",
    "shifts", "silences", "leases", "contacts", "activity", "sweeps",
    "sweep_targets", "list_items", "ledger_entries", "ledger_claims", "outbox", "idempotency_keys",
    "audit_log", "audit_head", "access_api_keys", "access_failures", "access_sessions",
)  # fmt: skip
"""In the order of their creation."""

INDEXES = {
    "access_failures": ["last_at_ms"],
    "access_sessions": ["expires_at_ms", "family", "subject"],
    "cases": [
        "closed_at_ms",
        "duplicate_of",
        "follows",
        "holder",
        "opened_at_ms",
        "responded_at_ms",
        "state deadline_ms",
        "tenant caller",
        "tenant payee",
        "tenant subscriber",
    ],
    "warnings": ["case_id", "tenant caller", "tenant payee", "tenant subject_id"],
    "case_events": ["case_id event_no"],
    "timers": ["state due_ms"],
    "deliveries": [
        "batch_id",
        "case_id",
        "channel feed_no",
        "group_key state",
        "state not_before_ms",
        "sweep_id",
        "tenant subscriber created_at_ms",
        "tenant team created_at_ms",
    ],
    "shifts": ["tenant starts_at_ms"],
    "silences": ["tenant expires_at_ms"],
    "contacts": ["last_event_ms", "tenant kind peer"],
    "activity": ["at_ms", "tenant subscriber at_ms"],
    "sweeps": ["case_id", "state requested_at_ms"],
    "list_items": ["case_id", "state expires_at_ms", "tenant list kind peer"],
    "ledger_entries": ["account reason", "case_id account", "day district"],
    "ledger_claims": ["case_id"],
    "outbox": ["sent_at_ms message_no"],
    "idempotency_keys": ["created_at_ms"],
}
"""Columns of each index, by table."""

GUARDED = {
    "audit_log": ("UPDATE", "DELETE"),
    "ledger_entries": ("UPDATE", "DELETE"),
    "case_events": ("DELETE",),
}
HEAD = "audit_head"
GENESIS = "0" * 64


def upgrade() -> None:
    """Create everything."""
    _case_tables()
    _dispatch_tables()
    _contact_tables()
    _ledger_tables()
    _journal_tables()
    _access_tables()
    for table, indexes in INDEXES.items():
        for columns in indexes:
            names = columns.split()
            op.create_index(op.f(f"ix_{table}_{'_'.join(names)}"), table, names)
    unmasked = sa.text("action = 'personal.unmasked'")
    op.create_index(
        "ix_audit_log_unmasked",
        "audit_log",
        ["actor", "at_ms"],
        postgresql_where=unmasked,
        sqlite_where=unmasked,
    )
    if op.get_bind().dialect.name == "postgresql":
        _guards_of_postgresql()
    else:
        _guards_of_sqlite()
    op.execute(
        f"INSERT INTO {HEAD} (name, record_no, digest) VALUES ('audit', 0, '{GENESIS}')"  # noqa: S608 - constants
    )


def downgrade() -> None:
    """Drop everything; the guards go with their tables."""
    for table in reversed(TABLES):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION forewarn_refuse()")


def _access_tables() -> None:
    op.create_table(
        "access_api_keys",
        _text("key_id", 16), _text("name", 200), _text("secret_hash", 64), _prose("grants"),
        _text("created_by", 200), _big("created_at_ms"), _big("expires_at_ms"),
        _big("revoked_at_ms", null=True), _key("access_api_keys", "key_id"),
    )  # fmt: skip
    op.create_table(
        "access_failures",
        _text("key_hash", 64), _whole("count"), _big("last_at_ms"), _big("locked_until_ms"),
        _key("access_failures", "key_hash"),
    )  # fmt: skip
    op.create_table(
        "access_sessions",
        _text("token_hash", 64), _text("family", 32), _text("subject", 200), _text("name", 200),
        _prose("grants"), _text("credential", 64), _text("csrf_token", 64),
        _big("signed_in_at_ms"), _big("issued_at_ms"), _big("seen_at_ms"), _big("expires_at_ms"),
        _key("access_sessions", "token_hash"),
    )  # fmt: skip


def _case_tables() -> None:
    op.create_table(
        "cases",
        _text("case_id", 64), _whole("version"), _text("tenant", 32), _text("district", 12),
        _text("subscriber", 64), _text("state", 64), _text("severity", 64), _text("typology", 64),
        _real("probability"), _big("expected_loss_minor"), _big("amount_at_risk_minor"),
        _text("currency", 64), _text("caller", 64, null=True), _text("payee", 64, null=True),
        _flag("on_call"), _flag("forwarding_on"), _text("subject_kind", 64),
        _text("subject_status", 64), _text("model_version", 64), _flag("withdrawn"),
        _big("opened_at_ms"), _big("deadline_ms"), _big("first_event_ms"), _big("last_event_ms"),
        _text("holder", null=True), _text("team"), _big("responded_at_ms", null=True),
        _whole("escalation_level"), _whole("contact_attempts"),
        _text("disposition", 64, null=True), _whole("outcome_revision"),
        _big("closed_at_ms", null=True), _text("closed_by", null=True),
        _text("duplicate_of", 64, null=True), _text("follows", 64, null=True),
        _big("prevented_minor"), _big("lost_minor"), _big("erased_at_ms", null=True),
        _big("held_since_ms", null=True), _big("follow_up_due_ms", null=True),
        _whole("follow_up_level", default="0"), _whole("round", default="0"),
        _whole("releases", default="0"), _key("cases", "case_id"),
    )  # fmt: skip
    op.create_table(
        "warnings",
        _text("warning_id", 64), _text("case_id", 64), _text("tenant", 32), _text("district", 12),
        _text("subscriber", 64), _text("action", 64), _text("severity", 64), _text("typology", 64),
        _real("probability"), _big("expected_loss_minor"), _big("amount_at_risk_minor"),
        _text("currency", 64), _text("subject_kind", 64), _text("subject_id", 64),
        _text("subject_status", 64), _text("caller", 64, null=True), _text("payee", 64, null=True),
        _text("payer", 64, null=True), _flag("on_call"), _flag("forwarding_on"),
        _document("reasons"), _prose("decision"), _text("model_version", 64),
        _text("policy_version", 64), _big("event_time_ms"), _big("appended_at_ms"),
        _big("raised_at_ms"), _big("received_at_ms"), _whole("revisions"), _text("source_topic"),
        _whole("source_partition"), _big("source_offset"), _text("traceparent"),
        _key("warnings", "warning_id"), _of_case("warnings"),
    )  # fmt: skip
    op.create_table(
        "case_events",
        _serial("event_no"), _text("case_id", 64), _big("at_ms"), _text("kind", 64),
        _text("actor"), _document("detail"), _key("case_events", "event_no"),
        _of_case("case_events"),
    )  # fmt: skip
    op.create_table(
        "relatives",
        _text("tenant"), _text("subscriber"), _text("phone"), _text("name"), _big("added_at_ms"),
        _key("relatives", "tenant", "subscriber", "phone"),
    )  # fmt: skip


def _dispatch_tables() -> None:
    op.create_table(
        "timers",
        _serial("timer_no"), _text("case_id", 64), _text("kind", 64), _whole("sequence"),
        _big("due_ms"), _text("state", 64), _whole("attempts", default="0"),
        _key("timers", "timer_no"), _of_case("timers"),
        _unique("timers", "case_id", "kind", "sequence"),
    )  # fmt: skip
    op.create_table(
        "deliveries",
        _text("delivery_id", 64), _text("case_id", 64, null=True),
        _text("sweep_id", 64, null=True), _text("tenant", 32), _text("district", 12),
        _text("subscriber", 64), _text("channel", 64), _text("purpose", 64),
        _text("recipient", 200), _text("address"), _text("team"), _text("template", 64),
        _text("language", 64), _document("content"), _text("reason", 64), _text("state", 64),
        _whole("priority"), _text("group_key"), _big("not_before_ms"), _text("lease_owner"),
        _big("lease_until_ms"), _whole("attempts"), _prose("last_error"),
        _text("provider_reference"), _text("batch_id"), _big("created_at_ms"),
        _big("sent_at_ms", null=True), _big("confirmed_at_ms", null=True),
        _whole("round", default="0"), _text("step", default=""), _big("feed_no", null=True),
        _key("deliveries", "delivery_id"),
    )  # fmt: skip
    op.create_table(
        "shifts",
        _text("shift_id", 64), _text("tenant", 32), _text("district", 12), _text("team"),
        _text("responder"), _text("channel", 64), _text("address"), _big("starts_at_ms"),
        _big("ends_at_ms"), _key("shifts", "shift_id"),
    )  # fmt: skip
    op.create_table(
        "silences",
        _text("silence_id", 64), _text("tenant", 32), _document("matchers"), _prose("reason"),
        _text("owner"), _big("created_at_ms"), _big("starts_at_ms"), _big("expires_at_ms"),
        _key("silences", "silence_id"),
    )  # fmt: skip
    op.create_table(
        "leases",
        _text("name", 64), _text("owner"), _big("until_ms"), _key("leases", "name"),
    )  # fmt: skip


def _contact_tables() -> None:
    op.create_table(
        "contacts",
        _text("tenant"), _text("subscriber"), _text("kind"), _text("peer"), _text("district", 12),
        _whole("events"), _big("paid_minor"), _big("first_event_ms"), _big("last_event_ms"),
        _key("contacts", "tenant", "subscriber", "kind", "peer"),
    )  # fmt: skip
    op.create_table(
        "activity",
        _text("tenant"), _text("subject_id"), _text("kind"), _text("subscriber", 64),
        _big("at_ms"), _text("status", 64), _text("direction", 64), _text("peer", 64),
        _big("amount_minor"), _text("currency", 64), _big("duration_ms"), _big("source_offset"),
        _key("activity", "tenant", "subject_id", "kind"),
    )  # fmt: skip
    op.create_table(
        "sweeps",
        _text("sweep_id", 64), _text("tenant", 32), _text("case_id", 64), _text("kind", 64),
        _text("peer", 64), _text("state", 64), _big("requested_at_ms"),
        _big("finished_at_ms", null=True), _whole("first_degree"), _whole("second_degree"),
        _whole("peers_listed"), _flag("truncated"), _text("held_because", 64, default=""),
        _text("decided_by", null=True), _key("sweeps", "sweep_id"),
        _unique("sweeps", "tenant", "kind", "peer", "case_id"),
    )  # fmt: skip
    op.create_table(
        "sweep_targets",
        _text("sweep_id"), _text("subscriber"), _text("district", 12), _whole("degree"),
        _text("via", 64), _text("action", 64), _text("reason", 64),
        _key("sweep_targets", "sweep_id", "subscriber"),
    )  # fmt: skip
    op.create_table(
        "list_items",
        _text("entry_id", 64), _text("tenant", 32), _text("list", 64), _text("kind", 64),
        _text("peer", 64), _text("subscriber", 64, null=True), _prose("reason"), _text("owner"),
        _text("approver", null=True), _text("state", 64), _big("created_at_ms"),
        _big("changed_at_ms"), _big("expires_at_ms", null=True), _text("case_id", 64, null=True),
        _key("list_items", "entry_id"),
    )  # fmt: skip


def _ledger_tables() -> None:
    op.create_table(
        "ledger_entries",
        _serial("entry_no"), _text("case_id", 64), _text("transfer_id", 64, null=True),
        _text("account", 64), _text("reason", 64), _big("amount_minor"), _text("currency", 64),
        _text("tenant", 32), _text("district", 12), _text("typology", 64),
        _text("model_version", 64), _text("day", 10), _big("at_ms"),
        _key("ledger_entries", "entry_no"), _of_case("ledger_entries"),
    )  # fmt: skip
    op.create_table(
        "ledger_claims",
        _text("tenant", 32), _text("transfer_id", 64), _text("case_id", 64), _big("amount_minor"),
        _key("ledger_claims", "tenant", "transfer_id"),
    )  # fmt: skip


def _journal_tables() -> None:
    op.create_table(
        "outbox",
        _serial("message_no"), _text("topic", 64), _blob("key"), _blob("value", null=True),
        _big("created_at_ms"), _big("sent_at_ms", null=True), _key("outbox", "message_no"),
    )  # fmt: skip
    op.create_table(
        "idempotency_keys",
        _text("principal", 128), _text("key", 128), _text("request_digest", 64), _whole("status"),
        _document("response"), _big("created_at_ms"), _key("idempotency_keys", "principal", "key"),
    )  # fmt: skip
    op.create_table(
        "audit_log",
        _whole("record_no"), _big("at_ms"), _text("actor"), _text("action", 64), _text("subject"),
        _prose("detail"), _text("previous", 64), _text("digest", 64),
        _key("audit_log", "record_no"),
    )  # fmt: skip
    op.create_table(
        "audit_head",
        _text("name", 64), _big("record_no"), _text("digest", 64), _key("audit_head", "name"),
    )  # fmt: skip


def _guards_of_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION forewarn_refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    refuse = "EXECUTE FUNCTION forewarn_refuse()"
    for table, operations in GUARDED.items():
        for operation in operations:
            op.execute(
                f"CREATE TRIGGER {table}_no_{operation.lower()} BEFORE {operation} ON {table}"
                f" FOR EACH ROW {refuse}"
            )
    for table in (*GUARDED, HEAD):
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}"
            f" FOR EACH STATEMENT {refuse}"
        )
    op.execute(
        f"CREATE TRIGGER {HEAD}_no_way_back BEFORE UPDATE ON {HEAD}"
        f" FOR EACH ROW WHEN (NEW.record_no <= OLD.record_no) {refuse}"
    )
    op.execute(f"CREATE TRIGGER {HEAD}_no_delete BEFORE DELETE ON {HEAD} FOR EACH ROW {refuse}")


def _guards_of_sqlite() -> None:
    for table, operations in GUARDED.items():
        for operation in operations:
            op.execute(
                f"CREATE TRIGGER {table}_no_{operation.lower()} BEFORE {operation} ON {table}"
                f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
    refuse = f"BEGIN SELECT RAISE(ABORT, '{HEAD} is append-only'); END"
    op.execute(
        f"CREATE TRIGGER {HEAD}_no_way_back BEFORE UPDATE ON {HEAD}"
        f" WHEN NEW.record_no <= OLD.record_no {refuse}"
    )
    op.execute(f"CREATE TRIGGER {HEAD}_no_delete BEFORE DELETE ON {HEAD} {refuse}")


def _text(
    name: str, length: int | None = None, *, null: bool = False, default: str | None = None
) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=null, server_default=default)


def _prose(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _whole(name: str, *, default: str | None = None) -> sa.Column[int]:
    # A part of a primary key is never numbered by the database here.
    return sa.Column(
        name, sa.Integer(), nullable=False, server_default=default, autoincrement=False
    )


def _big(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=null, autoincrement=False)


def _serial(name: str) -> sa.Column[int]:
    # SQLite numbers a row by itself only where the primary key is an INTEGER, not a BIGINT.
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column(name, kind, nullable=False)


def _real(name: str) -> sa.Column[float]:
    return sa.Column(name, sa.Float(), nullable=False)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def _document(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.JSON(), nullable=False)


def _blob(name: str, *, null: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=null)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def _unique(table: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=op.f(f"uq_{table}_{'_'.join(columns)}"))


def _of_case(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f(f"fk_{table}_case_id"))
