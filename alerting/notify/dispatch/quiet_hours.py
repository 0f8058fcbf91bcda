"""Quiet hours: a pure decider over instants, right in the nights when clocks are changed.

Both ends are instants by the rule of ``alerting.notify.wall_clock``. In the night when clocks are
set back, quiet hours until 02:15 end at the first 02:15; where both ends fall into the hour that is
left out, that night has no quiet hours.
"""

from datetime import timedelta
from zoneinfo import ZoneInfo

from alerting.notify.wall_clock import instant_ms, local_day, minute_of_day


def quiet_until_ms(start: str, end: str, timezone: str, now_ms: int) -> int | None:
    """When the present quiet hours end, in UTC milliseconds; None outside them.

    Args:
        start: HH:MM, inclusive.
        end: HH:MM, exclusive; on the next day if it is before ``start``.
        timezone: of both.
        now_ms: UTC milliseconds.
    """
    first, last = minute_of_day(start), minute_of_day(end)
    if first is None or last is None or first == last:
        return None
    zone = ZoneInfo(timezone)
    today = local_day(now_ms, zone)
    for day in (today - timedelta(days=1), today):
        ends_on = day + timedelta(days=1) if last < first else day
        ends_ms = instant_ms(ends_on, last, zone)
        if instant_ms(day, first, zone) <= now_ms < ends_ms:
            return ends_ms
    return None
