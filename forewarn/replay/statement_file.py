"""Bank statements that are no tables, by their content: ISO 20022 XML and MT940, to one object a transfer."""

from forewarn.errors import ConfigurationError
from forewarn.replay.iso20022_file import iso20022_rows
from forewarn.replay.mt940_file import mt940_rows

STATEMENTS = frozenset({".xml", ".camt", ".sta", ".mt940", ".940"})


def statement_rows(data: bytes, name: str) -> list[dict[str, str]]:
    """The transfers of a statement, by its content.

    Raises:
        ConfigurationError: if it is neither camt.05x, pacs.008 nor MT940, or broken.
    """
    head = data[:4096].lstrip(b"\xef\xbb\xbf \r\n\t")
    if head.startswith(b"<"):
        return iso20022_rows(data, name)
    if b":20:" in head and b":25" in head:
        return mt940_rows(data, name)
    raise ConfigurationError(
        f"{name} is neither ISO 20022 XML nor MT940.", hint="See forewarn formats."
    )
