"""Both catalogs say the same things, and every word that a page or a warning needs is there."""

import ast
import re
import string
from pathlib import Path
from typing import get_args

import pytest

import alerting
from alerting.access import ROLES
from alerting.access.masking import UnmaskReason
from alerting.cases.bulk_steps import BulkAction
from alerting.cases.case_service import ContactMethod
from alerting.cases.closure_reviews import ReviewVerdict
from alerting.cases.follow_up import Owed
from alerting.cases.history.audit_actions import AuditAction
from alerting.cases.ledger.ledger_entries import Account as LedgerAccount
from alerting.cases.ledger.ledger_entries import EntryReason
from alerting.cases.lifecycle import STATES
from alerting.cases.playbooks.playbook import Owner
from alerting.cases.visits.return_visits import VisitResult
from alerting.linkage.stop_proposal import StopReason
from alerting.linkage.sweep_decision import TargetAction
from alerting.notify.dispatch import message_templates
from alerting.notify.dispatch.page_decision import PageReason
from alerting.notify.dispatch.retry_decision import State
from alerting.notify.notices.notice_templates import CHANGE_KINDS
from alerting.notify.webhooks.case_events_of_life import LifeEvent
from alerting.notify.webhooks.sent_calls import CALL_STATES
from alerting.orders.appeal_decision import AppealState, AppealWay
from alerting.orders.order_states import KINDS, OrderSource, ReleaseReason
from alerting.orders.order_states import STATES as ORDER_STATES
from alerting.web.console import page_rendering
from alerting.web.console.translations import LANGUAGES, choose_language, translator
from forewarn import errors
from forewarn.contracts.fraud_warning import Severity, SubjectStatus, Typology
from forewarn.contracts.outcome import Disposition

VOCABULARIES: dict[str, tuple[str, ...]] = {
    "severity": get_args(Severity),
    "typology": get_args(Typology),
    "disposition": get_args(Disposition),
    "state": STATES,
    "role": ROLES,
    "method": get_args(ContactMethod),
    "unmask": get_args(UnmaskReason),
    "status": get_args(SubjectStatus),
    "event": get_args(AuditAction),
    "delivery": get_args(State),
    "touched": get_args(TargetAction),
    "order_kind": KINDS,
    "order_state": ORDER_STATES,
    "release_reason": get_args(ReleaseReason),
    "stop_reason": get_args(StopReason),
    "appeal_state": get_args(AppealState),
    "appeal_way": get_args(AppealWay),
    "why": get_args(PageReason) + get_args(Owed),
    "visit_result": get_args(VisitResult),
    "bulk_action": get_args(BulkAction),
    "clue_state": ("proposed", "active", "rejected", "undone"),
    "clue_verdict": ("approve", "reject", "undo"),
    "task_owner": get_args(Owner),
    "rota_kind": tuple(CHANGE_KINDS["en"]),
    "weekday": tuple(str(number) for number in range(1, 8)),
    "call_state": CALL_STATES,
    "order_source": get_args(OrderSource),
    "review_verdict": get_args(ReviewVerdict),
    "life_event": get_args(LifeEvent),
    "subject_kind": ("call", "transfer", "line"),
    "ledger_account": get_args(LedgerAccount),
    "ledger_reason": get_args(EntryReason),
    "direction": ("inbound", "outbound", "incoming", "outgoing", "in", "out"),
    "rota_channel": ("sms", "voice", "email"),
}
NOTHING_ELSE = (
    "severity", "typology", "disposition", "state", "role", "method", "unmask", "event", "delivery",
    "order_kind", "order_state", "release_reason",
    "rota_kind", "weekday", "task_owner",
    "appeal_state", "appeal_way", "stop_reason",
    "bulk_action", "clue_state", "clue_verdict", "visit_result", "order_source", "review_verdict",
    "life_event", "call_state", "subject_kind", "ledger_account", "ledger_reason", "direction", "rota_channel",
)  # fmt: skip
"""Groups that hold the words of their vocabulary and no others."""

OPEN = (
    "detail_value", "why", "channel", "recipient", "refusal", "touched", "lists", "patrol", "help",
    "theme", "purpose", "span", "holding", "nav", "reach", "keys", "orders", "order_show", "playbook",
    "theme", "purpose", "span", "holding", "nav", "reach", "keys", "orders", "order_show", "evidence", "figures", "figures_by", "figures_period",
)  # fmt: skip
"""Groups whose words are looked up by a name that the code has elsewhere."""

SOURCE = "\n".join(
    path.read_text(encoding="utf-8")
    for root in (Path(alerting.__file__).parent, Path(errors.__file__).parent)
    for path in sorted(root.rglob("*"))
    if path.suffix in (".py", ".html") and "migrations" not in path.parts
)

QUOTED = frozenset(re.findall(r"""(?<=["'])[^"'\s]+(?=["'])""", SOURCE))
PREFIXES = frozenset(re.findall(r"""(?<=["'])[\w.]+_(?=["'{])""", SOURCE))
"""What names a word by its whole key, and what a key is put together from."""


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def group_of(group: str) -> list[str]:
    return [key for key in translator("en").words if key.startswith(f"{group}.")]


def test_the_catalogs_have_the_same_keys_and_placeholders() -> None:
    chinese, english = translator("zh").words, translator("en").words
    assert set(chinese) == set(english)
    different = [key for key in chinese if placeholders(chinese[key]) != placeholders(english[key])]
    assert different == []
    assert [key for key, text in {**chinese, **english}.items() if not text.strip()] == []


def test_the_chinese_catalog_is_written_in_chinese() -> None:
    same_in_both = {"story.system", "supervision.none"}
    english = translator("en").words
    left = {key for key, text in translator("zh").words.items() if text == english[key]}
    assert left <= same_in_both


def test_messages_name_severities_and_frauds_as_the_console_does() -> None:
    words = translator("zh").words
    for group, names in (
        ("severity", message_templates.SEVERITIES["zh"]),
        ("typology", message_templates.TYPOLOGIES["zh"]),
    ):
        assert {name: words[f"{group}.{name}"] for name in names} == names


@pytest.mark.parametrize("group", VOCABULARIES)
def test_every_value_of_a_closed_vocabulary_has_words(group: str) -> None:
    words = translator("en").words
    assert [name for name in VOCABULARIES[group] if f"{group}.{name}" not in words] == []


@pytest.mark.parametrize("group", NOTHING_ELSE)
def test_a_closed_vocabulary_has_no_unused_word(group: str) -> None:
    named = {key.removeprefix(f"{group}.") for key in group_of(group)}
    assert sorted(named - set(VOCABULARIES[group])) == []


def test_every_catalog_word_is_used() -> None:
    dead = []
    for key in translator("en").words:
        group, _, name = key.partition(".")
        if group in NOTHING_ELSE or group in (
            "reason",
            "window",
            "status",
            "detail",
        ):  # named by event contracts, or checked below
            continue
        names = [key, name.removesuffix("_hint")] if group in OPEN else [key]
        prefix = f"{key.rpartition('_')[0]}_"
        if not QUOTED.intersection(names) and prefix not in PREFIXES:
            dead.append(key)
    assert dead == []


def test_every_key_that_a_template_names_is_there() -> None:
    used: set[str] = set()
    for template in Path(page_rendering.TEMPLATES).rglob("*.html"):
        used |= set(re.findall(r'\bt\("([a-z_.]+)"\s*[,)]', template.read_text(encoding="utf-8")))
    assert len(used) > 100
    assert sorted(used - set(translator("en").words)) == []


@pytest.mark.parametrize(
    ("cookie", "accepted", "chosen"),
    [
        ("en", "zh-CN,zh;q=0.9", "en"),
        (None, "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        (None, "de-DE,en;q=0.5", "en"),
        ("klingon", "", "zh"),
        (None, "zhuang", "zh"),
    ],
)
def test_the_language_is_chosen_by_switch_then_browser_then_setting(
    cookie: str | None, accepted: str, chosen: str
) -> None:
    assert choose_language(cookie, accepted, "zh") == chosen


@pytest.mark.parametrize(
    ("n", "sentence"),
    [(0, "2026-03-02: 0 cases"), (1, "2026-03-02: 1 case"), (21, "2026-03-02: 21 cases")],
)
def test_words_of_a_number_have_its_plural_form(n: int, sentence: str) -> None:
    assert translator("en")("districts.day_count", day="2026-03-02", n=n) == sentence


def test_plural_forms_have_the_placeholders_of_the_usual_one() -> None:
    for language in LANGUAGES:
        t = translator(language)
        for key, forms in t.plurals.items():
            for form in forms.values():
                assert placeholders(form) == placeholders(t.words[key]), key


def detail_keys() -> set[str]:
    """The names of details in dicts and calls that write to the history or the audit log."""
    found: set[str] = set()
    for path in sorted(Path(alerting.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "detail":
                found |= _names_in(node.value)
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
                place = node.targets[0]
                if ast.unparse(place.value) == "detail" and isinstance(place.slice, ast.Constant):
                    found.add(str(place.slice.value))
            elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(
                ("AuditEntry", ".record", "StepRecord")
            ):
                found |= {name for argument in node.args for name in _names_in(argument)}
    return found


def _names_in(node: ast.AST) -> set[str]:
    return {
        str(key.value)
        for one in ast.walk(node)
        if isinstance(one, ast.Dict)
        for key in one.keys
        if isinstance(key, ast.Constant)
    }


def test_every_detail_of_the_log_has_a_name_and_no_name_is_left_over() -> None:
    named = {key.removeprefix("detail.") for key in group_of("detail")}
    written = detail_keys()
    assert len(written) > 40
    assert sorted(written - named) == []
    assert [
        name for name in sorted(named) if f'"{name}"' not in SOURCE and f"{name}=" not in SOURCE
    ] == []
