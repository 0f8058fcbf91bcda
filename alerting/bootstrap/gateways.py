"""The gateways of this installation: their secrets, and a channel for each that is configured."""

import httpx

from alerting.notify.channels.channel import Channel
from alerting.notify.channels.chat_robots import ORIGINS, Service
from alerting.notify.channels.email_channel import EmailChannel, SmtpOptions
from alerting.notify.channels.http_channel import (
    HttpChannel,
    order_body,
    sms_body,
    three_way_body,
    voice_body,
)
from alerting.notify.channels.patrol_channel import PatrolChannel
from alerting.notify.channels.team_channels import ChatChannel, WebhookChannel
from alerting.notify.routing.routing_source import RoutingSource
from forewarn.errors import ConfigurationError
from forewarn.platform.clock import Clock
from forewarn.platform.settings import AlertingSettings


def available_channels(settings: AlertingSettings) -> frozenset[str]:
    """The channels that this installation can send over."""
    gateways = settings.options.gateways
    configured = {
        "sms": gateways.sms_url,
        "voice": gateways.voice_url,
        "three_way": gateways.voice_url,
        "bank": gateways.bank_url,
        "operator": gateways.operator_url,
        "email": settings.options.smtp.url,
    }
    return frozenset({name for name, url in configured.items() if url}) | {
        "webhook",
        "chat",
        "patrol",
    }


def gateway_secrets(settings: AlertingSettings) -> dict[str, str]:
    """The secret shared with each gateway, by channel.

    It signs requests to the gateway and the gateway's reports about its own deliveries.

    Raises:
        ConfigurationError: two gateways share one, or a bank or operator has none.
    """
    secrets = {
        "sms": settings.sms_secret.get_secret_value(),
        "voice": settings.voice_secret.get_secret_value(),
        "bank": settings.bank_secret.get_secret_value(),
        "operator": settings.operator_secret.get_secret_value(),
        "webhook": settings.webhook_secret.get_secret_value(),
    }
    gateways = settings.options.gateways
    for channel, url in (("bank", gateways.bank_url), ("operator", gateways.operator_url)):
        if url and not secrets[channel]:
            raise ConfigurationError(
                f"Orders to the {channel} would not be signed.",
                hint=f"Set FOREWARN_ALERTING_{channel.upper()}_SECRET and share it with them.",
            )
    given = [secret for secret in secrets.values() if secret]
    if len(set(given)) < len(given):
        raise ConfigurationError(
            "Two gateways share one secret, so each could report for the other.",
            hint="Give each FOREWARN_ALERTING_..._SECRET a value of its own.",
        )
    return secrets


def chat_origins(settings: AlertingSettings) -> dict[Service, str]:
    """Where the robots of each chat service are: the service's own origin, or one of the options."""
    chosen = settings.options.chat
    own: dict[Service, str] = {
        "wecom": chosen.wecom_url,
        "dingtalk": chosen.dingtalk_url,
        "feishu": chosen.feishu_url,
        "lark": chosen.lark_url,
    }
    return {service: own[service] or origin for service, origin in ORIGINS.items()}


def build_channels(
    settings: AlertingSettings, routing: RoutingSource, clock: Clock
) -> dict[str, Channel]:
    """A channel for every gateway that is configured."""
    secrets = gateway_secrets(settings)
    gateways, smtp = settings.options.gateways, settings.options.smtp
    timeout = gateways.timeout_seconds
    client = httpx.Client(timeout=timeout, follow_redirects=False)
    channels: dict[str, Channel] = {
        "patrol": PatrolChannel(),
        "webhook": WebhookChannel(routing, secrets["webhook"], client, clock),
        "chat": ChatChannel(
            routing, client, chat_origins(settings), clock, timeout_seconds=timeout
        ),
    }
    for name, url, body in (
        ("sms", gateways.sms_url, sms_body),
        ("voice", gateways.voice_url, voice_body),
        ("three_way", gateways.voice_url, three_way_body),
        ("bank", gateways.bank_url, order_body),
        ("operator", gateways.operator_url, order_body),
    ):
        if url:
            secret = secrets["voice" if name == "three_way" else name]
            channels[name] = HttpChannel(name, url, secret, client, clock, body)
    if smtp.url:
        channels["email"] = EmailChannel(
            SmtpOptions(
                url=smtp.url,
                username=smtp.username,
                password=settings.smtp_password.get_secret_value(),
                sender=smtp.sender,
                timeout_seconds=timeout,
                starttls=smtp.starttls,
                ca_file=smtp.ca_file,
            ),
            clock,
        )
    return channels
