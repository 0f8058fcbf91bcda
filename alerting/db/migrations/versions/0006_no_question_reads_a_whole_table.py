"""Indexes for what a case's page and the supervision ask, which read whole tables without them."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INDEXES = (
    ("cases", ["opened_at_ms"]),
    ("cases", ["responded_at_ms"]),
    ("cases", ["tenant", "caller"]),
    ("cases", ["tenant", "payee"]),
    ("cases", ["follows"]),
    ("cases", ["duplicate_of"]),
    ("warnings", ["tenant", "caller"]),
    ("warnings", ["tenant", "payee"]),
)


def upgrade() -> None:
    """Add the indexes."""
    for table, columns in INDEXES:
        op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, columns)


def downgrade() -> None:
    """Take back."""
    for table, columns in reversed(INDEXES):
        op.drop_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table_name=table)
