"""The state store in Redis, on one server or a cluster.

Keys, with ``{tag}`` in braces so that the keys of one command are in one slot:

* records, as ``features.entity_keys`` names them: strings in the plain form of a store, fields of hashes in the
  compact one. A new store has the compact form; one that was made before there were two keeps the plain one until
  it is rebuilt, so that workers of both versions may share it;
* ``{prefix}:{tag}:store``: the identity of the store: a random name, the meaning, the form. On a cluster every tag has one, since a node
  that restarts empty loses only its slots. It is lost together with the records, which distinguishes a
  server that restarted empty from one that never held a record;
* ``{prefix}:{tag}:epoch:{partition}`` and ``...:journal:{partition}``;
* ``{prefix}:{tag}:rebuilding``, of the first tag, while `forewarn rebuild` runs.

The last four never expire.
"""

import hashlib
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from redis import exceptions as fault

from features.entity_keys import StateForm
from features.store import field_scripts, redis_scripts
from features.store.redis_connections import Command, RedisConnection
from features.store.redis_retries import RetryPolicy, explain
from features.store.state_store import Conflict, FencedError, JournalWrite, Write, lost
from forewarn.errors import ConfigurationError

_SHA = {
    source: hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()
    for source in (
        redis_scripts.COMMIT,
        redis_scripts.TAKE_OVER,
        field_scripts.COMMIT,
        field_scripts.LOAD,
    )
}


class RedisStateStore:
    """Records in Redis.

    Args:
        connection: from :func:`features.store.redis_connections.connect`; closed by ``close``.
        prefix: first part of every key of this installation.
        tags: every hash tag that a record's key may have; on one server only the first is used.
        retries: policy for faults of Redis.
        meaning: of the records (``store_factory.meaning_of``), without a dot. It becomes part of the
            identity: a store with another meaning is refused. Empty for no check.
        new_form: of a store that does not exist yet.
        now_seconds: the clock by which records of the compact form expire; wall time unless given.
    """

    def __init__(
        self,
        connection: RedisConnection,
        *,
        prefix: str,
        tags: Sequence[bytes],
        retries: RetryPolicy,
        meaning: str = "",
        new_form: StateForm = StateForm.COMPACT,
        now_seconds: Callable[[], float] = time.time,
    ) -> None:
        if not tags or any(b"{" in tag or b"}" in tag for tag in tags):
            raise ValueError("a store needs at least one hash tag, without braces")
        self._connection = connection
        self._prefix = prefix.encode()
        # On one server all keys are of one group, so one tag and one identity key suffice.
        shared = connection.group(self._key(tags[0], b"store")) == connection.group(
            self._key(tags[-1], b"store")
        )
        self._tags = tuple(tags[:1] if shared else tags)
        self._shared = shared
        self._retries = retries
        self._meaning = meaning
        self._new_form = new_form
        self._now_seconds = now_seconds
        self._identity = b""
        self._rebuilding = self._key(self._tags[0], b"rebuilding")
        self._is_rebuilding = False

    @property
    def form(self) -> StateForm:
        """How the records are kept; known once the store is open."""
        return _form_of(self._identity)

    async def open(self, *, create: bool) -> str:
        """Read the identity; see the contract."""

        async def attempt() -> bytes:
            keys = [self._marker(tag) for tag in self._tags]
            unfinished, first = await self._connection.send(
                [("GET", key) for key in (self._rebuilding, keys[0])]
            )
            if unfinished and not self._is_rebuilding:
                raise lost("a rebuild has not finished")
            # The first key is written last (see _create), so the others are read after it: in one
            # request a node may answer before another worker has written the identity to it.
            found = [first, *await self._send([("GET", key) for key in keys[1:]])]
            if found[0] is None and create:
                found = await self._create(keys, untouched=not any(found))
            if found[0] is None:
                raise lost("it has no identity")
            if set(found) != {found[0]}:
                raise lost("a part of the cluster came back empty")
            identity: bytes = found[0]
            self._require_meaning(identity.decode())
            return identity

        self._identity = await self._retries.call("open", attempt)
        return self._identity.decode()

    async def load(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Read records; see the contract."""
        if self.form is StateForm.PLAIN:
            return await self._load_strings(keys)
        commands: list[Command] = []
        batches = self._batches(keys)
        span = field_scripts.present_span(self._now_seconds())
        for tag, part in batches:
            hashes, names = field_scripts.split([keys[i] for i in part])
            commands.append((1 + len(part), self._marker(tag), *hashes, span, names))
        replies = await self._run("load records", field_scripts.LOAD, commands)
        records: list[bytes | None] = [None] * len(keys)
        for (_, part), (marker, *values) in zip(batches, replies, strict=True):
            if marker != self._identity:
                raise lost("its identity is missing or has changed")
            for index, value in zip(part, values, strict=True):
                records[index] = value and value[1:]
        return records

    async def _load_strings(self, keys: Sequence[bytes]) -> list[bytes | None]:
        groups = self._grouped(keys)
        commands: list[Command] = []
        places: list[list[int]] = []
        for group, indices in groups.items():
            for start in range(0, len(indices), redis_scripts.MAX_RECORDS_A_SCRIPT):
                part = indices[start : start + redis_scripts.MAX_RECORDS_A_SCRIPT]
                places.append(part)
                commands.append(("MGET", self._marker(group), *(keys[i] for i in part)))
        replies = await self._retries.call("load records", lambda: self._send(commands))
        records: list[bytes | None] = [None] * len(keys)
        for part, (marker, *values) in zip(places, replies, strict=True):
            if marker != self._identity:
                raise lost("its identity is missing or has changed")
            for index, value in zip(part, values, strict=True):
                records[index] = value
        return records

    async def commit(
        self,
        writes: Sequence[Write],
        *,
        journals: Sequence[JournalWrite] = (),
        epochs: Mapping[int, int] | None = None,
    ) -> list[Conflict]:
        """Write journals, then records; see the contract."""
        fences = dict(epochs or {}) | {entry.partition: entry.epoch for entry in journals}
        batches = self._batches([write.key for write in writes])
        if self._shared:
            return await self._commit_shared(writes, journals, fences, batches)
        by_tag: dict[bytes, list[int]] = defaultdict(list)
        for partition in fences:
            by_tag[self._tag_of(partition)].append(partition)
        heads = [
            self._commit_command(
                tag,
                [j for j in journals if j.partition in parts],
                {p: fences[p] for p in parts},
                (),
            )
            for tag, parts in by_tag.items()
        ]
        # A record may be written only when every journal is in place, so this is awaited first.
        if heads:
            await self._run("write journals", self._commit_script, heads)
        commands = [
            self._commit_command(tag, (), {}, [writes[i] for i in part]) for tag, part in batches
        ]
        replies = await self._run("write records", self._commit_script, commands)
        return _conflicts(writes, [part for _, part in batches], replies)

    async def take_over(self, partitions: Sequence[int]) -> dict[int, int]:
        """Become the owner of partitions; see the contract."""
        by_tag: dict[bytes, list[int]] = defaultdict(list)
        for partition in partitions:
            by_tag[self._tag_of(partition)].append(partition)
        commands: list[Command] = [
            (len(parts) + 1, self._marker(tag), *(self._epoch(p) for p in parts), self._identity)
            for tag, parts in by_tag.items()
        ]
        replies = await self._run("take partitions over", redis_scripts.TAKE_OVER, commands)
        epochs: dict[int, int] = {}
        for parts, reply in zip(by_tag.values(), replies, strict=True):
            epochs.update(zip(parts, reply, strict=True))
        return epochs

    async def journals(self, partitions: Sequence[int]) -> dict[int, bytes | None]:
        """The latest journals; see the contract."""
        entries = await self._load_strings([self._journal(partition) for partition in partitions])
        return dict(zip(partitions, entries, strict=True))

    async def begin_rebuild(self) -> None:
        """Empty the store; see the contract."""
        self._is_rebuilding = True
        mark: Command = ("SET", self._rebuilding, "1")
        await self._retries.call("begin a rebuild", lambda: self._connection.send([mark]))
        # The identities go first, since workers check them at every write: else a running worker
        # could write a record that the scan of the keys has already passed.
        markers: list[Command] = [("DEL", self._marker(tag)) for tag in self._tags]
        await self._retries.call("begin a rebuild", lambda: self._connection.send(markers))
        await self._connection.delete_all(self._prefix + b":*", keep=self._rebuilding)
        await self.open(create=True)

    async def end_rebuild(self) -> None:
        """Unlock the store; see the contract."""
        mark: Command = ("DEL", self._rebuilding)
        await self._retries.call("end a rebuild", lambda: self._connection.send([mark]))
        self._is_rebuilding = False

    async def ping(self) -> None:
        """Check the identity once; see the contract."""
        try:
            found = (await self._connection.send([("GET", self._marker(self._tags[0]))]))[0]
        except (fault.RedisError, fault.RedisClusterException, OSError) as error:
            raise explain("answer", error) from error
        if found != self._identity:
            raise lost("its identity is missing or has changed")

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.close()

    async def _commit_shared(
        self,
        writes: Sequence[Write],
        journals: Sequence[JournalWrite],
        fences: Mapping[int, int],
        batches: Sequence[tuple[bytes, list[int]]],
    ) -> list[Conflict]:
        """On one server the journals go in one step with the first records, under one fence."""
        tag = self._tags[0]
        first = [writes[i] for i in batches[0][1]] if batches else []
        head = self._commit_command(tag, journals, fences, first)
        replies = await self._run("write records", self._commit_script, [head])
        if len(batches) > 1:
            rest = [
                self._commit_command(tag, (), fences, [writes[i] for i in part])
                for _, part in batches[1:]
            ]
            replies += await self._run("write records", self._commit_script, rest)
        return _conflicts(writes, [part for _, part in batches], replies)

    def _commit_command(
        self,
        tag: bytes,
        journals: Sequence[JournalWrite],
        fences: Mapping[int, int],
        writes: Sequence[Write],
    ) -> Command:
        """Number of keys, keys and arguments of one run of the form's ``COMMIT``."""
        keys = [write.key for write in writes]
        epochs = list(fences.values())
        if self.form is StateForm.PLAIN:
            arguments = redis_scripts.commit_arguments(self._identity, epochs, journals, writes)
        else:
            keys, names = field_scripts.split(keys)
            arguments = field_scripts.commit_arguments(
                self._identity, epochs, journals, writes, names, self._now_seconds()
            )
        keys = [
            self._marker(tag),
            *(self._epoch(partition) for partition in fences),
            *(self._journal(entry.partition) for entry in journals),
            *keys,
        ]
        return (len(keys), *keys, *arguments)

    @property
    def _commit_script(self) -> str:
        return redis_scripts.COMMIT if self.form is StateForm.PLAIN else field_scripts.COMMIT

    async def _run(self, what: str, source: str, commands: Sequence[Command]) -> list[Any]:
        """Run a script with each set of arguments; raises FencedError and StateLostError as such."""
        calls: list[Command] = [("EVALSHA", _SHA[source], *command) for command in commands]

        async def attempt() -> list[Any]:
            try:
                return await self._send(calls)
            except fault.NoScriptError:
                await self._connection.load_script(source)  # the server has restarted
                return await self._send(calls)

        try:
            return await self._retries.call(what, attempt)
        except fault.ResponseError as error:
            words = str(error).split()
            if words[:1] == [redis_scripts.LOST]:
                raise lost("its identity is missing or has changed") from None
            if words[:1] == [redis_scripts.FENCED]:
                raise FencedError([int(word) for word in words[1:]]) from None
            raise

    async def _send(self, commands: Sequence[Command]) -> list[Any]:
        return await self._connection.send(commands) if commands else []

    async def _create(self, keys: Sequence[bytes], *, untouched: bool) -> list[bytes | None]:
        """Give the store an identity; several workers may do so at once.

        All of them write the one draft that was set first, and write the first key last: once it
        exists, a tag without an identity can only mean a loss.
        """
        draft = self._key(self._tags[0], b"draft")
        begun, proposal = await self._connection.send(
            [("SET", draft, self._new_identity(), "NX"), ("GET", draft)]
        )
        if begun and not untouched:
            await self._connection.send([("DEL", draft)])
            return [None]
        for part in (keys[1:], keys[:1]):
            if part:
                await self._connection.send([("SET", key, proposal, "NX") for key in part])
        found: list[bytes | None] = await self._connection.send([("GET", key) for key in keys])
        return found

    def _new_identity(self) -> str:
        name = f"{uuid.uuid4().hex}.{self._meaning}"
        return name if self._new_form is StateForm.PLAIN else f"{name}.{self._new_form.value}"

    def _require_meaning(self, identity: str) -> None:
        found = (*identity.split("."), "")[1]
        if found and self._meaning and found != self._meaning:
            raise ConfigurationError(
                "The state in Redis was written with another pseudonym key or another local time: "
                "records would be read as those of other people.",
                hint="Set FOREWARN_PRIVACY_PSEUDONYM_KEY to its former value, or stop the workers "
                "and run `forewarn rebuild`.",
            )

    def _batches(self, keys: Sequence[bytes]) -> list[tuple[bytes, list[int]]]:
        """Indices of records that go in one script each: of one tag, and bounded."""
        bound = redis_scripts.MAX_RECORDS_A_SCRIPT
        return [
            (tag, indices[start : start + bound])
            for tag, indices in self._grouped(keys).items()
            for start in range(0, len(indices), bound)
        ]

    def _grouped(self, keys: Sequence[bytes]) -> dict[bytes, list[int]]:
        """Indices of keys by hash tag."""
        if self._shared:
            return {self._tags[0]: list(range(len(keys)))} if keys else {}
        groups: dict[bytes, list[int]] = defaultdict(list)
        for index, key in enumerate(keys):
            groups[self._connection.group(key)].append(index)
        return groups

    def _tag_of(self, partition: int) -> bytes:
        return self._tags[partition % len(self._tags)]

    def _key(self, tag: bytes, rest: bytes) -> bytes:
        return b"%s:{%s}:%s" % (self._prefix, tag, rest)

    def _marker(self, tag: bytes) -> bytes:
        return self._key(tag, b"store")

    def _epoch(self, partition: int) -> bytes:
        return self._key(self._tag_of(partition), b"epoch:%d" % partition)

    def _journal(self, partition: int) -> bytes:
        return self._key(self._tag_of(partition), b"journal:%d" % partition)


def _form_of(identity: bytes) -> StateForm:
    """The form that an identity names; the first versions knew the plain form only and named none."""
    is_compact = identity.endswith(b"." + StateForm.COMPACT.value.encode())
    return StateForm.COMPACT if is_compact else StateForm.PLAIN


def _conflicts(
    writes: Sequence[Write], parts: Sequence[Sequence[int]], replies: Sequence[list[Any]]
) -> list[Conflict]:
    """Conflicts by index in ``writes``, except records that equal the write."""
    found: list[Conflict] = []
    for part, reply in zip(parts, replies, strict=False):
        for place, record in zip(reply[::2], reply[1::2], strict=True):
            index = part[place]
            if record != writes[index].value:  # equal: a repetition of a write that had landed
                found.append(Conflict(index, writes[index].key, record))
    return found
