"""Rotas with their changes, and secret addresses of calendars."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0004_orders"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "rotas",
        sa.Column("rota_id", sa.String(64), nullable=False),
        sa.Column("tenant", sa.String(32), nullable=False),
        sa.Column("district", sa.String(12), nullable=False),
        sa.Column("team", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("timezone", sa.String(64), nullable=False),
        sa.Column("first_day", sa.String(64), nullable=False),
        sa.Column("handover", sa.String(64), nullable=False),
        sa.Column("ends", sa.String(64), nullable=False),
        sa.Column("turn_days", sa.Integer(), nullable=False),
        sa.Column("weekdays", sa.JSON(), nullable=False),
        sa.Column("members", sa.JSON(), nullable=False),
        sa.Column("watched", sa.Boolean(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("ends_at_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("rota_id", name="pk_rotas"),
    )
    op.create_index("ix_rotas_tenant_team", "rotas", ["tenant", "team"])
    op.create_table(
        "rota_changes",
        sa.Column("change_id", sa.String(64), nullable=False),
        sa.Column("rota_id", sa.String(64), nullable=False),
        sa.Column("tenant", sa.String(32), nullable=False),
        sa.Column("district", sa.String(12), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("stints", sa.JSON(), nullable=False),
        sa.Column("expected", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_of", sa.String(), nullable=True),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("decided_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("starts_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("ends_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("change_id", name="pk_rota_changes"),
        sa.ForeignKeyConstraint(["rota_id"], ["rotas.rota_id"], name="fk_rota_changes_rota_id"),
    )
    op.create_index("ix_rota_changes_rota_id_state", "rota_changes", ["rota_id", "state"])
    op.create_index("ix_rota_changes_ends_at_ms", "rota_changes", ["ends_at_ms"])
    op.create_table(
        "calendar_feeds",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("tenants", sa.JSON(), nullable=False),
        sa.Column("language", sa.String(64), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name="pk_calendar_feeds"),
    )
    op.create_index("ix_calendar_feeds_subject", "calendar_feeds", ["subject"])


def downgrade() -> None:
    """Remove the tables."""
    op.drop_table("calendar_feeds")
    op.drop_table("rota_changes")
    op.drop_table("rotas")
