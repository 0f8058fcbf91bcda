"""Bank statements that are no tables: ISO 20022 XML and MT940, to one object an entry."""

from typing import Any

STATEMENTS = frozenset({".xml", ".camt", ".sta", ".mt940", ".940"})


def statement_rows(data: bytes, name: str) -> list[dict[str, Any]]:
    """The entries of a statement by its content.

    Raises:
        ConfigurationError: if it is neither XML nor MT940, or broken.
    """
    raise NotImplementedError(name, data)
