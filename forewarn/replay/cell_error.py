"""The fault of a cell; the message never repeats the cell, which may be a phone number."""


class CellError(ValueError):
    """A cell does not convert.

    Args:
        message: why, without the cell.
        repair: what to change in the mapping or in the file, in one sentence.
    """

    def __init__(self, message: str, *, repair: str = "") -> None:
        super().__init__(message)
        self.repair = repair
