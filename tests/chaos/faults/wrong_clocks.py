"""Clocks that are wrong."""

from world import CLOCKS

from .fault import fault, hold

HOUR = 3600


def draw_offset(rng, before=0):
    offsets = [-HOUR, HOUR, rng.uniform(-HOUR, HOUR), rng.uniform(-5, 5)]
    return rng.choice([offset for offset in offsets if offset != before])


@fault("clock-jumps", CLOCKS)
def clock_jumps(world, rng):
    """One clock jumps a few times, and back in the end; the primary dies after one of the jumps, or not at all."""
    node = rng.choice([world.primary(), rng.choice(world.replicas())])
    offsets = [0]
    for _ in range(rng.randint(1, 3)):
        offsets.append(draw_offset(rng, offsets[-1]))
    offsets.append(0)
    deadly = rng.randint(0, len(offsets) - 1)  # the jump after which the primary dies; 0 for none
    kill = rng.choice(["kill_mysqld", "kill_both"])
    death = f"{kill} after jump {deadly}" if deadly else "nobody dies"
    print(f"  {node}: {' s, '.join(f'{offset:+.1f}' for offset in offsets)} s; {death}", flush=True)
    for number, offset in enumerate(offsets[1:], start=1):
        node.jump(offset)
        if number == 1:
            assert not node.silent_nodes(), f"{node} believes nobody, as clocks differ"
        if number == deadly:
            hold(rng, 0, 3)
            getattr(world.primary(), kill)()
        if offset:
            hold(rng, 2, 5)


@fault("clocks-differ", CLOCKS)
def clocks_differ(world, rng):
    """Every clock is wrong in its own way, and stays so, so that the cluster has to become whole with them."""
    offsets = {node: draw_offset(rng) for node in world.nodes}
    print(f"  {', '.join(f'{node}: {offset:+.1f} s' for node, offset in offsets.items())}", flush=True)
    for node, offset in offsets.items():
        node.jump(offset)
        hold(rng, 0, 1)
    if rng.random() < 0.7:
        rng.choice([world.primary().kill_mysqld, world.primary().kill_both])()
    hold(rng, 3, 6)
