"""The directories that the workers of a cluster read for a history."""

import hashlib
from pathlib import Path
from typing import Final

from features.cluster.cluster_history import WORK_NAME
from features.cluster.shared_folder import SharedFolder
from forewarn.errors import ConfigurationError
from models.training.history_dataset import history_outcomes

_ROWS: Final = "outcomes/of-reports.parquet"


def shared_sources(directory: Path, work: SharedFolder) -> list[Path]:
    """The directory, and beside it a folder of outcomes where it has nothing but reports.

    Reports become outcomes as they are read (:func:`models.training.history_dataset.read_history`), so the workers
    need them as a file.

    Args:
        directory: from ``forewarn export`` or ``forewarn simulate``.
        work: folder of the run; what is written there goes with its other files.

    Raises:
        ConfigurationError: if the directory is missing, or reports would have to be written to an address.
    """
    outcomes, of_reports = history_outcomes(directory)
    if not of_reports or outcomes.is_empty():
        return [directory]
    if not work.is_local:
        raise ConfigurationError(
            f"{directory} has reports and no outcomes, and the workers read outcomes from a directory only.",
            hint="Give a directory that all workers see with --work.",
        )
    # Named after its content: another run on the folder, which is refused later, does not change this one's.
    content = hashlib.blake2b(digest_size=8)
    content.update(outcomes.hash_rows(seed=0).to_numpy().tobytes())
    beside = work.folder(f"{WORK_NAME}/reports-{content.hexdigest()}")
    if beside.size(_ROWS) is None:
        with beside.draft(_ROWS) as draft:
            outcomes.write_parquet(draft)
    return [directory, Path(beside.url)]
