"""Every compression that a producer may choose can be read by both Kafka clients."""

import pytest
from aiokafka import codec as aiokafka_codec
from kafka import codec as kafka_codec


@pytest.mark.parametrize("codec", ["gzip", "lz4", "snappy", "zstd"])
def test_both_clients_support_every_codec(codec: str) -> None:
    assert getattr(kafka_codec, f"has_{codec}")()
    assert getattr(aiokafka_codec, f"has_{codec}")()
