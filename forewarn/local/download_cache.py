"""The user's cache directory, for downloads that outlast one checkout."""

import os
from pathlib import Path


def cache_directory() -> Path:
    """``$XDG_CACHE_HOME/forewarn``, by default ``~/.cache/forewarn`` (XDG Base Directory)."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "forewarn"
