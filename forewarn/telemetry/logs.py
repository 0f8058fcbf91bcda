"""Structured logs: one JSON object a line (or colours on a terminal), for our code and libraries."""

import logging
import sys
from typing import Any, Literal

import structlog

from forewarn.telemetry.repeated_lines import OWN, RepeatedLines


def configure(level: str, form: Literal["json", "console"]) -> None:
    """Send all logs to standard error in one form.

    Args:
        level: a level of the standard library; libraries other than ours log warnings only.
        form: ``json`` for machines, ``console`` for people.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer(sort_keys=True)
        if form == "json"
        else structlog.dev.ConsoleRenderer()
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            foreign_pre_chain=shared,
        )
    )
    handler.addFilter(RepeatedLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for ours in OWN:
        logging.getLogger(ours).setLevel(level)
    structlog.configure(
        # First, so that a line below the level costs nothing else.
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
