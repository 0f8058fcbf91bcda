"""The annex: small, exact and refused when it is not one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forewarn.errors import ArtifactError
from models.policy.warning_history import (
    MAX_WARNINGS,
    SEVERITIES,
    STATES,
    OpenWarning,
    WarningHistory,
    warning_id,
)

warnings = st.builds(
    OpenWarning,
    subject=st.integers(0, 2**64 - 1),
    raised_ms=st.integers(0, 2**42),
    severity=st.sampled_from(SEVERITIES),
    state=st.sampled_from(STATES),
    revision=st.integers(0, 2**16 - 1),
    probability=st.floats(0, 1),
    exempt=st.booleans(),
)


@given(st.lists(warnings, max_size=MAX_WARNINGS), st.integers(0, 2**42))
def test_bytes_give_back_the_history(some: list[OpenWarning], cleared: int) -> None:
    history = WarningHistory(tuple(some), cleared)
    assert WarningHistory.decode(history.encode()) == history


def test_nearly_everyone_has_no_bytes_at_all() -> None:
    assert WarningHistory().encode() == b""
    assert WarningHistory.decode(b"") == WarningHistory()


def test_the_annex_is_bounded_and_forgets_the_oldest() -> None:
    history = WarningHistory()
    for number in range(3 * MAX_WARNINGS):
        history = history.put(OpenWarning(subject=number, raised_ms=number, severity="high"))
    assert len(history.warnings) == MAX_WARNINGS
    assert len(history.encode()) <= 360
    assert history.warnings[0].raised_ms == 2 * MAX_WARNINGS


def test_revisions_without_end_do_not_stop_the_worker() -> None:
    """A source may repeat one transfer's status for a day."""
    history = WarningHistory().put(
        OpenWarning(subject=1, raised_ms=1, severity="high", revision=70_000)
    )
    assert WarningHistory.decode(history.encode()).warnings[0].revision == 65_535


@pytest.mark.parametrize("data", [b"x", b"\x02" * 10, b"\x01\x01" + b"\0" * 8, b"\xff" * 39])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ArtifactError, match="warning history"):
        WarningHistory.decode(data)


def test_a_warnings_id_depends_on_tenant_person_and_subject_only() -> None:
    ids = {warning_id(t, s, c) for t in ("a", "b") for s in (1, 2) for c in (1, 2)}
    assert len(ids) == 8
    assert warning_id("a", 1, 2) == warning_id("a", 1, 2)
    assert all(len(one) == 25 for one in ids)
