"""The directory of a stack: what lies where, its secrets, and the settings that its parts get."""

import os
import re
import secrets
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from forewarn.errors import ConfigurationError

DEMO_DIRECTORY = "demo"
"""Where a demonstration runs, under the directory of the user's own stack."""


@contextmanager
def private_files() -> Iterator[None]:
    """What is made inside, by children too, is its owner's alone: logs and cases hold numbers."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths under the directory of one stack.

    Attributes:
        root: the directory.
        models: the model registry, if it is to lie elsewhere.
    """

    root: Path
    models: Path | None = None

    @property
    def kafka(self) -> Path:
        """Kafka's configuration, data and log."""
        return self.root / "kafka"

    @property
    def redis(self) -> Path:
        """Redis's configuration, data and log."""
        return self.root / "redis"

    @property
    def logs(self) -> Path:
        """One file per process."""
        return self.root / "logs"

    @property
    def registry(self) -> Path:
        """The model registry."""
        return self.models or self.root / "models"

    @property
    def database(self) -> Path:
        """The alerting service's SQLite file."""
        return self.root / "alerting.db"

    @property
    def users_file(self) -> Path:
        """Who may sign in to the console."""
        return self.root / "users.json"

    @property
    def options_file(self) -> Path:
        """Options of the alerting service, for the user to write."""
        return self.root / "alerting.toml"

    @property
    def bank_keys_file(self) -> Path:
        """Keys that the decision service knows."""
        return self.root / "bank-keys.toml"

    @property
    def bank_key_file(self) -> Path:
        """The key of the stack's own bank, for the demonstration and for trying things."""
        return self.secrets / "bank_key"

    @property
    def secrets(self) -> Path:
        """One file per secret, named like its variable in lower case."""
        return self.root / "secrets"

    @property
    def password_file(self) -> Path:
        """The password of the console's first user."""
        return self.secrets / "console_password"

    @property
    def state_file(self) -> Path:
        """What runs now; see ``forewarn.local.stack_state``."""
        return self.root / "stack.json"

    @property
    def environment_file(self) -> Path:
        """The settings as shell lines, for other commands against this stack."""
        return self.root / "stack.env"

    def prepare(self) -> None:
        """Make the directories, and the secrets on first use.

        Raises:
            ConfigurationError: for a directory that the address of a database cannot hold.
        """
        if re.search(r"[?\x00-\x1f]", str(self.root)):
            raise ConfigurationError(
                f"{str(self.root)!r} has a question mark or a control character in its name.",
                hint="Choose another directory with --dir.",
            )
        for directory in (self.root, self.logs, self.secrets):
            directory.mkdir(parents=True, exist_ok=True)
        self.secrets.chmod(0o700)
        # Left in place for good: state and scores are tied to people by the pseudonym key alone.
        self._secret("forewarn_privacy_pseudonym_key", secrets.token_hex(32))
        self._secret("forewarn_alerting_api_key", secrets.token_urlsafe(32))
        self._secret("console_password", secrets.token_urlsafe(12))
        if not self.options_file.exists():
            self.options_file.write_text(
                "# Options of the alerting service (docs/alerting-options.md); read again when it changes.\n"
            )
        ignore = self.root / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")

    def forget(self) -> None:
        """Remove events, state and cases; models, secrets and users stay."""
        for directory in (self.kafka, self.redis, self.logs, *self.root.glob("worker-*")):
            shutil.rmtree(directory, ignore_errors=True)
        for file in self.root.glob("alerting.db*"):
            file.unlink(missing_ok=True)

    def secret(self, name: str) -> str:
        """Read a secret by the name of its file."""
        return (self.secrets / name).read_text()

    def _secret(self, name: str, value: str) -> None:
        path = self.secrets / name
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(value)

    def write_environment(self, environment: dict[str, str]) -> None:
        """Write the settings so that ``set -a; . stack.env`` makes them the shell's own."""
        lines = [f"{name}={shlex.quote(value)}" for name, value in sorted(environment.items())]
        self.environment_file.write_text("\n".join(lines) + "\n")
