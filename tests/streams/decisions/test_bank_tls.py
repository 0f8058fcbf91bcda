"""Mutual TLS: only a bank with a certificate of the named authority reaches the service."""

import ssl
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from forewarn.errors import ConfigurationError
from forewarn.platform.settings import DecideSettings
from streams.decisions.replica import tls_context
from tests.system.certificates import Authority, Pair


def settings_of(pair: Pair, client_authority: Path | None) -> DecideSettings:
    return DecideSettings(
        tls_cert_file=pair.certificate, tls_key_file=pair.key, tls_client_ca_file=client_authority
    )


async def ask(server: TestServer, authority: Path, pair: Pair | None) -> str:
    context = ssl.create_default_context(cafile=str(authority))
    if pair is not None:
        context.load_cert_chain(pair.certificate, pair.key)
    async with (
        aiohttp.ClientSession() as session,
        session.get(server.make_url("/"), ssl=context) as answer,
    ):
        return await answer.text()


@pytest.mark.parametrize("mutual", [True, False])
async def test_a_bank_needs_a_certificate_where_an_authority_of_banks_is_set(
    tmp_path: Path, mutual: bool
) -> None:
    own, banks, strangers = (Authority(tmp_path, name) for name in ("own", "banks", "strangers"))
    context = tls_context(settings_of(own.issue("service"), banks.file if mutual else None))
    assert context is not None
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2

    async def greet(_request: web.Request) -> web.Response:
        return web.Response(text="served")

    application = web.Application()
    application.router.add_get("/", greet)
    server = TestServer(application, scheme="https")
    await server.start_server(ssl=context)
    try:
        assert await ask(server, own.file, banks.issue("bank")) == "served"
        for pair in (None, strangers.issue("stranger")):
            if mutual:
                with pytest.raises((aiohttp.ClientError, ssl.SSLError, ConnectionError)):
                    await ask(server, own.file, pair)
            else:
                assert await ask(server, own.file, pair) == "served"
    finally:
        await server.close()


def test_files_that_cannot_serve_are_refused_at_the_start(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "own")
    pair = authority.issue("service")
    assert tls_context(DecideSettings()) is None
    with pytest.raises(ConfigurationError, match="without a certificate"):
        tls_context(DecideSettings(tls_client_ca_file=authority.file))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        tls_context(settings_of(pair, tmp_path / "missing.pem"))
    (tmp_path / "empty.pem").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        tls_context(settings_of(pair, tmp_path / "empty.pem"))
