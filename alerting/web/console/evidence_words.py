"""The words of an evidence pack in one language: texts, terms, reasons and details."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from alerting.cases.playbooks.playbook import PlaybookFile
from alerting.evidence.evidence_document import EvidenceWords
from alerting.web.console.detail_texts import DetailWords, detail_text
from alerting.web.console.translations import HTML_LANG
from forewarn.platform.words import Translator, reason_text, span


def evidence_words(t: Translator, zone: ZoneInfo, playbooks: PlaybookFile) -> EvidenceWords:
    """The words of a pack.

    Args:
        t: of the language of the pack.
        zone: of the times within details.
        playbooks: word the tasks that were ticked.
    """

    def reason(row: Mapping[str, Any], currency: str) -> str:
        return reason_text(row["code"], row.get("value"), currency, t)

    def detail(row: Mapping[str, Any], currency: str) -> str:
        words = DetailWords(
            t,
            zone,
            currency=currency,
            task=lambda typology, key: playbooks.task_text(typology, key, t.language),
        )
        return detail_text(row, words)

    return EvidenceWords(
        language=HTML_LANG[t.language],
        text=t,
        term=t.term,
        reason=reason,
        detail=detail,
        span=lambda milliseconds: span(milliseconds, t),
    )
