"""Spans of time in words."""

from forewarn.platform.words.word_catalogs import Translator


def span(milliseconds: int, t: Translator) -> str:
    """A span in words, in its one or two largest units: ``4 min 10 s``."""
    seconds = max(0, milliseconds) // 1000
    for size, unit, smaller, small_unit in (
        (86_400, "day", 3600, "hour"),
        (3600, "hour", 60, "minute"),
        (60, "minute", 1, "second"),
    ):
        if seconds >= size:
            large, rest = divmod(seconds, size)
            text = t(f"span.{unit}", n=large)
            return (
                f"{text} {t(f'span.{small_unit}', n=rest // smaller)}" if rest >= smaller else text
            )
    return t("span.second", n=seconds)
