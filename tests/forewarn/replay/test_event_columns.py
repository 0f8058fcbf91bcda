"""Whole columns give the very events, and refuse the very rows, that cell by cell does."""

from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from forewarn.contracts import decode_call, decode_transfer, encode
from forewarn.replay import load_mapping
from forewarn.replay.column_mapping import Mapping
from forewarn.replay.mapping_file import parse_mapping
from forewarn.replay.row_batch import RowBatch

SAMPLES = Path(__file__).parents[3] / "docs" / "samples"
CALLS = load_mapping(SAMPLES / "calls.toml")
TRANSFERS = Mapping(
    parse_mapping(
        {
            "zone": "Europe/Berlin",
            "region": "CN",
            "own_accounts": ["own-1", "own-2"],
            "events": [
                {
                    "type": "transfer",
                    "fields": {
                        "event_id": {"template": "{id}-{state}"},
                        "transfer_id": {"column": "id", "extract": "^([^_]+)"},
                        "event_time_ms": {"column": "at", "time": ["iso", "%Y-%m-%d %H:%M:%S"]},
                        "subscriber": "phone",
                        "status": {
                            "column": "state",
                            "values": {"ok": "completed", "*": "attempted"},
                        },
                        "direction": {
                            "column": "amount",
                            "sign": {"-": "outgoing", "+": "incoming"},
                        },
                        "payer_account": "from",
                        "payee_account": {"column": "to", "names": ["name"], "digest": "n"},
                        "amount_minor": {"column": "amount", "decimals": 2},
                        "currency": {"column": "currency", "default": "EUR"},
                    },
                }
            ],
        },
        "a test",
    )
)

CALL_ROWS = st.fixed_dictionaries(
    {
        "CDR_ID": st.sampled_from(["c-1", "", "a b", "ü", "c" * 70]),
        "SUBSCRIBER": st.sampled_from(
            ["13800000001", "+8613800000001", "008613800000001", "-", "anonymous"]
        ),
        "DIRECTION": st.sampled_from(["MT", "MO", "", "XX"]),
        "A_NUMBER": st.sampled_from(
            [
                "13800000001",
                "013800000017",
                "0731-88880000",
                "95588",
                "",
                "anonymous",
                "+266696687",
                "138****1",
                "x",
            ]
        ),
        "B_NUMBER": st.sampled_from(["13800000001", "02160001234", "0085200000017", "8001", ""]),
        "START": st.sampled_from(
            ["2026-03-02 09:12:08", "2026-03-02 09:12", "", "1970-01-01 00:00:00"]
        ),
        "END": st.sampled_from(["2026-03-02 09:14:41", "2026-03-02 09:00:00", "2026-3-2 09:14:41"]),
        "TALK_SECONDS": st.sampled_from(
            ["153", "0", "2分33秒", "00:02:33", "3600", "", "-1", "many"]
        ),
        "RESULT": st.sampled_from(["ANSWERED", "BUSY", "", "MELTED"]),
        "IMEI": st.sampled_from(["", "860000000000017", 'a"b\\c', "d" * 600, "设备"]),
        "AREA": st.sampled_from(["", "430400", "no area"]),
    }
)
TRANSFER_ROWS = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["t1", "t1_R", "", 'q"uote', "_"]),
        "state": st.sampled_from(["ok", "new", ""]),
        "at": st.sampled_from(
            ["2026-03-02T09:58:12+08:00", "2026-03-02T09:58:12", "2026-10-25 02:30:00", "2026-03-29 02:30:00",
             "2026-03-02 09:58:12", "2026-03-02", ""]
        ),
        "phone": st.sampled_from(["13800000001", "+44 7700 900001", "", "N/A"]),
        "from": st.sampled_from(["own-1", "6222 0000 0000 0001", "6.222E+15", "-", "DE00 0000"]),
        "to": st.sampled_from(["own-2", "own-1", "", "0012", "n/a"]),
        "name": st.sampled_from(["", "测试", "-"]),
        "amount": st.sampled_from(["-48.00", "48.00", "0", "1,234.5", "¥3.00", "€3", "48,5", "1e2", "", "12.345"]),
        "currency": st.sampled_from(["EUR", "", "人民币", "usd", "??"]),
    }
)  # fmt: skip


def alike(mapping: Mapping, rows: list[dict[str, str]], decode) -> None:
    names = list(rows[0])
    cells = [[row[name] for name in names] for row in rows]
    batch = RowBatch(names, cells, list(range(2, len(rows) + 2)), [""] * len(rows))
    columns, others = mapping.quick(batch, encoded=True)
    slow = mapping.convert(batch, file="f")
    found: dict[int, list] = {}
    for events in columns:
        for position, time_ms, key, value in zip(
            events.positions, events.times_ms, events.keys, events.values, strict=True
        ):
            event = decode(value)
            assert (event.event_time_ms, event.subscriber.encode()) == (time_ms, key)
            found.setdefault(position, []).append(event)
    assert found.keys().isdisjoint(others)
    for position, events in found.items():
        expected = [decode(encode(event)) for event in slow.events[position]]
        assert sorted(events, key=msgspec.json.encode) == sorted(expected, key=msgspec.json.encode)
    assert set(found) | set(others) == set(range(len(rows)))


@settings(deadline=None, max_examples=60)
@given(st.lists(CALL_ROWS, min_size=1, max_size=12))
def test_calls_are_the_same_by_column_and_by_cell(rows: list[dict[str, str]]) -> None:
    alike(CALLS, rows, decode_call)


@settings(deadline=None, max_examples=60)
@given(st.lists(TRANSFER_ROWS, min_size=1, max_size=12))
def test_transfers_are_the_same_by_column_and_by_cell(rows: list[dict[str, str]]) -> None:
    alike(TRANSFERS, rows, decode_transfer)


def test_a_plain_row_takes_the_quick_way() -> None:
    row = {
        "CDR_ID": "c-1", "SUBSCRIBER": "13800000001", "DIRECTION": "MT", "A_NUMBER": "02160001234",
        "B_NUMBER": "13800000001", "START": "2026-03-02 09:12:08", "END": "2026-03-02 09:14:41",
        "TALK_SECONDS": "153", "RESULT": "ANSWERED", "IMEI": "", "AREA": "430400",
    }  # fmt: skip
    batch = RowBatch(list(row), [list(row.values())], [2], [""])
    columns, others = CALLS.quick(batch, encoded=True)
    assert [len(events.positions) for events in columns] == [1, 1]
    assert others == []
