"""The folder that artifacts of a remote registry are copied to: this user's alone.

Its usual place is below /tmp, where any user can make a folder of that name first and change what lies
in it after it was verified.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path

from forewarn.errors import ConfigurationError


def private_directory(path: Path) -> None:
    """Make a folder that only this user may enter, or see that it is one.

    Raises:
        ConfigurationError: if it belongs to another user, or is a link.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):  # looked at below, like one that was just made
        path.mkdir(mode=0o700)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise ConfigurationError(
            f"the cache of models at {path} is not a folder of this user",
            hint="Set FOREWARN_MODELS_CACHE_DIR to a folder below one that only this user can write.",
        )
    if stat.S_IMODE(found.st_mode) & 0o077:
        path.chmod(0o700)  # made by an earlier version
