"""Processes that stand still."""

from .fault import fault, hold


def frozen(node, rng, *parts):
    node.freeze(*parts)
    try:
        hold(rng, 4, 8)
    finally:
        node.thaw()


@fault("stop-mysqld")
def stop_mysqld(world, rng):
    frozen(world.primary(), rng, "mysqld")


@fault("stop-agent")
def stop_agent(world, rng):
    frozen(world.primary(), rng, "agent")


@fault("stop-host")
def stop_host(world, rng):
    frozen(world.primary(), rng, "agent", "mysqld", "proxy")


@fault("stop-host-of-replica")
def stop_host_of_replica(world, rng):
    frozen(rng.choice(world.replicas()), rng, "agent", "mysqld", "proxy")


@fault("stop-proxy")
def stop_proxy(world, rng):
    """A primary goes while a proxy sees nothing of it."""
    node = rng.choice(world.replicas())
    node.freeze("proxy")
    try:
        world.primary().kill_mysqld()
        hold(rng, 3, 5)
    finally:
        node.thaw()
