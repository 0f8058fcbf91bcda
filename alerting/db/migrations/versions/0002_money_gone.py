"""The money of a case that is gone already, so that the queue can show and rank it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_COMPLETED = """
    from warnings where warnings.case_id = cases.case_id and subject_kind = 'transfer'
    and subject_status = 'completed' and action <> 'withdraw'
"""


def upgrade() -> None:
    """Add the columns and fill them from the warnings of open cases."""
    op.add_column(
        "cases", sa.Column("gone_minor", sa.BigInteger(), nullable=False, server_default="0")
    )
    op.add_column("cases", sa.Column("gone_at_ms", sa.BigInteger(), nullable=True))
    op.execute(
        f"update cases set gone_minor = coalesce((select sum(amount_at_risk_minor) {_COMPLETED}), 0),"  # noqa: S608 - no value of anyone
        f" gone_at_ms = (select max(event_time_ms) {_COMPLETED}) where state <> 'closed'"
    )


def downgrade() -> None:
    """Remove the columns."""
    op.drop_column("cases", "gone_at_ms")
    op.drop_column("cases", "gone_minor")
