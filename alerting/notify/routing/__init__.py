"""The routing tree: which team gets which case, in the manner of Alertmanager."""
