"""The rules that an experienced officer would write, as points: the baseline without a model."""

EXPERT_RULES: tuple[tuple[float, str, tuple[str, ...]], ...] = ()
