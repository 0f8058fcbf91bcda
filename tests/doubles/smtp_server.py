"""A mail server for tests: enough of SMTP (RFC 5321) to take what ``smtplib`` sends."""

import contextlib
import socketserver
import ssl
from email import message_from_bytes, policy
from email.message import EmailMessage

from tests.doubles.threaded_double import ThreadedDouble


class SmtpDouble(ThreadedDouble):
    """Start with ``with``; ``url`` is what the settings get. ``refuse`` addresses get a 550.

    Args:
        context: offers STARTTLS with this certificate, and then takes any login.
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.context = context
        self.mails: list[EmailMessage] = []
        self.commands: list[str] = []
        self.refuse: set[str] = set()
        super().__init__(_Server(self))

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"smtp://localhost:{self.port}"


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, double: SmtpDouble) -> None:
        self.double = double
        super().__init__(("127.0.0.1", 0), _Session)


class _Session(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        """One connection."""
        self._say("220 double")
        # A client that does not trust the certificate hangs up.
        with contextlib.suppress(OSError):
            while line := self.rfile.readline():
                if not self._answer(line.decode("utf-8", "replace").strip()):
                    return

    def _answer(self, command: str) -> bool:
        verb = command[:4].upper()
        double = self.server.double
        double.commands.append(command)
        if verb == "QUIT":
            self._say("221 bye")
            return False
        if verb == "RCPT" and any(known in command for known in double.refuse):
            self._say("550 no such mailbox")
        elif verb == "EHLO" and double.context:
            self._say("250-double\r\n250-STARTTLS\r\n250 AUTH PLAIN")
        elif verb == "STAR" and double.context:
            self._say("220 go on")
            self._secure(double.context)
        elif verb == "AUTH":
            self._say("235 welcome")
        elif verb == "DATA":
            self._say("354 go on")
            self._take()
            self._say("250 taken")
        else:
            self._say("250 ok")
        return True

    def _secure(self, context: ssl.SSLContext) -> None:
        self.request = context.wrap_socket(self.request, server_side=True)
        self.rfile = self.request.makefile("rb")
        self.wfile = self.request.makefile("wb", buffering=0)

    def _take(self) -> None:
        lines: list[bytes] = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b"..") else line)
        self.server.double.mails.append(message_from_bytes(b"".join(lines), policy=policy.default))

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")
