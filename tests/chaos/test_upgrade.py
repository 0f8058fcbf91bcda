"""From the version before to this one and back in full flow, workers of both at once, and every event counted.

FOREWARN_UPGRADE_FROM names the commit or tag to begin with; by default the newest tag, or the last
state before the first one.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.stream_worker import work_tree
from benchmarks.synthetic_model import make_registry
from benchmarks.traffic import Traffic
from benchmarks.world import _catalog_of
from features.catalog import CATALOG
from forewarn.local.child_process import Child
from forewarn.local.wait import wait_until
from tests.chaos.accounts import all_held, all_scored, judge
from tests.chaos.town import Town, has_joined
from tests.servers import missing_server

pytestmark = [pytest.mark.system, pytest.mark.chaos, pytest.mark.timeout(1800)]

ROOT = Path(__file__).parents[2]
BEFORE_THE_FIRST_TAG = "25dcab5"
"""The release of 0.2.0."""
SEED = 20
EVENTS_PER_SECOND = 100
SECONDS = 30.0
PATIENCE_SECONDS = 300


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", ROOT, *arguments], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else ""


@pytest.fixture
def tree_before() -> Iterator[Path]:
    """The source tree of the version before."""
    newest_tag = _git("describe", "--tags", "--abbrev=0", "HEAD^")
    start = os.environ.get("FOREWARN_UPGRADE_FROM") or newest_tag or BEFORE_THE_FIRST_TAG
    if not _git("rev-parse", "--verify", f"{start}^{{commit}}"):
        # A checkout whose history is cut off begins with the oldest state that it has.
        start = _git("rev-list", "HEAD").rpartition("\n")[2]
    if not start:
        missing_server("the version before comes from git, and this is no checkout")
    with work_tree(start) as tree:
        yield tree


@pytest.fixture
def town(tmp_path: Path, tree_before: Path) -> Iterator[Town]:
    """A town that runs the version before."""
    town = Town(tmp_path, SEED, workers=2)
    for child in (*town.workers, town.alerting):
        child._directory = tree_before
    features, fingerprint = _catalog_of(tree_before)
    if fingerprint != CATALOG.fingerprint:  # each version has a champion that it can use
        before = make_registry(tmp_path / "models-before", features, fingerprint, intercept=-3.2)
        for worker in town.workers:
            worker.environment["FOREWARN_MODELS_REGISTRY"] = str(before)
    yield town
    town.close()


def upgrade(town: Town) -> list[int | None]:
    """The service first, then one worker after another, as `docs/upgrading.md` says; the statuses."""
    statuses = []
    for child in (town.alerting, *town.workers):
        statuses.append(child.stop(timeout_seconds=25))
        child._directory = ROOT
        child.environment["FOREWARN_MODELS_REGISTRY"] = town.world.environment[
            "FOREWARN_MODELS_REGISTRY"
        ]
        child.start()
        if child in town.workers:
            wait_until(lambda w=child: has_joined(w), PATIENCE_SECONDS, what=f"{child.name}")
        time.sleep(3.0)  # both versions work side by side
    return statuses


def go_back(town: Town, tree: Path, registry: str) -> list[int | None]:
    """The workers first, then the service over the schema of its version, as the page says; the statuses."""
    statuses = []
    for child in (*town.workers, town.alerting):
        statuses.append(child.stop(timeout_seconds=25))
        if child is town.alerting:
            migrate_to(child, _revision_of(tree))
        child._directory = tree
        child.environment["FOREWARN_MODELS_REGISTRY"] = registry
        child.start()
        if child in town.workers:
            wait_until(lambda w=child: has_joined(w), PATIENCE_SECONDS, what=f"{child.name}")
        time.sleep(3.0)
    return statuses


def _revision_of(tree: Path) -> str:
    program = "from alerting.db.migrate import head_revision; print(head_revision())"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tree, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def migrate_to(service: Child, revision: str) -> None:
    """With this version, while no service runs."""
    command = [sys.executable, "-m", "forewarn", "alerting", "migrate", "--to", revision]
    subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, **service.environment})


async def test_an_upgrade_in_full_flow_and_its_way_back_lose_nothing_and_count_nothing_twice(
    town: Town, tree_before: Path
) -> None:
    registry = town.workers[0].environment["FOREWARN_MODELS_REGISTRY"]
    await asyncio.to_thread(town.start)
    await town.send(Traffic(SEED + 1, subscribers=300, callers=40), 50, 0.5)
    await all_scored(town, PATIENCE_SECONDS)
    traffic = Traffic(SEED, subscribers=300, callers=40, step_ms=1000 / EVENTS_PER_SECOND)
    sending = asyncio.create_task(town.send(traffic, int(EVENTS_PER_SECOND * SECONDS), SECONDS))
    statuses = await asyncio.to_thread(upgrade, town)
    await sending
    await all_scored(town, PATIENCE_SECONDS)
    await town.probe()
    came, went = await all_scored(town, PATIENCE_SECONDS)
    print(judge(came, went, await all_held(town, went, PATIENCE_SECONDS)), statuses)
    assert statuses[1:] == [0, 0], "a worker of the version before did not drain"

    more = Traffic(SEED + 2, subscribers=300, callers=40, step_ms=1000 / EVENTS_PER_SECOND)
    sending = asyncio.create_task(town.send(more, int(EVENTS_PER_SECOND * SECONDS), SECONDS))
    statuses = await asyncio.to_thread(go_back, town, tree_before, registry)
    await sending
    await all_scored(town, PATIENCE_SECONDS)
    await town.probe()
    came, went = await all_scored(town, PATIENCE_SECONDS)
    # Features that only one of two catalogs has begin again; events, warnings and scores do not.
    spared = (
        frozenset()
        if _catalog_of(tree_before)[1] == CATALOG.fingerprint
        else frozenset(came.people)
    )
    print(judge(came, went, await all_held(town, went, PATIENCE_SECONDS), spared), statuses)
    assert statuses[:2] == [0, 0], "a worker of this version did not drain"
