"""Settings, one section a concern; see docs/settings.md for every variable."""

from forewarn.settings.base import Section, load
from forewarn.settings.kafka import KafkaSettings
from forewarn.settings.privacy import PrivacySettings
from forewarn.settings.redis import RedisSettings

__all__ = ["KafkaSettings", "PrivacySettings", "RedisSettings", "Section", "load"]
