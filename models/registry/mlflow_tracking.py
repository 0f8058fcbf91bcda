"""Optional tracking in MLflow, for teams that already look at their runs there.

The registry stays the truth: MLflow gets a copy of parameters, measures and the report, and its
aliases follow. Its file store is deprecated, so the store is a database (sqlite by default).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forewarn.errors import ConfigurationError
from models.serving.artifact import Artifact

EXPERIMENT = "forewarn"


def track(uri: str, artifact: Artifact, metrics: Mapping[str, Any]) -> str:
    """Log one run; returns MLflow's id of it.

    Raises:
        ConfigurationError: if MLflow is not installed or the URI names its file store.
    """
    client = _client(uri)
    found = client.get_experiment_by_name(EXPERIMENT)
    experiment = found.experiment_id if found else client.create_experiment(EXPERIMENT)
    run = client.create_run(
        experiment, run_name=artifact.version, tags={"version": artifact.version}
    )
    for name, value in artifact.manifest.parameters.items():
        client.log_param(run.info.run_id, name, str(value)[:500])
    for name, value in _numbers(metrics).items():
        client.log_metric(run.info.run_id, name, value)
    client.set_tag(run.info.run_id, "artifact", str(Path(artifact.path)))
    client.set_terminated(run.info.run_id)
    _register(client, artifact, run.info.run_id)
    return str(run.info.run_id)


def follow(uri: str, alias: str, version: str) -> bool:
    """Let MLflow's alias of the registered model follow ours; False if it never saw the version.

    Raises:
        ConfigurationError: as ``track``.
    """
    client = _client(uri)
    for found in client.search_model_versions(f"name = '{EXPERIMENT}'"):
        if found.tags.get("version") == version:
            client.set_registered_model_alias(EXPERIMENT, alias, found.version)
            return True
    return False


def mirror(uri: str, alias: str, artifact: Artifact, metrics: Mapping[str, object]) -> None:
    """Let MLflow's alias follow ours; a version that it never saw is logged first.

    Raises:
        ConfigurationError: as ``track``.
    """
    if not follow(uri, alias, artifact.version):
        track(uri, artifact, metrics)
        follow(uri, alias, artifact.version)


def _register(client: Any, artifact: Artifact, run_id: str) -> None:
    if not client.search_registered_models(f"name = '{EXPERIMENT}'"):
        client.create_registered_model(EXPERIMENT)
    client.create_model_version(
        EXPERIMENT,
        source=artifact.path.resolve().as_uri(),
        run_id=run_id,
        tags={"version": artifact.version},
    )


def _client(uri: str) -> Any:
    if "://" not in uri or uri.startswith("file:"):
        raise ConfigurationError(
            f"FOREWARN_MODELS_MLFLOW_URI is {uri!r}, which is MLflow's deprecated file store.",
            hint="Use sqlite:////path/mlflow.db or the address of a tracking server.",
        )
    try:
        from mlflow.tracking import MlflowClient  # noqa: PLC0415  # optional, and slow to load
    except ImportError:
        raise ConfigurationError("MLflow is not installed", hint="pip install mlflow") from None
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    chosen = {"roc_auc": metrics["roc_auc"], "average_precision": metrics["average_precision"]}
    chosen["precision_at_k"] = metrics["precision_at_k"]["value"]
    chosen |= {f"at_threshold.{k}": v for k, v in metrics["at_threshold"].items()}
    return {name: float(value) for name, value in chosen.items() if value is not None}
