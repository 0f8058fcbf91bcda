"""Puts the console's pages into the application."""

from fastapi import FastAPI
from fastapi.responses import RedirectResponse

from alerting.console.routes import (
    audit,
    case,
    home,
    keys,
    lists,
    overview,
    patrol,
    queue,
    routing,
    session,
    shifts,
)
from alerting.console.services import ConsoleServices
from alerting.console.static_files import FingerprintedFiles


def mount_console(app: FastAPI, services: ConsoleServices) -> None:
    """Add every page, kept out of the API's documentation, and the static files."""
    app.state.console = services
    for module in (
        home,
        session,
        queue,
        case,
        patrol,
        overview,
        lists,
        routing,
        shifts,
        audit,
        keys,
    ):
        app.include_router(module.router, include_in_schema=False)
    app.mount("/console/static", FingerprintedFiles(), name="console-static")

    @app.get("/", include_in_schema=False)
    def root() -> RedirectResponse:
        """People who type the bare address mean the console."""
        return RedirectResponse("/console/", status_code=303)
