"""Whom to tell, over which channel, and when: pure deciders and the desk that acts on them."""
