"""Disks and servers that are used up."""

import contextlib
import os
import resource

import pymysql
from world import SPACES

from .fault import fault, hold


@fault("disk-full", SPACES)
def disk_full(world, rng):
    disk = world.primary().disk
    disk.fill()
    try:
        hold(rng, 5, 9)
    finally:
        disk.make_room()


@fault("disk-stalled", SPACES)
def disk_stalled(world, rng):
    disk = world.primary().disk
    disk.stall()
    try:
        hold(rng, 4, 9)
    finally:
        disk.go_on()


@fault("disk-read-only", SPACES)
def disk_read_only(world, rng):
    """Linux allows no more writes after an error of the disk, which is repaired while its host is down."""
    node = rng.choice([world.primary(), world.primary(), rng.choice(world.replicas())])
    node.disk.turn_read_only()
    hold(rng, 4, 9)
    node.repair_disk()


@fault("disk-of-replica-stalled", SPACES)
def disk_of_replica_stalled(world, rng):
    disk = rng.choice(world.replicas()).disk
    disk.stall()
    try:
        hold(rng, 4, 9)
    finally:
        disk.go_on()


@fault("read-lock")
def read_lock(world, rng):
    """Somebody holds up all writes of the primary, which then dies."""
    primary = world.primary()
    with contextlib.suppress(pymysql.MySQLError, OSError):
        with contextlib.closing(primary.root()) as server:
            server.run("FLUSH TABLES WITH READ LOCK")
            hold(rng, 3, 6)
            primary.kill_mysqld()


@fault("no-connections")
def no_connections(world, rng):
    """Clients past the proxies have taken all connections of the primary, which then dies."""
    primary = world.primary()
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(pymysql.MySQLError, OSError):
            for _ in range(70):
                stack.callback(lambda session: session._force_close(), primary.root())
        hold(rng, 2, 5)
        primary.kill_mysqld()


@fault("no-descriptors")
def no_descriptors(world, rng):
    """The primary's server can open nothing any more, no table and no connection, and dies of it or of something else."""
    primary = world.primary()
    pid = primary.mysqld_pid()
    most = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (len(os.listdir(f"/proc/{pid}/fd")), most[1]))
    try:
        hold(rng, 4, 8)
        if rng.random() < 0.5:
            primary.kill_mysqld()
    finally:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, most)
