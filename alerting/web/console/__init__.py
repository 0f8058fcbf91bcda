"""The console: server-rendered pages, with htmx for parts that refresh themselves.

The composition root calls ``mount_console(app, ConsoleOptions(...))``. Pages take the service layer
from ``app.state.services`` and access control from ``app.state.access``.
"""

from alerting.web.console.console_options import ConsoleOptions
from alerting.web.console.mount import mount_console

__all__ = ["ConsoleOptions", "mount_console"]
