"""Sorting more events than fit into memory: sorted runs on disk, merged as they are read."""

import heapq
import itertools
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from operator import itemgetter
from typing import IO

import msgspec

from forewarn.replay.file_events import BadRow, Ready, Run

RUN_EVENTS = 100_000
"""Events of a run, which is sorted in memory: about 50 MB."""

RUNS_MERGED = 200
"""Runs that are open at once; each has a block of events in memory, all together about 60 MB."""

_BLOCK_EVENTS = 500
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Ready])


def sorted_by_time(found: Iterable[Run]) -> Iterator[Sequence[Ready | BadRow]]:
    """Events by their time, after the bad rows, which come out as they are met.

    Equal times keep their order. The runs lie in unnamed files of the directory for temporary files (TMPDIR),
    about as large as the events together.

    Args:
        found: of one file, in any order.
    """
    with ExitStack() as stack:
        runs: list[IO[bytes]] = []
        held: list[Ready] = []
        for run in found:
            if run.bad:
                yield run.bad
            held += run.ready
            if len(held) >= RUN_EVENTS:
                held.sort(key=itemgetter(0))
                runs.append(stack.enter_context(_written(held)))
                held = []
            if len(runs) >= RUNS_MERGED:
                runs = [stack.enter_context(_one_of(runs))]
        held.sort(key=itemgetter(0))
        merged = heapq.merge(*map(_read, runs), held, key=itemgetter(0))
        while block := list(itertools.islice(merged, _BLOCK_EVENTS)):
            yield block


def _one_of(runs: list[IO[bytes]]) -> IO[bytes]:
    """Many runs as one, the first of equal times first."""
    merged = _written(heapq.merge(*map(_read, runs), key=itemgetter(0)))
    for run in runs:
        run.close()
    return merged


def _written(events: Iterable[Ready]) -> IO[bytes]:
    """A file of events that are in order."""
    run = tempfile.TemporaryFile()  # noqa: SIM115  closed by the stack of the caller
    waiting = iter(events)
    while block := list(itertools.islice(waiting, _BLOCK_EVENTS)):
        data = _encoder.encode(block)
        run.write(len(data).to_bytes(4, "little") + data)
    run.seek(0)
    return run


def _read(run: IO[bytes]) -> Iterator[Ready]:
    while head := run.read(4):
        yield from _decoder.decode(run.read(int.from_bytes(head, "little")))
