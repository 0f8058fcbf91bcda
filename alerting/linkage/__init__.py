"""Who was in contact with whom, and the sweeps that search it."""
