"""Cases that opened in the watch period after a dissuasion."""

import sqlalchemy as sa
from alembic import op

revision = "0017_watched"
down_revision = "0016_return_visits"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; no case that is known already is watched."""
    op.add_column(
        "cases", sa.Column("watched", sa.Boolean(), nullable=False, server_default=sa.false())
    )


def downgrade() -> None:
    """Remove the column."""
    op.drop_column("cases", "watched")
