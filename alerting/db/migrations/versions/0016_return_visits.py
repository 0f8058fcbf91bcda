"""Return visits to people who were dissuaded."""

import sqlalchemy as sa
from alembic import op

revision = "0016_return_visits"
down_revision = "0015_money_trail"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "return_visits",
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("hours", sa.Integer(), nullable=False),
        sa.Column("tenant", sa.String(32), nullable=False),
        sa.Column("district", sa.String(12), nullable=False),
        sa.Column("subscriber", sa.String(64), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("result", sa.String(64), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("done_by", sa.String(), nullable=True),
        sa.Column("done_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("noticed_at_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("case_id", "hours", name="pk_return_visits"),
    )
    op.create_index("ix_return_visits_state_due_ms", "return_visits", ["state", "due_ms"])


def downgrade() -> None:
    """Remove the table."""
    op.drop_table("return_visits")
