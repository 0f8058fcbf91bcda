"""What watches an installation: rules, their tests, dashboards, and what renders them."""
