"""The graph of linked cases: three columns, this case, the numbers it shares, the other cases.

Columns rather than a force layout: it is the same at every look, needs no script, and shows at a
glance which number ties how many people together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

WIDTH = 480
ROW_HEIGHT = 36
MARGIN = 24
COLUMNS = {"here": 34, "peer": 188, "other": 330}  # labels of the other cases stand to their right
PEERS_SHOWN = 8

PeerKind = Literal["phone", "account"]


class HasPeers(Protocol):
    """The fields of a case that the graph shows."""

    case_id: str
    caller: str | None
    payee: str | None


@dataclass(frozen=True, slots=True)
class Node:
    """A point of the graph; ``label`` is an identifier still to be masked when shown."""

    key: str
    kind: Literal["here", "phone", "account", "case"]
    label: str
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes and the lines between them, in the units of the SVG's viewBox."""

    nodes: list[Node]
    lines: list[tuple[int, int, int, int]]
    height: int
    width: int = WIDTH


def peers_of(case: HasPeers) -> list[tuple[PeerKind, str]]:
    """The caller and the payee of a case, as far as known."""
    found: list[tuple[PeerKind, str]] = []
    if case.caller:
        found.append(("phone", case.caller))
    if case.payee:
        found.append(("account", case.payee))
    return found


def layout(
    here: HasPeers, own_peers: Sequence[tuple[PeerKind, str]], others: Sequence[HasPeers]
) -> Graph:
    """Place this case, its numbers and accounts, and the other cases that share them.

    Args:
        here: the case of the page.
        own_peers: every caller and payee of its warnings.
        others: the linked cases, in the order in which they are to appear.
    """
    peers = list(dict.fromkeys(own_peers))[:PEERS_SHOWN]
    rows = max(len(peers), len(others), 1)
    height = 2 * MARGIN + (rows - 1) * ROW_HEIGHT
    centre = Node(here.case_id, "here", here.case_id, COLUMNS["here"], height // 2)
    peer_nodes = [
        Node(f"{kind}:{peer}", kind, peer, COLUMNS["peer"], y)
        for (kind, peer), y in zip(peers, _spread(len(peers), height), strict=True)
    ]
    other_nodes = [
        Node(other.case_id, "case", other.case_id, COLUMNS["other"], y)
        for other, y in zip(others, _spread(len(others), height), strict=True)
    ]
    lines = [(centre.x, centre.y, node.x, node.y) for node in peer_nodes]
    at = {node.key: node for node in peer_nodes}
    for other, node in zip(others, other_nodes, strict=True):
        for kind, peer in peers_of(other):
            shared = at.get(f"{kind}:{peer}")
            if shared:
                lines.append((shared.x, shared.y, node.x, node.y))
    return Graph([centre, *peer_nodes, *other_nodes], lines, height)


def _spread(count: int, height: int) -> list[int]:
    """``count`` places over the height, centred."""
    top = (height - (count - 1) * ROW_HEIGHT) // 2
    return [top + number * ROW_HEIGHT for number in range(count)]
