"""``forewarn alerting route-test`` refuses labels that no case can have."""

import pytest
from typer.testing import CliRunner

from forewarn.cli.alerting_command import app
from forewarn.errors import ConfigurationError


@pytest.mark.parametrize(
    ("option", "value", "choice"),
    [("--severity", "bad", "critical"), ("--typology", "nonsense", "unknown")],
)
def test_an_unknown_label_is_refused_with_the_choice(option: str, value: str, choice: str) -> None:
    done = CliRunner().invoke(app, ["route-test", option, value])
    assert isinstance(done.exception, ConfigurationError)
    assert value in str(done.exception)
    assert choice in str(done.exception)


def test_known_labels_are_routed() -> None:
    done = CliRunner().invoke(app, ["route-test", "--severity", "medium", "--typology", "unknown"])
    assert done.exit_code == 0, done.output
