"""The structure of the routing file, and the walk from the labels of a case to receivers.

The tree works as Alertmanager's: a case goes down to the first child whose ``match`` fits, and on to
the next sibling where ``continue`` is set. Where no child fits, the node itself receives the case. A
child inherits the fields that it does not set.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from alerting.notify.routing.case_labels import Patterns, matches

PageChannel = Literal["oncall", "sms", "voice", "email", "chat", "webhook"]


class _Node(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of the file's parts; unknown keys are refused."""


class PagingRule(_Node, frozen=True):
    """One way to page a team. ``oncall`` takes person and address from the shifts."""

    channel: PageChannel
    address: str = ""


class Receiver(_Node, frozen=True):
    """A team and how it is paged; ``pages_per_hour`` bounds pages that are not critical."""

    name: str
    team: str
    pages: tuple[PagingRule, ...] = ()
    pages_per_hour: int = 120


class Escalation(_Node, frozen=True):
    """The receiver that is paged so many seconds after a deadline without a response."""

    receiver: str
    after_seconds: int = 0


class Route(_Node, frozen=True, rename={"continue_": "continue"}):
    """A node of the tree; None inherits from the parent."""

    receiver: str | None = None
    match: Patterns = {}
    continue_: bool = False
    group_by: tuple[str, ...] | None = None
    group_wait_seconds: float | None = None
    escalate: tuple[Escalation, ...] | None = None
    repeat_seconds: int | None = None
    routes: "tuple[Route, ...]" = ()


class Inhibition(_Node, frozen=True):
    """Pages of ``target`` cases are withheld while a ``source`` case with equal labels is open."""

    source: Patterns
    target: Patterns
    equal: tuple[str, ...]


class QuietHours(_Node, frozen=True):
    """Local hours without pages and messages for these severities; they may pass midnight."""

    start: str
    end: str
    timezone: str = "Asia/Shanghai"
    severities: tuple[Literal["medium", "high"], ...] = ("medium",)


class Routing(_Node, frozen=True):
    """The whole file; ``trace`` names who follows the money of extreme cases, None the case's own."""

    version: Literal[1]
    route: Route
    receivers: tuple[Receiver, ...]
    inhibit: tuple[Inhibition, ...] = ()
    quiet_hours: QuietHours | None = None
    trace: str | None = None

    def receiver(self, name: str) -> Receiver:
        """The receiver of a name, which validation has found to exist."""
        return next(receiver for receiver in self.receivers if receiver.name == name)


@dataclass(frozen=True, slots=True)
class Match:
    """The end of a walk: the receiver, its inherited options, and the path of nodes to it."""

    receiver: str
    group_by: tuple[str, ...]
    group_wait_seconds: float
    escalate: tuple[Escalation, ...]
    repeat_seconds: int
    path: str


@dataclass(frozen=True, slots=True)
class _Inherited:
    receiver: str
    group_by: tuple[str, ...] = ("tenant", "district")
    group_wait_seconds: float = 0.0
    escalate: tuple[Escalation, ...] = ()
    repeat_seconds: int = 300


def route(routing: Routing, labels: Mapping[str, str]) -> list[Match]:
    """Every receiver of a case with these labels, at least one."""
    root = _Inherited(receiver=routing.route.receiver or "")
    return list(_walk(routing.route, labels, root, "route"))


def _walk(node: Route, labels: Mapping[str, str], parent: _Inherited, path: str) -> Iterator[Match]:
    own = _Inherited(
        receiver=node.receiver or parent.receiver,
        group_by=parent.group_by if node.group_by is None else node.group_by,
        group_wait_seconds=_either(node.group_wait_seconds, parent.group_wait_seconds),
        escalate=parent.escalate if node.escalate is None else node.escalate,
        repeat_seconds=parent.repeat_seconds
        if node.repeat_seconds is None
        else node.repeat_seconds,
    )
    taken = False
    for number, child in enumerate(node.routes):
        if matches(child.match, labels):
            taken = True
            yield from _walk(child, labels, own, f"{path}.routes[{number}]")
            if not child.continue_:
                break
    if not taken:
        yield Match(
            own.receiver,
            own.group_by,
            own.group_wait_seconds,
            own.escalate,
            own.repeat_seconds,
            path,
        )


def _either(value: float | None, inherited: float) -> float:
    return inherited if value is None else value


DEFAULT = Routing(
    version=1,
    route=Route(receiver="desk"),
    receivers=(Receiver(name="desk", team="desk", pages=(PagingRule("oncall"),)),),
)
"""The routing without a file: one team that receives every case, paged by its shifts."""
