"""Models: scoring, policy, training, evaluation and the registry; and the simulator of a town.

Workers import ``models.serving.scorer``, ``models.policy``, ``models.registry`` and ``models.serving.drift``
only, which need no more than numpy, numba and LightGBM.
"""
