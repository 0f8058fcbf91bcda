"""The model and the policy in use, taken over from registry and file while the worker runs.

A bad one is refused, counted and logged once, and the one in use stays. What cannot be read is tried
again after a pause that grows; a whole artifact that is of no use is not. Champion, challenger and
policy change together as one value, so no batch is scored by one version and logged as another.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import structlog

from forewarn.errors import ArtifactError, ForewarnError
from models.policy import PolicyFile
from models.serving.scorer import IncompatibleArtifactError, Scorer, load_scorer
from streams.pipeline.decide import ModelBundle
from streams.worker_metrics import WorkerMetrics

log = structlog.get_logger(__name__)

Locate = Callable[[str], Path | None]
"""Alias (``champion``, ``challenger``) to the folder of the artifact that it names now."""

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 5.0, 300.0


class Reloader:
    """Follows the registry's aliases and the policy file.

    Args:
        locate: where an alias leads; cheap, asked every few seconds.
        policy_path: the policy file.
        fingerprint: of the catalog that vectors come from.
        signing_key: if given, artifacts must be signed with it.
        metrics: versions and refusals are shown.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        locate: Locate,
        policy_path: Path,
        *,
        fingerprint: str,
        signing_key: bytes,
        metrics: WorkerMetrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._locate = locate
        self._policy_path = policy_path
        self._fingerprint = fingerprint
        self._signing_key = signing_key
        self._metrics = metrics
        self._clock = clock
        self._paths: dict[str, Path | None] = {}  # what is in use, by alias
        self._unfit: dict[str, Path | None] = {}  # what is wanted and never will be
        self._refused: dict[str, str] = {}  # what is wanted and not in use, and why
        self._pauses: dict[str, tuple[Path | None, float, float]] = {}  # of what, until, how long
        self._changing = threading.Lock()  # the loop falls back while the thread of polls loads
        self._brain: ModelBundle | None = None
        self._before: tuple[ModelBundle, Path | None] | None = None
        self._rebind = False
        self._file: PolicyFile | None = None

    @property
    def brain(self) -> ModelBundle:
        """What decides now; raises RuntimeError before ``start``."""
        if self._brain is None:
            raise RuntimeError("no model was loaded yet")
        return self._brain

    def start(self) -> None:
        """Load everything for the first time.

        Raises:
            ForewarnError: there is no champion, or model or policy are not usable.
        """
        champion = self._locate("champion")
        if champion is None:
            raise ArtifactError(
                "the registry has no champion.",
                hint="Train and promote one: `forewarn train`, `forewarn models promote`.",
            )
        scorer = self._load(champion)
        self._paths["champion"] = champion
        self._file = PolicyFile(self._policy_path, scorer.features, scorer.thresholds)
        self._brain = ModelBundle(scorer, self._file.current())
        self._tell("model", "policy")
        self.poll()

    def poll(self) -> None:
        """Take over what has changed; blocking, so call it in a thread. Raises nothing."""
        steps: dict[str, Callable[[], None]] = {
            "champion": lambda: self._follow("champion"),
            "challenger": lambda: self._follow("challenger"),
            "policy": self._follow_policy,
        }
        for what, step in steps.items():
            try:
                step()
            except Exception as error:  # noqa: BLE001 - all workers would go down together
                self._refuse(what, _told(error))
            self._metrics.reload_pending.labels(what).set(what in self._refused)

    def distrust(self, scorer: Scorer, why: str) -> ModelBundle:
        """Stop using a model that fails at work; called on the loop.

        Returns:
            what decides now: without the challenger, or with the champion before.

        Raises:
            ArtifactError: there was no champion before, so nothing can decide.
        """
        with self._changing:
            brain = self.brain
            if scorer is brain.challenger:
                what, self._brain = "challenger", replace(brain, challenger=None)
            elif scorer is brain.scorer:
                if self._before is None:
                    raise ArtifactError(
                        f"model {scorer.version} fails at work and there is none before it: {why}.",
                        hint="Promote another: `forewarn models promote`.",
                    )
                before, path = self._before
                what, self._brain = "champion", replace(before, challenger=brain.challenger)
                self._before, self._rebind = None, True
            else:
                return brain  # another lane was quicker
            self._unfit[what] = self._paths.get(what)
            self._paths[what] = None if what == "challenger" else path
        self._metrics.model_faults.labels(what).inc()
        self._refuse(what, f"it fails at work: {why}")
        self._tell("model")
        return self.brain

    def _follow(self, alias: str) -> None:
        path = self._locate(alias)
        if path == self._paths.get(alias):
            self._settle(alias)
            return
        if path is not None and path == self._unfit.get(alias):
            return
        tried, until, pause = self._pauses.get(alias, (None, 0.0, FIRST_PAUSE_SECONDS))
        if tried != path:  # another model has done nothing yet to be waited for
            until, pause = 0.0, FIRST_PAUSE_SECONDS
        now = self._clock()
        if now < until:
            return
        self._pauses[alias] = (path, now + pause, min(2 * pause, LONGEST_PAUSE_SECONDS))
        try:
            scorer = self._load(path) if path is not None else None
        except IncompatibleArtifactError:
            self._unfit[alias] = path
            raise
        self._take(alias, path, scorer)
        self._settle(alias)

    def _take(self, alias: str, path: Path | None, scorer: Scorer | None) -> None:
        if alias == "challenger":
            with self._changing:
                self._brain = replace(self.brain, challenger=scorer)
                self._paths[alias] = path
        elif scorer is not None and self._file is not None:
            policy = self._file.rebind(scorer.thresholds)
            with self._changing:
                self._before = (self.brain, self._paths.get(alias))
                self._brain = replace(self.brain, scorer=scorer, policy=policy)
                self._paths[alias] = path
            self._tell("model", "policy")

    def _settle(self, what: str) -> None:
        """What is wanted is in use."""
        self._refused.pop(what, None)
        self._pauses.pop(what, None)
        self._unfit.pop(what, None)

    def _follow_policy(self) -> None:
        if self._file is None:
            return
        policy = self._file.current()
        if self._rebind:
            self._rebind = False
            policy = self._file.rebind(self.brain.scorer.thresholds)
        if policy is not self.brain.policy:
            with self._changing:
                self._brain = replace(self.brain, policy=policy)
            self._tell("policy")
        if self._file.error:
            self._refuse("policy", self._file.error)
        else:
            self._settle("policy")

    def _load(self, path: Path) -> Scorer:
        return load_scorer(
            path, fingerprint=self._fingerprint, signing_key=self._signing_key, version=path.name
        )

    def _refuse(self, what: str, why: str) -> None:
        if why != self._refused.get(what):
            self._refused[what] = why
            log.error("reload_refused", what=what, why=why)
            self._metrics.reloads.labels(what, "refused").inc()
        self._metrics.reload_pending.labels(what).set(1)

    def _tell(self, *what: str) -> None:
        for name in what:
            self._metrics.reloads.labels(name, "loaded").inc()
            self._metrics.loaded_seconds.labels(name).set(time.time())
        scorer, policy = self.brain.scorer, self.brain.policy
        self._metrics.trained_seconds.set(scorer.artifact.manifest.created_ms / 1000)
        self._metrics.model.info({"version": scorer.version, "fingerprint": scorer.fingerprint})
        self._metrics.policy.info({"version": policy.version})
        log.info("in_use", model=scorer.version, policy=policy.version)


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, ForewarnError) else f"{type(error).__name__}: {error}"
