"""Messages of the ``unkept-answers`` topic: answers that banks were given and that Redis did not take in time.

Replicas of the decision service write and read it. Of two records about one question the first one counts. It says no
more of a payment than the topic ``answers`` does: the question's name is a keyed hash, the body holds codes and values.
"""

from typing import Annotated, Literal

import msgspec

QuestionName = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
RequestDigest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]


class UnkeptAnswer(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="type",
    tag="unkept_answer",
):
    """One answer as it was given.

    Attributes:
        identity: keyed hash of tenant and transfer id; also the record's key.
        digest: keyed hash of what makes two questions the same.
        answer: the body without its words, byte for byte.
    """

    schema_version: Literal[1] = 1
    identity: QuestionName
    digest: RequestDigest
    answer: msgspec.Raw


_decoder = msgspec.json.Decoder(UnkeptAnswer)


def decode_unkept_answer(value: bytes) -> UnkeptAnswer:
    """Decode a record of the ``unkept-answers`` topic.

    Raises:
        msgspec.MsgspecError: the bytes are no answer.
    """
    return _decoder.decode(value)
