"""The reference pages of the documentation, generated from the code that they describe."""

from pathlib import Path

from features.catalog.reference_page import features_markdown
from forewarn.reference.api_page import api_page
from forewarn.reference.commands_page import commands_page
from forewarn.reference.format_pages import format_pages
from forewarn.reference.metrics_page import metrics_page
from forewarn.reference.schema_files import schema_files
from forewarn.reference.settings_page import options_page, settings_page


def pages() -> dict[Path, str]:
    """Every generated file under ``docs``, with its content."""
    return {
        Path("settings.md"): settings_page(),
        Path("alerting-options.md"): options_page(),
        Path("metrics.md"): metrics_page(),
        Path("features.md"): features_markdown(),
        Path("cli.md"): commands_page(),
        Path("api.md"): api_page(),
        **{Path("schemas") / name: text for name, text in schema_files().items()},
        **{Path(name): text for name, text in format_pages().items()},
    }


__all__ = ["pages"]
