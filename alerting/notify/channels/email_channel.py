"""E-mail over SMTP. The delivery's id is in the Message-ID, which identifies a second copy.

A mail has what a mailbox provider asks for in the mail itself (RFC 5322, 3834): Date, a Message-ID
with the sender's domain, one sender and one recipient, a body that needs no 8BITMIME. SPF and DKIM
are the relay's.
"""

import smtplib
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from pathlib import Path
from urllib.parse import urlsplit

from alerting.notify.channels.channel import (
    ChannelRefusedError,
    ChannelUnavailableError,
    Message,
    Receipt,
)
from forewarn.errors import ConfigurationError
from forewarn.platform.clock import Clock


@dataclass(frozen=True, slots=True)
class SmtpOptions:
    """How to reach the mail server.

    ``smtps`` uses TLS from the start, ``smtp`` STARTTLS unless ``starttls`` is off. The server's
    certificate has to be signed by ``ca_file``, or without one by an authority that the system
    trusts, and to name the host.
    """

    url: str
    username: str
    password: str
    sender: str
    timeout_seconds: float
    starttls: bool = True
    ca_file: Path | None = None


class EmailChannel:
    """Opens one connection per message, since pages are few and servers cut idle connections.

    Args:
        options: how to reach the mail server, and who sends.
        clock: UTC milliseconds.

    Raises:
        ConfigurationError: the URL is not smtp:// or smtps://, the sender is no address, the file of
            authorities is not valid, or the password would be sent in clear.
    """

    def __init__(self, options: SmtpOptions, clock: Clock) -> None:
        parts = urlsplit(options.url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ConfigurationError(
                "smtp.url of alerting.toml is not smtp://HOST:PORT or smtps://HOST:PORT."
            )
        self._options, self._clock = options, clock
        self._sender = sender_address(options.sender)
        self._host = parts.hostname
        self._tls = parts.scheme == "smtps"
        self._port = parts.port or (465 if self._tls else 25)
        if options.username and not (self._tls or options.starttls):
            raise ConfigurationError(
                "The mail server's password would be sent in clear.",
                hint="Set smtp.starttls in alerting.toml, or use smtps://.",
            )
        try:
            self._context = ssl.create_default_context(cafile=options.ca_file)
        except OSError as error:
            raise ConfigurationError(
                f"The mail server's authorities cannot be read: {type(error).__name__}.",
                hint="smtp.ca_file of alerting.toml names a file of PEM certificates.",
            ) from None

    def gateway(self, _message: Message) -> str:
        """The mail server."""
        return "email"

    def send(self, message: Message) -> Receipt:
        """Send one mail; see ``Channel.send``."""
        mail = self._mail(message)
        try:
            with self._connect() as server:
                if self._options.starttls and not self._tls:
                    server.starttls(context=self._context)
                if self._options.username:
                    server.login(self._options.username, self._options.password)
                server.send_message(mail)
        except smtplib.SMTPRecipientsRefused:
            raise ChannelRefusedError("The mail server refused the address.") from None
        except (smtplib.SMTPException, OSError) as error:
            raise ChannelUnavailableError(
                f"The mail server did not accept the mail: {type(error).__name__}."
            ) from None
        return Receipt()

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["Date"] = format_datetime(datetime.fromtimestamp(self._clock() / 1000, UTC))
        mail["From"] = self._sender
        try:
            mail["To"] = message.address
        except ValueError:  # a line feed would begin another header
            raise ChannelRefusedError("The address is not one of a mailbox.") from None
        mail["Subject"] = message.text.splitlines()[0][:200]
        mail["Message-ID"] = f"<{message.delivery_id}@{self._sender.domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        # Left to itself the library sends other scripts as 8 bits, which a relay may refuse or spoil.
        mail.set_content(message.text, cte="7bit" if message.text.isascii() else "base64")
        return mail

    def _connect(self) -> smtplib.SMTP:
        timeout = self._options.timeout_seconds
        if not self._tls:
            return smtplib.SMTP(self._host, self._port, timeout=timeout)
        return smtplib.SMTP_SSL(self._host, self._port, timeout=timeout, context=self._context)


def sender_address(sender: str) -> Address:
    """A sender such as ``Forewarn <forewarn@example.org>``, with its domain in ASCII.

    Raises:
        ConfigurationError: the sender is no address.
    """
    name, address = parseaddr(sender)
    local, _, domain = address.rpartition("@")
    try:
        if local and domain and sender.isprintable():
            return Address(name, local, domain.encode("idna").decode())
    except (ValueError, HeaderParseError):  # also what no domain can be
        pass
    raise ConfigurationError(
        "smtp.sender of alerting.toml is no address.",
        hint="Write NAME@DOMAIN, or a name and <NAME@DOMAIN>; the domain is the one that your relay signs.",
    )
