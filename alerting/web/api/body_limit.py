"""A bound on request bodies, checked before authentication."""

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from alerting.web.api.problem_documents import problem

MAX_BODY_BYTES = 65_536
"""Several times the size of the largest warning; the API has no uploads."""


class BodyLimit:
    """Answers 413 to a body over ``max_bytes``, by its declared or by its actual length."""

    def __init__(self, app: ASGIApp, *, max_bytes: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count bytes while the application reads; pass other protocols on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "0")
        if not declared.isdigit() or int(declared) > self._max_bytes:
            await self._refuse(scope, receive, send)
            return
        taken, answered = 0, False

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._max_bytes:
                raise HTTPException(413)  # ends the application's work; the answer follows below
            return message

        async def forward(message: Message) -> None:
            nonlocal answered
            if answered or taken <= self._max_bytes:
                answered = True
                await send(message)

        await self._app(scope, counted, forward)
        if not answered:
            await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        detail = f"A request has at most {self._max_bytes} bytes."
        answer = problem(413, "Content too large", "content_too_large", detail)
        await answer(scope, receive, send)
