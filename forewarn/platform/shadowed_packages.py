"""Find files of the user that hide a package of Forewarn from Python.

The packages ``features``, ``models``, ``streams`` and ``alerting`` have plain names. Python looks into the
directory of a script, or into the current one in a notebook and under ``python -m``, before it looks into
``site-packages``: a ``models.py`` there is imported in the place of Forewarn's own package.
"""

from importlib.util import find_spec
from pathlib import Path

import forewarn
from forewarn.errors import ConfigurationError

PACKAGES = ("features", "models", "streams", "alerting")


def shadowed_packages() -> dict[str, Path]:
    """The packages of Forewarn that Python finds elsewhere, with the file or folder that it finds."""
    home = Path(str(forewarn.__file__)).resolve().parents[1]
    found = {package: _place(package) for package in PACKAGES}
    return {
        package: place
        for package, place in found.items()
        if place is not None and place.resolve().parent != home
    }


def require_own_packages() -> None:
    """Stop with one error that names every such file, instead of an import error from deep inside.

    Raises:
        ConfigurationError: if a file or folder hides a package.
    """
    found = shadowed_packages()
    if not found:
        return
    places = " and ".join(str(place) for place in found.values())
    verb, what = ("hides", "package") if len(found) == 1 else ("hide", "packages")
    raise ConfigurationError(
        f"{places} {verb} the {what} {' and '.join(map(repr, found))} of Forewarn.",
        hint=f"Rename {'it' if len(found) == 1 else 'them'}, or start Python in another directory. "
        "`python -P` finds Forewarn's, but then none of your own modules beside the script.",
    )


def _place(package: str) -> Path | None:
    """The module's file or the package's folder; None if there is none, or no file behind it."""
    try:
        spec = find_spec(package)
    except ValueError:  # a module that was put into sys.modules by hand
        return None
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    return Path(spec.origin) if spec.has_location and spec.origin else None
