"""Contacts, lists, the outbox, the audit log and access."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "access_api_keys",
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("grants", sa.Text(), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_access_api_keys")),
    )
    op.create_table(
        "access_failures",
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("last_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("locked_until_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key_hash", name=op.f("pk_access_failures")),
    )
    op.create_index(
        op.f("ix_access_failures_last_at_ms"), "access_failures", ["last_at_ms"], unique=False
    )
    op.create_table(
        "access_sessions",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("family", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("grants", sa.Text(), nullable=False),
        sa.Column("credential", sa.String(length=64), nullable=False),
        sa.Column("csrf_token", sa.String(length=64), nullable=False),
        sa.Column("signed_in_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("issued_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("seen_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_access_sessions")),
    )
    op.create_index(
        op.f("ix_access_sessions_expires_at_ms"), "access_sessions", ["expires_at_ms"], unique=False
    )
    op.create_index(op.f("ix_access_sessions_family"), "access_sessions", ["family"], unique=False)
    op.create_index(
        op.f("ix_access_sessions_subject"), "access_sessions", ["subject"], unique=False
    )
    op.create_table(
        "activity",
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subscriber", sa.String(length=64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=64), nullable=False),
        sa.Column("direction", sa.String(length=64), nullable=False),
        sa.Column("peer", sa.String(length=64), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=64), nullable=False),
        sa.Column("duration_ms", sa.BigInteger(), nullable=False),
        sa.Column("source_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "subject_id", "kind", name=op.f("pk_activity")),
    )
    op.create_index(op.f("ix_activity_at_ms"), "activity", ["at_ms"], unique=False)
    op.create_index(
        op.f("ix_activity_tenant_subscriber_at_ms"),
        "activity",
        ["tenant", "subscriber", "at_ms"],
        unique=False,
    )
    op.create_table(
        "audit_head",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("record_no", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_audit_head")),
    )
    op.create_table(
        "audit_log",
        sa.Column("record_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("record_no", name=op.f("pk_audit_log")),
    )
    op.create_table(
        "contacts",
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("subscriber", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("peer", sa.String(), nullable=False),
        sa.Column("district", sa.String(length=12), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("first_event_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_event_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "subscriber", "kind", "peer", name=op.f("pk_contacts")),
    )
    op.create_index(op.f("ix_contacts_last_event_ms"), "contacts", ["last_event_ms"], unique=False)
    op.create_index(
        op.f("ix_contacts_tenant_kind_peer"), "contacts", ["tenant", "kind", "peer"], unique=False
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("principal", sa.String(length=128), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("request_digest", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("response", sa.JSON(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("principal", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(
        op.f("ix_idempotency_keys_created_at_ms"),
        "idempotency_keys",
        ["created_at_ms"],
        unique=False,
    )
    op.create_table(
        "list_items",
        sa.Column("entry_id", sa.String(length=64), nullable=False),
        sa.Column("tenant", sa.String(length=32), nullable=False),
        sa.Column("list", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("peer", sa.String(length=64), nullable=False),
        sa.Column("subscriber", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("approver", sa.String(), nullable=True),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_list_items")),
    )
    op.create_index(
        op.f("ix_list_items_state_expires_at_ms"),
        "list_items",
        ["state", "expires_at_ms"],
        unique=False,
    )
    op.create_index(
        op.f("ix_list_items_tenant_list_kind_peer"),
        "list_items",
        ["tenant", "list", "kind", "peer"],
        unique=False,
    )
    op.create_table(
        "outbox",
        sa.Column(
            "message_no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("topic", sa.String(length=64), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=True),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("sent_at_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("message_no", name=op.f("pk_outbox")),
    )
    op.create_index(
        op.f("ix_outbox_sent_at_ms_message_no"),
        "outbox",
        ["sent_at_ms", "message_no"],
        unique=False,
    )
    op.create_table(
        "sweep_targets",
        sa.Column("sweep_id", sa.String(), nullable=False),
        sa.Column("subscriber", sa.String(), nullable=False),
        sa.Column("district", sa.String(length=12), nullable=False),
        sa.Column("degree", sa.Integer(), nullable=False),
        sa.Column("via", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("sweep_id", "subscriber", name=op.f("pk_sweep_targets")),
    )
    op.create_table(
        "sweeps",
        sa.Column("sweep_id", sa.String(length=64), nullable=False),
        sa.Column("tenant", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("peer", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("requested_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("finished_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("first_degree", sa.Integer(), nullable=False),
        sa.Column("second_degree", sa.Integer(), nullable=False),
        sa.Column("peers_listed", sa.Integer(), nullable=False),
        sa.Column("truncated", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("sweep_id", name=op.f("pk_sweeps")),
        sa.UniqueConstraint(
            "tenant", "kind", "peer", "case_id", name=op.f("uq_sweeps_tenant_kind_peer_case_id")
        ),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("sweeps")
    op.drop_table("sweep_targets")
    op.drop_index(op.f("ix_outbox_sent_at_ms_message_no"), table_name="outbox")
    op.drop_table("outbox")
    op.drop_index(op.f("ix_list_items_tenant_list_kind_peer"), table_name="list_items")
    op.drop_index(op.f("ix_list_items_state_expires_at_ms"), table_name="list_items")
    op.drop_table("list_items")
    op.drop_index(op.f("ix_idempotency_keys_created_at_ms"), table_name="idempotency_keys")
    op.drop_table("idempotency_keys")
    op.drop_index(op.f("ix_contacts_tenant_kind_peer"), table_name="contacts")
    op.drop_index(op.f("ix_contacts_last_event_ms"), table_name="contacts")
    op.drop_table("contacts")
    op.drop_table("audit_log")
    op.drop_table("audit_head")
    op.drop_index(op.f("ix_activity_tenant_subscriber_at_ms"), table_name="activity")
    op.drop_index(op.f("ix_activity_at_ms"), table_name="activity")
    op.drop_table("activity")
    op.drop_index(op.f("ix_access_sessions_subject"), table_name="access_sessions")
    op.drop_index(op.f("ix_access_sessions_family"), table_name="access_sessions")
    op.drop_index(op.f("ix_access_sessions_expires_at_ms"), table_name="access_sessions")
    op.drop_table("access_sessions")
    op.drop_index(op.f("ix_access_failures_last_at_ms"), table_name="access_failures")
    op.drop_table("access_failures")
    op.drop_table("access_api_keys")
