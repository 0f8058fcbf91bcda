"""Train the default model in a process of its own: ``python -m forewarn.local.train_default [REGISTRY]``."""

import sys
import time

from forewarn.platform.exit_status import run
from forewarn.platform.settings import ModelsSettings, load
from forewarn.simulator.default_training import train_default
from models.registry import open_registry


def main(*registry: str) -> None:
    """Train, add to the registry (of the settings), and make it champion; prints the steps."""
    settings = load(ModelsSettings, **({"registry": registry[0]} if registry else {}))
    began = time.monotonic()

    def tell(step: str) -> None:
        print(f"{time.monotonic() - began:5.1f} s  {step}", flush=True)  # noqa: T201  its log

    train_default(
        open_registry(settings),
        now_ms=time.time_ns() // 1_000_000,
        signing_key=settings.signing_key.get_secret_value().encode(),
        progress=tell,
    )
    tell("done")


if __name__ == "__main__":
    sys.exit(run(lambda: main(*sys.argv[1:])))
