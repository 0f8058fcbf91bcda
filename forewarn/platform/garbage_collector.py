"""The garbage collector of a process whose answers have a deadline."""

import gc


def exclude_permanent_objects() -> None:
    """Exclude what was loaded so far from garbage collection, and let it run rarely.

    A full collection visits every object of the libraries, 300,000 to a million, which takes 100 ms and more of
    processor time in which nothing else runs. Call it once everything is loaded. What comes later should make no
    reference cycles: its objects are freed when they are no longer referred to.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
