"""What a person types into the console is kept until it was sent, in every form."""

import re
from pathlib import Path

TEMPLATES = Path("alerting/web/console/templates")
FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.DOTALL)
TYPED = re.compile(r'<textarea|<input(?![^>]*type="(?:hidden|radio|checkbox|file|password)")')
SHORT = {
    "/console/sign-in": "a name and a password",
    "/console/search": "a number, which is not to be stored",
    "/console/filters": "the name of a filter",
    "/console/cases/{{ case.case_id }}/person": "a reason that opens a page",
    "/console/cases/{{ case.case_id }}/three-way-calls": "a number, which is not to be stored",
    "/console/cases/{{ case.case_id }}/evidence": "the answer is a file, so the page stays",
    "/console/clues": "a file, which browsers do not fill in again",
}
"""Forms without a draft, and why."""


def test_every_form_in_which_a_person_writes_keeps_a_draft() -> None:
    without = set()
    for file in TEMPLATES.rglob("*.html"):
        for attributes, fields in FORM.findall(file.read_text(encoding="utf-8")):
            typed = TYPED.search(fields) and 'method="get"' not in attributes
            if typed and "data-draft" not in attributes:
                without |= set(re.findall(r'\baction="([^"]*)"', attributes))
    assert without == set(SHORT)
