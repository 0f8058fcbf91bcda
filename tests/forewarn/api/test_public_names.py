"""The public names import cheaply, are documented, and say what hides them."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import forewarn.api as fw

FUNCTIONS = [name for name in fw.__all__ if inspect.isfunction(getattr(fw, name))]
HEAVY = ("numpy", "polars", "lightgbm", "features", "models", "pydantic", "kafka")


def _python(code: str, directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=directory, capture_output=True, text=True, check=False
    )


def test_the_import_loads_no_library(tmp_path: Path) -> None:
    code = f"import sys, forewarn.api; print(sorted(set(sys.modules) & set({HEAVY!r})))"
    assert _python(code, tmp_path).stdout.strip() == "[]"


@pytest.mark.parametrize("hiding", ["models.py", "features/__init__.py"])
def test_a_file_of_the_user_that_hides_a_package_is_named(hiding: str, tmp_path: Path) -> None:
    own = tmp_path / hiding
    own.parent.mkdir(exist_ok=True)
    own.write_text("mine = True\n")
    ended = _python("import forewarn.api", tmp_path)
    assert ended.returncode != 0
    line = ended.stderr.splitlines()[-1]
    assert line.startswith("forewarn.errors.ConfigurationError")
    assert str(tmp_path / Path(hiding).parts[0]) in line
    assert "Rename it" in line


def test_another_directory_or_safe_path_is_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text("mine = True\n")
    ended = subprocess.run(
        [sys.executable, "-P", "-c", "import forewarn.api as fw; fw.Scenario()"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr


def test_every_name_exists_and_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(str(fw.__file__)).read_text(encoding="utf-8"))
    (guarded,) = [node for node in tree.body if isinstance(node, ast.If)]
    typed = {
        alias.asname or alias.name: node.module
        for node in guarded.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    lazy = {
        name: module
        for modules in fw.SECTIONS.values()
        for module, names in modules.items()
        for name in names
    }
    assert typed == lazy
    assert set(fw.__all__) == set(lazy)
    assert dir(fw) == sorted(lazy)
    for name in fw.__all__:
        assert getattr(fw, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'missing'"):
        fw.missing  # noqa: B018


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_lists_all_its_parameters(name: str) -> None:
    function = getattr(fw, name)
    text = inspect.getdoc(function) or ""
    documented = set()
    if "Args:" in text:
        section = text.split("Args:")[1].split("\n\n")[0]
        documented = {line.split(":")[0].strip() for line in section.splitlines() if ":" in line}
    missing = set(inspect.signature(function).parameters) - documented
    assert not missing


def test_notebooks_and_pages_use_the_public_names_alone() -> None:
    """Samples keep working when modules move, because they import no module but this one."""
    docs = Path(str(fw.__file__)).parents[2] / "docs"
    samples = [*docs.rglob("*.ipynb"), *docs.rglob("*.md"), docs.parent / "README.md"]
    deep = re.compile(r"(?:from|import) ((?:forewarn|features|models|streams|alerting)\b[\w.]*)")
    found = {
        f"{path.name}: {module}"
        for path in samples
        for module in deep.findall(path.read_text(encoding="utf-8"))
        if module != "forewarn.api"
    }
    assert not found
