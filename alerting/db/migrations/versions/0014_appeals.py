"""People whom an order holds or cuts off are given notice, and may object."""

import sqlalchemy as sa
from alembic import op

revision = "0014_appeals"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table of objections, and the columns of notices."""
    op.add_column(
        "orders", sa.Column("notify_phone", sa.String(), nullable=False, server_default="")
    )
    op.add_column("orders", sa.Column("notified_at_ms", sa.BigInteger(), nullable=True))
    op.add_column("orders", sa.Column("release_notified_at_ms", sa.BigInteger(), nullable=True))
    op.create_table(
        "appeals",
        sa.Column("appeal_id", sa.String(64), nullable=False),
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("case_id", sa.String(64), nullable=False),
        sa.Column("tenant", sa.String(32), nullable=False),
        sa.Column("district", sa.String(12), nullable=False),
        sa.Column("way", sa.String(64), nullable=False),
        sa.Column("objector", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("filed_by", sa.String(), nullable=False),
        sa.Column("filed_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("due_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("alerts", sa.Integer(), nullable=False),
        sa.Column("alerted_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("decision_note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("appeal_id", name="pk_appeals"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name="fk_appeals_order_id"),
    )
    for columns in (("order_id",), ("case_id",), ("state", "due_at_ms")):
        op.create_index(f"ix_appeals_{'_'.join(columns)}", "appeals", list(columns))


def downgrade() -> None:
    """Remove both."""
    op.drop_table("appeals")
    for name in ("release_notified_at_ms", "notified_at_ms", "notify_phone"):
        op.drop_column("orders", name)
