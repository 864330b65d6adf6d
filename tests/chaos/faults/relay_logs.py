"""Relay logs of a voter that are not applied, torn, or shorter than what was acknowledged."""

import contextlib

import binlogs
import pymysql

import harness

from .fault import fault, hold


def stop_applying(node, rng, least, most):
    """For so long it only receives, until it dies or its agent starts the applier again."""
    with contextlib.suppress(pymysql.MySQLError, OSError):
        with contextlib.closing(node.root()) as server:
            server.run("STOP REPLICA SQL_THREAD")
            hold(rng, least, most)


@contextlib.contextmanager
def dead_server(node, with_agent):
    """It does not run within the block, and is started again afterwards."""
    node.freeze("agent")
    try:
        node.kill_mysqld()
        yield
        if with_agent:
            node.agent.kill()
    finally:
        node.thaw()


@fault("unapplied-relay-log")
def unapplied_relay_log(world, rng):
    """A voter restarts with what it has received and not applied, and the primary dies."""
    primary, replica = world.primary(), rng.choice(world.replicas())
    stop_applying(replica, rng, 0.5, 1.5)
    replica.kill_both() if rng.random() < 0.5 else replica.kill_mysqld()
    hold(rng, 0, 0.5)
    primary.kill_mysqld()


def write_something(node):
    """So that it has a transaction more than a replica that is down."""
    with contextlib.suppress(pymysql.MySQLError, OSError):
        with contextlib.closing(node.root(read_timeout=3)) as server:
            server.run("CREATE DATABASE IF NOT EXISTS chaos_torn")


def tear(replica, primary, rng):
    """Its relay log ends within an event that would have come next, as one does that was not synced."""
    _, last, count = binlogs.newest_relay_log(replica.data)
    log = binlogs.files(replica.data, "relay")[-1]  # may have no transaction yet
    if not binlogs.ends_with_whole_event(log):
        return f"nothing, as {log.name} is torn"
    events = binlogs.events_after(primary.data, last, count)
    if not events:
        return "nothing, as nothing would have come next"
    number = rng.randrange(min(len(events), 20))
    torn = events[number]
    kept = rng.randrange(1, len(torn))
    with open(log, "ab") as file:
        file.write(b"".join(events[:number]) + torn[:kept])
    return f"{number} events and {kept} of {len(torn)} bytes after {log.name}"


@fault("torn-relay-log")
def torn_relay_log(world, rng):
    """A voter restarts with a relay log that ends within an event; the primary dies before, at once, or a little later."""
    primary, replica = world.primary(), rng.choice(world.replicas())
    die, with_agent = rng.choice([primary.kill_mysqld, primary.kill_both]), rng.random() < 0.5
    is_first = rng.random() < 0.25
    if rng.random() < 0.5:
        stop_applying(replica, rng, 0.2, 1)
    if is_first:
        die()
    with dead_server(replica, with_agent):
        if not is_first:
            write_something(primary)
        done = tear(replica, primary, rng)
    print(f"  {replica}: {done}; {primary} dies {'first' if is_first else 'afterwards'}", flush=True)
    if not is_first:
        hold(rng, 0, rng.choice([0.2, 2, 6]))
        die()


def position_of(node):
    with contextlib.closing(node.root()) as server:
        return server.value("SELECT @@GLOBAL.gtid_executed")


def has_all(node, gtids):
    with contextlib.closing(node.root()) as server:
        return server.value("SELECT GTID_SUBSET(%s, @@GLOBAL.gtid_executed)", gtids)


@fault("shortened-relay-log")
def shortened_relay_log(world, rng):
    """The disk of a voter has lost what was acknowledged; the primary dies once that has come again."""
    primary, replica = world.primary(), rng.choice(world.replicas())
    with_agent = rng.random() < 0.5
    stop_applying(replica, rng, 0.2, 1)
    with dead_server(replica, with_agent):
        log, *_ = binlogs.newest_relay_log(replica.data)
        written = position_of(primary)
        most = log.stat().st_size - binlogs.MAGIC
        lost = rng.randint(1, min(most, rng.choice([200, 2_000, 20_000])))
        with open(log, "r+b") as file:
            file.truncate(log.stat().st_size - lost)
    print(f"  {replica} loses {lost} bytes of {log.name}", flush=True)
    harness.wait_until(f"{replica} has again what it lost", lambda: has_all(replica, written), 180)
    hold(rng, 0, 1)
    primary.kill_mysqld()
