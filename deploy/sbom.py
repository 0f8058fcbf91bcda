"""Lists what an installation with every extra contains: ``python -m deploy.sbom DIRECTORY``.

Installs the locked versions into an environment of its own, lets CycloneDX's own program describe it
(``sbom.cdx.json``), adds Kafka's jars, and writes the licences of all in one list (``licences.txt``).
Known vulnerabilities are not looked up, since that needs a database on the network; pass the SBOM to a
scanner that has one.
"""

import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
CYCLONEDX = "cyclonedx-bom==7.5.0"
EXTRAS = ("local", "s3", "trace")
JARS = tuple(ROOT / "forewarn" / "local" / f"{name}.lock.toml" for name in ("kafka", "mirror"))


def main(target: Path) -> None:
    """Write both files into a directory."""
    target.mkdir(parents=True, exist_ok=True)
    sbom = target / "sbom.cdx.json"
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch) / "environment"
        environment = os.environ | {"INSTALLER": str(Path(sys.executable).parents[1])}
        install = [ROOT / "deploy" / "install-locked", place, *EXTRAS]
        subprocess.run(install, cwd=ROOT, check=True, env=environment)  # noqa: S603  our own
        uv = Path(sys.executable).with_name("uv")
        cyclonedx = [uv, "tool", "run", "--quiet", "--from", CYCLONEDX, "cyclonedx-py"]
        form = ["--output-reproducible", "--of", "JSON", "-o", sbom]
        describe = [*cyclonedx, "environment", *form, place / "bin" / "python"]
        subprocess.run(describe, check=True)  # noqa: S603  a pinned program
    document = json.loads(sbom.read_text())
    for lock in JARS:
        known = {component["bom-ref"] for component in document["components"]}
        jars = jar_components(tomllib.loads(lock.read_text()))
        document["components"] += [jar for jar in jars if jar["bom-ref"] not in known]
    sbom.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    (target / "licences.txt").write_text("".join(f"{line}\n" for line in licence_lines(document)))
    sys.stdout.write(f"{sbom}: {len(document['components'])} components\n")


def jar_components(lock: dict[str, Any]) -> list[dict[str, Any]]:
    """Kafka's jars as components of CycloneDX, from their lock file."""
    return [
        {
            "type": "library",
            "bom-ref": f"pkg:maven/{jar['group']}/{jar['artifact']}@{jar['version']}",
            "purl": f"pkg:maven/{jar['group']}/{jar['artifact']}@{jar['version']}",
            "group": jar["group"],
            "name": jar["artifact"],
            "version": jar["version"],
            "hashes": [{"alg": "SHA-256", "content": jar["sha256"]}],
        }
        for jar in lock["jar"]
    ]


def licence_lines(document: dict[str, Any]) -> Iterable[str]:
    """One line a component: name, version, licences as the package itself names them."""
    for component in sorted(document["components"], key=lambda one: str(one["name"]).lower()):
        named = []
        for choice in component.get("licenses", []):
            one = choice.get("license", {})
            text = choice.get("expression") or one.get("id") or one.get("name") or ""
            named.append(text.partition("\n")[0][:80])  # some packages put the whole text there
        licences = " / ".join(dict.fromkeys(filter(None, named)))
        yield f"{component['name']} {component['version']}: {licences or 'see the package'}"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
