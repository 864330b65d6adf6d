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


@fault("stop-agent-briefly")
def stop_agent_briefly(world, rng):
    """It goes on around the end of its lease."""
    node = world.primary()
    node.freeze("agent")
    try:
        hold(rng, 1.5, 3.5)
    finally:
        node.thaw()


@fault("stop-agent-kill-mysqld")
def stop_agent_kill_mysqld(world, rng):
    """The primary's server dies beside an agent that notices nothing."""
    node = world.primary()
    node.freeze("agent")
    try:
        hold(rng, 0, 2)
        node.kill_mysqld()
        hold(rng, 2, 6)
    finally:
        node.thaw()


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
