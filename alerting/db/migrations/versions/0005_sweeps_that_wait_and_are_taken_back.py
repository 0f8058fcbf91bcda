"""Sweeps wait for a supervisor where they may hit somebody honest, and can be taken back."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

INDEXES = (
    ("sweeps", ["state", "requested_at_ms"]),
    ("sweeps", ["case_id"]),
    ("list_items", ["case_id"]),
    ("deliveries", ["sweep_id"]),
)


def upgrade() -> None:
    """Add the columns, tell which case added which entry, and index what sweeps ask for."""
    op.add_column(
        "sweeps",
        sa.Column("held_because", sa.String(length=64), nullable=False, server_default=""),
    )
    op.add_column("sweeps", sa.Column("decided_by", sa.String(), nullable=True))
    op.add_column("list_items", sa.Column("case_id", sa.String(length=64), nullable=True))
    op.execute(
        "UPDATE list_items SET case_id = substr(reason, 14)"
        " WHERE owner = 'system:lists' AND reason LIKE 'confirmed in c-%'"
    )
    op.execute(
        "UPDATE list_items SET case_id = (SELECT case_id FROM sweeps"
        " WHERE sweep_id = substr(list_items.reason, 6))"
        " WHERE owner = 'system:lists' AND reason LIKE 'near s-%'"
    )
    for table, columns in INDEXES:
        op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, columns)


def downgrade() -> None:
    """Take back."""
    for table, columns in reversed(INDEXES):
        op.drop_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table_name=table)
    op.drop_column("list_items", "case_id")
    op.drop_column("sweeps", "decided_by")
    op.drop_column("sweeps", "held_because")
