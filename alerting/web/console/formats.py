"""How money, times and durations read, in both languages."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from alerting.web.console.translations import Translator

_SYMBOLS = {"CNY": "¥", "USD": "$", "GBP": "£", "EUR": "€", "KRW": "₩", "JPY": "¥", "HKD": "HK$"}
_NO_MINOR_UNIT = {"KRW", "JPY"}  # ISO 4217: the amount is the minor unit already
_LARGE = 1_000_000
TEN_THOUSAND = 10_000
HUNDRED_MILLION = 100_000_000


def money(amount_minor: int, currency: str = "CNY") -> str:
    """The exact amount: ``¥52,000.00``."""
    sign = "-" if amount_minor < 0 else ""
    symbol = _SYMBOLS.get(currency, f"{currency} ")
    magnitude = abs(amount_minor)
    if currency in _NO_MINOR_UNIT:
        return f"{sign}{symbol}{magnitude:,}"
    return f"{sign}{symbol}{magnitude // 100:,}.{magnitude % 100:02d}"


def short_money(amount_minor: int, currency: str, t: Translator) -> str:
    """The amount at a glance, three or four digits: ``¥5.2万`` in Chinese, ``¥52k`` in English."""
    sign = "-" if amount_minor < 0 else ""
    symbol = _SYMBOLS.get(currency, f"{currency} ")
    whole = abs(amount_minor) / (1 if currency in _NO_MINOR_UNIT else 100)
    steps: tuple[tuple[float, str], ...]
    if t.language == "zh":
        steps = ((HUNDRED_MILLION, "亿"), (TEN_THOUSAND, "万"))
    else:
        steps = ((1e9, "bn"), (_LARGE, "M"), (TEN_THOUSAND, "k"))
    for size, unit in steps:
        if whole >= size:
            divisor = 1000 if unit == "k" else size
            return f"{sign}{symbol}{_three_digits(whole / divisor)}{unit}"
    return f"{sign}{symbol}{whole:,.0f}"


def local(at_ms: int, zone: ZoneInfo) -> datetime:
    """A moment on the wall clock of the zone."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone)


def clock_time(at_ms: int, zone: ZoneInfo) -> str:
    """Hours, minutes and seconds: ``14:03:27``."""
    return local(at_ms, zone).strftime("%H:%M:%S")


def day_and_time(at_ms: int, zone: ZoneInfo) -> str:
    """Day and time: ``2026-11-24 14:03``; the same in both languages, and it sorts."""
    return local(at_ms, zone).strftime("%Y-%m-%d %H:%M")


def iso(at_ms: int) -> str:
    """For ``<time datetime>``: UTC, to the second."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def countdown(left_ms: int) -> str:
    """Time left as ``2:05``, time over as ``-0:12``; rounds so that 0:00 is the deadline itself."""
    seconds = abs(left_ms) // 1000 if left_ms < 0 else -(-left_ms // 1000)
    return f"{'-' if left_ms < 0 else ''}{clock(seconds)}"


def clock(seconds: int) -> str:
    """A span as ``m:ss`` or ``h:mm:ss``."""
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"


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


def _three_digits(value: float) -> str:
    """Three significant digits below a thousand, none after the point above a hundred."""
    text = f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
