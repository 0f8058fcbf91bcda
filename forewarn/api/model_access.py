"""The registry, its models and the policy, opened as the settings say."""

import time
from pathlib import Path

from features.catalog import CATALOG
from forewarn.errors import ConfigurationError
from forewarn.platform.settings import ModelsSettings, load
from models.policy import DEFAULT_POLICY, Policy, parse_policy
from models.registry import ALIASES, Alias, Pointer, Registry
from models.registry import open_registry as open_registry_of
from models.registry.promotion import promote as promote_version
from models.registry.promotion_gates import GateVerdict
from models.serving.artifact import SUMS
from models.serving.scorer import Scorer, load_scorer


def open_registry(location: str | Path | None = None) -> Registry:
    """Open a model registry.

    >>> fw.open_registry("registry").versions() == [version]
    True

    Args:
        location: a folder or the URL of an object store; ``FOREWARN_MODELS_REGISTRY`` if left out.

    Raises:
        ConfigurationError: if the settings are not valid.
    """
    given = {} if location is None else {"registry": str(location)}
    return open_registry_of(load(ModelsSettings, **given))


def load_model(source: str | Path, *, registry: Registry | None = None) -> Scorer:
    """Load a model for scoring: vectors float32 [n, F] and kinds of events uint8 [n] in, calibrated probabilities
    float64 [n] out.

    >>> model.predict(dataset.vectors[:3], dataset.kind[:3]).shape
    (3,)

    Args:
        source: an artifact's folder, a version, or an alias (``champion``, ``challenger``).
        registry: where versions and aliases are looked up; that of the settings if left out.

    Raises:
        ConfigurationError: if the alias points to no model.
        ArtifactError: if the artifact is missing, damaged, not signed, or made for other features.
    """
    settings = load(ModelsSettings)
    if (Path(source) / SUMS).is_file():
        folder = Path(source)
    else:
        folder = _registered(str(source), registry or open_registry_of(settings))
    key = settings.signing_key.get_secret_value().encode()
    return load_scorer(folder, fingerprint=CATALOG.fingerprint, signing_key=key)


def last_champion(model: Scorer, *, registry: Registry | None = None) -> Scorer | None:
    """The model to compare another with: the champion, or the one before if the model is the champion itself.

    >>> fw.last_champion(model, registry=registry) is None  # the registry has had no champion yet
    True

    Args:
        model: that is compared.
        registry: that of the settings if left out.

    Returns:
        The newest champion that is another version and reads the same features; None if there is none.

    Raises:
        ArtifactError: if it is damaged.
    """
    opened = registry or open_registry_of(load(ModelsSettings))
    pointer = opened.pointer("champion")
    held = set(opened.versions())
    for move in reversed(pointer.moves if pointer else ()):
        if move.version not in held or move.version == model.version:
            continue
        if opened.manifest(move.version).fingerprint == model.fingerprint:
            return Scorer(opened.artifact(move.version))
    return None


def load_table_model(folder: str | Path) -> Scorer:
    """Load a model that was trained on a table, for ``score_table``.

    >>> fw.load_table_model(trained.path)
    Traceback (most recent call last):
        ...
    IncompatibleArtifactError: ... was trained on calls and transfers, not on a table. ...

    Args:
        folder: of the artifact, as ``forewarn train --frame`` prints it.

    Raises:
        ArtifactError: if the artifact is missing, damaged, not signed, or one of calls and transfers.
    """
    key = load(ModelsSettings).signing_key.get_secret_value().encode()
    return load_scorer(folder, fingerprint="", signing_key=key)


def load_policy(model: Scorer, path: str | Path | None = None) -> Policy:
    """Read a policy file and bind it to the features and recommended thresholds of a model.

    >>> 0.0 < fw.load_policy(model).threshold_of("attempted") < 1.0
    True

    Args:
        model: whose probabilities are decided on.
        path: TOML as in docs/policy.md; the policy of the installation's default if left out.

    Raises:
        ConfigurationError: if the file cannot be read or names what does not exist.
    """
    try:
        data = (Path(path) if path else DEFAULT_POLICY).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"cannot read the policy: {error}") from error
    document, version = parse_policy(data)
    policy = Policy(document, version, model.features, model.thresholds)
    policy.check()
    return policy


def promote(
    registry: Registry, version: str, *, reason: str, by: str = "forewarn.api", force: bool = False
) -> list[GateVerdict]:
    """Make a version the champion if it passes the gates; workers load it within seconds.

    >>> verdicts = fw.promote(registry, version, reason="first model", force=True)
    >>> registry.current_version("champion") == version
    True

    Args:
        registry: from `open_registry`.
        version: a version that is in it.
        reason: for the history of the alias.
        by: the person or job that promotes, for the same history.
        force: promote in spite of the gates; the history says so.

    Returns:
        The verdict of every gate.

    Raises:
        GateError: if a gate refuses the version; it carries the verdicts.
        ArtifactError: if the version or the present champion is missing or damaged.
    """
    _, verdicts = promote_version(
        registry, version, by=by, reason=reason, now_ms=_now_ms(), force=force
    )
    return verdicts


def rollback(
    registry: Registry, *, reason: str, by: str = "forewarn.api", alias: Alias = "champion"
) -> Pointer:
    """Let an alias point to the version before the present one.

    >>> fw.rollback(registry, reason="too many false alarms")
    Traceback (most recent call last):
    forewarn.errors.ConfigurationError: champion has no earlier version to go back to ...

    Args:
        registry: from `open_registry`.
        reason: for the history of the alias.
        by: the person or job that rolls back.
        alias: ``champion`` or ``challenger``.

    Raises:
        ConfigurationError: if the alias never pointed to another version.
    """
    return registry.rollback(alias, by=by, reason=reason, now_ms=_now_ms())


def _registered(name: str, registry: Registry) -> Path:
    if name not in ALIASES:
        return registry.fetch(name)
    folder = registry.current(name)
    if folder is None:
        raise ConfigurationError(
            f"the registry has no {name}.", hint="Give a version or an artifact's folder."
        )
    return folder


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
