"""Links that are cut, or slow."""

import contextlib
import itertools
import time

from world import AGENT_PORT, MYSQL_PORT, PROXY_USER, SPACES, STORE_PORT

from .fault import fault, hold

EVERYTHING = ("in iifname eth0", "out oifname eth0")


numbers = itertools.count()


@contextlib.contextmanager
def dropped(host, *rules):
    key = f"fault {next(numbers)}"  # as another one may cut that host, too
    host.drop(key, *rules)
    try:
        yield
    finally:
        host.allow(key)


@fault("cut-off", SPACES)
def cut_off(world, rng):
    with dropped(world.primary().host, *EVERYTHING):
        hold(rng, 4, 9)


@fault("cut-off-replica", SPACES)
def cut_off_replica(world, rng):
    with dropped(rng.choice(world.replicas()).host, *EVERYTHING):
        hold(rng, 4, 9)


@fault("cut-off-briefly", SPACES)
def cut_off_briefly(world, rng):
    """The link heals around the end of the lease, with clients that wait for acknowledgements."""
    with dropped(world.primary().host, *EVERYTHING):
        hold(rng, 0.5, 3.5)


@fault("deaf", SPACES)
def deaf(world, rng):
    """It can send, and hears nothing."""
    with dropped(world.primary().host, EVERYTHING[0]):
        hold(rng, 4, 9)


@fault("mute", SPACES)
def mute(world, rng):
    with dropped(world.primary().host, EVERYTHING[1]):
        hold(rng, 4, 9)


@fault("replication-cut", SPACES)
def replication_cut(world, rng):
    """Replicas do not reach the primary's server; agents, proxies and the store do."""
    primary, replicas = world.primary(), world.replicas()
    rule = f"out ip daddr {primary.host.address} tcp dport {MYSQL_PORT} meta skuid != {PROXY_USER}"
    with contextlib.ExitStack() as stack:
        for node in replicas:
            stack.enter_context(dropped(node.host, rule))
        hold(rng, 4, 9)


@fault("one-replication-cut", SPACES)
def one_replication_cut(world, rng):
    primary = world.primary()
    rule = f"out ip daddr {primary.host.address} tcp dport {MYSQL_PORT} meta skuid != {PROXY_USER}"
    with dropped(rng.choice(world.replicas()).host, rule):
        hold(rng, 1, 3)
        primary.kill_mysqld()
        hold(rng, 2, 5)


@fault("agents-cut", SPACES)
def agents_cut(world, rng):
    with dropped(world.primary().host, f"in tcp dport {AGENT_PORT}", f"out tcp dport {AGENT_PORT}"):
        hold(rng, 4, 9)


STORE_CUT = f"out tcp dport {STORE_PORT}"


@fault("candidate-from-store", SPACES)
def candidate_from_store(world, rng):
    with dropped(rng.choice(world.replicas()).host, STORE_CUT):
        hold(rng, 0.5, 3)
        world.primary().kill_mysqld()
        hold(rng, 3, 6)


@fault("primary-from-store", SPACES)
def primary_from_store(world, rng):
    with dropped(world.primary().host, STORE_CUT):
        hold(rng, 4, 9)


@fault("all-from-store", SPACES)
def all_from_store(world, rng):
    with contextlib.ExitStack() as stack:
        for node in world.nodes:
            stack.enter_context(dropped(node.host, STORE_CUT))
        hold(rng, 4, 9)


@fault("proxy-from-primary", SPACES)
def proxy_from_primary(world, rng):
    rule = f"out ip daddr {world.primary().host.address} tcp dport {MYSQL_PORT} meta skuid {PROXY_USER}"
    with dropped(rng.choice(world.nodes).host, rule):
        hold(rng, 4, 9)


@fault("proxy-from-replica", SPACES)
def proxy_from_replica(world, rng):
    node = rng.choice(world.replicas())
    rule = f"out ip daddr {node.host.address} tcp dport {MYSQL_PORT} meta skuid {PROXY_USER}"
    with dropped(rng.choice([other for other in world.nodes if other is not node]).host, rule):
        hold(rng, 4, 9)


@fault("proxy-from-store", SPACES)
def proxy_from_store(world, rng):
    """It is told nothing when another node becomes the primary."""
    with dropped(rng.choice(world.nodes).host, f"{STORE_CUT} meta skuid {PROXY_USER}"):
        hold(rng, 0.5, 3)
        world.primary().kill_mysqld()
        hold(rng, 2, 5)


def flap(world, rng, period):
    host = world.primary().host
    for _ in range(2 if period > 8 else 3):
        with dropped(host, *EVERYTHING):
            time.sleep(period / 2)
        time.sleep(period / 2)


@fault("flapping-5s", SPACES)
def flapping_5s(world, rng):
    flap(world, rng, 5)


@fault("flapping-11s", SPACES)
def flapping_11s(world, rng):
    flap(world, rng, 11)


@fault("slow-host", SPACES)
def slow_host(world, rng):
    host = world.primary().host
    host.slow(rng.uniform(100, 1500), 50, 0)
    try:
        hold(rng, 5, 9)
    finally:
        host.speed_up()


@fault("lossy-hosts", SPACES)
def lossy_hosts(world, rng):
    """Every host's link is slow, and loses packets."""
    hosts = [node.host for node in world.nodes]
    try:
        for host in hosts:
            host.slow(rng.uniform(5, 50), 5, rng.uniform(0.02, 0.15))
        hold(rng, 5, 9)
    finally:
        for host in hosts:
            host.speed_up()
