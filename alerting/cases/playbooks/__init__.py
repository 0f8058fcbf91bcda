"""Playbooks: what to ask, say and do by kind of fraud, from one TOML file."""
