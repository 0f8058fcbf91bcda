"""The policy file: clear errors, and a running worker that keeps what was right."""

import os
from pathlib import Path

import pytest

from forewarn.errors import ConfigurationError
from models.policy import DEFAULT_POLICY, PolicyFile, parse_policy

DEFAULT = DEFAULT_POLICY.read_text()


def test_the_built_in_policy_is_valid_and_its_version_follows_its_bytes() -> None:
    document, version = parse_policy(DEFAULT.encode())
    assert document.tiers["critical"].expected_loss_minor == 2_000_000
    assert version.startswith("default-")
    assert parse_policy(DEFAULT.encode() + b"\n")[1] != version


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("fallback_probability = 0.3", "fallback_probability = 1.3", "fallback_probability"),
        ("withdraw_ratio = 0.4", "withdraw_ration = 0.4", "withdraw_ration"),
        ("on_call = 0.7", "in_call = 0.7", "in_call"),
        ("expected_loss_minor = 2_000_000", "expected_loss_minor = 1", "must rise"),
        ("[tiers.high]", "[tiers.hi]", "hi"),
        ("unknown = 3_000_000", "other = 3_000_000", "unknown"),
        ("per_person = 4", "per_person = 99", "per_person"),
        ('name = "default"', 'name = "Default!"', "name"),
        ("[budgets]", "[budgets", "not valid"),
    ],
)
def test_a_fault_is_named(old: str, new: str, message: str) -> None:
    assert old in DEFAULT
    with pytest.raises(ConfigurationError, match=message):
        parse_policy(DEFAULT.replace(old, new).encode())


def test_two_rules_of_one_name_are_refused() -> None:
    rule = '\n[[rules]]\nname = "twice"\neffect = "raise"\nwhen = "probability > 0"\n'
    with pytest.raises(ConfigurationError, match="same name"):
        parse_policy((DEFAULT + rule + rule).encode())


def _write(path: Path, text: str, second: int) -> None:
    path.write_text(text)
    os.utime(path, (second, second))


def test_a_changed_file_is_taken_over_and_a_wrong_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    _write(path, DEFAULT, 1)
    file = PolicyFile(path, ("stage",), {"raise": 0.2})
    first = file.current()
    _write(path, DEFAULT.replace("per_person = 4", "per_person = 2"), 2)
    second = file.current()
    assert second.document.budgets.per_person == 2
    assert second.version != first.version
    _write(path, DEFAULT.replace("per_person = 4", "per_person = 'two'"), 3)
    assert file.current() is second
    assert "per_person" in file.error
    path.unlink()
    assert file.current() is second
    _write(path, DEFAULT, 4)
    assert file.current().version == first.version
    assert file.error == ""


def test_a_rule_over_an_unknown_feature_is_refused_at_the_start(tmp_path: Path) -> None:
    rule = '\n[[rules]]\nname = "one"\neffect = "raise"\nwhen = "nonsense > 0"\n'
    path = tmp_path / "policy.toml"
    path.write_text(DEFAULT + rule)
    with pytest.raises(ConfigurationError, match="nonsense"):
        PolicyFile(path, ("stage",))


def test_a_new_model_brings_its_threshold(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(DEFAULT)
    file = PolicyFile(path, ("stage",), {"raise": 0.2})
    assert file.rebind({"raise": 0.05}).threshold_of("attempted") == 0.05
    assert file.current().threshold_of("attempted") == 0.05


def test_a_file_that_could_not_be_read_is_read_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its time stamp does not change when the volume is well again."""
    path = tmp_path / "policy.toml"
    _write(path, DEFAULT, 1)
    file = PolicyFile(path, ("stage",))
    _write(path, DEFAULT.replace("per_person = 4", "per_person = 2"), 2)
    with monkeypatch.context() as faulty:
        faulty.setattr(Path, "read_bytes", _io_error)
        file.current()
        assert "I/O error" in file.error
    assert file.current().document.budgets.per_person == 2
    assert file.error == ""


def _io_error(_path: Path) -> bytes:
    raise OSError(5, "I/O error")
