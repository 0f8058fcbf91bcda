"""Reads and validates a routing file; every fault is named with its place."""

from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from alerting.notify.routing.case_labels import COMPARABLE, MATCHABLE
from alerting.notify.routing.routing_tree import Receiver, Route, Routing
from alerting.notify.wall_clock import minute_of_day
from forewarn.platform.struct_file import StructFile

MAX_DEPTH = 8
NEEDS_ADDRESS = frozenset({"sms", "voice", "email", "chat", "webhook"})


def load_routing(path: Path) -> Routing:
    """Read a file; raises ConfigurationError naming every fault."""
    return ROUTING_FILE.load(path)


def parse_routing(text: str) -> Routing:
    """Parse and validate the text of a routing file; raises ConfigurationError."""
    return ROUTING_FILE.parse(text)


def _faults(routing: Routing) -> Iterator[str]:
    names = [receiver.name for receiver in routing.receivers]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"receiver {name!r} is defined twice"
    if routing.route.receiver is None:
        yield "route has no receiver, so some cases would go nowhere"
    if routing.route.match:
        yield "route.match must be empty: the root takes every case"
    yield from _route_faults(routing.route, set(names), "route", 1)
    for receiver in routing.receivers:
        yield from _receiver_faults(receiver)
    if routing.trace is not None and routing.trace not in names:
        yield f"trace: receiver {routing.trace!r} does not exist"
    yield from _inhibit_faults(routing)
    yield from _quiet_faults(routing)


def _receiver_faults(receiver: Receiver) -> Iterator[str]:
    for number, page in enumerate(receiver.pages):
        if page.channel in NEEDS_ADDRESS and not page.address:
            yield f"receiver {receiver.name!r} pages[{number}] needs an address"
    if receiver.pages_per_hour < 0:
        yield f"receiver {receiver.name!r} pages_per_hour is negative"


def _inhibit_faults(routing: Routing) -> Iterator[str]:
    for number, inhibition in enumerate(routing.inhibit):
        for label in sorted((set(inhibition.source) | set(inhibition.target)) - MATCHABLE):
            yield f"inhibit[{number}]: {label!r} is not a label"
        if not inhibition.equal:
            yield f"inhibit[{number}].equal is empty: one case would silence all others"
        for label in sorted(set(inhibition.equal) - COMPARABLE):
            yield f"inhibit[{number}].equal: {label!r} is not a label"


def _route_faults(node: Route, names: set[str], path: str, depth: int) -> Iterator[str]:
    if depth > MAX_DEPTH:
        yield f"{path} is deeper than {MAX_DEPTH}"
        return
    if node.receiver is not None and node.receiver not in names:
        yield f"{path}.receiver: receiver {node.receiver!r} does not exist"
    for label in sorted(set(node.match) - MATCHABLE):
        yield f"{path}.match: {label!r} is not a label"
    for label in sorted(set(node.group_by or ()) - MATCHABLE):
        yield f"{path}.group_by: {label!r} is not a label"
    if node.group_wait_seconds is not None and not 0 <= node.group_wait_seconds <= 60:
        yield f"{path}.group_wait_seconds is outside 0 to 60: a critical case has one minute"
    if node.repeat_seconds is not None and node.repeat_seconds < 30:
        yield f"{path}.repeat_seconds is under 30"
    yield from _escalation_faults(node, names, path)
    for number, child in enumerate(node.routes):
        yield from _route_faults(child, names, f"{path}.routes[{number}]", depth + 1)


def _escalation_faults(node: Route, names: set[str], path: str) -> Iterator[str]:
    after = [step.after_seconds for step in node.escalate or ()]
    if after != sorted(after) or any(seconds < 0 for seconds in after):
        yield f"{path}.escalate is not in order of time"
    for step in node.escalate or ():
        if step.receiver not in names:
            yield f"{path}.escalate: receiver {step.receiver!r} does not exist"


def _quiet_faults(routing: Routing) -> Iterator[str]:
    quiet = routing.quiet_hours
    if quiet is None:
        return
    for name, value in (("start", quiet.start), ("end", quiet.end)):
        if minute_of_day(value) is None:
            yield f"quiet_hours.{name} {value!r} is not HH:MM"
    try:
        ZoneInfo(quiet.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        yield f"quiet_hours.timezone {quiet.timezone!r} is not a time zone"


ROUTING_FILE = StructFile(
    Routing,
    name="The routing file",
    setting="FOREWARN_ALERTING_ROUTING_FILE",
    check="forewarn alerting route-test FILE",
    faults=_faults,
)
