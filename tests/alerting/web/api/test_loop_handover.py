"""Results of a worker thread reach the event loop once each, whatever becomes of them."""

import asyncio
from concurrent.futures import Future

import pytest

from alerting.web.api.loop_handover import LoopHandover


class CountedLoop(asyncio.SelectorEventLoop):
    """Counts how often another thread woke it."""

    woken = 0

    def call_soon_threadsafe(self, *given, **named):  # type: ignore[no-untyped-def]
        self.woken += 1
        return super().call_soon_threadsafe(*given, **named)


def test_results_that_come_together_wake_the_loop_once() -> None:
    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        handover: LoopHandover[int] = LoopHandover(loop)
        futures: list[Future[int]] = [Future() for _ in range(10)]
        waiting = [asyncio.ensure_future(handover.result_of(one)) for one in futures]
        await asyncio.sleep(0)
        for number, future in enumerate(futures):
            future.set_result(number)
        return await asyncio.gather(*waiting)

    with asyncio.Runner(loop_factory=CountedLoop) as runner:
        assert runner.run(main()) == list(range(10))
        loop = runner.get_loop()
        assert isinstance(loop, CountedLoop)
        assert loop.woken == 1


def test_an_error_is_that_of_its_request_and_one_given_up_is_cancelled() -> None:
    async def main() -> None:
        handover: LoopHandover[int] = LoopHandover(asyncio.get_running_loop())
        failing: Future[int] = Future()
        given_up: Future[int] = Future()
        failed = asyncio.ensure_future(handover.result_of(failing))
        left = asyncio.ensure_future(handover.result_of(given_up))
        await asyncio.sleep(0)
        left.cancel()
        failing.set_exception(ValueError("no"))
        with pytest.raises(ValueError, match="no"):
            await failed
        with pytest.raises(asyncio.CancelledError):
            await left
        assert given_up.cancelled()

    asyncio.run(main())
