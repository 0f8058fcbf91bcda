"""Meanings of the database's errors, and what to do; pure.

Values never appear in it: a server's message may quote the row, with its numbers.
"""

from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError, OperationalError

_URL = "Check FOREWARN_ALERTING_DATABASE_URL, and that the server runs."
_PRIMARY = (
    "Point FOREWARN_ALERTING_DATABASE_URL at the primary; several hosts may be named, by commas."
)
_SPACE = "Free space on the database's disk or enlarge it; the service goes on by itself."

_STATES = {
    "25006": ("The database is read-only: a replica, or a primary that was replaced.", _PRIMARY),
    "53100": ("The database's disk is full.", _SPACE),
    "53200": ("The database server is out of memory.", "Give the database server more memory."),
    "53300": (
        "The database takes no more connections.",
        "Raise max_connections, or put PgBouncer before it.",
    ),
    "42501": (
        "The database user lacks a right.",
        "Give the user of FOREWARN_ALERTING_DATABASE_URL the tables of its schema.",
    ),
    "42P01": ("The database lacks a table of this version.", "Run `forewarn alerting migrate`."),
    "42703": ("The database lacks a column of this version.", "Run `forewarn alerting migrate`."),
    "57P01": ("The database server shuts down.", _URL),
    "57P02": ("The database server restarts after a crash.", _URL),
    "57P03": ("The database server is starting.", _URL),
}

READ_ONLY = "25006"

_WORDS = (
    ("session is read-only", *_STATES[READ_ONLY]),
    ("password authentication failed", "The database refuses the user or the password.", _URL),
    ("no password supplied", "The database asks for a password.", _URL),
    (
        "does not exist",
        "The database or the user does not exist.",
        "Create it, or correct the URL.",
    ),
    ("too many clients", *_STATES["53300"]),
    ("remaining connection slots", *_STATES["53300"]),
    ("unsupported startup parameter", "A pooler refuses a parameter of the URL.", "Leave it out."),
    ("database or disk is full", *_STATES["53100"]),
    (
        "readonly database",
        "The database file is read-only.",
        "Let the service's user write the file and its directory.",
    ),
    (
        "unable to open database file",
        "The database file cannot be opened.",
        "Check the directory of FOREWARN_ALERTING_DATABASE_URL and its rights.",
    ),
    ("database is locked", "Another process holds the database file.", "Stop the other service."),
)
"""Words of libpq about a connection that was not made, and of SQLite, which have no code."""


@dataclass(frozen=True, slots=True)
class DatabaseFault:
    """One line about what is wrong, and one about what to do."""

    message: str
    hint: str


def read_only_fault() -> DatabaseFault:
    """The fault of a server that takes no writes."""
    return DatabaseFault(*_STATES[READ_ONLY])


def fault_of(error: DBAPIError) -> DatabaseFault | None:
    """The fault behind an error; None if it is the statement's, not the server's or the set-up's."""
    state = str(getattr(error.orig, "sqlstate", None) or "")
    if state in _STATES:
        return DatabaseFault(*_STATES[state])
    if not (isinstance(error, OperationalError) or error.connection_invalidated):
        return None
    text = str(error.orig)
    for words, message, hint in _WORDS:
        if words in text:
            return DatabaseFault(message, hint)
    return DatabaseFault(f"The database did not answer: {type(error.orig).__name__}.", _URL)
