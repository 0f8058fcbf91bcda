"""Compile the kernel in advance: ``python -m features.precompile``.

Every entry point is called with the types of the engine, so that no event waits for a compilation.
``models.machine_code`` does this and compiles the walks over a model's trees, too.
"""

import time

from features import kinds
from features.engine import Engine
from features.event_columns import from_arrays
from features.kernel.compilation import KERNEL


def precompile() -> float:
    """Compile what is not in the cache yet, and load the rest; the seconds taken."""
    began = time.perf_counter()
    engine = Engine()
    columns = from_arrays(
        kind=[1, 4],
        time_ms=[1, 2],
        subscriber=[1, 1],
        counterparty=[2, 3],
        device=[0, 4],
        subject=[5, 6],
        amount_minor=[0, 7],
        flags=[kinds.INBOUND, kinds.ACCOUNT],
        source=[0, 1],
        offset=[0, 0],
    )
    plan = engine.plan(columns)
    result = engine.run(plan)
    writes = result.writes()
    engine.run(plan, [write.value for write in writes])
    engine.reapply(plan, result, {writes[1].key: writes[1].value})
    result.has_annex.any()  # the policy reads the annexes
    return time.perf_counter() - began


def main() -> str:
    """Compile or load the kernel; says which of both happened, how long it took, and where the code is."""
    before = KERNEL.files()
    seconds = precompile()
    how = "compiled" if KERNEL.files() > before else "loaded"
    return f"kernel {how} in {seconds:.1f} s: {KERNEL.directory}"


if __name__ == "__main__":
    print(main())  # noqa: T201 - a command's answer
