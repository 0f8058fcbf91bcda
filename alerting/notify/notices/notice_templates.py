"""Texts of notices in Chinese and English. None names a victim, a number or an account."""

from typing import Literal

NOTICE_TEMPLATES: dict[str, dict[Literal["zh", "en"], str]] = {
    "rota_asked": {
        "zh": "【值班】{asked_by} 请您{kind}：{rota}，{times}。请在值班页面答复：{url}",
        "en": "[Rota] {asked_by} asks you for a {kind}: {rota}, {times}. Answer on the rota page: {url}",
    },
    "rota_changed": {
        "zh": "【值班】{rota} 有变动：{times}。{url}",
        "en": "[Rota] {rota} has changed: {times}. {url}",
    },
    "rota_declined": {
        "zh": "【值班】{asked_of} 未同意{kind}：{rota}，{times}。{url}",
        "en": "[Rota] {asked_of} declined the {kind}: {rota}, {times}. {url}",
    },
    "silence_begun": {
        "zh": "【静默开始】{what}，至 {until}，由 {who} 设置：{url}",
        "en": "[Silence began] {what}, until {until}, set by {who}: {url}",
    },
    "silence_ends_soon": {
        "zh": "【静默即将结束】{what}，{until} 结束，由 {who} 设置：{url}",
        "en": "[Silence ends soon] {what}, at {until}, set by {who}: {url}",
    },
    "silence_ended": {
        "zh": "【静默结束】{what}，{until} 结束，由 {who} 设置：{url}",
        "en": "[Silence ended] {what}, at {until}, set by {who}: {url}",
    },
    "return_visit_due": {
        "zh": "【回访】案件 {case_id}（辖区{district}）结案已 {hours} 小时，请回访：{url}",
        "en": "[Return visit] Case {case_id}, district {district}, closed {hours} hours ago: please look after the person. {url}",
    },
    "rota_gap": {
        "zh": "【值班空档】{team} {district} {times} 无人值班，请安排：{url}",
        "en": "[Rota gap] Team {team} {district}: no one is on call {times}. Please arrange cover: {url}",
    },
}
"""Text by template and language; fields in braces are filled by ``render``."""

CHANGE_KINDS: dict[Literal["zh", "en"], dict[str, str]] = {
    "zh": {"override": "调整", "take_over": "代班", "swap": "换班"},
    "en": {"override": "change", "take_over": "take-over", "swap": "swap"},
}
