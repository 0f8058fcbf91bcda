"""E-mail: nothing goes to a mail server that cannot prove who it is."""

import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from alerting.notify.channels.channel import (
    ChannelRefusedError,
    ChannelUnavailableError,
    Message,
)
from alerting.notify.channels.email_channel import EmailChannel, SmtpOptions
from forewarn.errors import ConfigurationError
from tests.alerting.factory import NOW_MS
from tests.doubles.smtp_server import SmtpDouble

MESSAGE = Message("d-1", "email", "team", "chief@example.org", "Case c-1 waits", "en")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of localhost that is signed by itself alone, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "server.pem"
    file.write_bytes(
        signed.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return file


def server_of(certificate: Path) -> SmtpDouble:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return SmtpDouble(context)


def channel(url: str, **changes: object) -> EmailChannel:
    fields = {"username": "us", "password": "secret", "sender": "us@localhost"}
    options = SmtpOptions(**({"url": url, "timeout_seconds": 5} | fields | changes))
    return EmailChannel(options, lambda: NOW_MS)


def test_a_server_that_cannot_prove_who_it_is_gets_neither_password_nor_mail(
    certificate: Path,
) -> None:
    with server_of(certificate) as double:
        with pytest.raises(ChannelUnavailableError):
            channel(double.url).send(MESSAGE)
        assert [command for command in double.commands if command.startswith("AUTH")] == []
        assert double.mails == []


def test_an_authority_of_our_own_is_trusted_when_it_is_named(certificate: Path) -> None:
    with server_of(certificate) as double:
        channel(double.url, ca_file=certificate).send(MESSAGE)
        assert any(command.startswith("AUTH") for command in double.commands)
        assert [mail["To"] for mail in double.mails] == ["chief@example.org"]


def test_a_certificate_has_to_name_the_host(certificate: Path) -> None:
    with server_of(certificate) as double:
        elsewhere = double.url.replace("localhost", "127.0.0.1")
        with pytest.raises(ChannelUnavailableError):
            channel(elsewhere, ca_file=certificate).send(MESSAGE)
        assert double.mails == []


def test_a_server_without_tls_gets_nothing_unless_that_was_asked_for() -> None:
    with SmtpDouble() as double:
        with pytest.raises(ChannelUnavailableError):
            channel(double.url, username="").send(MESSAGE)
        assert double.mails == []
        channel(double.url, username="", starttls=False).send(MESSAGE)
        assert len(double.mails) == 1


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"starttls": False}, "in clear"),
        ({"ca_file": Path("nowhere.pem")}, "authorities"),
        ({"url": "mail.example.org"}, "smtp://"),
        ({"sender": "forewarn"}, "smtp.sender"),
        ({"sender": "a@b.example\nBcc: c@d.example"}, "smtp.sender"),
    ],
)
def test_unsafe_settings_are_refused_at_the_start(changes: dict, fault: str) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        channel(**({"url": "smtp://localhost:25"} | changes))


@pytest.mark.parametrize(
    ("sender", "domain"),
    [
        ("us@localhost", "localhost"),
        ("反诈中心 <warn@police.example.cn>", "police.example.cn"),
        ("warn@反诈.example", "xn--kors61k.example"),
    ],
)
def test_a_mail_has_what_mailbox_providers_ask_for(sender: str, domain: str) -> None:
    """Date, a Message-ID of the sender's domain that a second copy shares, and seven bits a byte."""
    text = "案件 c-1 在等\n请立即处理。"
    with SmtpDouble() as double:
        sending = channel(double.url, username="", starttls=False, sender=sender)
        for _ in range(2):
            sending.send(replace(MESSAGE, text=text))
        first, second = double.mails
    assert parsedate_to_datetime(first["Date"]) == datetime.fromtimestamp(NOW_MS // 1000, UTC)
    assert first["Message-ID"] == second["Message-ID"] == f"<d-1@{domain}>"
    assert (first["Auto-Submitted"], first["Subject"]) == ("auto-generated", "案件 c-1 在等")
    assert first.get_content().rstrip() == text
    assert first.as_bytes().isascii()


def test_an_address_with_a_line_feed_is_refused_and_no_header() -> None:
    with SmtpDouble() as double:
        sending = channel(double.url, username="", starttls=False)
        with pytest.raises(ChannelRefusedError):
            sending.send(replace(MESSAGE, address="a@b.example\nBcc: c@d.example"))
    assert double.mails == []
