"""What the images are built from: the lock file's own lines, and a kernel compiled for where it runs."""

import re
import tomllib
from pathlib import Path

import pytest

from deploy.pick_locked import blocks, pick

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements/lock.txt").read_text()
CONTAINERFILE = (ROOT / "deploy/Containerfile").read_text()


def test_hashes_are_those_of_the_lock_file() -> None:
    wanted = "faust-streaming==0.15.3\n# a comment\nnumpy==2.4.6 ; python_version < '3.12'\n"
    wanted = wanted.replace("2.4.6", re.search(r"^numpy==([\d.]+)", LOCK, re.MULTILINE)[1])
    picked = pick(wanted, LOCK)
    assert picked.count("\nnumpy==") == 1
    assert picked in LOCK or all(block in LOCK for block in blocks(picked).values())
    assert picked.count("--hash=sha256:") > 10


@pytest.mark.parametrize("line", ["numpy==0.0.1", "left-pad==1.0"])
def test_what_is_not_locked_is_not_installed(line: str) -> None:
    with pytest.raises(SystemExit, match=re.escape(line)):
        pick(line, LOCK)


def test_the_kernel_is_compiled_for_the_processor_that_the_image_asks_for() -> None:
    """numba keys machine code by processor: the same at build and at run time, or nothing is found."""
    stages = re.split(r"^FROM ", CONTAINERFILE, flags=re.MULTILINE)[1:]
    named = {stage.split(" AS ")[1].split()[0]: stage for stage in stages}
    settings = {
        name: re.findall(r"^ENV (NUMBA_.*)$", stage, re.MULTILINE) for name, stage in named.items()
    }
    for name, built in [
        ("worker", "build-worker"),
        ("train", "build-train"),
        ("toolbox", "build-toolbox"),
    ]:
        assert settings[name] == settings[built]
        [line] = settings[name]
        assert {"NUMBA_CACHE_DIR", "NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES"} == {
            word.split("=")[0] for word in line.split()
        }
        assert "python -I -m models.machine_code" in named[built]
        assert f"COPY --from={built} /opt/forewarn /opt/forewarn" in named[name]


def test_backups_are_made_by_a_client_of_the_server_version() -> None:
    """pg_dump refuses a server of a newer major version."""
    component = (ROOT / "deploy/k8s/components/postgres/postgres.yaml").read_text()
    compose = (ROOT / "deploy/local/compose.yaml").read_text()
    servers = re.findall(r"library/postgres:(\d+)", component + compose)
    assert set(servers) == set(re.findall(r"postgresql-client-(\d+)", CONTAINERFILE))


def test_the_extra_of_an_object_store_is_all_that_a_registry_there_needs() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(extras["optional-dependencies"]["s3"]) == {"fsspec", "s3fs"}
    assert "forewarn[s3]" in (ROOT / "models/registry/registry_storage.py").read_text()
