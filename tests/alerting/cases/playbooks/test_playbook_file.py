"""The playbooks that the package brings, and faulty files, which never replace a good one."""

import threading
from pathlib import Path
from typing import get_args

import pytest

from alerting.cases.playbooks.playbook import MESSAGES, skipped_tasks
from alerting.cases.playbooks.playbook_file import (
    PlaybookSource,
    default_playbooks,
    parse_playbooks,
)
from alerting.notify.dispatch.message_templates import TEMPLATES
from forewarn.contracts.fraud_warning import Typology
from forewarn.errors import ConfigurationError

GOOD = """
version = 2
[[playbooks]]
typology = "unknown"
ask = [{ zh = "问", en = "ask" }]
say = [{ zh = "说", en = "say" }]
avoid = [{ zh = "不要", en = "avoid" }]
tasks = [{ key = "one", owner = "responder", text = { zh = "一", en = "one" } }]
"""


def test_every_typology_has_careful_defaults_of_its_own() -> None:
    found = default_playbooks()
    assert {playbook.typology for playbook in found.playbooks} == set(get_args(Typology))
    for playbook in found.playbooks:
        assert any(task.required for task in playbook.tasks), playbook.typology
        assert len(playbook.avoid) >= 2, playbook.typology
    texts = [text for playbook in found.playbooks for text in playbook.messages.values()]
    assert len(texts) > len(get_args(Typology)) - 2
    assert all("96110" in text.zh and "96110" in text.en for text in texts)


def test_a_playbook_words_templates_that_exist() -> None:
    assert set(MESSAGES) <= set(TEMPLATES)


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ("version = 2", "version = 0", "version"),
        ('"unknown"', '"unheard_of"', "typology"),
        ('zh = "问"', 'zh = ""', "ask[0].zh"),
        ('en = "say"', f'en = "{"x" * 301}"', "say[0].en"),
        ('key = "one"', 'key = "One!"', "key"),
        ('owner = "responder"', 'owner = "minister"', "owner"),
        ('avoid = [{ zh = "不要", en = "avoid" }]', "avoid = []", "avoid"),
        ("version = 2", "version = 2\nunheard = 1", "unheard"),
        ("[[playbooks]]", "[[playbooks", "TOML"),
    ],
)
def test_a_fault_is_named_with_its_place(old: str, new: str, names: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        parse_playbooks(GOOD.replace(old, new))
    assert names in str(raised.value)


@pytest.mark.parametrize("text", ["{case_id}", "https://x.example", "拨打13800001111", "a }"])
def test_a_text_to_a_person_has_no_link_number_or_placeholder(text: str) -> None:
    message = f'[playbooks.messages]\nvictim_warning = {{ zh = "{text}", en = "x" }}\n'
    with pytest.raises(ConfigurationError):
        parse_playbooks(GOOD + message)


def test_a_file_is_read_again_and_a_faulty_one_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "playbooks.toml"
    file.write_text(GOOD)
    source = PlaybookSource(file, reload_seconds=1)
    assert source.current.version == 2
    file.write_text(GOOD.replace("version = 2", "version = 31"))
    source.turn(threading.Event())
    assert source.current.version == 31
    file.write_text("version = 0")
    source.turn(threading.Event())
    assert (source.current.version, source.fault is None) == (31, False)


def test_tasks_are_left_out_only_where_the_person_was_reached() -> None:
    playbook = default_playbooks().of("task_scam")
    required = [task.key for task in playbook.tasks if task.required]
    assert skipped_tasks(playbook, [], "dissuaded") == required
    assert skipped_tasks(playbook, required[1:], "loss_occurred") == required[:1]
    assert skipped_tasks(playbook, required, "dissuaded") == []
    for other in ("false_alarm", "unreachable", "duplicate"):
        assert skipped_tasks(playbook, [], other) == []
