"""Faust transport of the URL scheme ``chunked``."""

from typing import Any, ClassVar

from faust.transport.drivers import aiokafka as stock

from streams.transport.chunk_consumer import AssignmentListener, ChunkConsumer
from streams.transport.chunk_limits import ChunkLimits


class Transport(stock.Transport):
    """Faust's aiokafka transport with a consumer of chunks and the stock producer.

    Attributes:
        limits: bounds of chunks and back-pressure; replace before the app starts.
        listener: notified of assignments; set before the app starts.
    """

    Consumer: ClassVar[type[Any]] = ChunkConsumer

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.limits = ChunkLimits()
        self.listener: AssignmentListener | None = None
