"""What is done to a cluster. Each fault hurts it, waits, and puts right again what does not heal by itself."""

import contextlib
import os
import resource
import threading
import time

import pymysql
from clients import SCHEMA
from world import AGENT_PORT, CLOCKS, MYSQL_PORT, PROXY_USER, SPACES, STORE_PORT

import harness

FAULTS = {}


def fault(name, needs=None):
    def add(function):
        FAULTS[name] = (function, needs)
        return function

    return add


stretched = 1


def stretch(factor):
    """Every fault lasts so many times as long as it says, because leases do."""
    global stretched
    stretched = factor


def hold(rng, least, most):
    time.sleep(stretched * rng.uniform(least, most))


# ---- Processes that die ----


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


@fault("unapplied-relay-log")
def unapplied_relay_log(world, rng):
    """A voter restarts with what it has received and not applied, and the primary dies."""
    primary, replica = world.primary(), rng.choice(world.replicas())
    with contextlib.suppress(pymysql.MySQLError, OSError):
        with contextlib.closing(replica.root()) as server:
            server.run("STOP REPLICA SQL_THREAD")
            hold(rng, 0.5, 1.5)
    replica.kill_both() if rng.random() < 0.5 else replica.kill_mysqld()
    hold(rng, 0, 0.5)
    primary.kill_mysqld()


# ---- Processes that stand still ----


def frozen(node, rng, *parts):
    node.freeze(*parts)
    try:
        hold(rng, 4, 8)
    finally:
        node.thaw()


@fault("stop-mysqld")
def stop_mysqld(world, rng):
    frozen(world.primary(), rng, "mysqld")


@fault("stop-agent")
def stop_agent(world, rng):
    frozen(world.primary(), rng, "agent")


@fault("stop-host")
def stop_host(world, rng):
    frozen(world.primary(), rng, "agent", "mysqld", "proxy")


@fault("stop-host-of-replica")
def stop_host_of_replica(world, rng):
    frozen(rng.choice(world.replicas()), rng, "agent", "mysqld", "proxy")


@fault("stop-proxy")
def stop_proxy(world, rng):
    """A primary goes while a proxy sees nothing of it."""
    node = rng.choice(world.replicas())
    node.freeze("proxy")
    try:
        world.primary().kill_mysqld()
        hold(rng, 3, 5)
    finally:
        node.thaw()


# ---- Links that are cut ----

EVERYTHING = ("in iifname eth0", "out oifname eth0")


@contextlib.contextmanager
def dropped(host, *rules):
    host.drop("fault", *rules)
    try:
        yield
    finally:
        host.allow("fault")


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


# ---- Disks and servers that are used up ----


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


# ---- Work that takes long ----

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


# ---- Replicas that are not as they should be ----


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


# ---- The store ----


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
    until = time.monotonic() + stretched * rng.uniform(4, 8)
    dies = rng.choice([None, until - stretched * rng.uniform(1, 4)])
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


# ---- Clocks that are wrong ----

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


# ---- More than one ----

COMBINABLE = (
    "kill-mysqld", "kill-agent", "kill-both", "host-down", "host-of-replica-down", "kill-mysqld-of-replica", "kill-proxy",
    "stop-mysqld", "stop-agent", "stop-host-of-replica", "cut-off", "deaf", "mute", "replication-cut",
    "primary-from-store", "proxy-from-primary", "store-leader-killed", "store-majority-lost", "disk-stalled",
)


@fault("two-in-a-row")
def two_in_a_row(world, rng):
    """The second when the first is over and nothing has had the time to become well."""
    for name in draw_two(world, rng):
        print(f"  {name}", flush=True)
        FAULTS[name][0](world, rng)
        hold(rng, 0, 3)


def draw_two(world, rng):
    names = [name for name in COMBINABLE if world.has(FAULTS[name][1])]
    return rng.sample(names, 2)
