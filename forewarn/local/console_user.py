"""A person who can sign in to the console of a local stack."""

from pathlib import Path

NAME = "operator"
ROLES = ("supervisor", "auditor", "administrator")
"""Together they open every page, which is what a stack for looking around is for."""


def ensure_operator(users_file: Path, password: str) -> None:
    """Let ``operator`` sign in with this password; leaves the file alone if they can already."""
    # Imported here: it brings the web framework along, which the other commands need not wait for.
    from alerting.access.users import UserFile  # noqa: PLC0415

    users = UserFile(users_file)
    if users.check(NAME, password) is None:
        users.save(NAME, password, roles=ROLES)
