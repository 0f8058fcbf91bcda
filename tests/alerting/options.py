"""Settings with other options than the defaults, as alerting.toml would give them."""

from typing import Any

from forewarn.platform.settings import AlertingOptions, AlertingSettings


def options(**tables: dict[str, Any]) -> AlertingOptions:
    """Options with these values of these tables."""
    return AlertingOptions.model_validate(tables)


def with_options(settings: AlertingSettings, **tables: dict[str, Any]) -> AlertingSettings:
    """The settings with these values of these tables."""
    return settings.model_copy(update={"options": options(**tables)})
