"""Figures of cases for the commander of a centre."""
