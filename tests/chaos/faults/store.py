"""The store."""

import time

from .fault import fault, hold, seconds


@fault("store-leader-killed")
def store_leader_killed(world, rng):
    world.store_leader().service.kill()


@fault("store-leader-stopped")
def store_leader_stopped(world, rng):
    member = world.store_leader()
    member.freezer.stop(member.service.pid())
    try:
        hold(rng, 3, 6)
    finally:
        member.freezer.go_on()


@fault("store-leader-and-primary")
def store_leader_and_primary(world, rng):
    primary, member = world.primary(), world.store_leader()
    member.service.kill()
    hold(rng, 0, 1)
    primary.kill_mysqld()


@fault("store-majority-lost")
def store_majority_lost(world, rng):
    """Nobody may write when its lease is over, until the store is back."""
    members = rng.sample(world.members, 2)
    for member in members:
        member.service.keep_down()
    try:
        hold(rng, 4, 8)
    finally:
        for member in members:
            member.service.start()


@fault("store-killed-and-primary")
def store_killed_and_primary(world, rng):
    primary = world.primary()
    for member in world.members:
        member.service.kill()
    primary.kill_mysqld()


@fault("store-slow")
def store_slow(world, rng):
    """etcd stands still again and again for some tenths of a second, as it does on a disk that is too slow."""
    members = rng.choice([world.members, [world.store_leader()]])
    until = time.monotonic() + seconds(rng, 4, 8)
    dies = rng.choice([None, until - seconds(rng, 1, 4)])
    while time.monotonic() < until:
        for member in members:
            member.freezer.stop(member.service.pid())
        time.sleep(rng.uniform(0.1, 0.5))
        for member in members:
            member.freezer.go_on()
        time.sleep(rng.uniform(0, 0.2))
        if dies and time.monotonic() > dies:
            dies = None
            world.primary().kill_mysqld()


@fault("store-restored")
def store_restored(world, rng):
    """The store is put back to what it was before a fail-over; then all that knew it is started anew, one by one."""
    hold(rng, 0, 2)
    snapshot = world.save_store()
    if rng.random() < 0.8:
        old = world.primary()
        rng.choice([old.kill_mysqld, old.kill_both, old.power_off])()
        hold(rng, 3, 6)
    world.restore_store(snapshot)
    hold(rng, 0, 4)
    for node in rng.sample(world.nodes, len(world.nodes)):
        node.agent.kill()
        node.proxy.kill()
        hold(rng, 0, 2)
