"""The patrol feed as server-sent events.

One query a second looks for calls for all connected terminals, and those that ask for the same calls share
the query that reads them: five hundred terminals would otherwise read one call five hundred times.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Security
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from alerting.access import AccessControl, Caller, Principal, RateLimitedError, Scope
from alerting.notify.dispatch.patrol_feed import PAGE, PatrolCall, newest_call, patrol_calls
from alerting.web.api.problem_documents import responses
from alerting.web.api.route_parameters import Service
from alerting.web.auth.route_access import access_of, caller, require
from alerting.web.service_container import Services
from forewarn.errors import DependencyUnavailableError

router = APIRouter(prefix="/v1", tags=["reports"])

POLL_SECONDS = 1.0
FEED_SECONDS = 300.0
"""Time after which a stream ends and the terminal connects again from its last id. It bounds how long a
terminal that hangs behind a proxy keeps its place: the proxy goes on to accept what nothing reads."""
CHECK_SECONDS = 15.0
"""How soon a feed closes after its key or session ended; the check also keeps proxies from closing it."""
STREAMS_MAX = 500
STREAMS_OF_ONE_MAX = 8
RETRY_SECONDS = 30.0


class FeedHub:
    """Wakes the streams when a patrol was called, and bounds their number.

    Args:
        look: returns the newest call's id or None; called once a second while there are streams.
        most: streams in all.
        most_of_one: streams of one key or person.
    """

    def __init__(
        self,
        look: Callable[[], str | None],
        *,
        most: int = STREAMS_MAX,
        most_of_one: int = STREAMS_OF_ONE_MAX,
    ) -> None:
        self._look = look
        self._most = most
        self._most_of_one = most_of_one
        self._streams: Counter[str] = Counter()
        self._bell = asyncio.Event()
        self._poller: asyncio.Task[None] | None = None
        self._shared: dict[tuple[int, Scope, str | None], asyncio.Future[list[PatrolCall]]] = {}
        self.calls = 0
        self.closed = False

    def close(self) -> None:
        """End every stream at its next step, for a shutdown; terminals connect again elsewhere."""
        self.closed = True
        self._ring()

    def check(self, subject: str) -> None:
        """Check that one more stream is allowed.

        Raises:
            RateLimitedError: the limit in all, or of this subject, is reached, or the hub is closed.
        """
        full = self._streams.total() >= self._most
        if self.closed or full or self._streams[subject] >= self._most_of_one:
            raise RateLimitedError(RETRY_SECONDS)

    @contextmanager
    def place(self, subject: str) -> Iterator[None]:
        """A place among the streams for as long as the block lasts; raises as ``check`` does."""
        self.check(subject)
        self._streams[subject] += 1
        if self._poller is None:
            self._bell = asyncio.Event()
            self._poller = asyncio.create_task(self._poll())
        try:
            yield
        finally:
            self._streams[subject] -= 1
            self._streams += Counter()  # forgets subjects without streams
            if not self._streams and self._poller is not None:
                self._poller.cancel()
                self._poller = None

    async def wait(self, seen: int, seconds: float) -> None:
        """Wait until ``calls`` differs from ``seen`` or the hub closes, but at most so many seconds."""
        if self.calls == seen and not self.closed:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._bell.wait(), max(0.0, seconds))

    async def calls_after(
        self, scope: Scope, last: str | None, read: Callable[[], list[PatrolCall]]
    ) -> list[PatrolCall]:
        """What ``read`` returns for a scope and a cursor, once for all streams until the next look."""
        key = (self.calls, scope, last)
        if key not in self._shared:
            self._shared[key] = asyncio.ensure_future(run_in_threadpool(read))
        return await asyncio.shield(self._shared[key])  # a stream that ends leaves it to the others

    async def _poll(self) -> None:
        newest: str | None = None
        while True:
            self._shared.clear()
            with suppress(DependencyUnavailableError):  # the streams report it themselves
                found = await run_in_threadpool(self._look)
                if found != newest:
                    newest = found
                    self.calls += 1
                    self._ring()
            await asyncio.sleep(POLL_SECONDS)

    def _ring(self) -> None:
        rung, self._bell = self._bell, asyncio.Event()
        rung.set()


def hub_of(services: Services) -> FeedHub:
    """Build the hub of an application."""
    return FeedHub(lambda: newest_call(services.db))


@router.get(
    "/patrol/feed",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}},
        **responses(401, 403, 422, 429, 503),
    },
)
async def patrol_feed(
    request: Request,
    services: Service,
    found: Annotated[Caller, Security(caller)],
    who: Annotated[Principal, Depends(require("patrol.feed"))],
    last_event_id: Annotated[
        str | None, Header(alias="Last-Event-ID", max_length=100, pattern=r"^[0-9]+/[\x21-\x7e]+$")
    ] = None,
) -> StreamingResponse:
    """Calls to patrols in the caller's districts as server-sent events, after the last id."""
    hub: FeedHub = request.app.state.patrol_feed
    hub.check(who.subject)
    events = stream(hub, services, access_of(request), found, last_event_id)
    # A reverse proxy such as nginx would hold the events back until the feed ends.
    headers = {"X-Accel-Buffering": "no"}
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)


async def stream(
    hub: FeedHub, services: Services, access: AccessControl, found: Caller, last: str | None
) -> AsyncIterator[str]:
    """The text of one stream; it ends with its key or session, with the hub, or after ``FEED_SECONDS``."""
    who: Principal | None = found.principal
    now = asyncio.get_running_loop().time
    ends, check_at = now() + FEED_SECONDS, now() + CHECK_SECONDS
    with hub.place(found.principal.subject):
        yield ": connected\n\n"
        while now() < ends and not hub.closed:
            if now() >= check_at:
                who = await run_in_threadpool(access.still, found)
                check_at = now() + CHECK_SECONDS
                yield ": still here\n\n"
            if who is None or not who.may("patrol.feed"):
                return
            seen = hub.calls
            read = partial(patrol_calls, services.db, who.scope, last)
            calls = await hub.calls_after(who.scope, last, read)
            for call in calls:
                last = call.event_id
                yield _event(call)
            if len(calls) < PAGE:
                await hub.wait(seen, check_at - now())


def _event(call: PatrolCall) -> str:
    data = json.dumps(
        {
            "case_id": call.case_id,
            "district": call.district,
            "text": call.text,
            "at_ms": call.at_ms,
        },
        ensure_ascii=False,
    )
    return f"id: {call.event_id}\nevent: patrol\ndata: {data}\n\n"
