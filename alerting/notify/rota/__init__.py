"""Rotas: who is on call when, by recurring turns, with overrides, take-overs and swaps."""
