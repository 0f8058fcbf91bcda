"""What a minor unit of a case's currency counts in the order of the queue."""

import sqlalchemy as sa
from alembic import op

revision = "0018_rank_weight"
down_revision = "0017_watched"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; a known case gets its weight with its next warning."""
    op.add_column("cases", sa.Column("rank_weight", sa.Float(), nullable=False, server_default="1"))


def downgrade() -> None:
    """Remove the column."""
    op.drop_column("cases", "rank_weight")
