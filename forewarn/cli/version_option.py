"""``forewarn --version``: what a state, a model, a database and a producer have to fit."""

from collections.abc import Iterator

import msgspec

from features.catalog import CATALOG
from forewarn import __version__
from forewarn.contracts import CallStarted
from forewarn.platform.build_identity import commit


def identity() -> Iterator[tuple[str, str]]:
    """Version, commit, fingerprint of the features, schema of events, revision of the database."""
    fields = {field.name: field.default for field in msgspec.structs.fields(CallStarted)}
    yield "forewarn", __version__
    yield "commit", commit()
    yield "catalog", CATALOG.fingerprint
    yield "events", f"schema {fields['schema_version']}"
    try:
        from alerting.db.migrate import head_revision  # noqa: PLC0415  of the extra `console`
    except ModuleNotFoundError:
        yield "database", "not installed; pip install 'forewarn[console]'"
    else:
        yield "database", f"revision {head_revision()}"
