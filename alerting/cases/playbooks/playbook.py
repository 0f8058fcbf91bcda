"""The structure of a playbook, and which of its tasks a closed case left out: pure."""

from collections.abc import Collection
from typing import Literal

import msgspec

Language = Literal["zh", "en"]
Owner = Literal["responder", "supervisor", "patrol", "bank", "operator"]
MESSAGES = ("victim_warning", "victim_call", "relative_warning")
"""Templates that a playbook may word otherwise: a text, a call, a text to a relative."""

CONCLUDED = frozenset({"dissuaded", "loss_occurred"})
"""Dispositions of a case whose person was reached; the others leave no task undone."""


class Bilingual(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sentence in both languages."""

    zh: str
    en: str

    def __call__(self, language: Language) -> str:
        """The sentence in a language."""
        return self.zh if language == "zh" else self.en


class Task(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One task; ``key`` names it in histories, so it stays when its words change."""

    key: str
    owner: Owner
    text: Bilingual
    required: bool = True


class Playbook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Guidance for one typology; tasks are in the order in which they are done.

    ``ask``, ``say`` and ``avoid`` are sentences for the call; ``messages`` word the texts to the
    person or a relative otherwise than for all typologies.
    """

    typology: str
    ask: tuple[Bilingual, ...]
    say: tuple[Bilingual, ...]
    avoid: tuple[Bilingual, ...]
    tasks: tuple[Task, ...]
    messages: dict[str, Bilingual] = {}


class PlaybookFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file; ``version`` grows with every change and is kept with each tick."""

    version: int
    playbooks: tuple[Playbook, ...]

    def of(self, typology: str) -> Playbook:
        """The playbook of a typology, that of ``unknown`` for one without its own."""
        by_name = {playbook.typology: playbook for playbook in self.playbooks}
        return by_name.get(typology, by_name["unknown"])

    def task_text(self, typology: str, key: str, language: Language) -> str:
        """The words of a task by its key; the key of one that the playbook no longer has."""
        found = (task.text(language) for task in self.of(typology).tasks if task.key == key)
        return next(found, key)

    def message(self, typology: str, template: str, language: Language) -> str:
        """The typology's own words for a template; empty where it has none."""
        found = self.of(typology).messages.get(template)
        return "" if found is None else found(language)


def skipped_tasks(playbook: Playbook, done: Collection[str], disposition: str) -> list[str]:
    """The required tasks without a tick, of a case that closes with this outcome."""
    if disposition not in CONCLUDED:
        return []
    return [task.key for task in playbook.tasks if task.required and task.key not in done]
