"""Answers that were given, in Redis: the first one to a question is the one, on every replica.

What a replica remembers comes before what Redis says: an answer that Redis did not take is known to the replicas alone. A
key is ``{prefix}:answer:{hash}`` with a keyed hash of tenant and transfer id; a value is the digest of the
request and the body that was sent. It expires, so a bank that asks again after days gets a new answer.
"""

import hashlib
from collections.abc import Sequence

from redis import exceptions as fault

from features.store.redis_connections import RedisConnection
from forewarn.contracts import Transfer
from forewarn.errors import DependencyUnavailableError
from streams.decisions.answer_memory import AnswerMemory, KeptAnswer, Standing

DIGEST_LENGTH = 16
IDENTITY_LENGTH = 32
RECENT_ANSWERS = 20_000
"""Answers that a replica remembers, for the time in which Redis is away: those it gave, and those of others that Redis did
not take."""


class QuestionNames:
    """Names of questions that say nothing about whom they concern.

    Args:
        key: secret of the pseudonyms.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def identity(self, tenant: str, transfer_id: str) -> bytes:
        """32 hexadecimal digits, the same for every question about a transfer of a tenant."""
        return self._hash(f"{tenant}\n{transfer_id}".encode(), b"identity", IDENTITY_LENGTH)

    def digest(self, event: Transfer) -> bytes:
        """16 hexadecimal digits of what makes two questions the same."""
        said = (
            event.tenant, event.transfer_id, event.subscriber, event.payer_account,
            event.payee_account, str(event.amount_minor), event.currency, event.channel,
        )  # fmt: skip
        return self._hash("\n".join(said).encode(), b"digest", DIGEST_LENGTH)

    def _hash(self, data: bytes, person: bytes, length: int) -> bytes:
        made = hashlib.blake2b(data, digest_size=length // 2, key=self._key, person=person)
        return made.hexdigest().encode()


class AnswerStore:
    """Keeps the first answer to each question.

    Attributes:
        memory: what this replica knows without Redis.
        timeout_seconds: longest wait for Redis, which callers keep.

    Args:
        connection: to Redis; closed by ``close``.
        prefix: of the keys of this installation.
        keep_seconds: how long an answer is kept.
        timeout_seconds: see above.
    """

    def __init__(
        self, connection: RedisConnection, *, prefix: str, keep_seconds: int, timeout_seconds: float
    ) -> None:
        self._connection = connection
        self._head = f"{prefix}:answer:".encode()
        self._keep_seconds = keep_seconds
        self.timeout_seconds = timeout_seconds
        self.memory = AnswerMemory(RECENT_ANSWERS)

    async def find(self, identity: bytes) -> KeptAnswer | None:
        """The answer that was given to a question; None for none.

        Args:
            identity: of the question.

        Raises:
            DependencyUnavailableError: Redis does not answer, and this replica does not know.
        """
        known = self.memory.answer(identity)
        if known is not None:
            return known
        [value] = await self._send([("GET", self._head + identity)])
        return self._found(identity, value) if value is not None else self.memory.answer(identity)

    async def keep(self, identity: bytes, answer: KeptAnswer) -> KeptAnswer:
        """Keep an answer unless one is known; returns the one that counts.

        Args:
            identity: of the question.
            answer: to it.

        Raises:
            DependencyUnavailableError: Redis does not answer; the answer may be kept all the same.
        """
        known = self.memory.answer(identity)
        if known is not None:
            return known
        [kept] = await self.keep_all([(identity, answer)])
        return kept

    async def keep_all(self, answers: Sequence[tuple[bytes, KeptAnswer]]) -> list[KeptAnswer]:
        """Keep several answers in one round trip, each unless Redis has one; returns those that count.

        Of a question whose answer is known here the known one is kept.

        Args:
            answers: with the identities of their questions.

        Raises:
            DependencyUnavailableError: Redis does not answer; some may be kept all the same.
        """
        commands: list[tuple[bytes | str | int, ...]] = []
        for identity, proposed in answers:
            answer = self.memory.answer(identity) or proposed
            key, value = self._head + identity, answer.digest + answer.body
            commands.append(("SET", key, value, "NX", "EX", self._keep_seconds))
            commands.append(("GET", key))
        found = (await self._send(commands))[1::2]
        # None: it expired between both commands.
        return [
            self._found(identity, value) if value is not None else answer
            for (identity, answer), value in zip(answers, found, strict=True)
        ]

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()

    def _found(self, identity: bytes, value: bytes) -> KeptAnswer:
        answer = KeptAnswer(value[:DIGEST_LENGTH], value[DIGEST_LENGTH:])
        return self.memory.note(identity, answer, Standing.KEPT)

    async def _send(self, commands: list[tuple[bytes | str | int, ...]]) -> list[bytes | None]:
        try:
            return await self._connection.send(commands)
        except (TimeoutError, fault.RedisError, fault.RedisClusterException, OSError) as error:
            raise DependencyUnavailableError(
                f"Redis did not keep or return an answer: {type(error).__name__}."
            ) from error
