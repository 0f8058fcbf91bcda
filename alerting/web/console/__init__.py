"""The console: server-rendered pages over the case ledger, with htmx for what refreshes itself.

The composition root calls ``mount_console(app, ConsoleServices(...))``; access control is taken from
``app.state.access``.
"""

from alerting.web.console.console_services import ConsoleServices
from alerting.web.console.mount import mount_console

__all__ = ["ConsoleServices", "mount_console"]
