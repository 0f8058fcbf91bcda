"""docs/policy.md knows every reason and every field, and its rules are rules."""

import re
import typing
from pathlib import Path

import msgspec

from features.catalog import CATALOG
from models.policy.decision import DecisionReason
from models.policy.policy_document import PolicyDocument, Rule
from models.policy.rule_expression import compile_expression

PAGE = (Path(__file__).parents[2] / "docs" / "policy.md").read_text(encoding="utf-8")


def test_every_reason_is_explained_and_no_other() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \|", PAGE, re.MULTILINE)
    assert sorted(rows) == sorted(typing.get_args(DecisionReason))


def test_what_it_says_of_the_file_is_in_the_file() -> None:
    named = re.findall(r"`((?:thresholds|costs|budgets)\.[a-z_]+)`", PAGE)
    assert named
    document = msgspec.json.schema(PolicyDocument)["$defs"]
    for name in named:
        part, field = name.split(".")
        assert field in document[part.capitalize()]["properties"], name


def test_its_example_rules_compile() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    rules = msgspec.toml.decode(example, type=dict[str, list[Rule]])["rules"]
    assert [rule.effect for rule in rules] == ["raise", "suppress"]
    for rule in rules:
        compile_expression(rule.when, CATALOG.names)
