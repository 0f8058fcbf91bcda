"""The catalog is data: complete, consistent, and the page about it is current."""

from dataclasses import replace

import pytest

from features.catalog import CATALOG, Catalog
from features.catalog.semantics import WINDOWS


def test_every_feature_is_declared_whole() -> None:
    """At least 80, each with a reason; names carry their window; all windows are used."""
    assert len(CATALOG.names) >= 80
    for feature in CATALOG.features:
        assert feature.why.endswith(".")
        assert feature.kinds
        assert feature.unit
        if feature.window:
            assert feature.window in feature.name
    assert {feature.window for feature in CATALOG.features} == {*WINDOWS, ""}


def test_the_program_fills_every_slot_once() -> None:
    """Each feature is computed by one row of one block."""
    program, bounds = CATALOG.program
    assert sorted(program[:, 0].tolist()) == list(range(len(CATALOG.names)))
    assert bounds[-1] == len(program)


def test_the_fingerprint_is_of_the_meaning() -> None:
    """Any declaration, the order and the local time change it; nothing else does."""
    assert Catalog(CATALOG.features).fingerprint == CATALOG.fingerprint
    other = [
        Catalog(CATALOG.features, utc_offset_minutes=0),
        Catalog(tuple(reversed(CATALOG.features))),
        Catalog((replace(CATALOG.features[0], why="Because."), *CATALOG.features[1:])),
        Catalog(CATALOG.features[1:]),
    ]
    assert len({c.fingerprint for c in [CATALOG, *other]}) == 5


def test_a_catalog_that_cannot_work_is_refused() -> None:
    """Names twice, or features missing that the kernel itself reads."""
    with pytest.raises(ValueError, match="declared twice: amount"):
        Catalog((*CATALOG.features, CATALOG.explain("amount")))
    without = tuple(f for f in CATALOG.features if f.name != "number_confirmed")
    with pytest.raises(ValueError, match="the kernel needs number_confirmed"):
        Catalog(without)


def test_a_reason_code_leads_to_its_declaration() -> None:
    """A reason code in a warning leads to its declaration."""
    assert CATALOG.explain("on_call_now").why.startswith("The victim is on the phone")
    with pytest.raises(ValueError):
        CATALOG.explain("no_such_feature")
