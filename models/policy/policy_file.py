"""The policy file on disk: taken over when it changes, kept as it was when the change is wrong."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from forewarn.errors import ConfigurationError
from models.policy.policy import Policy
from models.policy.policy_document import parse_policy

DEFAULT_POLICY = Path(__file__).with_name("default.toml")


class PolicyFile:
    """Follows one file. ``current()`` costs one ``stat``; call it every second or so.

    Args:
        path: the file.
        features: names of the vector's features, for rules.
        recommended: thresholds of the model in use.

    Raises:
        ConfigurationError: if the file is wrong at the start; later it only sets ``error``.
    """

    def __init__(
        self,
        path: Path,
        features: Sequence[str],
        recommended: Mapping[str, float] | None = None,
    ) -> None:
        self._path, self._features, self._recommended = path, features, recommended
        self.error = ""
        self._seen, data = self._read()
        self._verdict = ""  # on the file as last seen; one that could not be read has none
        self._policy = self._parsed(data)

    def current(self) -> Policy:
        """The newest valid policy; ``error`` says what is wrong with a newer one."""
        try:
            if self._stamp() != self._seen:
                self._seen, data = self._read()
                self._judge(data)
            self.error = self._verdict
        except ConfigurationError as error:  # it may be readable the next time
            self.error = str(error)
        return self._policy

    def rebind(self, recommended: Mapping[str, float]) -> Policy:
        """Bind the file to another model's thresholds, after a model was swapped."""
        self._recommended = recommended
        self._policy = self._policy.with_model(recommended)
        return self._policy

    def _judge(self, data: bytes) -> None:
        try:
            self._policy = self._parsed(data)
            self._verdict = ""
        except ConfigurationError as error:
            self._verdict = str(error)

    def _parsed(self, data: bytes) -> Policy:
        document, version = parse_policy(data)
        policy = Policy(document, version, self._features, self._recommended)
        policy.check()
        return policy

    def _read(self) -> tuple[tuple[int, int, int], bytes]:
        stamp = self._stamp()  # first, so that a write in between is seen next time
        try:
            return stamp, self._path.read_bytes()
        except OSError as error:
            raise ConfigurationError(f"cannot read the policy {self._path}: {error}") from error

    def _stamp(self) -> tuple[int, int, int]:
        try:
            stat = self._path.stat()
        except OSError as error:
            raise ConfigurationError(
                f"cannot read the policy {self._path}: {error}",
                hint="Set FOREWARN_WORKER_POLICY_FILE to an existing file.",
            ) from error
        return (stat.st_mtime_ns, stat.st_size, stat.st_ino)
