"""Asks workers for their probes all the time, as Kubernetes would, and keeps what they said."""

import json
import math
import threading
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Self

from benchmarks.world import WorkerProcess


@dataclass(frozen=True)
class Answer:
    """One answer of one worker to one probe."""

    worker: str
    probe: str
    status: int
    reasons: tuple[str, ...]
    partitions: int


def ask(worker: WorkerProcess, probe: str) -> Answer | None:
    """The answer, or None from a worker that does not answer now (it is down, or frozen)."""
    url = f"http://127.0.0.1:{worker.port}/{probe}"
    try:
        with urllib.request.urlopen(url, timeout=1) as reply:
            status, body = reply.status, reply.read()
    except urllib.error.HTTPError as error:
        status, body = error.code, error.read()
    except OSError:
        return None
    verdict = json.loads(body)
    return Answer(worker.name, probe, status, tuple(verdict["reasons"]), int(verdict["partitions"]))


def metric(worker: WorkerProcess, name: str) -> dict[str, float]:
    """Samples of a metric by their labels, as they are written.

    A worker that does not serve any (it starts just now) has one that is equal to nothing.
    """
    url = f"http://127.0.0.1:{worker.port}/metrics"
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            lines = reply.read().decode().splitlines()
    except OSError:
        return {"": math.nan}
    found = [line.rpartition(" ") for line in lines if line.startswith((name + "{", name + " "))]
    return {labels.removeprefix(name): float(value) for labels, _, value in found}


class Probing:
    """Asks from a thread while it is entered as a context.

    As in Kubernetes a process is asked whether it is alive once its start-up probe has passed.
    """

    def __init__(self, workers: Sequence[WorkerProcess], every_seconds: float = 0.3) -> None:
        self._workers = workers
        self._every_seconds = every_seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="probing", daemon=True)
        self._up: set[int] = set()
        self.answers: list[Answer] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(30)

    def failures(self, probe: str) -> set[str]:
        """Every reason for which a probe failed at some time."""
        return {
            reason
            for answer in self.answers
            if answer.probe == probe and answer.status != HTTPStatus.OK
            for reason in answer.reasons
        }

    def _run(self) -> None:
        while not self._ended.wait(self._every_seconds):
            for worker in self._workers:
                process = worker.pid
                for probe in ("ready", "live") if process in self._up else ("ready", "startup"):
                    answer = ask(worker, probe)
                    if answer is not None:
                        self.answers.append(answer)
                        if answer.probe == "startup" and answer.status == HTTPStatus.OK:
                            self._up.add(process)
