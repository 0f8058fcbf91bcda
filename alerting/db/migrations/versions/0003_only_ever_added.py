"""Let the database itself refuse to change what is only ever added to.

The audit log and the ledger are append-only; case histories too, but for the erasure of personal
data, which has to be able to empty a remark.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

GUARDED = {
    "audit_log": ("UPDATE", "DELETE"),
    "ledger_entries": ("UPDATE", "DELETE"),
    "case_events": ("DELETE",),
}


def upgrade() -> None:
    """Add the guards, and the row that is the head of the audit chain."""
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    if on_postgresql:
        op.execute(
            "CREATE FUNCTION forewarn_refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
        )
    for table, operations in GUARDED.items():
        for operation in operations:
            name = f"{table}_no_{operation.lower()}"
            body = (
                f"CREATE TRIGGER {name} BEFORE {operation} ON {table}"
                " FOR EACH ROW EXECUTE FUNCTION forewarn_refuse()"
                if on_postgresql
                else f"CREATE TRIGGER {name} BEFORE {operation} ON {table}"
                f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
            op.execute(body)
    op.execute(
        f"INSERT INTO audit_head (name, record_no, digest) VALUES ('audit', 0, '{'0' * 64}')"  # noqa: S608 - constants
    )


def downgrade() -> None:
    """Take the guards away."""
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    for table, operations in GUARDED.items():
        for operation in operations:
            suffix = f" ON {table}" if on_postgresql else ""
            op.execute(f"DROP TRIGGER {table}_no_{operation.lower()}{suffix}")
    if on_postgresql:
        op.execute("DROP FUNCTION forewarn_refuse()")
    op.execute("DELETE FROM audit_head")
