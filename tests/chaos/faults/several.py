"""More than one."""

import random
from concurrent.futures import ThreadPoolExecutor

from .fault import FAULTS, fault, hold

COMBINABLE = (
    "kill-mysqld", "kill-agent", "kill-both", "host-down", "host-of-replica-down", "kill-mysqld-of-replica", "kill-proxy",
    "stop-mysqld", "stop-agent", "stop-host-of-replica", "cut-off", "deaf", "mute", "replication-cut",
    "primary-from-store", "proxy-from-primary", "store-leader-killed", "store-majority-lost", "disk-stalled",
)


@fault("two-in-a-row")
def two_in_a_row(world, rng):
    """The second when the first is over and nothing has had the time to become well."""
    for name in draw_two(world, rng):
        print(f"  {name}", flush=True)
        FAULTS[name][0](world, rng)
        hold(rng, 0, 3)


@fault("two-at-once")
def two_at_once(world, rng):
    """Both last for a while, or hit at the same moment."""
    names = draw_two(world, rng)
    print(f"  {' and '.join(names)}", flush=True)
    with ThreadPoolExecutor(2) as threads:
        # Each draws for itself, so that it does not matter which of them draws first.
        hurts = [threads.submit(FAULTS[name][0], world, random.Random(rng.getrandbits(64))) for name in names]
    for hurt in hurts:
        hurt.result()


def draw_two(world, rng):
    names = [name for name in COMBINABLE if world.has(FAULTS[name][1])]
    return rng.sample(names, 2)
