"""Options of this installation's console."""

from dataclasses import dataclass

from forewarn.platform.words import Language


@dataclass(frozen=True, slots=True)
class ConsoleOptions:
    """Options of the console, put at ``app.state.console_options`` by ``mount_console``.

    ``target_minor`` is the prevented loss per day that the report is held against, in minor units;
    0 for none.
    """

    language: Language = "zh"
    currency: str = "CNY"
    target_minor: int = 0
