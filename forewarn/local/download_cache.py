"""Where downloads live that outlast one checkout: the user's cache directory."""

import os
from pathlib import Path


def cache_directory() -> Path:
    """``$XDG_CACHE_HOME/forewarn``, by default ``~/.cache/forewarn`` (XDG Base Directory)."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "forewarn"
