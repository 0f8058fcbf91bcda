"""Connections: TLS with a private authority, and addresses that cannot be used."""

import asyncio
import datetime as dt
import ipaddress
import shutil
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from features.store.redis_connections import ClusterConnection, connect
from features.store.redis_retries import RetryPolicy
from features.store.redis_store import RedisStateStore
from features.store.state_store import StateStore
from forewarn.errors import ConfigurationError, DependencyUnavailableError
from forewarn.local import RedisServer
from forewarn.local.ports import free_port
from forewarn.local.redis_server import redis_binary


@pytest.mark.parametrize("url", ["http://x", "localhost:6379", ""])
def test_an_address_of_no_known_kind_is_a_matter_of_settings(url: str) -> None:
    with pytest.raises(ConfigurationError, match="FOREWARN_REDIS_URL"):
        connect(url)


@pytest.mark.parametrize(
    ("key", "tag"),
    [(b"fw:s:{a7}00ff", b"a7"), (b"no tag", b"no tag"), (b"{}x", b"{}x"), (b"a{b}c{d}", b"b")],
)
def test_keys_are_grouped_as_redis_hashes_them(key: bytes, tag: bytes) -> None:
    link = connect("redis://127.0.0.1:1", cluster=True)
    assert isinstance(link, ClusterConnection)
    assert link.group(key) == tag


def certificate(directory: Path) -> tuple[Path, Path]:
    """A self-signed certificate of 127.0.0.1, and its key."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "redis")])
    now = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(private, hashes.SHA256())
    )
    certificate_file, key_file = directory / "server.pem", directory / "server.key"
    certificate_file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate_file, key_file


def store_at(url: str, ca_file: Path | None) -> StateStore:
    link = connect(url, ssl_ca_file=ca_file)
    return RedisStateStore(link, prefix="fw", tags=[b"00"], retries=RetryPolicy(0.3))


@pytest.mark.system
async def test_tls_trusts_the_authority_that_is_given_and_no_other(tmp_path: Path, require) -> None:
    require(shutil.which("redis-server") is not None, "the system's redis-server, built with TLS")
    certificate_file, key_file = certificate(tmp_path)
    port = free_port()
    config = {
        "tls-port": str(port),
        "tls-cert-file": str(certificate_file),
        "tls-key-file": str(key_file),
        "tls-ca-cert-file": str(certificate_file),
        "tls-auth-clients": "no",
    }
    with RedisServer(tmp_path / "redis", config=config, binary=redis_binary("system")):
        trusting = store_at(f"rediss://127.0.0.1:{port}/0", certificate_file)
        await trusting.open(create=True)
        await trusting.ping()
        await trusting.close()
        wary = store_at(f"rediss://127.0.0.1:{port}/0", None)
        with pytest.raises(DependencyUnavailableError, match=r"(?i)certificate"):
            await wary.open(create=True)
        await wary.close()


@pytest.mark.system
async def test_a_connection_that_the_server_closed_while_it_was_idle_is_not_used(
    redis_server: RedisServer,
) -> None:
    """The first command after the silence succeeds, without a retry (redis/redis-py#4252)."""
    link = connect(redis_server.url)
    try:
        for _ in range(5):
            await asyncio.gather(*(link.send([("PING",)]) for _ in range(4)))
            with redis_server.client() as client:
                client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            await asyncio.sleep(0.05)  # the loop sees that the sockets are closed
            assert await link.send([("SET", "a", "b"), ("GET", "a")]) == [True, b"b"]
    finally:
        await link.close()
