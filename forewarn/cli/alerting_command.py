"""``forewarn alerting ...``: run and manage the alerting service."""

import getpass
import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from alerting.bootstrap.background_tasks import replica_name
from alerting.bootstrap.composition import Settings, build_app
from alerting.bootstrap.gateways import available_channels, build_channels
from alerting.cases import history
from alerting.cases.playbooks.playbook_file import load_playbooks
from alerting.db import Database, migrate
from alerting.db.database import require_file
from alerting.jobs import backup as backups
from alerting.jobs.erasure import erase_person
from alerting.jobs.retention import Retention, RetentionOptions
from alerting.linkage.lists.list_service import ListService
from alerting.messaging.offset_reset import reset_offsets
from alerting.notify.dispatch.page_trial import route_document, trial_document, try_pages
from alerting.notify.routing.routing_file import load_routing
from alerting.notify.routing.routing_source import RoutingSource
from alerting.notify.routing.routing_tree import DEFAULT, Routing
from alerting.notify.routing.routing_trial import try_route
from alerting.notify.webhooks.webhook_targets import target_secret
from alerting.web.application import create_probes
from forewarn.cli import user_command
from forewarn.contracts import Severity, Typology
from forewarn.errors import ConfigurationError, DependencyUnavailableError
from forewarn.platform.clock import system_clock
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import (
    AlertingOptions,
    AlertingSettings,
    KafkaSettings,
    LogSettings,
    PrivacySettings,
    load,
    load_alerting,
)
from forewarn.platform.settings.access_settings import AccessSettings
from forewarn.platform.settings.toml_document import load_toml
from forewarn.platform.settings.trace_settings import TraceSettings
from forewarn.telemetry import logs

app = typer.Typer(no_args_is_help=True, help="Run and manage the alerting service.")
app.add_typer(user_command.app, name="user")
audit_app = typer.Typer(no_args_is_help=True, help="The audit log.")
app.add_typer(audit_app, name="audit")


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
) -> None:
    """Run the service: API, console, ingest, dispatch."""
    from alerting.web import http_server  # noqa: PLC0415 - only this command listens

    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = Settings(
        alerting=load_alerting(**given),
        kafka=load(KafkaSettings),
        access=load(AccessSettings),
        privacy=load(PrivacySettings),
        trace=load(TraceSettings),
    )
    own = settings.alerting
    log = load(LogSettings)
    logs.configure(log.level, log.format)
    proxies = http_server.trusted_proxies(
        own.trusted_proxies, public_url=own.public_url, host=own.host
    )
    service = build_app(settings)
    listener = http_server.listen(own.host, own.port, setting="FOREWARN_ALERTING_PORT")
    probes = http_server.listen(
        own.host, own.metrics_port, setting="FOREWARN_ALERTING_METRICS_PORT"
    )
    typer.echo(f"Listening on http://{own.host}:{listener.getsockname()[1]}")
    typer.echo(f"Probes and metrics on http://{own.host}:{probes.getsockname()[1]}")
    http_server.serve(
        service,
        listener,
        create_probes(service.state.health),
        probes,
        proxies=proxies,
        end_streams=service.state.patrol_feed.close,
    )


@app.command("migrate")
def migrate_database(
    to: Annotated[
        str | None,
        typer.Option(
            help="Go back to this revision, for an earlier version; the data of what came later go."
        ),
    ] = None,
) -> None:
    """Bring the database to the schema of this version, or back to that of an earlier one."""
    db = _database()
    if to is None:
        to = migrate.upgrade(db)
    else:
        migrate.downgrade(db, to)
    typer.echo(f"The database is at revision {to}.")
    db.dispose()


@audit_app.command("verify")
def verify_audit(
    expect: Annotated[
        str | None, typer.Option(help="A head that an earlier run printed; must be in the chain.")
    ] = None,
) -> None:
    """Check the hash chain of the audit log; status 1 if it does not hold."""
    result = history.verify(migrated_database(), expect=expect)
    typer.echo(f"{result.lines} records hold. Head: {result.head}")
    if result.fault:
        typer.echo(f"Fault: {result.fault}.", err=True)
        raise typer.Exit(1)


@app.command("route-test")
def route_test(
    file: Annotated[
        Path | None, typer.Argument(help="Routing file; the one of the settings by default.")
    ] = None,
    tenant: Annotated[str, typer.Option(help="Tenant of the case.")] = "default",
    district: Annotated[str, typer.Option(help="District of the case; none by default.")] = "",
    typology: Annotated[
        str, typer.Option(help="Kind of fraud: " + ", ".join(get_args(Typology)) + ".")
    ] = "unknown",
    severity: Annotated[
        str, typer.Option(help="One of " + ", ".join(get_args(Severity)) + ".")
    ] = "critical",
    receiver: Annotated[
        str | None, typer.Option(help="Expected receiver; status 1 if the case goes elsewhere.")
    ] = None,
) -> None:
    """Check a routing file; say where a case with these labels goes, and who would be paged now.

    Shifts, silences and open cases are those of the settings' database; without one only the route is shown.
    """
    _require_known("typology", typology, get_args(Typology))
    _require_known("severity", severity, get_args(Severity))
    settings = load_alerting()
    path = file or settings.routing_file
    routing = load_routing(path) if path else DEFAULT
    labels = {"tenant": tenant, "district": district, "typology": typology, "severity": severity}
    for document in _trials(settings, routing, labels):
        typer.echo(json.dumps(document, ensure_ascii=False))
    if receiver and receiver not in [found.receiver for found in try_route(routing, labels)]:
        raise typer.Exit(1)


@app.command("check-playbooks")
def check_playbooks(
    file: Annotated[Path, typer.Argument(help="File of playbooks.", exists=True, dir_okay=False)],
) -> None:
    """Check a file of playbooks; every fault is named with its place."""
    found = load_playbooks(file)
    typer.echo(f"version {found.version}, {len(found.playbooks)} playbooks")


@app.command("webhook-secret")
def webhook_secret(
    name: Annotated[str, typer.Argument(help="Name of the target in alerting.toml.")],
) -> None:
    """Print the secret that signs the calls to one webhook of cases."""
    master = load(AlertingSettings).webhook_secret.get_secret_value()
    if not master:
        raise ConfigurationError(
            "There is no secret to derive from.", hint="Set FOREWARN_ALERTING_WEBHOOK_SECRET."
        )
    typer.echo(target_secret(master, name))


def _trials(
    settings: AlertingSettings, routing: Routing, labels: dict[str, str]
) -> list[dict[str, Any]]:
    """The trials of a case; routes alone, with a note, where there is no database to ask."""
    try:
        db = migrated_database()
    except (ConfigurationError, DependencyUnavailableError) as error:
        typer.echo(f"Who would be paged now is not known: {error}", err=True)
        return [route_document(found) for found in try_route(routing, labels)]
    with db.read() as session:
        found = try_pages(
            session,
            routing,
            labels,
            available=available_channels(settings),
            now_ms=system_clock(),
        )
    db.dispose()
    return [trial_document(trial) for trial in found]


def _require_known(label: str, value: str, known: tuple[str, ...]) -> None:
    """Refuse a label that no case can have: a route that was tried with it would prove nothing."""
    if value not in known:
        raise ConfigurationError(
            f"No case has the {label} {value!r}.", hint=f"Choose from {', '.join(known)}."
        )


@app.command("check-options")
def check_options(
    file: Annotated[
        Path | None, typer.Argument(help="Options file; the one of the settings by default.")
    ] = None,
) -> None:
    """Check an options file, and that its gateways have their secrets."""
    settings = load_alerting() if file is None else load(AlertingSettings)
    if file is not None:
        options = load_toml(file, AlertingOptions)
        settings = settings.model_copy(update={"options": options})
    routing = RoutingSource(None, system_clock)
    build_channels(settings, routing, system_clock)
    typer.echo("The options are valid.")


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(help="File to write; it must not exist yet.")],
) -> None:
    """Write a consistent backup while the service runs."""
    size = backups.backup(migrated_database(), target)
    typer.echo(f"{target}: {size:,} bytes.")


@app.command()
def restore(source: Annotated[Path, typer.Argument(help="The backup's file.")]) -> None:
    """Read a backup into an empty database and check its audit log."""
    result = backups.restore(_database(), source)
    typer.echo(f"Restored; {result.lines} audit records hold.")


@app.command("reread")
def read_again(
    since: Annotated[
        datetime,
        typer.Option(
            formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"], help="Read again from this time (UTC)."
        ),
    ],
) -> None:
    """Read warnings, calls and transfers again from a time on, after a restore; stop the service first."""
    group = load(AlertingSettings).consumer_group
    count = reset_offsets(
        load(KafkaSettings),
        {group: ["warnings"], f"{group}-index": ["calls", "transfers"]},
        since_ms=round(since.replace(tzinfo=UTC).timestamp() * 1000),
    )
    typer.echo(f"{count} partitions will be read again from {since.isoformat()} UTC on.")


@app.command()
def retention() -> None:
    """Delete now the data whose time to keep is over, as the service does every hour."""
    settings = load_alerting()
    options = RetentionOptions(**settings.options.retention.model_dump())
    done = Retention(migrated_database(), system_clock, options, owner=replica_name(settings)).run()
    typer.echo(
        f"Removed {done.activity} timeline rows and {done.contacts} contacts,"
        f" erased {done.cases} cases."
    )


@app.command()
def erase(
    numbers: Annotated[
        typer.FileText,
        typer.Option("--file", help="File with the person's numbers, one a line; - is the input."),
    ],
    tenant: Annotated[str, typer.Option(help="Tenant of the person's cases.")] = "default",
) -> None:
    """Erase a person's data on request; open cases stay until they are closed.

    Numbers are not taken as arguments: those can be read by every user of the machine, and stay in
    the history of the shell.
    """
    wanted = [line.strip() for line in numbers if line.strip()]
    for place, number in enumerate(wanted, 1):
        if not re.fullmatch(r"\+?[0-9]{3,20}", number):
            raise ConfigurationError(
                f"Line {place} is no telephone number.", hint="Give numbers as in +8613800001111."
            )
    if not wanted:
        raise ConfigurationError("No number was given.", hint="Write one a line.")
    db = migrated_database()
    key = load(PrivacySettings).pseudonym_key.get_secret_value()
    lists = ListService(db, system_clock, Pseudonymiser(key.encode()))
    actor = f"cli:{running_user()}"
    cases = sum(erase_person(db, lists, tenant, number, actor, system_clock()) for number in wanted)
    typer.echo(f"Erased {len(wanted)} numbers, with {cases} closed cases.")


def running_user() -> str:
    """Who runs the command, for the audit log."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return f"uid {os.getuid()}"


def _database() -> Database:
    return Database(load(AlertingSettings).database_url)


def migrated_database() -> Database:
    """The database of the settings.

    Raises:
        ConfigurationError: there is none yet, or it has the schema of another version.
    """
    url = load(AlertingSettings).database_url
    require_file(url)
    db = Database(url)
    migrate.check(db)
    return db
