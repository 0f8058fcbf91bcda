"""A change of what features mean is visible: by the fingerprint where it is a number, by a version where not."""

import hashlib
import random

import pytest

from features import kinds
from features.catalog import CATALOG, Catalog, semantics
from features.engine import Engine
from features.event_columns import EventColumns, from_arrays
from features.kinds import EventKind as K

GOLDEN = {
    1: "of before this test",
    2: "of another village",
    3: "366fd783e2ef6fa15cab2c2e887568531436823bd0a05bb58bce8a3f6de5ffe0",
    4: "be2aa86b9073ab6c3ed9aa088938dd5b95e738911eba40a640d0343f7d367e1f",
    5: "77866079103c604e4938384e8ba31a0236dbe1da2c047b1d7995f913227eefbb",
    6: "647002b571d8ad3e6580205a44d1d00de8b7481c433a1a172ee4a88c996a3e57",
}
"""Digest of the vectors of :func:`village` by the version of the semantics. Never change an entry."""


def village(n: int = 3000) -> EventColumns:
    """Few people with every kind of event, by nothing but a generator that Python promises to keep."""
    draw = random.Random(20260105).random

    def one_of(*choices: int) -> int:
        return choices[int(draw() * len(choices))]

    table: dict[str, list[int]] = {}
    clock = 1_767_542_400_000
    for i in range(n):
        kind = one_of(*K, K.CALL_STARTED, K.CALL_ENDED, K.OUT_ATTEMPTED, K.OUT_COMPLETED)
        clock += one_of(900, 20_000, 300_000, 1_800_000, 7_200_000)
        call, outcome = kind <= K.CALL_ENDED, kind == K.OUTCOME
        account = K.OUT_ATTEMPTED <= kind <= K.IN_REVERSED or (outcome and draw() < 0.5)
        flags = one_of(0, 0, 0, 1) << kinds.REVISION_SHIFT
        if call:
            flags |= one_of(0, kinds.INBOUND, kinds.INBOUND) | one_of(0, 0, kinds.FOREIGN)
            flags |= one_of(0, kinds.ANSWERED) | one_of(0, 1, 2, 3) << kinds.ATTESTATION_SHIFT
        elif outcome:
            flags |= one_of(0, kinds.CONFIRMED, kinds.CLEARED)
        elif kind == K.LINE_CHANGED:
            flags |= one_of(0, kinds.FORWARDING) | one_of(0, kinds.ACTIVE)
        else:
            flags |= int(draw() * 8) << kinds.PURPOSE_SHIFT
        row = {
            "kind": kind,
            "time_ms": clock - one_of(0, 0, 0, 0, 60_000, 90_000_000),
            "subscriber": one_of(1, 2, 3, 4) if i % 8 else 10 + int(draw() * 30),
            "counterparty": 0 if kind == K.LINE_CHANGED else 100 + int(draw() * draw() * 40),
            "device": one_of(0, 8, 9),
            "subject": 1 + i // 2 - int(draw() * min(20, i / 2)),  # often one of the latest
            "amount_minor": 0 if call else int(draw() * 1_000_000),
            "duration_ms": int(draw() * 1_500_000) if kind == K.CALL_ENDED else 0,
            "flags": flags | (kinds.ACCOUNT if account else 0),
            "source": 0 if kind <= K.LINE_CHANGED else 1 if kind < K.OUTCOME else 2,
            "offset": i,
        }
        for name, value in row.items():
            table.setdefault(name, []).append(int(value))
    return from_arrays(**table)


def test_the_vectors_of_a_fixed_history_change_with_the_version_only() -> None:
    """The vectors of a fixed history are those noted for this version.

    If this fails because the kernel means something else now: raise SEMANTICS_VERSION, which tells models
    that were trained before to stay away, and note the new digest under it.
    """
    engine = Engine()
    vectors = engine.run(engine.plan(village())).vectors
    assert hashlib.sha256(vectors.tobytes()).hexdigest() == GOLDEN[semantics.SEMANTICS_VERSION]
    assert max(GOLDEN) == semantics.SEMANTICS_VERSION
    assert len(set(GOLDEN.values())) == len(GOLDEN)


@pytest.mark.parametrize(
    "name", ["SUSPECT_LEVEL", "LONG_CALL_S", "WINDOW_TILES", "N_TRANSFERS", "STAGES"]
)
def test_the_fingerprint_covers_every_rule(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A threshold, a window or a memory of another size makes another catalog."""
    value = getattr(semantics, name)
    monkeypatch.setattr(semantics, name, value + 1 if name != "STAGES" else value[:-1])
    assert Catalog(CATALOG.features).fingerprint != CATALOG.fingerprint
