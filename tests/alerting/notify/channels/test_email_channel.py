"""E-mail: nothing goes to a mail server that cannot prove who it is."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from alerting.notify.channels.channel import ChannelUnavailableError, Message
from alerting.notify.channels.email_channel import EmailChannel, SmtpOptions
from forewarn.errors import ConfigurationError
from tests.doubles.smtp_server import SmtpDouble

MESSAGE = Message("d-1", "email", "team", "chief@example.org", "Case c-1 waits", "en")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of localhost that nobody but itself has signed, with its key."""
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


def options(url: str, **changes: object) -> SmtpOptions:
    fields = {"username": "us", "password": "secret", "sender": "us@localhost"}
    return SmtpOptions(**({"url": url, "timeout_seconds": 5} | fields | changes))


def test_a_server_that_cannot_prove_who_it_is_gets_neither_password_nor_mail(
    certificate: Path,
) -> None:
    with server_of(certificate) as double:
        with pytest.raises(ChannelUnavailableError):
            EmailChannel(options(double.url)).send(MESSAGE)
        assert [command for command in double.commands if command.startswith("AUTH")] == []
        assert double.mails == []


def test_an_authority_of_our_own_is_trusted_when_it_is_named(certificate: Path) -> None:
    with server_of(certificate) as double:
        EmailChannel(options(double.url, ca_file=certificate)).send(MESSAGE)
        assert any(command.startswith("AUTH") for command in double.commands)
        assert [mail["To"] for mail in double.mails] == ["chief@example.org"]


def test_a_certificate_has_to_name_the_host(certificate: Path) -> None:
    with server_of(certificate) as double:
        elsewhere = double.url.replace("localhost", "127.0.0.1")
        with pytest.raises(ChannelUnavailableError):
            EmailChannel(options(elsewhere, ca_file=certificate)).send(MESSAGE)
        assert double.mails == []


def test_a_server_without_tls_gets_nothing_unless_that_was_asked_for() -> None:
    with SmtpDouble() as double:
        with pytest.raises(ChannelUnavailableError):
            EmailChannel(options(double.url, username="")).send(MESSAGE)
        assert double.mails == []
        EmailChannel(options(double.url, username="", starttls=False)).send(MESSAGE)
        assert len(double.mails) == 1


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"starttls": False}, "in clear"),
        ({"ca_file": Path("nowhere.pem")}, "authorities"),
        ({"url": "mail.example.org"}, "smtp://"),
    ],
)
def test_what_cannot_be_safe_is_refused_at_the_start(changes: dict, fault: str) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        EmailChannel(options(**({"url": "smtp://localhost:25"} | changes)))
