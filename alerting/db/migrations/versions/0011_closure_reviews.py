"""A share of closures is reviewed by a second person; what is closed already is not chosen."""

import sqlalchemy as sa
from alembic import op

revision = "0011_closure_reviews"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "closure_reviews",
        sa.Column("review_no", number, autoincrement=True, nullable=False),
        sa.Column("case_id", sa.String(64), nullable=False),
        sa.Column("tenant", sa.String(32), nullable=False),
        sa.Column("district", sa.String(12), nullable=False),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("chosen_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("closed_by", sa.String(), nullable=False),
        sa.Column("disposition", sa.String(64), nullable=False),
        sa.Column("reviewer", sa.String(), nullable=True),
        sa.Column("reviewed_at_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("review_no", name="pk_closure_reviews"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name="fk_closure_reviews_case_id"),
    )
    op.create_index("ix_closure_reviews_case_id", "closure_reviews", ["case_id"])
    op.create_index(
        "ix_closure_reviews_state_chosen_at_ms", "closure_reviews", ["state", "chosen_at_ms"]
    )


def downgrade() -> None:
    """Remove the table."""
    op.drop_table("closure_reviews")
