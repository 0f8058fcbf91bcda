"""The codes of compact records in Python; ``features.kernel.compact.bit_codes`` states and compiles the same ones."""

from typing import Final

_ESCAPE: Final = 16
_U64: Final = (1 << 64) - 1


class BitReader:
    """Reads bits from the lowest bit of the first byte on; zeros behind the last byte."""

    def __init__(self, data: bytes) -> None:
        self._number = int.from_bytes(data, "little")
        self._left = 8 * len(data)

    @property
    def overrun(self) -> bool:
        """Whether more was read than there was."""
        return self._left < 0

    def bits(self, size: int) -> int:
        """The next ``size`` bits."""
        value = self._number & ((1 << size) - 1)
        self._number >>= size
        self._left -= size
        return value

    def code(self, order: int) -> int:
        """The next code of an order."""
        more = 0
        while more < _ESCAPE and self._number >> more & 1:
            more += 1
        if more == _ESCAPE:
            self.bits(_ESCAPE)
            value = self.bits(64)
            return value - (1 << 64) if value >> 63 else value
        self.bits(more + 1)
        return self.bits(order + more) + (1 << order + more) - (1 << order)


class BitWriter:
    """Writes bits from the lowest bit of the first byte on."""

    def __init__(self) -> None:
        self._number = 0
        self._size = 0

    def bits(self, size: int, value: int) -> None:
        """Append ``size`` bits."""
        self._number |= value << self._size
        self._size += size

    def code(self, order: int, value: int) -> None:
        """Append the code of a value."""
        if value < 0 or value >> (order + _ESCAPE - 1):
            self.bits(_ESCAPE, (1 << _ESCAPE) - 1)
            self.bits(64, value & _U64)
            return
        whole = value + (1 << order)
        more = whole.bit_length() - 1 - order
        rest = whole - (1 << order + more)
        self.bits(order + 2 * more + 1, (1 << more) - 1 | rest << (more + 1))

    def to_bytes(self) -> bytes:
        """All bits, filled up to a byte."""
        return self._number.to_bytes((self._size + 7) // 8, "little")
