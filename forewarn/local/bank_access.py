"""The key with which a bank on this machine asks the decision service of a local stack."""

from datetime import UTC, datetime, timedelta

from forewarn.local.stack_layout import Layout

NAME = "local bank"
KEY_DAYS = 3650
PER_SECOND = 10_000.0


def ensure_bank_key(layout: Layout) -> None:
    """Make the key of the stack's bank on first use; a file of keys that is there is left alone."""
    # Imported here: it brings the stream packages along, which other commands need not wait for.
    from streams.decisions.bank_keys import new_key  # noqa: PLC0415

    if layout.bank_keys_file.exists():
        return
    expires = datetime.now(UTC).date() + timedelta(days=KEY_DAYS)
    key, entry = new_key(
        NAME, ["default"], ["decide", "line_status", "what_if"], expires, PER_SECOND
    )
    layout.bank_key_file.touch(mode=0o600)
    layout.bank_key_file.write_text(key)
    layout.bank_keys_file.write_text(entry)
