"""Replicas that are not as they should be."""

import contextlib

import pymysql
from clients import SCHEMA

import harness

from .fault import fault, hold


@fault("lagging-candidates")
def lagging_candidates(world, rng):
    """Replicas receive and cannot apply when their primary dies, and only later can."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(pymysql.MySQLError, OSError):
            for node in world.replicas():
                server = stack.enter_context(contextlib.closing(node.root()))
                server.run("FLUSH TABLES WITH READ LOCK")
        hold(rng, 1, 4)
        world.primary().kill_mysqld()
        hold(rng, 0, 2)


@fault("stopped-appliers")
def stopped_appliers(world, rng):
    for node in world.replicas():
        with contextlib.suppress(pymysql.MySQLError, OSError):
            with contextlib.closing(node.root()) as server:
                server.run("STOP REPLICA SQL_THREAD")
    hold(rng, 0, 1)
    world.primary().kill_mysqld()


@fault("broken-applier")
def broken_applier(world, rng):
    """What a replica is to apply cannot be applied to what it has: it is cloned anew, after a minute."""
    node = rng.choice(world.replicas())
    with contextlib.closing(node.root()) as server:
        before = server.value("SELECT @@server_uuid")
        server.run("SET sql_log_bin = 0")
        server.run("SET GLOBAL super_read_only = OFF")
        server.run(f"DROP TABLE {SCHEMA}.registers")
        server.run("SET GLOBAL super_read_only = ON")

    def is_another():
        with contextlib.suppress(pymysql.MySQLError, OSError):
            with contextlib.closing(node.root()) as server:
                return server.value("SELECT @@server_uuid") != before
        return False

    harness.wait_until(f"{node} is cloned anew", is_another, 180)


@fault("strays")
def strays(world, rng):
    """Somebody writes to a replica; sometimes the primary dies before that is mended."""
    with contextlib.suppress(pymysql.MySQLError, OSError):
        with contextlib.closing(rng.choice(world.replicas()).root()) as server:
            server.run("SET GLOBAL super_read_only = OFF")
            server.run("CREATE DATABASE IF NOT EXISTS chaos_stray")
            server.run("SET GLOBAL super_read_only = ON")
    hold(rng, 0, 3)
    if rng.random() < 0.5:
        world.primary().kill_mysqld()


@fault("purged-binlogs")
def purged_binlogs(world, rng):
    """What a replica lacks when it comes back is in no binlog any more."""
    away, primary = rng.choice(world.replicas()), world.primary()
    away.power_off()
    try:
        hold(rng, 1, 2)
        for node in (primary, *world.replicas()):
            if node is not away:
                with contextlib.suppress(pymysql.MySQLError, OSError):
                    with contextlib.closing(node.root()) as server:
                        server.run("FLUSH BINARY LOGS")
                        newest = server.rows("SHOW BINARY LOGS")[-1]["Log_name"]
                        server.run(f"PURGE BINARY LOGS TO '{newest}'")
        hold(rng, 0, 1)
    finally:
        away.power_on()
