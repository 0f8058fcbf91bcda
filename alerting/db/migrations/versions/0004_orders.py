"""Orders that stop money or a line have rows of their own, with a clock.

What the dispatch ordered before has none; it ends as it did.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004_orders"
down_revision = "0003"
branch_labels = None
depends_on = None

INDEXES = (
    ("case_id",),
    ("state", "expires_at_ms"),
    ("ordered_at_ms",),
    ("delivery_id",),
    ("release_delivery_id",),
)


def _text(name: str, length: int | None = None, *, empty: bool = False) -> sa.Column[str]:
    kind = sa.String(length) if length else sa.String()
    return sa.Column(name, kind, nullable=empty)


def _number(name: str, *, empty: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=empty)


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "orders",
        _text("order_id", 64), _text("case_id", 64), _text("tenant", 32), _text("district", 12),
        _text("typology", 64), _text("kind", 64), _text("state", 64), _text("source", 64),
        sa.Column("hop", sa.Integer(), nullable=False),
        _text("transfer_id"), _text("payer_name"), _text("payer_account"), _text("payee_name"),
        _text("payee_account"), _text("number"), _text("caller"),
        _number("amount_minor", empty=True), _text("currency", 64), _number("occurred_at_ms", empty=True),
        sa.Column("legal_basis", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        _text("ordered_by"), _number("ordered_at_ms"), _text("delivery_id", 64, empty=True),
        _number("confirmed_at_ms", empty=True), _text("reference"), _number("expires_at_ms"),
        sa.Column("extensions", sa.Integer(), nullable=False), _text("extended_by"),
        _number("warned_for_ms"), _text("alerted", 64), _text("release_reason", 64, empty=True),
        sa.Column("release_note", sa.Text(), nullable=False),
        _text("released_by", empty=True), _number("release_ordered_at_ms", empty=True),
        _text("release_delivery_id", 64, empty=True),
        sa.Column("chases", sa.Integer(), nullable=False), _number("chased_at_ms", empty=True),
        _number("ended_at_ms", empty=True), _text("freeze_reference"),
        sa.Column("hit_honest", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", name="pk_orders"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name="fk_orders_case_id"),
    )  # fmt: skip
    for columns in INDEXES:
        op.create_index(f"ix_orders_{'_'.join(columns)}", "orders", list(columns))


def downgrade() -> None:
    """Remove the table."""
    op.drop_table("orders")
