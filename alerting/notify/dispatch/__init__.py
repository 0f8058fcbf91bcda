"""Dispatch: whom to notify over which channel and when, by pure deciders and a service."""
