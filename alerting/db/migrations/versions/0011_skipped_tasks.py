"""Tasks of playbooks that closed cases left out."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0011_closure_reviews"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "skipped_tasks",
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(32), nullable=False),
        sa.Column("district", sa.String(12), nullable=False),
        sa.Column("typology", sa.String(64), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("closed_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "task", name="pk_skipped_tasks"),
    )
    op.create_index("ix_skipped_tasks_closed_at_ms", "skipped_tasks", ["closed_at_ms"])


def downgrade() -> None:
    """Remove the table."""
    op.drop_table("skipped_tasks")
