"""``forewarn alerting ...``: run and manage the alerting service."""

from typing import Annotated

import typer

from alerting.compose import Settings, build_app
from alerting.db import Database, migrate
from forewarn.cli import access
from forewarn.settings import AlertingSettings, KafkaSettings, load
from forewarn.settings.access import AccessSettings
from forewarn.settings.console import ConsoleSettings

app = typer.Typer(no_args_is_help=True, help="Run and manage the alerting service.")
app.add_typer(access.app, name="user")


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
) -> None:
    """Run the service: API, console, ingest, dispatch."""
    import uvicorn  # noqa: PLC0415 - only this command listens

    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = Settings(
        alerting=load(AlertingSettings, **given),
        kafka=load(KafkaSettings),
        access=load(AccessSettings),
        console=load(ConsoleSettings),
    )
    uvicorn.run(
        build_app(settings),
        host=settings.alerting.host,
        port=settings.alerting.port,
        log_level="warning",
        access_log=False,  # paths hold case ids
        server_header=False,
        timeout_graceful_shutdown=10,
    )


@app.command("migrate")
def migrate_database() -> None:
    """Bring the database to the schema of this version."""
    db = Database(load(AlertingSettings).database_url)
    typer.echo(f"The database is at revision {migrate.upgrade(db)}.")
    db.dispose()
