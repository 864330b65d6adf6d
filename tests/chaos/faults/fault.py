"""What a fault is: a function that hurts a cluster, waits, and puts right again what does not heal by itself."""

import time

FAULTS = {}  # name: (function, what it needs; None for nothing)


def fault(name, needs=None):
    def add(function):
        FAULTS[name] = (function, needs)
        return function

    return add


stretched = 1


def stretch(factor):
    """Every fault lasts so many times as long as it says, because leases do."""
    global stretched
    stretched = factor


def seconds(rng, least, most):
    return stretched * rng.uniform(least, most)


def hold(rng, least, most):
    time.sleep(seconds(rng, least, most))
