"""Forewarn: streaming early warning against telephone and transfer fraud.

This package holds what every part shares (the event contracts, the topics, the settings, the
pseudonyms, the errors) and the composition roots that put the parts together (the command line,
the local stack). The parts themselves are ``features``, ``models``, ``streams`` and ``alerting``.
"""

__version__ = "0.2.0"
