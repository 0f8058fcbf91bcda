"""Blocks of a text file as lines, decoded strictly."""

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from forewarn.errors import ConfigurationError
from forewarn.platform.files.byte_stream import BLOCK_BYTES

_END_OF_FILE = b"\x1a"
"""Behind the last line of files from DOS."""

_MARK_WITHIN = "\ufeff"
"""A byte order mark at the beginning of a later line, where files were put together: no character of a cell."""

LONGEST_LINE_BYTES = 16 << 20
_MARKS = {
    codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class LineBlock:
    """Some lines without their line ends.

    Attributes:
        lines: the lines; those that do not decode hold the mark for it (U+FFFD).
        undecoded: positions of the lines that do not decode.
        ended: whether the last line has a line end.
    """

    lines: list[str]
    undecoded: frozenset[int] = frozenset()
    ended: bool = True


MAPPING_ADVICE = 'Say encoding = "{likely}" (or what the file is in) at the top of the mapping.'


def line_blocks(
    stream: IO[bytes], encoding: str | Sequence[str], name: str, *, advice: str = MAPPING_ADVICE
) -> Iterator[LineBlock]:
    """Lines in blocks of about a mebibyte.

    A byte order mark at the beginning says the encoding, whatever the mapping does.

    Args:
        stream: the bytes.
        encoding: of the text; of several, the first that the beginning of the file is in.
        name: of the file, for messages.
        advice: what to do about another encoding, with ``{likely}`` for its name.

    Raises:
        ConfigurationError: if the file is not in the encoding at all, or a line is longer than 16 MiB.
    """
    head = stream.read(4 if isinstance(encoding, str) else BLOCK_BYTES)
    mark = next((mark for mark in _MARKS if head.startswith(mark)), b"")
    if mark:
        encoding = _MARKS[mark]
    elif not isinstance(encoding, str):
        encoding = encoding_of(head, encoding)
    wide = codecs.lookup(encoding).name.startswith(("utf-16", "utf-32"))
    decoder = codecs.getincrementaldecoder(encoding)() if wide else None
    rest = b"" if decoder or len(head) > 4 else head.removeprefix(mark)
    first = decoder.decode(head).encode() if decoder else head.removeprefix(mark)[len(rest) :]
    seen_foreign = False
    old_mac: bool | None = None
    for block in _blocks(stream, first):
        data = rest + (decoder.decode(block).encode() if decoder and block is not first else block)
        if old_mac is None:
            old_mac = b"\n" not in data and b"\r" in data
        if old_mac:
            data = data.replace(b"\r", b"\n")
        end = data.rfind(b"\n") + 1
        rest = data[end:]
        if len(rest) > LONGEST_LINE_BYTES:
            raise ConfigurationError(
                f"{name} has a line of more than 16 MiB.", hint="Is it a text file?"
            )
        if end:
            found = _decoded(
                data[: end - 1], "utf-8" if decoder else encoding, name, seen_foreign, advice
            )
            seen_foreign = seen_foreign or any(not line.isascii() for line in found.lines[:200])
            yield found
    rest = rest.removesuffix(_END_OF_FILE)
    if rest:
        found = _decoded(rest, "utf-8" if decoder else encoding, name, seen_foreign, advice)
        yield LineBlock(found.lines, found.undecoded, ended=False)


def encoding_of(head: bytes, encodings: Sequence[str]) -> str:
    """The first of some encodings that the beginning of a file is in; the last, if it is in none.

    A character that is cut at the end does not count.
    """
    for encoding in encodings:
        for cut in range(4):
            try:
                head[: len(head) - cut].decode(encoding)
            except UnicodeDecodeError:
                continue
            return encoding
    return encodings[-1]


def _blocks(stream: IO[bytes], first: bytes) -> Iterator[bytes]:
    if first:
        yield first
    while block := stream.read(BLOCK_BYTES):
        yield block


def _decoded(data: bytes, encoding: str, name: str, seen_foreign: bool, advice: str) -> LineBlock:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return _line_by_line(data, encoding, name, seen_foreign, advice)
    if _MARK_WITHIN in text:
        text = text.replace(_MARK_WITHIN, "")
    lines = text.split("\n")
    if "\r" in text:
        lines = [line.removesuffix("\r") for line in lines]
    return LineBlock(lines)


def _line_by_line(
    data: bytes, encoding: str, name: str, seen_foreign: bool, advice: str
) -> LineBlock:
    """A block with lines that do not decode: the wrong encoding, or a few broken bytes."""
    lines: list[str] = []
    undecoded = set()
    for position, raw in enumerate(data.split(b"\n")):
        try:
            lines.append(raw.decode(encoding).removesuffix("\r"))
            seen_foreign = seen_foreign or not lines[-1].isascii()
        except UnicodeDecodeError:
            if not seen_foreign:
                raise _wrong_encoding(name, position + 1, encoding, data, advice) from None
            undecoded.add(position)
            lines.append(raw.decode(encoding, errors="replace").removesuffix("\r"))
    return LineBlock(lines, frozenset(undecoded))


def _wrong_encoding(
    name: str, line: int, encoding: str, data: bytes, advice: str
) -> ConfigurationError:
    others = [one for one in ("utf-8", "gb18030", "cp1252") if one != encoding]
    likely = encoding_of(data, others)
    return ConfigurationError(
        f"{name}: line {line} is not {encoding.upper()}.",
        hint=advice.format(likely=likely),
    )
