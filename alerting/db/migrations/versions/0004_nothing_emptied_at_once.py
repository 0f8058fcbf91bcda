"""Let the database refuse to empty what is only ever added to, and to turn the audit head back.

PostgreSQL's TRUNCATE fires no trigger of a row, so it went past the guards; and with the head set back
an audit log that was cut looked whole.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ONLY_ADDED = ("audit_log", "ledger_entries", "case_events")
HEAD = "audit_head"


def upgrade() -> None:
    """Add the guards."""
    if op.get_bind().dialect.name == "postgresql":
        for table in (*ONLY_ADDED, HEAD):
            op.execute(
                f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}"
                " FOR EACH STATEMENT EXECUTE FUNCTION forewarn_refuse()"
            )
        end = "EXECUTE FUNCTION forewarn_refuse()"
        back = "FOR EACH ROW WHEN (NEW.record_no <= OLD.record_no)"
        gone = "FOR EACH ROW"
    else:
        end = f"BEGIN SELECT RAISE(ABORT, '{HEAD} is append-only'); END"
        back, gone = "WHEN NEW.record_no <= OLD.record_no", ""
    op.execute(f"CREATE TRIGGER {HEAD}_no_way_back BEFORE UPDATE ON {HEAD} {back} {end}")
    op.execute(f"CREATE TRIGGER {HEAD}_no_delete BEFORE DELETE ON {HEAD} {gone} {end}")


def downgrade() -> None:
    """Take the guards away."""
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    suffix = f" ON {HEAD}" if on_postgresql else ""
    op.execute(f"DROP TRIGGER {HEAD}_no_way_back{suffix}")
    op.execute(f"DROP TRIGGER {HEAD}_no_delete{suffix}")
    if on_postgresql:
        for table in (*ONLY_ADDED, HEAD):
            op.execute(f"DROP TRIGGER {table}_no_truncate ON {table}")
