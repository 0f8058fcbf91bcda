"""What a run leaves for its caller, besides what every run leaves between its phases."""

from dataclasses import dataclass

from features.entity_keys import StateForm
from features.offline.offset_limits import Limits


@dataclass(frozen=True, slots=True)
class RecordForm:
    """How records are keyed and packed, as the store that receives them asks for.

    Attributes:
        prefix: of the keys.
        form: keys and layout.
    """

    prefix: str
    form: StateForm


@dataclass(frozen=True, slots=True)
class RunOutput:
    """What the tasks write.

    Attributes:
        columns: all columns of the events and the districts of their people, not only what identifies them.
        records: the records at the end, in this form, and no values of features; None for the values.
        limits: next offset by topic and partition; events at or beyond it do not count.
    """

    columns: bool = False
    records: RecordForm | None = None
    limits: Limits = ()


VALUES = RunOutput()
"""The values of the features, as a backfill needs them."""
