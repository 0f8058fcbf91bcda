"""Settings, one section a concern; see docs/settings.md for every variable."""

from forewarn.platform.settings.access_settings import AccessSettings
from forewarn.platform.settings.alerting_options import AlertingOptions
from forewarn.platform.settings.alerting_settings import AlertingSettings, load_alerting
from forewarn.platform.settings.decide_settings import DecideSettings
from forewarn.platform.settings.kafka_settings import KafkaSettings
from forewarn.platform.settings.local_settings import LocalSettings
from forewarn.platform.settings.log_settings import LogSettings
from forewarn.platform.settings.models_settings import ModelsSettings
from forewarn.platform.settings.privacy_settings import PrivacySettings
from forewarn.platform.settings.redis_settings import RedisSettings
from forewarn.platform.settings.section import Section, load
from forewarn.platform.settings.trace_settings import TraceSettings
from forewarn.platform.settings.worker_settings import WorkerSettings

__all__ = [
    "AccessSettings",
    "AlertingOptions",
    "AlertingSettings",
    "DecideSettings",
    "KafkaSettings",
    "LocalSettings",
    "LogSettings",
    "ModelsSettings",
    "PrivacySettings",
    "RedisSettings",
    "Section",
    "TraceSettings",
    "WorkerSettings",
    "load",
    "load_alerting",
]
