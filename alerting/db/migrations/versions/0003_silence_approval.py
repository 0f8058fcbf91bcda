"""Silences of critical pages wait for a second person; those in force stay in force."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column(
        "silences", sa.Column("state", sa.String(64), nullable=False, server_default="active")
    )
    op.add_column("silences", sa.Column("approver", sa.String(), nullable=True))


def downgrade() -> None:
    """Remove the columns."""
    op.drop_column("silences", "approver")
    op.drop_column("silences", "state")
