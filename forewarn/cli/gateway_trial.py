"""Routes and gateways tried without any effect: no message is sent, no order given."""

import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from alerting.bootstrap.gateways import build_channels
from alerting.notify.routing.routing_file import load_routing
from alerting.notify.routing.routing_source import RoutingSource
from alerting.notify.routing.routing_tree import DEFAULT
from alerting.notify.routing.routing_trial import try_route
from forewarn.local.diagnosis import MachineFinding
from forewarn.platform.clock import system_clock
from forewarn.platform.settings import load_alerting

LABELS = {"tenant": "default", "district": "", "typology": "unknown", "severity": "critical"}
PORTS = {"http": 80, "https": 443, "smtp": 25, "smtps": 465}


def try_gateways() -> Iterator[MachineFinding]:
    """Where a critical case goes, and whether each gateway takes a connection.

    Raises:
        ConfigurationError: the options, the routing file or a secret is not valid.
    """
    settings = load_alerting()
    if settings.routing_file is None:
        remedy = (
            "Run `forewarn alerting route-test` where the service runs, if its file is not here"
        )
        yield MachineFinding("note", "routes", "no routing file is set: the built-in route", remedy)
    routing = load_routing(settings.routing_file) if settings.routing_file else DEFAULT
    for trial in try_route(routing, LABELS):
        found = f"a critical case goes to {trial.receiver}, paged by {', '.join(trial.pages)}"
        if trial.pages:
            yield MachineFinding("ok", "routes", found)
        else:
            remedy = "Give the receiver a page in FOREWARN_ALERTING_ROUTING_FILE"
            found = f"a critical case goes to {trial.receiver}, which is paged by nothing"
            yield MachineFinding("note", "routes", found, remedy)
    source = RoutingSource(settings.routing_file, system_clock)
    build_channels(settings, source, system_clock)  # refuses gateways that could not be used
    gateways, smtp = settings.options.gateways, settings.options.smtp
    for name, url in (
        ("sms", gateways.sms_url), ("voice", gateways.voice_url), ("bank", gateways.bank_url),
        ("operator", gateways.operator_url), ("email", smtp.url),
    ):  # fmt: skip
        if url:
            yield gateway_finding(name, url, timeout_seconds=gateways.timeout_seconds)


def gateway_finding(name: str, url: str, *, timeout_seconds: float) -> MachineFinding:
    """Connect, greet by TLS where the URL says so, and hang up."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or PORTS.get(parts.scheme, 443)
    what, place = f"gateway {name}", f"{host}:{port}"
    try:
        with socket.create_connection((host, port), timeout_seconds) as plain:
            if parts.scheme in ("https", "smtps"):
                with ssl.create_default_context().wrap_socket(plain, server_hostname=host):
                    pass
    except ssl.SSLCertVerificationError as error:
        remedy = "Install its authority, or correct the host of the URL"
        found = f"{place}: {error.verify_message}"
        return MachineFinding("missing", what, found, remedy)
    except OSError as error:
        remedy = "Check the URL in alerting.toml, the network policy and the gateway"
        return MachineFinding("missing", what, f"{place}: {error.strerror or error}", remedy)
    return MachineFinding("ok", what, f"{place} takes connections")
