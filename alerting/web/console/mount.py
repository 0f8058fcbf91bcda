"""Puts the console's pages into the application."""

from fastapi import FastAPI
from fastapi.responses import RedirectResponse

from alerting.web.console.console_options import ConsoleOptions
from alerting.web.console.error_pages import install_unknown_pages
from alerting.web.console.queries.queue_snapshots import QueueSnapshots
from alerting.web.console.routes import (
    answer_page,
    audit_page,
    bulk_page,
    case_page,
    clues_page,
    evidence_page,
    figures_page,
    home_page,
    keys_page,
    lists_page,
    money_page,
    orders_page,
    overview_pages,
    patrol_page,
    person_page,
    playbook_page,
    queue_page,
    review_pages,
    rotas_page,
    routing_page,
    session_pages,
    shifts_page,
    visits_page,
    webhooks_page,
)
from alerting.web.console.static_files import FingerprintedFiles


def mount_console(app: FastAPI, options: ConsoleOptions) -> None:
    """Add every page, kept out of the API's documentation, and the static files."""
    app.state.console_options = options
    app.state.queue_snapshots = QueueSnapshots()
    for module in (
        home_page,
        session_pages,
        queue_page,
        case_page,
        review_pages,
        person_page,
        patrol_page,
        overview_pages,
        lists_page,
        orders_page,
        money_page,
        evidence_page,
        figures_page,
        routing_page,
        shifts_page,
        rotas_page,
        playbook_page,
        answer_page,
        bulk_page,
        clues_page,
        visits_page,
        webhooks_page,
        audit_page,
        keys_page,
    ):
        app.include_router(module.router, include_in_schema=False)
    install_unknown_pages(app)
    app.mount("/console/static", FingerprintedFiles(), name="console-static")

    @app.get("/", include_in_schema=False)
    def root() -> RedirectResponse:
        """Redirect the bare address to the console."""
        return RedirectResponse("/console/", status_code=303)
