"""Processes that die."""

import harness

from .fault import fault, hold


@fault("kill-mysqld")
def kill_mysqld(world, rng):
    world.primary().kill_mysqld()


@fault("kill-mysqld-of-replica")
def kill_mysqld_of_replica(world, rng):
    rng.choice(world.replicas()).kill_mysqld()


@fault("kill-agent")
def kill_agent(world, rng):
    world.primary().agent.kill()


@fault("kill-both")
def kill_both(world, rng):
    world.primary().kill_both()


@fault("kill-proxy")
def kill_proxy(world, rng):
    rng.choice(world.nodes).proxy.kill()


@fault("host-down")
def host_down(world, rng):
    node = world.primary()
    node.power_off()
    try:
        hold(rng, 5, 9)
    finally:
        node.power_on()


@fault("host-of-replica-down")
def host_of_replica_down(world, rng):
    node = rng.choice(world.replicas())
    node.power_off()
    try:
        hold(rng, 5, 9)
    finally:
        node.power_on()


@fault("power-loss")
def power_loss(world, rng):
    """Everything stops at once, the store too, and comes back in any order."""
    for node in world.nodes:
        node.agent.is_wanted = node.proxy.is_wanted = False
    for member in world.members:
        member.service.keep_down()
    for node in world.nodes:
        node.power_off()
    everything = [*world.nodes, *world.members]
    rng.shuffle(everything)
    for each in everything:
        if each in world.nodes:
            each.power_on()
        else:
            each.service.start()
        hold(rng, 0, 2)


@fault("candidate-killed")
def candidate_killed(world, rng):
    """The primary dies, and a moment later, at any step of its promotion, whoever takes its place."""
    first = world.primary()
    first.kill_mysqld()
    hold(rng, 0, 1.5)
    second = world.primary()
    if second is first:
        second = rng.choice(world.replicas())
    rng.choice([second.kill_mysqld, second.agent.kill])()


def says_who_is_missing(witness, missing):
    """By the proxy beside a mysqld that stands still."""
    ready = witness.status()["failover"]
    reason = ready["blocked_by"]
    return not ready["ready"] and "must say what they have received" in reason and all(str(node) in reason for node in missing)


@fault("last-acknowledger")
def last_acknowledger(world, rng):
    """One replica is gone and the other hangs, then the primary dies: nobody may take over before one is back."""
    primary, replicas = world.primary(), world.replicas()
    rng.shuffle(replicas)
    away = replicas[: max(1, len(replicas) - 1)]
    for node in away:
        node.power_off()
    try:
        hold(rng, 0.5, 2)
        replicas[-1].freeze("mysqld", "agent")
        hold(rng, 0, 1)
        primary.kill_both()
        primary.agent.keep_down()
        harness.wait_until("it is said why nobody takes over", lambda: says_who_is_missing(replicas[-1], away), 30)
        hold(rng, 0, 3)
        replicas[-1].thaw()
        primary.power_on()
        hold(rng, 0, 4)
    finally:
        replicas[-1].thaw()
        for node in away:
            node.power_on()
