"""Something that happens while a replica is cloned anew."""

import contextlib

import harness

from .fault import fault, hold


def donor_of(world, node):
    """From whom it is being cloned now."""
    with contextlib.closing(node.root()) as server:
        source = server.value("SELECT MAX(SOURCE) FROM performance_schema.clone_status WHERE STATE = 'In Progress'")
    return source and world.node_at(source.partition(":")[0])


def disturb_clone(world, rng, node):
    """It is being made anew; a moment after its clone has begun, somebody dies."""
    who = rng.choice(["itself", "donor", "donor", "primary"])
    how = rng.choice(["kill_mysqld", "kill_both"])
    donor = harness.wait_until(f"{node} is being cloned", lambda: donor_of(world, node), 90, 0.01)
    hold(rng, 0, rng.choice([0.3, 1.5, 4]))
    victim = {"itself": node, "donor": donor, "primary": world.primary()}[who]
    print(f"  {node} is cloned from {donor}; {how} of {victim}", flush=True)
    getattr(victim, how)()


@fault("data-lost")
def data_lost(world, rng):
    """All data of a replica is gone, and somebody dies while it is cloned anew."""
    node = rng.choice(world.replicas())
    node.lose_data()
    disturb_clone(world, rng, node)


@fault("rebuild-disturbed")
def rebuild_disturbed(world, rng):
    """An operator has a replica cloned anew, and somebody dies meanwhile."""
    node = rng.choice(world.replicas())
    request = world.request("rebuild", node.name)
    disturb_clone(world, rng, node)
    request.end(300)
    hold(rng, 0, 1)


@fault("data-of-primary-lost")
def data_of_primary_lost(world, rng):
    """All data of the primary is gone with its server; sometimes whoever takes over dies soon, too."""
    world.primary().lose_data()
    hold(rng, 0, 4)
    if rng.random() < 0.5:
        world.primary().kill_mysqld()
