"""More than one."""

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


def draw_two(world, rng):
    names = [name for name in COMBINABLE if world.has(FAULTS[name][1])]
    return rng.sample(names, 2)
