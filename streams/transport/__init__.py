"""A Faust transport whose messages are chunks: ``broker="chunked://host:9092"``.

Faust costs about 150 microseconds a message, whatever is in it. This transport hands a stream one
message for all records that one fetch brought from a partition::

    async for event in stream.noack().events():
        fetched = event.value        # FetchedRecords: raw records of one partition
        ...
        event.ack()                  # when all effects of the records are safe

Everything else is Faust's: agents, supervisors, signals, producers, credentials. Topics must use
raw serializers (``value_serializer="raw", key_serializer="raw"``), and tables are not supported.
Promises: chunks of a partition arrive in order, also ahead of their acknowledgements; an offset is
committed only when every chunk before it is acknowledged; after a rebalance, a seek or a crash
reading continues from the committed offset.
"""

from streams.transport.chunk_consumer import AssignmentListener, ChunkConsumer
from streams.transport.chunk_limits import ChunkLimits
from streams.transport.faust_transport import Transport
from streams.transport.fetched_records import FetchedRecords, Partition, RawRecord

__all__ = [
    "AssignmentListener",
    "ChunkConsumer",
    "ChunkLimits",
    "FetchedRecords",
    "Partition",
    "RawRecord",
    "Transport",
]
