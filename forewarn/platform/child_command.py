"""Commands of child processes, which import Forewarn's packages wherever they are started."""

import sys


def python_module(module: str, *arguments: str) -> list[str]:
    """The command that runs a module with this interpreter.

    ``-P`` keeps the current directory out of the search path: a user's own ``models.py`` or
    ``features.py`` there would be imported in the place of Forewarn's package.
    """
    return [sys.executable, "-P", "-m", module, *arguments]
