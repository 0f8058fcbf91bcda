"""Webhooks of the life of cases: how far each target was served, and a log."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "webhook_feeds",
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("floor_no", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("target", name="pk_webhook_feeds"),
    )
    op.create_table(
        "webhook_calls",
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("event_no", sa.BigInteger(), nullable=False),
        sa.Column("case_id", sa.String(64), nullable=False),
        sa.Column("tenant", sa.String(32), nullable=False),
        sa.Column("district", sa.String(12), nullable=False),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("sent_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("target", "event_no", name="pk_webhook_calls"),
    )
    op.create_index(
        "ix_webhook_calls_target_state_next_at_ms",
        "webhook_calls",
        ["target", "state", "next_at_ms"],
    )
    op.create_index("ix_webhook_calls_created_at_ms", "webhook_calls", ["created_at_ms"])


def downgrade() -> None:
    """Remove the tables."""
    op.drop_table("webhook_calls")
    op.drop_table("webhook_feeds")
