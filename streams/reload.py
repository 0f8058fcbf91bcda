"""The model and the policy in use, taken over from registry and file while the worker runs.

A bad one is refused once, counted and logged, and the one in use stays. Champion, challenger and
policy change together as one value, so no batch is scored by one version and logged as another.
"""

import time
from collections.abc import Callable
from pathlib import Path

import structlog

from forewarn.errors import ArtifactError, ForewarnError
from models.policy import PolicyFile
from models.scorer import Scorer, load_scorer
from streams.deciding import Brain
from streams.metrics import WorkerMetrics

log = structlog.get_logger(__name__)

Locate = Callable[[str], Path | None]
"""Alias (``champion``, ``challenger``) to the folder of the artifact that it names now."""


class Reloader:
    """Follows the registry's aliases and the policy file.

    Args:
        locate: where an alias leads; cheap, asked every few seconds.
        policy_path: the policy file.
        fingerprint: of the catalog that vectors come from.
        signing_key: if given, artifacts must be signed with it.
        metrics: versions and refusals are shown.
    """

    def __init__(
        self,
        locate: Locate,
        policy_path: Path,
        *,
        fingerprint: str,
        signing_key: bytes,
        metrics: WorkerMetrics,
    ) -> None:
        self._locate = locate
        self._policy_path = policy_path
        self._fingerprint = fingerprint
        self._signing_key = signing_key
        self._metrics = metrics
        self._paths: dict[str, Path | None] = {}
        self._refused: dict[str, str] = {}
        self._brain: Brain | None = None
        self._file: PolicyFile | None = None

    @property
    def brain(self) -> Brain:
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
        self._brain = Brain(scorer, self._file.current())
        self._tell("model", "policy")
        self.poll()

    def poll(self) -> None:
        """Take over what has changed; blocking, so call it in a thread."""
        for alias in ("champion", "challenger"):
            try:
                self._follow(alias)
            except (ForewarnError, OSError) as error:  # a volume that hangs is no reason to stop
                self._refuse(alias, str(error))
        self._follow_policy()

    def _follow(self, alias: str) -> None:
        path = self._locate(alias)
        if path == self._paths.get(alias):
            return
        self._paths[alias] = path  # also when it is refused: once is enough
        self._refused.pop(alias, None)
        brain = self.brain
        if alias == "challenger":
            challenger = self._load(path) if path else None
            self._brain = Brain(brain.scorer, brain.policy, challenger)
        elif path is not None and self._file is not None:
            scorer = self._load(path)
            policy = self._file.rebind(scorer.thresholds)
            self._brain = Brain(scorer, policy, brain.challenger)
            self._tell("model", "policy")

    def _follow_policy(self) -> None:
        if self._file is None:
            return
        policy = self._file.current()
        if self._file.error:
            self._refuse("policy", self._file.error)
            return
        self._refused.pop("policy", None)
        if policy.version != self.brain.policy.version:
            brain = self.brain
            self._brain = Brain(brain.scorer, policy, brain.challenger)
            self._tell("policy")

    def _load(self, path: Path) -> Scorer:
        return load_scorer(path, fingerprint=self._fingerprint, signing_key=self._signing_key)

    def _refuse(self, what: str, why: str) -> None:
        if why != self._refused.get(what):
            self._refused[what] = why
            log.error("reload_refused", what=what, why=why)
            self._metrics.reloads.labels(what, "refused").inc()

    def _tell(self, *what: str) -> None:
        for name in what:
            self._metrics.reloads.labels(name, "loaded").inc()
            self._metrics.loaded_seconds.labels(name).set(time.time())
        scorer, policy = self.brain.scorer, self.brain.policy
        self._metrics.trained_seconds.set(scorer.artifact.manifest.created_ms / 1000)
        self._metrics.model.info({"version": scorer.version, "fingerprint": scorer.fingerprint})
        self._metrics.policy.info({"version": policy.version})
        log.info("in_use", model=scorer.version, policy=policy.version)
