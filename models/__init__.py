"""Models: scoring, policy, training, evaluation and the registry; and the simulator of a town.

Workers import ``models.scorer``, ``models.policy``, ``models.registry`` and ``models.drift``
only, which need no more than numpy, numba and LightGBM.
"""
