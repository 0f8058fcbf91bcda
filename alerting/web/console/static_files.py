"""The console's static files, which browsers cache by fingerprint."""

from fastapi import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from alerting.web.console.page_rendering import STATIC

_FOR_GOOD = "public, max-age=31536000, immutable"


class FingerprintedFiles(StaticFiles):
    """Serves the directory; only addresses with a fingerprint are cached."""

    def __init__(self) -> None:
        super().__init__(directory=STATIC)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file with its lifetime."""
        response = await super().get_response(path, scope)
        fingerprinted = b"v=" in scope.get("query_string", b"")
        response.headers["Cache-Control"] = _FOR_GOOD if fingerprinted else "no-cache"
        return response
