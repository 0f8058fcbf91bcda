"""Rate limits let bursts through, hold the average, and keep their memory bounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.access.rate_limits import Rate, RateLimiter, network_of
from tests.alerting.factory import NOW_MS


def test_a_burst_passes_and_what_follows_waits_for_its_token() -> None:
    limiter = RateLimiter(Rate(burst=3, per_second=2))
    assert [limiter.take("a", NOW_MS) for _ in range(3)] == [0, 0, 0]
    assert limiter.take("a", NOW_MS) == 0.5
    assert limiter.take("a", NOW_MS + 500) == 0
    assert limiter.take("b", NOW_MS + 500) == 0  # others are not held back


@given(st.lists(st.integers(min_value=0, max_value=2_000), min_size=1, max_size=200))
def test_never_more_pass_than_burst_and_rate_allow(gaps_ms: list[int]) -> None:
    limiter = RateLimiter(Rate(burst=5, per_second=3))
    now_ms, passed = NOW_MS, 0
    for gap_ms in gaps_ms:
        now_ms += gap_ms
        passed += limiter.take("a", now_ms) == 0
    assert passed <= 5 + 3 * sum(gaps_ms) / 1000 + 1e-6


def test_a_clock_that_jumps_back_gives_no_tokens() -> None:
    limiter = RateLimiter(Rate(burst=1, per_second=1))
    assert limiter.take("a", NOW_MS) == 0
    assert limiter.take("a", NOW_MS - 60_000) > 0


def test_memory_is_bounded_however_many_keys_come() -> None:
    limiter = RateLimiter(Rate(burst=1, per_second=1), max_keys=100)
    for number in range(1_000):
        limiter.take(str(number), NOW_MS)
    assert len(limiter) == 100


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("unknown", "unknown"),
    ],
)
def test_all_addresses_of_a_network_share_one_bucket(address: str, counted_as: str) -> None:
    assert network_of(address) == counted_as
