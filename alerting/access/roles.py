"""Roles and what each may do, as data.

Permissions name actions, roles name jobs, and only this table ties them. Administrators run the
service and therefore see no personal data; auditors see everything that was done and change
nothing; a key has one purpose, and reads no case. Only the key of the settings, which the person who runs
the machine gives, has the role ``service`` and works on cases.
"""

from typing import Literal, get_args

Role = Literal[
    "responder",
    "supervisor",
    "analyst",
    "auditor",
    "administrator",
    "service",
    "ingest",
    "loss_report",
    "patrol_terminal",
]
Purpose = Literal["ingest", "loss_report", "patrol_terminal"]
"""The roles of keys that administrators make."""
Permission = Literal[
    "case.read",
    "case.work",  # claim, acknowledge, contact, close, note
    "case.assign",  # hand a case to another person, take one over
    "case.reopen",
    "order.place",  # stop a transfer, an account or a line, and record what the bank said
    "order.decide",  # extend, hand over and release orders, decide on objections
    "evidence.export",  # the file of a case, with its proof, for the police
    "personal.unmask",  # see a number or account in clear, if the case allows it too
    "report.read",
    "list.read",
    "list.propose",
    "list.approve",  # the second pair of eyes of an allow entry
    "routing.read",
    "routing.silence",
    "rota.read",
    "rota.change",  # ask for a take-over or swap, and answer
    "audit.read",
    "patrol.feed",
    "warning.write",  # raise a warning over HTTP
    "outcome.write",  # report an outcome or a late loss
    "access.manage",  # API keys and sessions
]

ROLES: tuple[Role, ...] = get_args(Role)
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
SERVICE_ROLES: frozenset[str] = frozenset({"service", *PURPOSES})
"""Never a person's, whatever a provider says."""
PERMISSIONS: tuple[Permission, ...] = get_args(Permission)

_RESPONDER: frozenset[Permission] = frozenset(
    {
        "case.read",
        "case.work",
        "order.place",
        "personal.unmask",
        "list.read",
        "list.propose",
        "patrol.feed",
        "rota.read",
        "rota.change",
    }
)

GRANTS: dict[Role, frozenset[Permission]] = {
    "responder": _RESPONDER,
    "supervisor": _RESPONDER
    | {
        "case.assign",
        "case.reopen",
        "order.decide",
        "evidence.export",
        "report.read",
        "list.approve",
        "routing.read",
        "routing.silence",
        "outcome.write",
    },
    "analyst": frozenset(
        {"case.read", "report.read", "list.read", "list.propose", "routing.read", "rota.read"}
    ),
    "auditor": frozenset(
        {"case.read", "report.read", "list.read", "routing.read", "rota.read", "audit.read"}
    ),
    "administrator": frozenset(
        {
            "report.read",
            "list.read",
            "routing.read",
            "routing.silence",
            "rota.read",
            "audit.read",
            "access.manage",
        }
    ),
    "service": frozenset(
        {
            "case.read",
            "case.work",
            "order.place",
            "list.read",
            "patrol.feed",
            "warning.write",
            "outcome.write",
        }
    ),
    "ingest": frozenset({"warning.write"}),
    "loss_report": frozenset({"outcome.write"}),
    "patrol_terminal": frozenset({"patrol.feed"}),
}


def permissions_of(roles: frozenset[Role]) -> frozenset[Permission]:
    """Everything that any of the roles may do."""
    return frozenset().union(*(GRANTS[role] for role in roles))
