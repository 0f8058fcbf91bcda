"""The routing tree, its validation, and its reload."""

import threading
from pathlib import Path

import pytest

from alerting.notify.routing.routing_file import parse_routing
from alerting.notify.routing.routing_source import RoutingSource
from alerting.notify.routing.routing_tree import route
from forewarn.errors import ConfigurationError
from tests.alerting.factory import NOW_MS, Clock

GOOD = """
version = 1
[route]
receiver = "national"
group_by = ["district"]
escalate = [{ receiver = "chief", after_seconds = 30 }]
[[route.routes]]
match = { district = "4304*" }
receiver = "hengyang"
[[route.routes.routes]]
match = { severity = ["critical", "high"] }
receiver = "hengyang-now"
continue = true
[[route.routes.routes]]
match = { typology = "mule" }
receiver = "bank-desk"
[[route.routes]]
match = { tenant = "bank" }
receiver = "bank-desk"
escalate = []
[[receivers]]
name = "national"
team = "national"
[[receivers]]
name = "hengyang"
team = "hengyang"
[[receivers]]
name = "hengyang-now"
team = "hengyang"
[[receivers]]
name = "bank-desk"
team = "bank"
[[receivers]]
name = "chief"
team = "chief"
"""


def labels(**changes: str) -> dict[str, str]:
    return {
        "tenant": "default",
        "district": "",
        "typology": "unknown",
        "severity": "medium",
    } | changes


@pytest.mark.parametrize(
    ("given", "receivers"),
    [
        (labels(), ["national"]),
        (labels(district="430405"), ["hengyang"]),
        (labels(district="430405", severity="high"), ["hengyang-now"]),
        (
            labels(district="430405", severity="high", typology="mule"),
            ["hengyang-now", "bank-desk"],
        ),
        (labels(district="430405", tenant="bank"), ["hengyang"]),  # the first child wins
        (labels(tenant="bank"), ["bank-desk"]),
    ],
)
def test_a_case_goes_down_to_the_first_child_that_fits(given: dict, receivers: list[str]) -> None:
    assert [match.receiver for match in route(parse_routing(GOOD), given)] == receivers


def test_a_child_inherits_what_it_does_not_set() -> None:
    routing = parse_routing(GOOD)
    [deep] = route(routing, labels(district="430405", severity="high"))
    assert deep.group_by == ("district",)
    assert [step.receiver for step in deep.escalate] == ["chief"]
    [bank] = route(routing, labels(tenant="bank"))
    assert bank.escalate == ()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (('receiver = "national"', 'receiver = "missing"'), "receiver 'missing' does not exist"),
        (('receiver = "national"\ngroup_by', "group_by"), "some cases would go nowhere"),
        (('district = "4304*"', 'distrikt = "4304*"'), "'distrikt' is not a label"),
        (("after_seconds = 30", "after_seconds = -1"), "not in order of time"),
        (('name = "chief"', 'name = "national"'), "receiver 'national' is defined twice"),
        (("version = 1", "version = 2"), "version"),
        (("version = 1", "version = 1\ncolour = 3"), "colour"),
        (("version = 1", "version = "), "not TOML"),
        (('team = "chief"', 'team = "chief"\npages = [{ channel = "email" }]'), "needs an address"),
        (('team = "chief"', 'team = "chief"\npages = [{ channel = "pigeon" }]'), "pigeon"),
        (
            ("version = 1", 'version = 1\n[quiet_hours]\nstart = "25:00"\nend = "07:00"'),
            "quiet_hours.start '25:00'",
        ),
        (
            ("version = 1", "version = 1\n[[inhibit]]\nsource = {}\ntarget = {}\nequal = []"),
            "one case would silence all others",
        ),
    ],
)
def test_a_fault_is_named_with_its_place(change: tuple[str, str], fault: str) -> None:
    assert change[0] in GOOD
    with pytest.raises(ConfigurationError, match=fault.replace("[", r"\[")):
        parse_routing(GOOD.replace(change[0], change[1], 1))


def test_a_changed_file_is_taken_up_and_a_faulty_one_is_not(tmp_path: Path) -> None:
    file = tmp_path / "routing.toml"
    file.write_text(GOOD)
    source = RoutingSource(file, Clock(NOW_MS), reload_seconds=1)
    stop = threading.Event()
    replace(file, GOOD.replace('"national"', '"capital"'))
    source.turn(stop)
    assert source.current.route.receiver == "capital"
    replace(file, "version = 7")
    source.turn(stop)
    assert source.current.route.receiver == "capital"
    assert source.fault
    replace(file, GOOD)
    source.turn(stop)
    assert (source.current.route.receiver, source.fault) == ("national", None)


def replace(file: Path, text: str) -> None:
    """As editors and Kubernetes do: a new file under the old name."""
    fresh = file.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(file)
