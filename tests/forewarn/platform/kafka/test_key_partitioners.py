"""The partitioner behind a topic is named by where its keys lie, and never guessed from too little."""

import pytest
from aiokafka.partitioner import DefaultPartitioner

from forewarn.platform.kafka.key_partitioners import (
    ADVICE,
    KEYS_MIN,
    PARTITIONERS,
    Placement,
    crc32,
    decide,
    fnv1a,
    java,
)

KEYS = [f"+86138{number:08}".encode() for number in range(100)]


@pytest.mark.parametrize("name", PARTITIONERS)
def test_each_partitioner_is_recognised_in_its_own_keys(name: Placement) -> None:
    report = decide(((key, PARTITIONERS[name](key, 6)) for key in KEYS), 6)
    assert (report.placement, report.keys, report.explained[name]) == (name, 100, 100)
    assert report.is_wrong == (name != "java")


def test_the_functions_are_those_of_the_clients() -> None:
    """The check value of CRC-32, the published FNV-1a of "a" (0xe40c292c), and aiokafka's own choice."""
    assert crc32(b"123456789", 1 << 32) == 0xCBF43926
    assert fnv1a(b"a", 1 << 32) == (1 << 32) - 0xE40C292C
    choose = DefaultPartitioner()
    assert [java(key, 7) for key in KEYS] == [choose(key, list(range(7)), []) for key in KEYS]


def test_the_sign_bit_makes_no_difference_with_a_power_of_two() -> None:
    name: Placement = "murmur2_unsigned"
    report = decide(((key, PARTITIONERS[name](key, 8)) for key in KEYS), 8)
    assert report.placement == "java"


def test_a_spread_of_the_same_key_is_not_taken_for_a_function() -> None:
    """kafka-go's bare Writer sends each record to the next partition, whatever its key."""
    samples = [(key, number % 6) for number, key in enumerate(KEYS * 5)]
    report = decide(samples, 6)
    assert report.placement == "no_function_of_the_key"
    assert report.is_wrong


def test_another_function_is_unknown() -> None:
    report = decide(((key, sum(key) % 6) for key in KEYS), 6)
    assert (report.placement, report.is_wrong) == ("unknown", True)


def test_a_few_keys_from_before_partitions_were_added_do_not_hide_the_answer() -> None:
    samples = [(key, crc32(key, 6 if number >= 4 else 5)) for number, key in enumerate(KEYS)]
    assert decide(samples, 6).placement == "crc32"


@pytest.mark.parametrize(("keys", "partitions"), [(KEYS[: KEYS_MIN - 1], 6), (KEYS, 1), ([], 6)])
def test_too_few_keys_leave_the_placement_undecided(keys: list[bytes], partitions: int) -> None:
    report = decide(((key, crc32(key, partitions)) for key in keys), partitions)
    assert (report.placement, report.is_wrong) == ("undecided", False)


def test_every_answer_says_what_to_do() -> None:
    assert set(ADVICE) == set(Placement.__args__)  # type: ignore[attr-defined]  # a Literal's values
