"""Names that columns of a meaning usually have, and words that their cells usually hold."""

NAMES = {
    "event_id": r"(?i)(?:.*\bid|.*_id|uuid|ref|reference|serial|receipt.*|.*流水.*|.*单号|.*编号|.*transaktionscode.*|sid)",
    "start": r"(?i)(?:.*start.*|.*begin.*|.*setup.*|.*originat.*|起始.*|开始.*|.*beginn.*)",
    "answer": r"(?i)(?:.*answer.*|(?!.*dis).*connect.*|.*接通.*|.*应答.*)",
    "end": r"(?i)(?:.*end.*|.*stop.*|.*disconnect.*|.*release.*|结束.*|.*ende.*)",
    "time": r"(?i)(?:.*time.*|.*date.*|.*stamp.*|\bat\b|.*时间.*|.*日期.*|.*日時.*|.*datum.*|fecha.*|data.*|created.*|posted.*|booked.*)",
    "clock": r"(?i)(?:.*time.*|.*uhrzeit.*|zeit|.*heure.*|.*hora.*|.*\bora\b.*|tijd|.*clock.*|.*时间.*|.*时刻.*)",
    "duration": r"(?i)(?:.*dur.*|.*talk.*|.*billsec.*|.*second.*|.*时长.*|.*dauer.*)",
    "caller": r"(?i)(?:.*caller.*|.*calling.*|a_?number|\ba\b|src|.*from.*|主叫.*|.*anrufer.*)",
    "callee": r"(?i)(?:.*callee.*|.*called.*|b_?number|\bb\b|dst|dest.*|\bto\b|被叫.*|.*dialled.*|.*angerufen.*)",
    "subscriber": r"(?i)(?:.*subscriber.*|.*msisdn.*|phone|mobile|.*customer.*|.*owner.*|用户号码|手机号.*|本机.*|telefon.*)",
    "direction": r"(?i)(?:.*direction.*|\bdir\b|.*收付.*|.*收/支.*|.*借贷.*|通信方式|呼叫类型|.*debit.*credit.*|.*indicator.*|"
    r"(?:dr|d)[ _/-]*(?:cr|c)|(?:cr|c)[ _/-]*(?:dr|d)|soll.*haben|af.?bij)",
    "answered": r"(?i)(?:.*answered.*|.*result.*|.*disposition.*|\bres\b|.*状态.*|.*status.*|.*cause.*)",
    "amount": r"(?i)(?:.*amount.*|.*amt.*|.*value.*|yuan|.*金额.*|.*betrag.*|brutto|gross|montant.*|importe.*|importo.*|valor.*|bedrag.*|"
    r"belopp.*)",
    "payer": r"(?i)(?:.*payer.*|.*debtor.*|\bfrom\b|.*from_acc.*|.*sender.*|.*buyer.*|付款.*)",
    "payee": r"(?i)(?:.*payee.*|.*creditor.*|\bto\b|.*to_acc.*|.*receiver.*|.*beneficiary.*|.*seller.*|收款.*)",
    "debit": r"(?i)(?:debit.*|.*withdraw.*|.*paid.out.*|.*money.out.*|.*借方.*|.*支出.*|soll|"
    r".*belastung.*|débit.*|debe|cargos?|uscite|dare)",
    "credit": r"(?i)(?:credit.*|.*deposit.*|.*paid.in.*|.*money.in.*|.*贷方.*|.*收入.*|存入.*|haben|"
    r".*gutschrift.*|crédit.*|haber|abonos?|entrate|avere)",
    "own": r"(?i)(?:own.*|.*本方.*|.*交易卡号.*|card.*|.*my_acc.*|account|account_?(?:no|number|id)|卡号|账号|iban)",
    "other": r"(?i)(?:.*oppos.*|.*counter.*|.*other.*|.*partner.*|.*对手.*账.*|.*对方.*|.*gegen.*)",
    "balance": r"(?i)(?:.*balance.*|.*余额.*|.*saldo.*)",
    "status": r"(?i)(?:.*status.*|.*state.*|.*状态.*|.*成功.*)",
    "currency": r"(?i)(?:.*currency.*|\bcur\b|\bccy\b|.*币种.*|währung)",
}  # fmt: skip
"""Names that columns of a meaning usually have; a name is a hint, the cells decide."""

DIRECTION_WORDS = {
    "mt": "in", "in": "in", "inbound": "in", "incoming": "in", "i": "in", "被叫": "in", "进": "in", "贷": "in",
    "收入": "in", "credit": "in", "crdt": "in", "cr": "in", "c": "in", "h": "in", "haben": "in", "bij": "in", "转入": "in",
    "received": "in", "crédit": "in", "呼入": "in", "来电": "in", "入": "in", "eingang": "in", "eingehend": "in",
    "dr": "out", "d": "out", "s": "out", "soll": "out", "af": "out", "转出": "out", "sent": "out", "débit": "out",
    "呼出": "out", "去电": "out", "ausgang": "out", "ausgehend": "out", "mo": "out", "out": "out", "outbound": "out", "outgoing": "out",
    "o": "out", "主叫": "out", "出": "out", "借": "out", "支出": "out", "debit": "out", "dbit": "out",
}  # fmt: skip
ANSWERED_WORDS = {
    "answered": True, "answer": True, "yes": True, "true": True, "completed": True, "ok": True, "已接": True,
    "接通": True, "noanswer": False, "no answer": False, "no-answer": False, "busy": False, "failed": False,
    "cancelled": False, "canceled": False, "congestion": False, "rejected": False, "missed": False, "no": False,
    "false": False, "未接": False, "未接通": False,
}  # fmt: skip
STATUS_WORDS = {
    "completed": "completed", "complete": "completed", "done": "completed", "ok": "completed", "booked": "completed",
    "posted": "completed", "success": "completed", "成功": "completed", "交易成功": "completed", "pending": "attempted",
    "new": "attempted", "attempted": "attempted", "处理中": "attempted", "refund": "reversed", "refunded": "reversed",
    "reversed": "reversed", "退款": "reversed", "冲正": "reversed", "blocked": "blocked", "held": "blocked", "paid": "completed", "settled": "completed",
}  # fmt: skip
