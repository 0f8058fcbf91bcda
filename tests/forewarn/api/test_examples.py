"""Every example in the documentation of the public names runs, on one small town."""

import doctest
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import forewarn.api as fw

FUNCTIONS = [name for name in fw.__all__ if inspect.isfunction(getattr(fw, name))]
OPTIONS = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL | doctest.NORMALIZE_WHITESPACE


def _run(text: str, names: dict[str, Any], name: str) -> dict[str, Any]:
    """Run the examples of a docstring; returns the names that they leave."""
    example = doctest.DocTestParser().get_doctest(text, dict(names), name, None, None)
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=OPTIONS, verbose=False)
    runner.run(example, out=report.append, clear_globs=False)
    assert not runner.failures, "".join(report)
    return example.globs


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What the example of the package leaves, in a directory of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("examples"))
        yield _run(fw.__doc__ or "", {}, "forewarn.api")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_example_runs(name: str, names: dict[str, Any]) -> None:
    text = inspect.getdoc(getattr(fw, name)) or ""
    assert f"fw.{name}(" in text + (fw.__doc__ or ""), f"{name} has no example"
    _run(text, names, name)


def test_the_errors_of_examples_are_those_that_they_name(
    names: dict[str, Any], tmp_path: Path
) -> None:
    """Options of doctest ignore an error's module: this checks what `rollback` and `load_model` raise."""
    registry = fw.open_registry(tmp_path / "empty")
    with pytest.raises(fw.ConfigurationError, match="no earlier version"):
        fw.rollback(registry, reason="none")
    with pytest.raises(fw.ConfigurationError, match="no champion"):
        fw.load_model("champion", registry=registry)
    with pytest.raises(fw.ConfigurationError, match="cannot read the policy"):
        fw.load_policy(names["model"], tmp_path / "missing.toml")
