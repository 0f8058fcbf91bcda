"""Rounds of a case, follow-up of its holder, numbers of the patrol feed, failures of timers."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INDEXES = {
    "deliveries": (["batch_id"], ["tenant", "team", "created_at_ms"], ["channel", "feed_no"]),
    "silences": (["tenant", "expires_at_ms"],),
}


def upgrade() -> None:
    """Apply."""
    for name in ("held_since_ms", "follow_up_due_ms"):
        op.add_column("cases", sa.Column(name, sa.BigInteger(), nullable=True))
    for name in ("follow_up_level", "round", "releases"):
        op.add_column("cases", _count(name))
    op.add_column("timers", _count("attempts"))
    with op.batch_alter_table("deliveries") as deliveries:
        deliveries.add_column(_count("round"))
        deliveries.add_column(sa.Column("step", sa.String(), nullable=False, server_default=""))
        deliveries.add_column(sa.Column("feed_no", sa.BigInteger(), nullable=True))
        deliveries.alter_column(
            "recipient", type_=sa.String(200), existing_type=sa.String(64), existing_nullable=False
        )
    for table, indexes in INDEXES.items():
        for columns in indexes:
            op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, columns)
    # Orders that terminals have seen already keep their order.
    op.execute(
        "UPDATE deliveries SET feed_no = (SELECT count(*) FROM deliveries AS other"
        " WHERE other.channel = 'patrol' AND other.sent_at_ms IS NOT NULL"
        " AND (other.sent_at_ms, other.delivery_id)"
        " <= (deliveries.sent_at_ms, deliveries.delivery_id))"
        " WHERE channel = 'patrol' AND sent_at_ms IS NOT NULL"
    )


def downgrade() -> None:
    """Take it back; longer names of responders are cut."""
    for table, indexes in INDEXES.items():
        for columns in indexes:
            op.drop_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table_name=table)
    op.execute("UPDATE deliveries SET recipient = substr(recipient, 1, 64)")
    with op.batch_alter_table("deliveries") as deliveries:
        deliveries.alter_column(
            "recipient", type_=sa.String(64), existing_type=sa.String(200), existing_nullable=False
        )
        for name in ("feed_no", "step", "round"):
            deliveries.drop_column(name)
    op.drop_column("timers", "attempts")
    for name in ("releases", "round", "follow_up_level", "follow_up_due_ms", "held_since_ms"):
        op.drop_column("cases", name)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False, server_default="0")
