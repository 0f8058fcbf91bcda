"""A bound on request bodies, before anybody is asked who they are."""

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from alerting.web.api.problem_documents import problem

MAX_BODY_BYTES = 65_536
"""Several times the largest warning; no request of ours is an upload."""


class BodyLimit:
    """Answers 413 to what is longer than ``max_bytes``, by what the request says or what it sends."""

    def __init__(self, app: ASGIApp, *, max_bytes: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count while the application reads; anything but HTTP passes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        said = Headers(scope=scope).get("content-length", "0")
        if not said.isdigit() or int(said) > self._max_bytes:
            await self._refuse(scope, receive, send)
            return
        taken, answered = 0, False

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._max_bytes:
                raise HTTPException(413)  # ends the application's work; the answer is ours
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
