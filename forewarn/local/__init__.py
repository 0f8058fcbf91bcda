"""Real servers on one machine: Apache Kafka and Redis without Docker or a system Java.

The same classes serve ``forewarn up``, ``forewarn demo`` and the system tests.
"""

from forewarn.local.child_process import Child
from forewarn.local.kafka_broker import KafkaBroker
from forewarn.local.ports import free_port
from forewarn.local.redis_server import RedisServer

__all__ = ["Child", "KafkaBroker", "RedisServer", "free_port"]
