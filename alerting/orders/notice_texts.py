"""Texts to people whom an order holds or cuts off: why, until when, and how to object.

A centre sets texts of its own by tenant, typology and kind of order; the most specific one that fits is used,
and the defaults below where none does. A notice names no suspect and nothing about the evidence, since a
swindler may read along.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

NoticeOccasion = Literal["stopped", "released", "objection_refused"]
Language = Literal["zh", "en"]

FIELDS = ("typology", "until", "contact", "order_id", "reason")
"""Placeholders of a text; ``until`` is local time."""

DEFAULTS: dict[tuple[str, str], dict[Language, str]] = {
    ("stopped", "hold_transfer"): {
        "zh": "【反诈中心】因涉嫌{typology}，您的一笔转账已被依法临时止付，至{until}。如有异议，请致电{contact}并报编号{order_id}，将由他人复核。",
        "en": "[Anti-fraud centre] A transfer of yours is held until {until}: signs of fraud ({typology}). To object, call {contact} and give {order_id}; another person will decide.",
    },
    ("stopped", "stop_account"): {
        "zh": "【反诈中心】因涉嫌{typology}，该账户已被依法临时止付，至{until}。如有异议，请致电{contact}并报编号{order_id}，将由他人复核。",
        "en": "[Anti-fraud centre] This account is stopped until {until}: signs of fraud ({typology}). To object, call {contact} and give {order_id}; another person will decide.",
    },
    ("stopped", "suspend_line"): {
        "zh": "【反诈中心】因涉嫌{typology}，该号码已被依法临时停机，至{until}。如有异议，请致电{contact}并报编号{order_id}，将由他人复核。",
        "en": "[Anti-fraud centre] This line is suspended until {until}: signs of fraud ({typology}). To object, call {contact} and give {order_id}; another person will decide.",
    },
    ("released", ""): {
        "zh": "【反诈中心】编号{order_id}的止付或停机已解除。如仍无法使用，请致电{contact}。",
        "en": "[Anti-fraud centre] What {order_id} stopped is released. If it still does not work, call {contact}.",
    },
    ("objection_refused", ""): {
        "zh": "【反诈中心】对编号{order_id}的异议经复核未予支持：{reason}。您可依法申请行政复议，咨询请致电{contact}。",
        "en": "[Anti-fraud centre] Your objection to {order_id} was refused: {reason}. You may ask for an administrative review; call {contact}.",
    },
}
"""Text by occasion and kind of order (empty for every kind), in both languages."""


@dataclass(frozen=True, slots=True)
class NoticeText:
    """A text of a centre; an empty tenant, typology or kind fits all."""

    occasion: NoticeOccasion
    language: Language
    text: str
    tenant: str = ""
    typology: str = ""
    kind: str = ""


def choose_text(
    texts: Sequence[NoticeText],
    occasion: NoticeOccasion,
    language: Language,
    *,
    tenant: str,
    typology: str,
    kind: str,
) -> str:
    """The most specific text that fits: tenant before typology before kind; else the default."""
    fitting = [
        text
        for text in texts
        if (text.occasion, text.language) == (occasion, language)
        and text.tenant in ("", tenant)
        and text.typology in ("", typology)
        and text.kind in ("", kind)
    ]
    if fitting:
        return max(
            fitting, key=lambda text: (bool(text.tenant), bool(text.typology), bool(text.kind))
        ).text
    found = DEFAULTS.get((occasion, kind)) or DEFAULTS[occasion, ""]
    return found[language]
