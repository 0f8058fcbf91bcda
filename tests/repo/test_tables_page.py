"""``docs/tables.md`` names every option for tables, every unit, and every column that is made of them."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forewarn.cli.command_table import load
from models.tabular.entity_history import Events, entity_features
from models.tabular.table_columns import MISSING
from models.tabular.table_schema import clock
from models.tabular.table_times import UNITS

PAGE = (Path(__file__).parents[2] / "docs" / "tables.md").read_text(encoding="utf-8")


def _options(command: str) -> list[Any]:
    loaded: Any = load(command)
    return [parameter for parameter in loaded.params if "completion" not in parameter.opts[0]]


def test_every_option_for_tables_is_on_the_page() -> None:
    of_frame = [p for p in _options("train") if (p.help or "").startswith("With --frame")]
    assert len(of_frame) > 10
    for parameter in (*of_frame, *_options("score")):
        assert parameter.opts[0] in PAGE


@pytest.mark.parametrize("text", [*MISSING[1:], *UNITS])
def test_every_text_of_a_missing_value_and_every_unit_is_on_the_page(text: str) -> None:
    assert f"`{text}`" in PAGE


def test_every_feature_of_a_table_is_on_the_page() -> None:
    one = Events(np.zeros(1, np.int64), np.ones(1), np.zeros(1, np.int8))
    names = [name for name, _ in entity_features(one, np.zeros(1, np.int64), "X", label_delay_ms=0)]
    for name in names:
        stem = re.sub("_[0-9]+d$", "_1d", name)
        assert f"`{stem}`" in PAGE, name
    for name in clock(one.time_ms):
        assert f"`{name}`" in PAGE
