"""The targets of webhooks from the options, each with a secret derived from one."""

import hashlib
import hmac

from alerting.access import Scope
from alerting.notify.webhooks.webhook_log import WebhookTarget
from forewarn.errors import ConfigurationError
from forewarn.platform.settings import AlertingSettings


def target_secret(master: str, name: str) -> str:
    """The secret of one target, from which neither the master nor another target's follows."""
    return hmac.new(master.encode(), f"case-webhook/{name}".encode(), hashlib.sha256).hexdigest()


def webhook_targets(settings: AlertingSettings) -> tuple[WebhookTarget, ...]:
    """The targets of the options.

    Raises:
        ConfigurationError: there are targets and no secret to sign with.
    """
    options = settings.options.webhooks
    master = settings.webhook_secret.get_secret_value()
    if options.urls and not master:
        raise ConfigurationError(
            "Webhooks of cases would not be signed.",
            hint="Set FOREWARN_ALERTING_WEBHOOK_SECRET.",
        )
    return tuple(
        WebhookTarget(
            name=name,
            url=url,
            secret=target_secret(master, name),
            events=frozenset(options.events.get(name, options.ALL)),
            scope=Scope.of(options.tenants.get(name, ["*"]), options.districts.get(name, ["*"])),
        )
        for name, url in sorted(options.urls.items())
    )
