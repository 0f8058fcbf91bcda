"""Settings, one section a concern; see docs/settings.md for every variable."""

from forewarn.settings.access import AccessSettings
from forewarn.settings.alerting import AlertingSettings
from forewarn.settings.base import Section, load
from forewarn.settings.console import ConsoleSettings
from forewarn.settings.kafka import KafkaSettings
from forewarn.settings.local import LocalSettings
from forewarn.settings.models import ModelsSettings
from forewarn.settings.privacy import PrivacySettings
from forewarn.settings.redis import RedisSettings
from forewarn.settings.trace import TraceSettings
from forewarn.settings.worker import WorkerSettings

__all__ = [
    "AccessSettings",
    "AlertingSettings",
    "ConsoleSettings",
    "KafkaSettings",
    "LocalSettings",
    "ModelsSettings",
    "PrivacySettings",
    "RedisSettings",
    "Section",
    "TraceSettings",
    "WorkerSettings",
    "load",
]
