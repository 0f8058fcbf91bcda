"""The timeline keeps a person's own account of a transfer, so that money can be followed from account to account.

Rows from before have none: their payments are followed by the other side's posting alone.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015_money_trail"
down_revision = "0014_appeals"
branch_labels = None
depends_on = None

TRANSFERS = sa.text("kind = 'transfer'")


def upgrade() -> None:
    """Add the column and the indexes of transfers."""
    op.add_column(
        "activity", sa.Column("account", sa.String(64), nullable=False, server_default="")
    )
    for column in ("account", "peer"):
        op.create_index(
            f"ix_activity_transfer_{column}",
            "activity",
            ["tenant", column, "at_ms"],
            postgresql_where=TRANSFERS,
            sqlite_where=TRANSFERS,
        )


def downgrade() -> None:
    """Remove them."""
    for column in ("account", "peer"):
        op.drop_index(f"ix_activity_transfer_{column}", "activity")
    op.drop_column("activity", "account")
