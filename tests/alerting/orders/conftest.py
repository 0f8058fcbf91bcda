"""Orders are tested in the town of the dispatch, with its gateways."""

from tests.alerting.notify.dispatch.conftest import gateways, mail, town

__all__ = ["gateways", "mail", "town"]
