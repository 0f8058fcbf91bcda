"""Migrations, applied in order by ``forewarn alerting migrate``."""
