"""What operators ask for, and somebody dies in the middle."""

from world import SPACES

import harness

from .fault import fault, hold
from .links import dropped


@fault("switchover")
def switchover(world, rng):
    world.request("switchover", "--to", rng.choice(world.replicas()).name).succeed(60)


def switch_over_while(world, rng, happens):
    """Of the old primary and the new one."""
    old, new = world.primary(), rng.choice(world.replicas())
    request = world.request("switchover", "--to", new.name)
    hold(rng, 0, 1)
    happens(old, new)
    request.end(90)


@fault("switchover-disturbed")
def switchover_disturbed(world, rng):
    """The old primary or the new one dies at any step."""
    how = rng.choice(["kill_mysqld", "kill_agent"])
    is_new = rng.random() < 0.5

    def kill(old, new):
        victim = new if is_new else old
        print(f"  from {old} to {new}: {how} of {victim}", flush=True)
        getattr(victim, how)()

    switch_over_while(world, rng, kill)


@fault("switchover-cut", SPACES)
def switchover_cut(world, rng):
    """The link between the old primary and the new one is cut at any step."""

    def cut(old, new):
        address = old.host.address
        with dropped(new.host, f"in ip saddr {address}", f"out ip daddr {address}"):
            hold(rng, 2, 7)

    switch_over_while(world, rng, cut)


def kill_one_of(rng, *nodes):
    victim, how = rng.choice(nodes), rng.choice(["kill_mysqld", "kill_agent"])
    print(f"  {how} of {victim}", flush=True)
    getattr(victim, how)()


@fault("rolling-restart")
def rolling_restart(world, rng):
    """No server need be killed for it."""
    ends = {node: node.orderly_ends() for node in world.nodes}
    world.request("rolling-restart").succeed(240)
    killed = [node.name for node in world.nodes if node.orderly_ends() == ends[node]]
    assert not killed, f"the servers of {', '.join(killed)} did not end in time, and were killed"


@fault("rolling-restart-disturbed")
def rolling_restart_disturbed(world, rng):
    """Somebody dies at any step."""
    request = world.request("rolling-restart")
    hold(rng, 0, 10)
    kill_one_of(rng, world.primary(), rng.choice(world.nodes))
    request.end(300)


@fault("member-removed-and-added")
def member_removed_and_added(world, rng):
    """The primary or the node itself dies in the middle of its removal."""
    node = rng.choice(world.replicas())
    request = world.request("remove", node.name)
    hold(rng, 0, rng.choice([0.5, 3]))
    kill_one_of(rng, world.primary(), node)

    def is_removed():
        """It may have become the primary, or have been down when it was to be asked."""
        if world.primary() is node:
            world.request("switchover").succeed(60)
        return not world.has_member(node) or world.request("remove", node.name).end(240)

    if not request.end(240):
        harness.wait_until(f"{node} is removed", is_removed, 120, 1)
    hold(rng, 0, 2)
    node.agent.kill()  # which joins anew when it is started again


@fault("vote-given-up-and-taken")
def vote_given_up_and_taken(world, rng):
    """A replica may not lead, and has no vote, for a while, in which somebody dies."""
    node = rng.choice(world.replicas())
    node.configure(priority=0)
    try:
        hold(rng, 0, 5)
        kill_one_of(rng, world.primary(), rng.choice(world.nodes))
        hold(rng, 0, 3)
    finally:
        node.configure()
    hold(rng, 0, 3)
    if rng.random() < 0.5:
        world.primary().kill_mysqld()


@fault("acks-changed")
def acks_changed(world, rng):
    """Another number of acknowledgements is asked for, and then the first again; somebody dies in between."""
    usual = world.options.acks
    for acks in (2 if usual == 1 else 1, usual):
        request = world.request("protection", "--acks", str(acks))
        hold(rng, 0, 0.6)
        kill_one_of(rng, world.primary(), rng.choice(world.nodes))
        request.end(120)
    harness.wait_until("the first number holds", lambda: world.request("protection", "--acks", str(usual)).end(120), 240, 1)
