"""Backup and restore of the alerting database.

SQLite by its online backup (consistent while the service runs), PostgreSQL by pg_dump's custom
format. A restore refuses a database that holds anything, and checks the audit chain afterwards.
"""

import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from sqlalchemy import inspect, make_url

from alerting.cases import history
from alerting.cases.history import Verification
from alerting.db.database import Database, create_private
from forewarn.errors import ConfigurationError, DependencyUnavailableError

TIMEOUT_SECONDS = 3600


def backup(db: Database, target: Path) -> int:
    """Write a backup.

    Returns:
        Its size in bytes.

    Raises:
        ConfigurationError: the file exists already, or pg_dump does not.
        DependencyUnavailableError: the database does not answer.
    """
    if target.exists():
        raise ConfigurationError(
            f"{target} exists already.", hint="Give a new file; backups are never overwritten."
        )
    partial = target.with_name(target.name + ".partial")
    partial.unlink(missing_ok=True)
    create_private(partial)  # it will hold numbers and accounts
    if db.is_postgresql:
        _run("pg_dump", ["--format=custom", "--no-owner", f"--file={partial}", _dsn(db)], db)
    else:
        _copy(_file(db), partial)
    partial.rename(target)
    return target.stat().st_size


def restore(db: Database, source: Path) -> Verification:
    """Read a backup into an empty database.

    Raises:
        ConfigurationError: the file does not exist, or the database is not empty.
        DependencyUnavailableError: the restore failed, or the audit chain is not whole.
    """
    if not source.is_file():
        raise ConfigurationError(f"The file {source} does not exist.")
    if inspect(db.engine).get_table_names():
        raise ConfigurationError(
            "The database is not empty.",
            hint="Restore into a new one, then point the service at it.",
        )
    db.dispose()
    if db.is_postgresql:
        arguments = [
            "--no-owner",
            "--exit-on-error",
            "--single-transaction",
            f"--dbname={_dsn(db)}",
        ]
        _run("pg_restore", [*arguments, str(source)], db)
    else:
        _copy(source, _file(db))
    result = history.verify(db)
    if result.fault:
        raise DependencyUnavailableError(
            f"The restored audit log is not whole: {result.fault}.", hint="Use another backup."
        )
    return result


def _copy(source: Path, target: Path) -> None:
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as reading,
        closing(sqlite3.connect(target)) as writing,
    ):
        reading.backup(writing)


def _file(db: Database) -> Path:
    name = make_url(db.url).database
    if not name:
        raise ConfigurationError("A database in memory cannot be backed up.")
    return Path(name)


def _dsn(db: Database) -> str:
    """The address without the password, which goes by the environment, out of process lists."""
    url = make_url(db.url).set(drivername="postgresql", password=None)
    return url.render_as_string(hide_password=False)


def _run(program: str, arguments: list[str], db: Database) -> None:
    found = shutil.which(program) or next(
        (str(path) for path in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))), None
    )
    if found is None:
        raise ConfigurationError(
            f"The program {program} was not found.", hint="Install PostgreSQL's client programs."
        )
    password = make_url(db.url).password
    environment = {"PATH": "/usr/bin:/bin", **({"PGPASSWORD": str(password)} if password else {})}
    done = subprocess.run(  # noqa: S603 - our own arguments
        [found, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )
    if done.returncode != 0:
        raise DependencyUnavailableError(f"{program} failed: {done.stderr.strip()[-300:]}")
