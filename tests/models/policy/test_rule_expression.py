"""Conditions over features: what they mean, and what is refused."""

import numpy as np
import pytest

from forewarn.errors import ConfigurationError
from models.policy.rule_expression import Rows, compile_expression

NAMES = ("a", "b")
ROWS = Rows(
    np.array([[1, 2], [3, np.nan], [0, 0]], np.float32),
    np.array([0.1, 0.5, 0.9]),
    np.array([100, 200, 300]),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a > 0", [True, True, False]),
        ("a > 0 and b < 5", [True, False, False]),
        ("b != 0", [True, False, False]),  # a missing value fulfils nothing
        ("not b > 1", [False, True, True]),
        ("a + 2 * b >= 5 or amount_minor == 300", [True, False, True]),
        ("0 < a <= 1", [True, False, False]),
        ("a / b > 0.4", [True, False, False]),  # 0 / 0 is missing
        ("probability >= 0.5", [False, True, True]),
        ("a > -1", [True, True, True]),
        ("1 < 2", [True, True, True]),
    ],
)
def test_a_condition_means_what_it_says(text: str, expected: list[bool]) -> None:
    assert compile_expression(text, NAMES).matches(ROWS).tolist() == expected


@pytest.mark.parametrize(
    "text",
    ["__import__('os')", "a.real > 0", "a", "a > 0 if b else 1", "c > 1", "a in (1, 2)", "a >",
     "(lambda: 1)() > 0", "a[0] > 1", "'x' > 'y'", "a is b", "a ** 9 > 1", "len(a) > 0"],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="condition"):
        compile_expression(text, NAMES)


def test_a_whole_chunk_is_as_its_rows_one_by_one() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(50, 2)).astype(np.float32)
    vectors[rng.random(vectors.shape) < 0.3] = np.nan
    rows = Rows(vectors, rng.random(50), rng.integers(0, 9, 50))
    expression = compile_expression("a > b or (amount_minor > 4 and not b > 0.1)", NAMES)
    single = [
        bool(
            expression.matches(
                Rows(vectors[i : i + 1], rows.probability[i : i + 1], rows.amount_minor[i : i + 1])
            )[0]
        )
        for i in range(50)
    ]
    assert expression.matches(rows).tolist() == single
