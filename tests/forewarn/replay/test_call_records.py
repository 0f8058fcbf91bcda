"""Exchanges write one call in many ways: several records, several spellings of nothing, identifiers that repeat."""

import json
from pathlib import Path
from typing import Any

import pytest

from forewarn.replay import BadRow, in_order
from forewarn.replay.file_tally import FileTally
from forewarn.replay.format_catalog import format_named

EVENING = "2026-03-02 2"
ASTERISK = {"zone": "Europe/Berlin", "own": "4930901877"}
FREESWITCH = {"zone": "Asia/Shanghai", "region": "CN"}
OPENSIPS = {"zone": "UTC", "own": r"138\d{8}", "region": "CN"}
CUCM = {"own": r"8\d{3}", "region": "CN"}
AVAYA = {"zone": "Asia/Shanghai", "region": "CN"}


class Read:
    """What a file of a format gives."""

    def __init__(self, name: str, given: dict[str, str], *paths: Path) -> None:
        meaning = format_named(name).mapping_with(given)
        self.tallies = [FileTally(path.name) for path in paths]
        items = list(in_order([(path, meaning) for path in paths], tallies=self.tallies))
        self.bad = [item for item in items if isinstance(item, BadRow)]
        self.events = [json.loads(item.value) for item in items if not isinstance(item, BadRow)]
        assert all(tally.missing == 0 for tally in self.tallies)

    @property
    def started(self) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == "call_started"]

    @property
    def ended(self) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == "call_ended"]

    @property
    def one(self) -> dict[str, Any]:
        """The end of the only call."""
        assert self.bad == []
        (found,) = self.ended
        assert all(event["call_id"] == found["call_id"] for event in self.events)
        assert len(self.started) == found["answered"]
        return found


def read(tmp_path: Path, name: str, given: dict[str, str], text: str, ending: str = ".csv") -> Read:
    path = tmp_path / f"calls{ending}"
    path.write_text(text, encoding="gb18030" if name == "huadan" else "utf-8")
    return Read(name, given, path)


def record(
    start: str, answer: str, end: str, talk: int, state: str, rest: str = "", **other: str
) -> str:
    """A line of Asterisk; times are of one evening."""
    cells = {"src": "4930901801", "app": "Dial", "other": "SIP/877-2"} | other
    times = [f'"{EVENING}{time}"' if time else "" for time in (start, answer, end)]
    return (
        f'"","{cells["src"]}","4930901877","from-trunk","x","SIP/trunk-1","{cells["other"]}","{cells["app"]}","30",'
        f'{",".join(times)},{talk + 10},{talk},"{state}","DOCUMENTATION"{rest}\n'
    )


RUNG = ("0:00:00", "", "0:00:15", 0, "NO ANSWER")
TALKED = ("0:00:15", "0:00:20", "0:05:10", 290, "ANSWERED")
LINKED = ',"1772442000.1","","","1772442000.1",{}'


@pytest.mark.parametrize("order", [(RUNG, TALKED), (TALKED, RUNG)])
def test_a_call_that_rang_at_two_telephones_of_asterisk_is_one_call(
    tmp_path: Path, order: tuple
) -> None:
    text = "".join(record(*each, LINKED.format(place)) for place, each in enumerate(order))
    found = read(tmp_path, "asterisk", ASTERISK, text).one
    assert (found["answered"], found["duration_ms"]) == (True, 290_000)
    assert found["event_time_ms"] - found["started_at_ms"] == 310_000


def test_a_mailbox_after_ringing_is_one_call_without_an_answer(tmp_path: Path) -> None:
    mailbox = record(
        "0:00:15", "0:00:15", "0:00:45", 30, "ANSWERED", LINKED.format(2), app="VoiceMail"
    )
    text = record(*RUNG, LINKED.format(1)) + mailbox
    found = read(tmp_path, "asterisk", ASTERISK, text).one
    assert (found["answered"], found["duration_ms"]) == (False, 0)


@pytest.mark.parametrize(
    ("app", "channel", "answered"),
    [("VoiceMail", "", False), ("VoiceMail", "Local/9-1", False), ("Queue", "", False), ("Playback", "", False),
     ("Queue", "SIP/871-3", True), ("ConfBridge", "", True), ("Dial", "SIP/871-3", True)],
)  # fmt: skip
def test_a_machine_that_answers_is_no_person(
    tmp_path: Path, app: str, channel: str, answered: bool
) -> None:
    text = record(*TALKED, ',"1772442000.1",""', app=app, other=channel)
    found = read(tmp_path, "asterisk", ASTERISK, text).one
    assert (found["answered"], found["duration_ms"]) == (answered, 290_000 * answered)


@pytest.mark.parametrize(
    "rest", ["", ',"vip"', ',"","1772442000.1",4', ',"vip","","1772442000.1",4']
)
def test_records_without_an_identifier_are_calls_of_their_own(tmp_path: Path, rest: str) -> None:
    text = record(*TALKED, rest) + record("1:00:15", "1:00:20", "1:05:10", 290, "ANSWERED", rest)
    assert (
        len({event["event_id"] for event in read(tmp_path, "asterisk", ASTERISK, text).events}) == 4
    )


def test_the_first_lines_of_two_rotated_files_are_two_calls(tmp_path: Path) -> None:
    paths = [tmp_path / day / "Master.csv" for day in ("mon", "tue")]
    for path, hour in zip(paths, "01", strict=True):
        path.parent.mkdir()
        path.write_text(record(f"{hour}:00:15", f"{hour}:00:20", f"{hour}:05:10", 290, "ANSWERED"))
    assert len({event["event_id"] for event in Read("asterisk", ASTERISK, *paths).events}) == 4


def leg(callee: str, own: str, other: str, times: tuple[str, str, str] = ("02", "08", "38")) -> str:
    start, answer, end = times
    day = "2026-03-02 09:12:"
    stamps = f'"{day}{start}","{day}{answer}","{day}{end}"'
    return f'"n","13800000101","{callee}","public",{stamps},"30","{int(end) - int(answer)}","X","{own}","{other}", "","P","P"\n'


@pytest.mark.parametrize("other", ["a-1", ""])
def test_both_legs_of_a_call_are_one_call(tmp_path: Path, other: str) -> None:
    first, second = leg("02160001234", "a-1", "b-1"), leg("1001", "b-1", other, ("03", "08", "38"))
    for text in (first + second, second + first):
        found = read(tmp_path, "freeswitch", FREESWITCH, text)
        assert (found.one["callee"], found.one["duration_ms"]) == ("+862160001234", 30_000)
        assert found.tallies[0].joined == 1


def test_an_answered_call_without_talk_is_answered_in_both_events(tmp_path: Path) -> None:
    found = read(
        tmp_path, "freeswitch", FREESWITCH, leg("02160001234", "a-1", "", ("02", "08", "08"))
    )
    assert (found.one["answered"], found.one["duration_ms"]) == (True, 0)


def test_a_transferred_call_belongs_to_the_number_that_was_dialled(tmp_path: Path) -> None:
    profiles = [{"caller_profile": {"caller_id_number": "%2B85200000017", "destination_number": number}}
                for number in ("1000", "13800000001")]  # fmt: skip
    variables = {"direction": "inbound", "uuid": "u1", "start_epoch": "1772413922", "answer_epoch": "1772413928",
                 "end_epoch": "1772414081", "billsec": "153"}  # fmt: skip
    text = json.dumps({"variables": variables, "callflow": profiles})
    found = read(tmp_path, "freeswitch-json", {"own": r"138\d{8}", "region": "CN"}, text, ".jsonl")
    assert found.one["subscriber"] == "+8613800000001"


def sip(*rows: str) -> str:
    caller, callee = "sip:+85200000017@203.0.113.7", "sip:13800000001@sip.example.net"
    head = "id,method,from_tag,to_tag,callid,sip_code,sip_reason,time,duration,ms_duration,setuptime,created,src_uri,dst_uri\n"
    lines = []
    for row in rows:
        method, tags, code, minute = row.split()
        uris = f"{callee},{caller}" if tags == "t,f" else f"{caller},{callee}"
        lines.append(
            f"1,{method},{tags},c1@h,{code},R,2026-03-02 01:{minute}:00,0,0,0,NULL,{uris}\n"
        )
    return head + "".join(lines)


@pytest.mark.parametrize(
    ("rows", "minutes"),
    [
        (("INVITE f,t 200 30", "BYE f,t 200 40"), 10),
        (("INVITE f,t 200 30", "BYE t,f 200 40"), 10),
        (("INVITE f,x 407 29", "INVITE f,t 200 30", "BYE f,t 200 40"), 10),
        (("INVITE f,t 200 30", "INVITE f,t 200 35", "BYE f,t 200 40"), 10),
        (("INVITE f,t 200 30", "INVITE t,f 200 35", "INVITE f,t 488 36", "BYE t,f 200 40"), 10),
        (("INVITE f,x 401 29", "INVITE f,x 407 29", "INVITE f,y 486 30"), 0),
    ],
)
def test_the_requests_of_a_dialog_are_one_call(
    tmp_path: Path, rows: tuple[str, ...], minutes: int
) -> None:
    found = read(tmp_path, "opensips", OPENSIPS, sip(*rows))
    assert (found.one["answered"], found.one["duration_ms"]) == (minutes > 0, minutes * 60_000)
    assert (found.one["direction"], found.one["caller"]) == ("inbound", "+85200000017")


def cisco(caller: str, original: str, final: str, connect: int, end: int) -> str:
    return (
        "cdrRecordType,globalCallID_callManagerId,globalCallID_callId,dateTimeOrigination,callingPartyNumber,"
        "originalCalledPartyNumber,finalCalledPartyNumber,dateTimeConnect,dateTimeDisconnect,duration,pkid\n"
        f"1,1,5001,1772413922,{caller},{original},{final},{connect},{end},0,p1\n"
    )


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (cisco("8001", "b00105401001", "b00105401001", 1772413928, 1772414081), "conference"),
        (cisco("013900000009", "8001", "013900000033", 1772413928, 1772414081), "forwarded"),
        (cisco("013900000009", "8001", "8001", 0, 0), "never connected"),
    ],
)
def test_a_record_without_a_talk_of_an_own_number_is_counted_by_its_rule(
    tmp_path: Path, text: str, rule: str
) -> None:
    found = read(tmp_path, "cucm", CUCM, text)
    (passed,) = found.tallies[0].passed
    assert (found.events, found.bad, rule in passed) == ([], [], True)


@pytest.mark.parametrize(
    ("direction", "meant", "subscriber"),
    [("trunking-originating", "inbound", "+12025550101"), ("trunking-terminating", "outbound", "+85200000017"),
     ("inbound", "inbound", "+12025550101"), ("outbound-dial", "outbound", "+85200000017")],
)  # fmt: skip
def test_a_trunk_is_seen_from_the_public_network(
    tmp_path: Path, direction: str, meant: str, subscriber: str
) -> None:
    call = {"sid": "CA1", "parent_call_sid": None, "from": "+85200000017", "to": "+12025550101", "duration": "153",
            "start_time": "Mon, 02 Mar 2026 01:12:08 +0000", "end_time": "Mon, 02 Mar 2026 01:14:41 +0000",
            "status": "completed", "direction": direction}  # fmt: skip
    found = read(tmp_path, "twilio", {}, json.dumps(call), ".jsonl").one
    assert (found["direction"], found["subscriber"]) == (meant, subscriber)
    never = call | {"start_time": None, "end_time": None, "duration": None, "status": "canceled"}
    passed = read(tmp_path, "twilio", {}, json.dumps(never), ".jsonl")
    assert (passed.events, passed.bad, passed.tallies[0].passed_rows) == ([], [], 1)


def smdr(
    start: str,
    talk: int,
    ring: int,
    more: int,
    caller: str = "13800000101",
    extension: str = "8001",
) -> str:
    return f"2026/03/{start},00:00:{talk:02},{ring},{caller},I,{extension},8001,,0,1000001,{more},E,N,T,L,0,0\n"


@pytest.mark.parametrize(
    ("parts", "talk_seconds", "ring_seconds"),
    [
        (((10, 6), (20, 0), (30, 0)), 60, 6),
        (((0, 15), (20, 4)), 20, 19),  # the first telephone did not answer
        (((10, 6), (0, 25)), 10, 6),
        (((0, 15), (0, 20)), 0, None),
    ],
)
def test_all_parts_of_a_transferred_call_are_one_call(
    tmp_path: Path, parts: tuple, talk_seconds: int, ring_seconds: int | None
) -> None:
    last = len(parts) - 1
    text = "".join(
        smdr("02 09:12:08", *part, int(place < last)) for place, part in enumerate(parts)
    )
    found = read(tmp_path, "avaya-smdr", AVAYA, text)
    assert found.one["duration_ms"] == talk_seconds * 1000
    assert found.one["event_time_ms"] - found.one["started_at_ms"] == sum(map(sum, parts)) * 1000
    for started in found.started:
        assert started["event_time_ms"] - found.one["started_at_ms"] == (ring_seconds or 0) * 1000


def test_a_call_id_that_begins_again_is_another_call(tmp_path: Path) -> None:
    text = smdr("02 09:12:08", 30, 6, 0) + smdr("05 10:00:00", 30, 6, 0, "13800000999")
    found = read(tmp_path, "avaya-smdr", AVAYA, text)
    assert len({event["event_id"] for event in found.events}) == 4


@pytest.mark.parametrize(
    ("talk", "seconds"),
    [("0小时0分0秒", 0), ("00分00秒", 0), ("0时0分0秒", 0), ("0分", 0), ("0:00", 0), ("0", 0), ("00:00:00", 0),
     ("10秒", 10), ("1分0秒", 60), ("0:07", 7), ("１０秒", 10)],
)  # fmt: skip
def test_a_talk_of_zero_was_not_answered_however_it_is_spelt(
    tmp_path: Path, talk: str, seconds: int
) -> None:
    text = (
        "起始时间,通信地点,通信方式,对方号码,通信时长,通信类型,套餐优惠,实收通信费(元)\n"
        f"2026-03-02 09:12:08,衡阳,被叫,13900000009,{talk},国内,,0.00\n"
    )
    found = read(tmp_path, "huadan", {"subscriber": "+8613800000001"}, text).one
    assert (found["answered"], found["duration_ms"]) == (seconds > 0, seconds * 1000)
