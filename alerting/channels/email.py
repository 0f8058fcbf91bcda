"""E-mail over SMTP. The delivery's id is the Message-ID, by which a second copy can be told."""

import smtplib
from dataclasses import dataclass
from email.message import EmailMessage
from urllib.parse import urlsplit

from alerting.channels.base import (
    ChannelRefusedError,
    ChannelUnavailableError,
    Message,
    Receipt,
)
from forewarn.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class SmtpOptions:
    """How to reach the mail server; ``smtps`` is TLS from the start."""

    url: str
    username: str
    password: str
    sender: str
    timeout_seconds: float


class EmailChannel:
    """One connection a message: pages are few, and an idle connection would be cut anyway.

    Raises:
        ConfigurationError: if the URL is not smtp:// or smtps://.
    """

    def __init__(self, options: SmtpOptions) -> None:
        parts = urlsplit(options.url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ConfigurationError(
                "FOREWARN_ALERTING_SMTP_URL is not smtp://HOST:PORT or smtps://HOST:PORT."
            )
        self._options = options
        self._host = parts.hostname
        self._tls = parts.scheme == "smtps"
        self._port = parts.port or (465 if self._tls else 25)

    def gateway(self, _message: Message) -> str:
        """The mail server."""
        return "email"

    def send(self, message: Message) -> Receipt:
        """Send one mail; see ``Channel.send``."""
        mail = EmailMessage()
        mail["Subject"] = message.text.splitlines()[0][:200]
        mail["From"] = self._options.sender
        mail["To"] = message.address
        mail["Message-ID"] = f"<{message.delivery_id}@forewarn>"
        mail.set_content(message.text)
        kind = smtplib.SMTP_SSL if self._tls else smtplib.SMTP
        try:
            with kind(self._host, self._port, timeout=self._options.timeout_seconds) as server:
                if self._options.username:
                    if not self._tls:
                        server.starttls()  # a password never goes in clear
                    server.login(self._options.username, self._options.password)
                server.send_message(mail)
        except smtplib.SMTPRecipientsRefused:
            raise ChannelRefusedError("The mail server refused the address.") from None
        except (smtplib.SMTPException, OSError) as error:
            raise ChannelUnavailableError(
                f"The mail server did not take it: {type(error).__name__}."
            ) from None
        return Receipt()
