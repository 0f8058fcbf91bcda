"""Texts of messages, in Chinese and English.

A message to a victim says what to do now and not what is known, since the swindler may read it. A
message to responders names the case and its address, with all numbers masked. Orders to banks and
operators are fields, not prose.
"""

from collections.abc import Mapping
from typing import Literal

from alerting.notify.notices.notice_templates import NOTICE_TEMPLATES

Language = Literal["zh", "en"]

TEMPLATES: dict[str, dict[Language, str]] = {
    "victim_warning": {
        "zh": "【反诈预警】您可能正在遭遇电信诈骗。请立即停止转账，挂断陌生来电，拨打96110核实。公检法机关不会电话办案，没有“安全账户”。",
        "en": "[Fraud alert] You may be the target of a scam right now. Do not transfer money, hang up, and call 96110. No authority asks you by phone to move money to a safe account.",
    },
    "victim_call": {
        "zh": "这里是反诈中心。您可能正在遭遇电信诈骗，请不要转账。请按一键接通民警，或拨打96110。",
        "en": "This is the anti-fraud centre. You may be the target of a scam. Please transfer no money. Press one to speak to an officer, or call 96110.",
    },
    "three_way_call": {
        "zh": "这里是反诈中心。正在为您接通另一位通话人，请不要挂断，也不要转账。",
        "en": "This is the anti-fraud centre. You are being connected with another person. Please stay on the line and transfer no money.",
    },
    "relative_warning": {
        "zh": "【反诈预警】您的家人可能正在遭遇电信诈骗且电话无法接通，请立即当面联系并劝阻转账，或拨打96110。",
        "en": "[Fraud alert] A relative of yours may be the target of a scam and cannot be reached by phone. Please see them in person now and keep them from transferring money, or call 96110.",
    },
    "low_warning": {
        "zh": "【反诈提醒】您近期的来电或转账有诈骗特征。不要向陌生人转账，不要透露验证码，有疑问请拨打96110核实。",
        "en": "[Fraud notice] A recent call or payment of yours looks like a scam. Send no money to strangers, keep codes to yourself, and call 96110 if in doubt.",
    },
    "trace": {
        "zh": "【{severity}】请立即追踪资金并申请止付：{case_id}，{typology}，辖区{district}，涉险{amount}：{url}",
        "en": "[{severity}] Open the money trail now and stop the accounts: {case_id}, {typology}, district {district}, {amount} at risk: {url}",
    },
    "sweep_advice": {
        "zh": "【反诈提醒】曾与您联系的号码或账户已被确认涉嫌诈骗。请勿转账，如已转账请立即拨打96110。",
        "en": "[Fraud notice] A number or account that was in contact with you is confirmed to belong to a fraud. Do not transfer money; if you have, call 96110 at once.",
    },
    "page": {
        "zh": "【{severity}】新预警 {case_id}，{typology}，辖区{district}，涉险{amount}，请在{minutes}分钟内响应：{url}",
        "en": "[{severity}] Case {case_id}, {typology}, district {district}, {amount} at risk. Respond within {minutes} min: {url}",
    },
    "escalation": {
        "zh": "【升级第{level}级】{case_id} 超时无人响应，{typology}，辖区{district}，涉险{amount}：{url}",
        "en": "[Escalation {level}] No response to {case_id}, {typology}, district {district}, {amount} at risk: {url}",
    },
    "alarm": {
        "zh": "【处置异常】{case_id} {problem}，{typology}，辖区{district}，处置人{holder}，涉险{amount}：{url}",
        "en": "[Check] {case_id}: {problem}. {typology}, district {district}, assigned to {holder}, {amount} at risk: {url}",
    },
    "follow_up": {
        "zh": "【督办】{case_id} {problem}，处置人{holder}，接手{held_minutes}分钟，{typology}，辖区{district}，涉险{amount}：{url}",
        "en": "[Follow up] {case_id}: {problem}. Assigned to {holder} for {held_minutes} min, {typology}, district {district}, {amount} at risk: {url}",
    },
    "patrol_visit": {
        "zh": "请上门：{case_id}，{typology}，辖区{district}，电话无法联系当事人：{url}",
        "en": "Please visit: {case_id}, {typology}, district {district}; the person cannot be reached by phone: {url}",
    },
    "bank_hold": {"zh": "请暂缓交易 {transfer_id}", "en": "Hold transfer {transfer_id}"},
    "order_notice": {"zh": "{text}", "en": "{text}"},
    "order": {"zh": "请执行指令 {order}：{order_id}", "en": "Carry out {order}: {order_id}"},
    "operator_suspend": {"zh": "请暂停涉诈通话", "en": "Suspend the fraudulent call"},
    "digest": {"zh": "共{count}起待响应：\n{lines}", "en": "Waiting cases: {count}\n{lines}"},
}
TEMPLATES |= NOTICE_TEMPLATES
"""Text by template and language; fields in braces are filled by ``render``."""

PROBLEMS: dict[str, dict[Language, str]] = {
    "hold_failed": {
        "zh": "银行拒绝或未收到止付指令",
        "en": "the bank refused or did not receive the hold",
    },
    "hold_not_confirmed": {"zh": "银行未确认止付", "en": "the bank has not confirmed the hold"},
    "suspension_failed": {
        "zh": "运营商拒绝或未收到停机指令",
        "en": "the operator refused or did not receive the suspension",
    },
    "suspension_not_confirmed": {
        "zh": "运营商未确认停机",
        "en": "the operator has not confirmed the suspension",
    },
    "patrol_failed": {"zh": "上门任务未能送达", "en": "no patrol received the task"},
    "patrol_found_nobody": {"zh": "上门未见到当事人", "en": "the patrol found no one"},
    "patrol_not_reported": {
        "zh": "上门任务尚无反馈",
        "en": "no patrol has reported yet",
    },
    "nobody_reached": {
        "zh": "当事人及亲属均无人接听",
        "en": "neither the person nor a relative answers",
    },
    "warning_came_back": {
        "zh": "已撤回的预警再次出现",
        "en": "the withdrawn warning was raised again",
    },
    "order_refused": {
        "zh": "银行或运营商拒绝执行指令",
        "en": "the bank or operator refused an order",
    },
    "order_not_confirmed": {"zh": "指令尚未得到确认", "en": "an order is not confirmed"},
    "order_runs_out_soon": {
        "zh": "止付或停机即将到期，请延长、转冻结或解除",
        "en": "an order expires soon: extend it, convert it to a freeze, or release it",
    },
    "order_ran_out": {
        "zh": "止付或停机已到期，已下达解除指令",
        "en": "an order expired, and its release was ordered",
    },
    "release_not_confirmed": {
        "zh": "解除指令尚未得到确认，已再次下达",
        "en": "a release is not confirmed and was ordered again",
    },
    "appeal_due_soon": {
        "zh": "一项异议即将到期，请由另一人复核",
        "en": "an objection is due soon: another person has to decide",
    },
    "appeal_overdue": {
        "zh": "一项异议已超期未决",
        "en": "an objection is overdue and not decided",
    },
    "no_contact_yet": {"zh": "接手后尚未联系当事人", "en": "no attempt to reach the person"},
    "no_outcome_yet": {"zh": "联系后尚无处置结果", "en": "no outcome since contact"},
}
"""Subjects of failure alerts and follow-ups, in words."""

SEVERITIES: dict[Language, dict[str, str]] = {
    "zh": {
        "extreme": "极危",
        "critical": "紧急",
        "high": "高",
        "medium": "中",
        "low": "低",
    },
    "en": {
        "extreme": "EXTREME",
        "critical": "CRITICAL",
        "high": "HIGH",
        "medium": "MEDIUM",
        "low": "LOW",
    },
}

TYPOLOGIES: dict[Language, dict[str, str]] = {
    "zh": {
        "police_impersonation": "冒充公检法",
        "task_scam": "刷单返利",
        "fake_customer_service": "冒充客服",
        "credit_loan": "虚假征信贷款",
        "investment_romance": "投资理财与杀猪盘",
        "boss_acquaintance": "冒充领导熟人",
        "family_emergency": "冒充亲属急事",
        "purchase_game": "虚假购物与游戏",
        "safe_account": "“安全账户”",
        "loan_refinance": "贷款置换",
        "mule": "涉案账户转移",
        "unknown": "类型待定",
    },
    "en": {},
}


def render(template: str, language: Language, fields: Mapping[str, object]) -> str:
    """The text of a message: that of a playbook in ``fields["text"]``, else that of the template."""
    own = fields.get("text")
    if isinstance(own, str) and own:
        return own
    return TEMPLATES[template][language].format_map(dict(fields))


def severity_name(severity: str, language: Language) -> str:
    """A severity in words."""
    return SEVERITIES[language][severity]


def problem_name(problem: str, language: Language) -> str:
    """The subject of an alert, in words."""
    return PROBLEMS[problem][language]


def typology_name(typology: str, language: Language) -> str:
    """A typology in words."""
    return TYPOLOGIES[language].get(typology, typology.replace("_", " "))


def digest(texts: list[str], language: Language) -> str:
    """Several messages to one recipient as one."""
    if len(texts) == 1:
        return texts[0]
    return render("digest", language, {"count": len(texts), "lines": "\n".join(texts)})
