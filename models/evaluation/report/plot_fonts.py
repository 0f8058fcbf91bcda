"""Fonts of the plots: one with Chinese characters behind matplotlib's own, where the machine has one.

matplotlib takes widths from these fonts; the characters of an SVG are drawn by the browser with fonts of its own.
"""

import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager

import structlog
from matplotlib import font_manager

LATIN = "DejaVu Sans"
"""matplotlib brings it along."""

CHINESE = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN",
    "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Droid Sans Fallback", "Microsoft YaHei", "SimHei",
    "PingFang SC", "Heiti SC", "Hiragino Sans GB", "Noto Serif CJK SC", "Noto Serif CJK JP",
)  # fmt: skip
"""Of a collection matplotlib knows the first font, which Debian's package calls JP; it has all characters."""

_log = structlog.get_logger(__name__)


def families(present: Collection[str] | None = None) -> list[str]:
    """The fonts to use in this order; a name that is not there would be a warning for each text.

    Args:
        present: names of the machine's fonts; None asks matplotlib.
    """
    names = set(font_manager.fontManager.get_font_names() if present is None else present)
    return [LATIN, *[name for name in CHINESE if name in names][:1]]


@contextmanager
def one_note() -> Iterator[None]:
    """Say once in place of a warning for each character that no font has."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        yield
    missing = [one for one in said if str(one.message).startswith("Glyph ")]
    for one in said:
        if one not in missing:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    if missing:
        _log.warning(
            "characters_without_font",
            characters=len({str(one.message) for one in missing}),
            hint="Labels may overlap. Install a font such as Debian's fonts-noto-cjk.",
        )
