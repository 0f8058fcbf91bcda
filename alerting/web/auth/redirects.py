"""The page to open after signing in, which has to be a page of this site."""

from urllib.parse import urlsplit

DEFAULT = "/console/"


def safe_next(target: str | None, *, default: str = DEFAULT) -> str:
    """The target if it is a path of this site, else ``default``.

    Browsers read ``//host`` and ``/\\host`` as another site and drop tabs and line breaks inside
    an address, so anything but printable ASCII without a backslash is refused outright.
    """
    if not target or len(target) > 2000 or not target.startswith("/"):
        return default
    if target.startswith("//") or "\\" in target:
        return default
    if not all("\x21" <= character <= "\x7e" for character in target):
        return default
    parts = urlsplit(target)
    return default if parts.scheme or parts.netloc else target
