"""Ask a process of the stack over HTTP whether it is ready."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """What a probe said; ``reason`` is empty when it passed."""

    passes: bool
    reason: str


def ask(url: str, timeout_seconds: float = 2.0) -> ProbeAnswer:
    """One request to a readiness URL on this machine; never raises for an unreachable one."""
    try:
        with urllib.request.urlopen(url, timeout=timeout_seconds):  # noqa: S310  our own URL
            return ProbeAnswer(True, "")
    except urllib.error.HTTPError as error:
        return ProbeAnswer(False, _reason(error.read()) or f"status {error.code}")
    except OSError as error:
        return ProbeAnswer(False, f"does not answer ({getattr(error, 'reason', error)})")


def _reason(body: bytes) -> str:
    """The reasons in the body of a failed probe, if it has any."""
    try:
        reasons = json.loads(body).get("reasons", [])
    except (ValueError, AttributeError):
        return ""
    return ", ".join(str(reason) for reason in reasons)
