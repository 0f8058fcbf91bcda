"""The demonstration: a simulated town through the whole pipeline, with people who answer."""
