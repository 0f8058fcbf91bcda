"""Dashboards as code; `python -m deploy.monitoring.render` writes their JSON."""
