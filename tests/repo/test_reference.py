"""The generated pages are those that the code of this commit generates."""

import json
import re
from pathlib import Path

import jsonschema
import pytest

from features.offline.event_files import S3_VARIABLES
from forewarn.contracts import (
    CallStarted,
    Transfer,
    encode,
)
from forewarn.contracts.topics import topic_specs
from forewarn.platform.settings import AlertingOptions, KafkaSettings
from forewarn.reference import pages
from forewarn.reference.schema_files import TOPICS
from forewarn.reference.settings_page import sections, settings_of

DOCS = Path(__file__).parents[2] / "docs"


def test_every_generated_page_is_current() -> None:
    stale = [
        str(path)
        for path, text in pages().items()
        if not (DOCS / path).is_file() or (DOCS / path).read_text(encoding="utf-8") != text
    ]
    assert not stale, f"run `forewarn reference`: {stale}"


def test_every_topic_has_a_schema() -> None:
    assert set(TOPICS) == set(topic_specs(KafkaSettings()))


CALL = CallStarted(
    event_id="e1",
    event_time_ms=1_772_413_928_000,
    subscriber="+8613800000001",
    call_id="c1",
    direction="inbound",
    caller="+8613800000002",
    callee="+8613800000001",
)
TRANSFER = Transfer(
    event_id="e2",
    event_time_ms=1_772_413_928_000,
    subscriber="+8613800000001",
    transfer_id="t1",
    status="attempted",
    payer_account="a",
    payee_account="b",
    amount_minor=100,
)


@pytest.mark.parametrize(("topic", "event"), [("calls", CALL), ("transfers", TRANSFER)])
def test_published_schemas_accept_what_we_send_and_refuse_what_we_refuse(
    topic: str, event: CallStarted | Transfer
) -> None:
    schema = json.loads((DOCS / "schemas" / f"{topic}.json").read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)
    value = json.loads(encode(event))
    validator.validate(value)
    for wrong in (
        {key: value[key] for key in value if key != "subscriber"},
        value | {"subscriber": "not a phone"},
        value | {"event_time_ms": -1},
    ):
        with pytest.raises(jsonschema.ValidationError):
            validator.validate(wrong)


def _fields() -> list[tuple[str, str, str]]:
    """Section, variable and name of every settings field."""
    return [
        (section.__name__, f"{section.model_config['env_prefix']}{name.upper()}", name)
        for section in sections()
        for name in settings_of(section)
    ]


def test_every_setting_says_what_it_means() -> None:
    silent = [
        f"{section.__name__}.{name}"
        for section in sections()
        for name, field in settings_of(section).items()
        if not field.description
    ]
    assert not silent


def test_every_option_says_what_it_means_and_is_read() -> None:
    code = "\n".join(
        path.read_text(encoding="utf-8") for path in (DOCS.parent / "alerting").rglob("*.py")
    )
    for table, field in AlertingOptions.model_fields.items():
        assert field.annotation is not None
        assert re.search(rf"options\.{table}\b", code), table
        whole = f"options.{table}.model_dump()" in code
        for name, value in field.annotation.model_fields.items():
            assert value.description, f"{table}.{name}"
            assert whole or re.search(rf"\.{name}\b", code), f"{table}.{name}"


def test_every_variable_that_code_reads_by_itself_is_on_the_page_of_settings() -> None:
    """Beside the sections: `os.environ["NAME"]`, `.get("NAME")`, `.get(CONSTANT)` and `os.getenv`."""
    page = (DOCS / "settings.md").read_text(encoding="utf-8")
    found: set[str] = set()
    for part in ("forewarn", "features", "models", "streams", "alerting"):
        for path in (DOCS.parent / part).rglob("*.py"):
            code = path.read_text(encoding="utf-8")
            named = dict(re.findall(r"^([A-Z_]+) = \"([A-Z_]+)\"$", code, re.MULTILINE))
            for name in re.findall(r"(?:environ(?:\.get)?|getenv)[\[(]([^\])(,]+)", code):
                found.add(named.get(name, name.strip("\"'")))
    found |= {name for names in S3_VARIABLES.values() for name in names}
    assert {"FOREWARN_TRACEBACK", "FOREWARN_SECRETS_DIR", "JAVA_HOME"} <= found
    assert not [name for name in found if f"`{name}`" not in page]


def test_every_setting_is_read() -> None:
    """A variable that changes nothing is worse than none: an operator relies on it."""
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for part in ("forewarn", "features", "models", "streams", "alerting")
        for path in (DOCS.parent / part).rglob("*.py")
    )
    # Some are read by a name that is put together, as `{severity}_deadline_seconds` is.
    unread = [
        variable
        for _, variable, name in _fields()
        if not re.search(rf"\.{name}\b|[\"']{name}[\"']", code)
        and not re.search(rf"\}}_{name.partition('_')[2]}\b", code)
    ]
    assert not unread
