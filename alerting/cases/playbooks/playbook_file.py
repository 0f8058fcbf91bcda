"""Reads and validates a file of playbooks; every fault is named with its place."""

import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import get_args

from alerting.cases.playbooks.playbook import MESSAGES, Bilingual, Language, Playbook, PlaybookFile
from alerting.service_metrics import PLAYBOOK_FAULTS
from forewarn.contracts.fraud_warning import Typology
from forewarn.platform.struct_file import StructFile
from forewarn.platform.watched_file import RELOAD_SECONDS, WatchedFile

TYPOLOGIES: tuple[str, ...] = get_args(Typology)
MAX_SENTENCE = 300
MAX_ITEMS = 20
KEY = re.compile(r"[a-z][a-z0-9_]{1,39}")
PLACEHOLDER = re.compile(r"[{}]|https?://|\d{7,}")
"""In a text to a person: a placeholder is not filled, and a link or long number is what frauds send."""


def default_playbooks() -> PlaybookFile:
    """The playbooks that the package brings."""
    text = resources.files(__package__).joinpath("playbooks.toml").read_text(encoding="utf-8")
    return parse_playbooks(text)


def load_playbooks(path: Path) -> PlaybookFile:
    """Read a file; raises ConfigurationError naming every fault."""
    return PLAYBOOKS.load(path)


def parse_playbooks(text: str) -> PlaybookFile:
    """Parse and validate the text of a file; raises ConfigurationError."""
    return PLAYBOOKS.parse(text)


def _faults(found: PlaybookFile) -> Iterator[str]:
    names = [playbook.typology for playbook in found.playbooks]
    if found.version < 1:
        yield "version is under 1"
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{name!r} has two playbooks"
    for name in sorted(set(names) - set(TYPOLOGIES)):
        yield f"{name!r} is not a typology"
    if "unknown" not in names:
        yield "there is no playbook for 'unknown', which typologies without their own use"
    for playbook in found.playbooks:
        yield from _playbook_faults(playbook)


def _playbook_faults(playbook: Playbook) -> Iterator[str]:
    place = playbook.typology
    for name in ("ask", "say", "avoid", "tasks"):
        if not 1 <= len(getattr(playbook, name)) <= MAX_ITEMS:
            yield f"{place}.{name} has not 1 to {MAX_ITEMS} entries"
    for name in ("ask", "say", "avoid"):
        for number, sentence in enumerate(getattr(playbook, name)):
            yield from _sentence_faults(sentence, f"{place}.{name}[{number}]")
    yield from _task_faults(playbook)
    for template, sentence in playbook.messages.items():
        where = f"{place}.messages.{template}"
        if template not in MESSAGES:
            yield f"{where} is not one of {', '.join(MESSAGES)}"
        yield from _sentence_faults(sentence, where)
        if PLACEHOLDER.search(sentence.zh + sentence.en):
            yield f"{where} has a brace, a link or a long number"


def _task_faults(playbook: Playbook) -> Iterator[str]:
    place = playbook.typology
    keys = [task.key for task in playbook.tasks]
    for key in sorted({key for key in keys if keys.count(key) > 1}):
        yield f"{place}: task {key!r} is there twice"
    for task in playbook.tasks:
        if not KEY.fullmatch(task.key):
            yield f"{place}: {task.key!r} is not a key of small letters, digits and _"
        yield from _sentence_faults(task.text, f"{place}.tasks.{task.key}")


def _sentence_faults(sentence: Bilingual, place: str) -> Iterator[str]:
    for language in ("zh", "en"):
        text = getattr(sentence, language)
        if not text.strip() or len(text) > MAX_SENTENCE:
            yield f"{place}.{language} is empty or over {MAX_SENTENCE} characters"
        if any(ord(character) < 32 for character in text):
            yield f"{place}.{language} has a control character"


PLAYBOOKS = StructFile(
    PlaybookFile,
    name="The playbooks",
    setting="FOREWARN_ALERTING_PLAYBOOKS_FILE",
    check="forewarn alerting check-playbooks FILE",
    faults=_faults,
    verb="are",
)


class PlaybookSource(WatchedFile[PlaybookFile]):
    """The playbooks in use: read again when their file changes, and never replaced by faulty ones.

    Raises:
        ConfigurationError: the file is faulty at the start.
    """

    def __init__(self, path: Path | None, *, reload_seconds: float = RELOAD_SECONDS) -> None:
        super().__init__(
            path,
            load_playbooks,
            default=default_playbooks(),
            name="playbooks",
            reload_seconds=reload_seconds,
            on_refused=PLAYBOOK_FAULTS.inc,
        )

    def message(self, typology: str, template: str, language: Language) -> str:
        """The typology's own words for a template, as the file in use has them."""
        return self.current.message(typology, template, language)
