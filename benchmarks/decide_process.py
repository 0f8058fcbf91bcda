"""Replicas of the decision service as processes, and payments to ask them about."""

import sys
import time
from datetime import date
from typing import Any

from benchmarks.world import World
from forewarn.contracts import Transfer
from forewarn.local.child_process import Child
from forewarn.local.ports import LOOPBACK, free_port
from streams.decisions.bank_keys import new_key


class DecideProcess(Child):
    """``forewarn decide serve`` with a key of its own file.

    Args:
        world: names and settings.
        name: of the process.
        settings: further environment variables.
    """

    def __init__(self, world: World, name: str, settings: dict[str, str] | None = None) -> None:
        self.port, self.probe_port = free_port(), free_port()
        keys = world.directory / "bank-keys.toml"
        key_file = world.directory / "bank-key"
        if not keys.exists():
            key, entry = new_key("bench", ["default"], ["decide"], date(2099, 1, 1), 1_000_000.0)
            keys.write_text(entry)
            key_file.write_text(key)
        self.key = key_file.read_text()
        super().__init__(
            name,
            [sys.executable, "-m", "forewarn", "decide", "serve"],
            log_file=world.directory / f"{name}.log",
            environment={
                **world.environment,
                "FOREWARN_DECIDE_HOST": LOOPBACK,
                "FOREWARN_DECIDE_PORT": str(self.port),
                "FOREWARN_DECIDE_PROBE_HOST": LOOPBACK,
                "FOREWARN_DECIDE_PROBE_PORT": str(self.probe_port),
                "FOREWARN_DECIDE_KEYS_FILE": str(keys),
                **(settings or {}),
            },
        )

    @property
    def url(self) -> str:
        """Where to ask."""
        return f"http://{LOOPBACK}:{self.port}/v1/decisions"

    @property
    def headers(self) -> dict[str, str]:
        """Headers of every question."""
        return {"Authorization": f"Bearer {self.key}"}


def payment(number: int, **changes: Any) -> Transfer:
    """An attempted transfer of a person of its own."""
    values: dict[str, Any] = {
        "event_id": f"ask-{number}",
        "event_time_ms": time.time_ns() // 1_000_000,
        "subscriber": f"+8613{number % 10**9:09d}",
        "transfer_id": f"ask-{number}",
        "status": "attempted",
        "payer_account": f"payer-{number}",
        "payee_account": f"payee-{number % 997}",
        "amount_minor": 100 + number % 5_000_000,
    }
    return Transfer(**(values | changes))
