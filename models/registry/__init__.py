"""The model registry: artifacts by version, and pointers that say which one is in use."""

from models.registry.registry import (
    ALIASES,
    Alias,
    Pointer,
    Registry,
    champion_scorer,
    open_registry,
)

__all__ = ["ALIASES", "Alias", "Pointer", "Registry", "champion_scorer", "open_registry"]
