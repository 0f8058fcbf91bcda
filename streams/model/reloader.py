"""Reload of the model and the policy from registry and file while the worker runs.

A bad version is refused, counted and logged once, and the one in use stays. An artifact that cannot
be read is tried again after a growing pause; an incompatible one is not. Champion, challenger and
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
from streams.model.bundle import ModelBundle
from streams.worker_metrics import WorkerMetrics

log = structlog.get_logger(__name__)

Locate = Callable[[str], Path | None]
"""Alias (``champion``, ``challenger``) -> folder of the artifact that it names now."""

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 5.0, 300.0


class Reloader:
    """Follows the registry's aliases and the policy file.

    Args:
        locate: resolves an alias; cheap, called every few seconds.
        policy_path: the policy file.
        fingerprint: of the feature catalog.
        signing_key: if not empty, artifacts must be signed with it.
        metrics: versions, reloads and refusals.
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
        self._paths: dict[str, Path | None] = {}  # artifacts in use, by alias
        self._incompatible: dict[str, Path | None] = {}  # artifacts that can never be used
        self._refused: dict[str, str] = {}  # reasons, by alias or "policy"
        # By alias: artifact, end of the pause, length of the pause.
        self._pauses: dict[str, tuple[Path | None, float, float]] = {}
        self._changing = (
            threading.Lock()
        )  # withdraw() runs on the loop while poll() loads in a thread
        self._bundle: ModelBundle | None = None
        self._before: tuple[ModelBundle, Path | None] | None = None
        self._rebind = False
        self._file: PolicyFile | None = None

    @property
    def bundle(self) -> ModelBundle:
        """Model and policy in use; raises RuntimeError before ``start``."""
        if self._bundle is None:
            raise RuntimeError("no model was loaded yet")
        return self._bundle

    def start(self) -> None:
        """Load everything for the first time.

        Raises:
            ForewarnError: there is no champion, or the model or the policy is not usable.
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
        self._bundle = ModelBundle(scorer, self._file.current())
        self._report("model", "policy")
        self.poll()

    def poll(self) -> None:
        """Load what has changed; blocking, so call it in a thread. Raises nothing."""
        steps: dict[str, Callable[[], None]] = {
            "champion": lambda: self._follow("champion"),
            "challenger": lambda: self._follow("challenger"),
            "policy": self._follow_policy,
        }
        for what, step in steps.items():
            try:
                step()
            except Exception as error:  # noqa: BLE001 - all workers would stop together
                self._refuse(what, _describe(error))
            self._metrics.reload_pending.labels(what).set(what in self._refused)

    def withdraw(self, scorer: Scorer, why: str) -> ModelBundle:
        """Take a model that fails on any input out of use; call it on the loop.

        Args:
            scorer: the model.
            why: the reason, for the log.

        Returns:
            The bundle without the challenger, or with the previous champion.

        Raises:
            ArtifactError: there is no previous champion.
        """
        with self._changing:
            bundle = self.bundle
            if scorer is bundle.challenger:
                what, self._bundle = "challenger", replace(bundle, challenger=None)
            elif scorer is bundle.scorer:
                if self._before is None:
                    raise ArtifactError(
                        f"model {scorer.version} fails and has no predecessor: {why}.",
                        hint="Promote another: `forewarn models promote`.",
                    )
                before, path = self._before
                what, self._bundle = "champion", replace(before, challenger=bundle.challenger)
                self._before, self._rebind = None, True
            else:
                return bundle  # another lane has withdrawn it already
            self._incompatible[what] = self._paths.get(what)
            self._paths[what] = None if what == "challenger" else path
        self._metrics.model_faults.labels(what).inc()
        self._refuse(what, f"it fails in use: {why}")
        self._report("model")
        return self.bundle

    def _follow(self, alias: str) -> None:
        path = self._locate(alias)
        if path == self._paths.get(alias):
            self._clear_refusal(alias)
            return
        if path is not None and path == self._incompatible.get(alias):
            return
        tried, until, pause = self._pauses.get(alias, (None, 0.0, FIRST_PAUSE_SECONDS))
        if tried != path:  # a pause belongs to one artifact
            until, pause = 0.0, FIRST_PAUSE_SECONDS
        now = self._clock()
        if now < until:
            return
        self._pauses[alias] = (path, now + pause, min(2 * pause, LONGEST_PAUSE_SECONDS))
        try:
            scorer = self._load(path) if path is not None else None
        except IncompatibleArtifactError:
            self._incompatible[alias] = path
            raise
        self._take(alias, path, scorer)
        self._clear_refusal(alias)

    def _take(self, alias: str, path: Path | None, scorer: Scorer | None) -> None:
        if alias == "challenger":
            with self._changing:
                self._bundle = replace(self.bundle, challenger=scorer)
                self._paths[alias] = path
        elif scorer is not None and self._file is not None:
            policy = self._file.rebind(scorer.thresholds)
            with self._changing:
                self._before = (self.bundle, self._paths.get(alias))
                self._bundle = replace(self.bundle, scorer=scorer, policy=policy)
                self._paths[alias] = path
            self._report("model", "policy")

    def _clear_refusal(self, what: str) -> None:
        self._refused.pop(what, None)
        self._pauses.pop(what, None)
        self._incompatible.pop(what, None)

    def _follow_policy(self) -> None:
        if self._file is None:
            return
        policy = self._file.current()
        if self._rebind:
            self._rebind = False
            policy = self._file.rebind(self.bundle.scorer.thresholds)
        if policy is not self.bundle.policy:
            with self._changing:
                self._bundle = replace(self.bundle, policy=policy)
            self._report("policy")
        if self._file.error:
            self._refuse("policy", self._file.error)
        else:
            self._clear_refusal("policy")

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

    def _report(self, *what: str) -> None:
        for name in what:
            self._metrics.reloads.labels(name, "loaded").inc()
            self._metrics.loaded_seconds.labels(name).set(time.time())
        scorer, policy = self.bundle.scorer, self.bundle.policy
        self._metrics.trained_seconds.set(scorer.artifact.manifest.created_ms / 1000)
        self._metrics.model.info({"version": scorer.version, "fingerprint": scorer.fingerprint})
        self._metrics.policy.info({"version": policy.version})
        log.info("model_in_use", model=scorer.version, policy=policy.version)


def _describe(error: Exception) -> str:
    return str(error) if isinstance(error, ForewarnError) else f"{type(error).__name__}: {error}"
