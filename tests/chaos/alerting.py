"""The alerting service as one of the processes that may be killed, and what its database holds."""

import sqlite3
import sys
from contextlib import closing

from benchmarks.world import World
from forewarn.local.child_process import Child
from forewarn.local.ports import free_port


class AlertingProcess(Child):
    """``forewarn alerting serve`` on SQLite."""

    def __init__(self, world: World) -> None:
        self.port = free_port()
        self.database = world.directory / "alerting.db"
        super().__init__(
            "alerting",
            [sys.executable, "-m", "forewarn", "alerting", "serve"],
            log_file=world.directory / "alerting.log",
            environment={
                **world.environment,
                "FOREWARN_ALERTING_DATABASE_URL": f"sqlite:///{self.database}",
                "FOREWARN_ALERTING_PORT": str(self.port),
                "FOREWARN_ALERTING_METRICS_PORT": "0",
                "FOREWARN_ALERTING_INDEX_ENABLED": "false",
                "FOREWARN_ACCESS_USERS_FILE": str(world.directory / "users.json"),
            },
        )

    def warnings(self) -> list[tuple[str, str, str, int]]:
        """Identity, subscriber, subject and newest source offset of every warning held."""
        if not self.database.exists():
            return []
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as connection:
            try:
                return connection.execute(
                    "SELECT warning_id, subscriber, subject_id, source_offset FROM warnings"
                ).fetchall()
            except sqlite3.OperationalError:
                return []  # the schema is not there yet
