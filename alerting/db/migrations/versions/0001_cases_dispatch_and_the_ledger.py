"""Cases, dispatch and the ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "cases",
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("tenant", sa.String(length=32), nullable=False),
        sa.Column("district", sa.String(length=12), nullable=False),
        sa.Column("subscriber", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("severity", sa.String(length=64), nullable=False),
        sa.Column("typology", sa.String(length=64), nullable=False),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.Column("expected_loss_minor", sa.BigInteger(), nullable=False),
        sa.Column("amount_at_risk_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=64), nullable=False),
        sa.Column("caller", sa.String(length=64), nullable=True),
        sa.Column("payee", sa.String(length=64), nullable=True),
        sa.Column("on_call", sa.Boolean(), nullable=False),
        sa.Column("forwarding_on", sa.Boolean(), nullable=False),
        sa.Column("subject_kind", sa.String(length=64), nullable=False),
        sa.Column("subject_status", sa.String(length=64), nullable=False),
        sa.Column("model_version", sa.String(length=64), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("opened_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("deadline_ms", sa.BigInteger(), nullable=False),
        sa.Column("first_event_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_event_ms", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.String(), nullable=True),
        sa.Column("team", sa.String(), nullable=False),
        sa.Column("responded_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("escalation_level", sa.Integer(), nullable=False),
        sa.Column("contact_attempts", sa.Integer(), nullable=False),
        sa.Column("disposition", sa.String(length=64), nullable=True),
        sa.Column("outcome_revision", sa.Integer(), nullable=False),
        sa.Column("closed_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("closed_by", sa.String(), nullable=True),
        sa.Column("duplicate_of", sa.String(length=64), nullable=True),
        sa.Column("follows", sa.String(length=64), nullable=True),
        sa.Column("prevented_minor", sa.BigInteger(), nullable=False),
        sa.Column("lost_minor", sa.BigInteger(), nullable=False),
        sa.Column("erased_at_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_cases")),
    )
    op.create_index(op.f("ix_cases_closed_at_ms"), "cases", ["closed_at_ms"], unique=False)
    op.create_index(op.f("ix_cases_holder"), "cases", ["holder"], unique=False)
    op.create_index(
        op.f("ix_cases_state_deadline_ms"), "cases", ["state", "deadline_ms"], unique=False
    )
    op.create_index(
        op.f("ix_cases_tenant_subscriber"), "cases", ["tenant", "subscriber"], unique=False
    )
    op.create_table(
        "deliveries",
        sa.Column("delivery_id", sa.String(length=64), nullable=False),
        sa.Column("case_id", sa.String(length=64), nullable=True),
        sa.Column("sweep_id", sa.String(length=64), nullable=True),
        sa.Column("tenant", sa.String(length=32), nullable=False),
        sa.Column("district", sa.String(length=12), nullable=False),
        sa.Column("subscriber", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=64), nullable=False),
        sa.Column("recipient", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("team", sa.String(), nullable=False),
        sa.Column("template", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=64), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("group_key", sa.String(), nullable=False),
        sa.Column("not_before_ms", sa.BigInteger(), nullable=False),
        sa.Column("lease_owner", sa.String(), nullable=False),
        sa.Column("lease_until_ms", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("provider_reference", sa.String(), nullable=False),
        sa.Column("batch_id", sa.String(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("sent_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("confirmed_at_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("pk_deliveries")),
    )
    op.create_index(op.f("ix_deliveries_case_id"), "deliveries", ["case_id"], unique=False)
    op.create_index(
        op.f("ix_deliveries_group_key_state"), "deliveries", ["group_key", "state"], unique=False
    )
    op.create_index(
        op.f("ix_deliveries_state_not_before_ms"),
        "deliveries",
        ["state", "not_before_ms"],
        unique=False,
    )
    op.create_index(
        op.f("ix_deliveries_tenant_subscriber_created_at_ms"),
        "deliveries",
        ["tenant", "subscriber", "created_at_ms"],
        unique=False,
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "ledger_claims",
        sa.Column("tenant", sa.String(length=32), nullable=False),
        sa.Column("transfer_id", sa.String(length=64), nullable=False),
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "transfer_id", name=op.f("pk_ledger_claims")),
    )
    op.create_index(op.f("ix_ledger_claims_case_id"), "ledger_claims", ["case_id"], unique=False)
    op.create_table(
        "relatives",
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("subscriber", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("added_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "subscriber", "phone", name=op.f("pk_relatives")),
    )
    op.create_table(
        "shifts",
        sa.Column("shift_id", sa.String(length=64), nullable=False),
        sa.Column("tenant", sa.String(length=32), nullable=False),
        sa.Column("district", sa.String(length=12), nullable=False),
        sa.Column("team", sa.String(), nullable=False),
        sa.Column("responder", sa.String(), nullable=False),
        sa.Column("channel", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("starts_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("ends_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("shift_id", name=op.f("pk_shifts")),
    )
    op.create_index(
        op.f("ix_shifts_tenant_starts_at_ms"), "shifts", ["tenant", "starts_at_ms"], unique=False
    )
    op.create_table(
        "silences",
        sa.Column("silence_id", sa.String(length=64), nullable=False),
        sa.Column("tenant", sa.String(length=32), nullable=False),
        sa.Column("matchers", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("starts_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("silence_id", name=op.f("pk_silences")),
    )
    op.create_table(
        "case_events",
        sa.Column("event_no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases.case_id"], name=op.f("fk_case_events_case_id")
        ),
        sa.PrimaryKeyConstraint("event_no", name=op.f("pk_case_events")),
    )
    op.create_index(
        op.f("ix_case_events_case_id_event_no"),
        "case_events",
        ["case_id", "event_no"],
        unique=False,
    )
    op.create_table(
        "ledger_entries",
        sa.Column("entry_no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.Column("transfer_id", sa.String(length=64), nullable=True),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=64), nullable=False),
        sa.Column("tenant", sa.String(length=32), nullable=False),
        sa.Column("district", sa.String(length=12), nullable=False),
        sa.Column("typology", sa.String(length=64), nullable=False),
        sa.Column("model_version", sa.String(length=64), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases.case_id"], name=op.f("fk_ledger_entries_case_id")
        ),
        sa.PrimaryKeyConstraint("entry_no", name=op.f("pk_ledger_entries")),
    )
    op.create_index(
        op.f("ix_ledger_entries_account_reason"),
        "ledger_entries",
        ["account", "reason"],
        unique=False,
    )
    op.create_index(
        op.f("ix_ledger_entries_case_id_account"),
        "ledger_entries",
        ["case_id", "account"],
        unique=False,
    )
    op.create_index(
        op.f("ix_ledger_entries_day_district"), "ledger_entries", ["day", "district"], unique=False
    )
    op.create_table(
        "timers",
        sa.Column("timer_no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_timers_case_id")),
        sa.PrimaryKeyConstraint("timer_no", name=op.f("pk_timers")),
        sa.UniqueConstraint(
            "case_id", "kind", "sequence", name=op.f("uq_timers_case_id_kind_sequence")
        ),
    )
    op.create_index(op.f("ix_timers_state_due_ms"), "timers", ["state", "due_ms"], unique=False)
    op.create_table(
        "warnings",
        sa.Column("warning_id", sa.String(length=64), nullable=False),
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.Column("tenant", sa.String(length=32), nullable=False),
        sa.Column("district", sa.String(length=12), nullable=False),
        sa.Column("subscriber", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("severity", sa.String(length=64), nullable=False),
        sa.Column("typology", sa.String(length=64), nullable=False),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.Column("expected_loss_minor", sa.BigInteger(), nullable=False),
        sa.Column("amount_at_risk_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=64), nullable=False),
        sa.Column("subject_kind", sa.String(length=64), nullable=False),
        sa.Column("subject_id", sa.String(length=64), nullable=False),
        sa.Column("subject_status", sa.String(length=64), nullable=False),
        sa.Column("caller", sa.String(length=64), nullable=True),
        sa.Column("payee", sa.String(length=64), nullable=True),
        sa.Column("payer", sa.String(length=64), nullable=True),
        sa.Column("on_call", sa.Boolean(), nullable=False),
        sa.Column("forwarding_on", sa.Boolean(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("model_version", sa.String(length=64), nullable=False),
        sa.Column("policy_version", sa.String(length=64), nullable=False),
        sa.Column("event_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("appended_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("raised_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("received_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("revisions", sa.Integer(), nullable=False),
        sa.Column("source_topic", sa.String(), nullable=False),
        sa.Column("source_partition", sa.Integer(), nullable=False),
        sa.Column("source_offset", sa.BigInteger(), nullable=False),
        sa.Column("traceparent", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_warnings_case_id")),
        sa.PrimaryKeyConstraint("warning_id", name=op.f("pk_warnings")),
    )
    op.create_index(op.f("ix_warnings_case_id"), "warnings", ["case_id"], unique=False)
    op.create_index(
        op.f("ix_warnings_tenant_subject_id"), "warnings", ["tenant", "subject_id"], unique=False
    )


def downgrade() -> None:
    """Take back."""
    op.drop_index(op.f("ix_warnings_tenant_subject_id"), table_name="warnings")
    op.drop_index(op.f("ix_warnings_case_id"), table_name="warnings")
    op.drop_table("warnings")
    op.drop_index(op.f("ix_timers_state_due_ms"), table_name="timers")
    op.drop_table("timers")
    op.drop_index(op.f("ix_ledger_entries_day_district"), table_name="ledger_entries")
    op.drop_index(op.f("ix_ledger_entries_case_id_account"), table_name="ledger_entries")
    op.drop_index(op.f("ix_ledger_entries_account_reason"), table_name="ledger_entries")
    op.drop_table("ledger_entries")
    op.drop_index(op.f("ix_case_events_case_id_event_no"), table_name="case_events")
    op.drop_table("case_events")
    op.drop_table("silences")
    op.drop_index(op.f("ix_shifts_tenant_starts_at_ms"), table_name="shifts")
    op.drop_table("shifts")
    op.drop_table("relatives")
    op.drop_index(op.f("ix_ledger_claims_case_id"), table_name="ledger_claims")
    op.drop_table("ledger_claims")
    op.drop_table("leases")
    op.drop_index(op.f("ix_deliveries_tenant_subscriber_created_at_ms"), table_name="deliveries")
    op.drop_index(op.f("ix_deliveries_state_not_before_ms"), table_name="deliveries")
    op.drop_index(op.f("ix_deliveries_group_key_state"), table_name="deliveries")
    op.drop_index(op.f("ix_deliveries_case_id"), table_name="deliveries")
    op.drop_table("deliveries")
    op.drop_index(op.f("ix_cases_tenant_subscriber"), table_name="cases")
    op.drop_index(op.f("ix_cases_state_deadline_ms"), table_name="cases")
    op.drop_index(op.f("ix_cases_holder"), table_name="cases")
    op.drop_index(op.f("ix_cases_closed_at_ms"), table_name="cases")
    op.drop_table("cases")
