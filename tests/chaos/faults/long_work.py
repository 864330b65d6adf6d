"""Work that takes long, in the middle of which the primary dies."""

import contextlib
import threading

import pymysql

from .fault import fault, hold

HUGE = "chaos_huge"


def run_until_lost(node, *statements):
    """In the background, as whoever does it is told nothing when the server dies."""

    def work():
        with contextlib.suppress(pymysql.MySQLError, OSError):
            with contextlib.closing(node.root(read_timeout=120)) as server:
                for statement in statements:
                    server.run(statement)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def fill_huge(rows):
    return (
        f"CREATE DATABASE IF NOT EXISTS {HUGE}",
        f"CREATE TABLE IF NOT EXISTS {HUGE}.t (id BIGINT AUTO_INCREMENT PRIMARY KEY, text VARCHAR(1000))",
        "SET SESSION cte_max_recursion_depth = 1000000",
        f"INSERT INTO {HUGE}.t (text) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})"
        " SELECT REPEAT('x', 900) FROM n",
    )


def empty_huge(world):
    """By the next primary, so that disks stay as they were."""
    with contextlib.suppress(pymysql.MySQLError, OSError, AssertionError):
        run_until_lost(world.primary(), f"DROP DATABASE IF EXISTS {HUGE}").join(20)


def die_at_work(world, rng, longest, statements):
    primary = world.primary()
    work = run_until_lost(primary, *statements)
    hold(rng, 0.5, longest)
    primary.kill_mysqld()
    work.join(30)
    hold(rng, 1, 3)
    empty_huge(world)


@fault("huge-transaction")
def huge_transaction(world, rng):
    """The primary dies while a transaction of tens of megabytes is made, committed, sent or applied."""
    die_at_work(world, rng, 4, fill_huge(40_000))


@fault("long-ddl")
def long_ddl(world, rng):
    """The primary dies while a table is rebuilt there, or on the replicas behind it."""
    rebuild = f"ALTER TABLE {HUGE}.t ADD COLUMN added INT DEFAULT 1 FIRST, ALGORITHM = COPY"
    die_at_work(world, rng, 5, (*fill_huge(20_000), rebuild))
