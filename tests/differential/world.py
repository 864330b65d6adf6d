"""The two sides: a server on its own, and a cluster behind a proxy; and how a run is played on both.

The server on its own is a cluster of one node, so that its configuration and its accounts are those of the
cluster's primary. It is talked to past its proxy.
"""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import harness
import schema
import wire
from comparison import Difference, compare
from steps import Party, Step

DIRECT, PROXY = 0, 1
ACCOUNT = "differential_"
# With one loop, the same steps meet the same shared connections.
ALONE = {"loops": 1}
# What else the proxies are told, by how they share connections between sessions.
SHARING = {"usual": {}, "swapping": {"debug_swap_connections": "true"}}

# Statements that wait for somebody else give up soon; files may be loaded from clients.
GLOBAL_SETTINGS = {"innodb_lock_wait_timeout": 1, "lock_wait_timeout": 1, "local_infile": 1}

# What clients hold on to in our schemas: locks on tables and users' own locks.
HELD = (
    "SELECT DISTINCT object_type, object_schema, object_name FROM performance_schema.metadata_locks l"
    " JOIN performance_schema.threads t ON t.thread_id = l.owner_thread_id"
    " WHERE t.processlist_user = %s AND (object_type = 'USER LEVEL LOCK'"
    f" OR object_type = 'TABLE' AND object_schema IN ('{schema.MAIN}', '{schema.OTHER}'))"
)


class Failure:
    """Where a run differs first. `answers` are lists of answers, directly and by proxy."""

    def __init__(self, index, step, answers, differences):
        self.index, self.step, self.answers, self.differences = index, step, answers, differences


class World:
    """start (use? play)* stop; play() puts everything back to the beginning first.

    `reference`: a harness.Cluster of one node. `port`: "split" or "primary" of proxies of its own before `cluster`,
    or "direct" for the primary itself, which shows what is wrong with the test rather than with the proxy.
    `sharing`: keys of SHARING; there is a proxy for each, and the first is used unless use() names another.
    """

    def __init__(self, reference, cluster, port="split", sharing=("usual",)):
        self.reference, self.cluster, self.port, self.sharing = reference, cluster, port, sharing
        self.excuses = ()  # of known differences
        self.runs = 0
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self):
        with contextlib.ExitStack() as stack:
            self.primary = self.cluster.primary()
            self.proxies = {
                name: stack.enter_context(self.cluster.another_proxy(**ALONE, **SHARING[name])) for name in self.sharing
            }
            self.roots = [self.reference.root(self.reference.primary()), self.cluster.root(self.primary)]
            self.watchers = [[self.roots[DIRECT]], [self.cluster.root(node) for node in self.cluster.api_status()["nodes"]]]
            for root in {*self.roots, *self.watchers[PROXY]}:
                stack.callback(harness.close_quietly, root)
            for root in {self.roots[DIRECT], *self.watchers[PROXY]}:
                stack.enter_context(global_settings(root))
            self.owners = [self.reference.account(), self.cluster.account()]
            self.accounts = [None, None]
            self.use(self.sharing[0])
            stack.callback(self.clean_up)
            self.stack = stack.pop_all()
        return self

    def use(self, sharing):
        """The runs that follow go over this proxy."""
        proxy = self.proxies[sharing]
        direct = self.reference.direct_address(self.reference.primary())
        by_port = self.cluster.direct_address(self.primary) if self.port == "direct" else proxy.address(self.port)
        self.addresses = [direct, by_port]
        # What is told to this proxy is known to its reads.
        self.maker_addresses = [direct, proxy.address("primary")]

    def proxies_said(self, lines=25):
        """The ends of their logs and of what else they wrote. Also after stop()."""
        logs = [log for proxy in self.proxies.values() for log in (proxy.log, proxy.output) if log.exists()]
        return "\n".join(
            f"---- {log}\n" + "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
            for log in logs
        )

    def stop(self):
        self.stack.close()

    # ---- Before a run ----

    def reset(self):
        """The same data; and a new account, so that no connection of the proxy has been used before."""
        self.runs += 1
        with ThreadPoolExecutor() as both:
            list(both.map(self.reset_side, (DIRECT, PROXY)))

    def reset_side(self, side):
        self.end_prepared_transactions(side)
        self.change_account(side)
        with self.maker(side) as maker:
            for sql in schema.statements():
                maker.query(sql)
            for lock in schema.LOCKS:
                maker.query(f"DO GET_LOCK('{lock}', 30), RELEASE_LOCK('{lock}')")

    def change_account(self, side):
        root = self.roots[side]
        self.remove_account(side)
        user, password = f"{ACCOUNT}{self.runs}", self.owners[side][1]
        root.run(f"CREATE USER {user} IDENTIFIED BY %s", password)
        for (grant,) in root.run("SHOW GRANTS FOR app"):
            root.run(grant.replace("`app`", f"`{user}`"))
        self.accounts[side] = (user, password)
        self.wait_for_replicas(side)

    def remove_account(self, side):
        """Together with the connections that a pool still has."""
        if self.accounts[side] is None:
            return
        user, _ = self.accounts[side]
        self.roots[side].run(f"DROP USER IF EXISTS {user}")
        for root in self.watchers[side]:
            for (number,) in root.run("SELECT id FROM information_schema.processlist WHERE user = %s", user):
                with contextlib.suppress(harness.pymysql.Error):
                    root.run(f"KILL {number}")

    def wait_for_replicas(self, side):
        gtids = self.roots[side].value("SELECT @@gtid_executed")
        for root in self.watchers[side]:
            if root.value("SELECT WAIT_FOR_EXECUTED_GTID_SET(%s, 60)", gtids) != 0:
                raise AssertionError("a replica does not catch up")

    def maker(self, side):
        user, password = self.owners[side]
        maker = wire.connect(self.maker_addresses[side], user, password)
        maker.query("SET lock_wait_timeout = 30")
        return maker

    def end_prepared_transactions(self, side):
        for *_, name in self.roots[side].run("XA RECOVER"):
            with contextlib.suppress(harness.pymysql.Error):
                self.roots[side].run("XA ROLLBACK %s", name)

    def clean_up(self):
        for side in (DIRECT, PROXY):
            self.end_prepared_transactions(side)
            self.remove_account(side)
            with self.maker(side) as maker:
                for name in (schema.MAIN, schema.OTHER):
                    maker.query(f"DROP DATABASE IF EXISTS {name}")

    # ---- A run ----

    def play(self, steps):
        """None, or the first Failure."""
        self.reset()
        clients = sorted({step.client for step in steps})
        schemas = (schema.MAIN, schema.OTHER)
        self.parties = [
            {client: Party(self.addresses[side], self.accounts[side], schemas) for client in clients}
            for side in (DIRECT, PROXY)
        ]
        try:
            for index, step in enumerate(steps):
                failure = self.play_step(index, step)
                if failure:
                    return failure
            return self.compare_data(len(steps))
        finally:
            for side in self.parties:
                for party in side.values():
                    party.close()

    def play_step(self, index, step):
        pair = [side[step.client] for side in self.parties]
        had_session = pair[DIRECT].connection is not None
        for side, party in zip(self.parties, pair):
            party.send(step, {client: other.connection_id for client, other in side.items()})
        answers = [party.answer(step) for party in pair]
        differences = compare(step, *answers, pair, self.excuses)
        if not differences and had_session and (step.kind == "connect" or pair[DIRECT].connection is None):
            differences = self.wait_for_end_of_session()
        return Failure(index, step, answers, differences) if differences else None

    def wait_for_end_of_session(self):
        """A session that has ended lets go of what it held, on both sides, before anybody looks."""

        def same():
            return self.held(DIRECT) == self.held(PROXY)

        try:
            harness.wait_until("the same is held on both sides", same, 20, every=0.01)
            return []
        except AssertionError:
            return [Difference(("held after a session has ended",), self.held(DIRECT), self.held(PROXY))]

    def held(self, side):
        return sorted({row for root in self.watchers[side] for row in root.run(HELD, self.accounts[side][0])})

    def compare_data(self, index):
        """All tables, as both sides have them in the end."""
        for side in self.parties:
            for party in side.values():
                party.close()
        contents = [self.data(side) for side in (DIRECT, PROXY)]
        step = Step(-1, "data at the end")
        differences = [
            Difference((name,), *(content.get(name) for content in contents))
            for name in sorted({*contents[DIRECT], *contents[PROXY]})
            if contents[DIRECT].get(name) != contents[PROXY].get(name)
        ]
        return Failure(index, step, [[], []], differences) if differences else None

    def data(self, side):
        """{name of a table: (how it was made, its rows)}"""
        self.end_prepared_transactions(side)
        contents = {}
        with self.maker(side) as maker:
            tables = maker.query(
                "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
                f" AND table_schema IN ('{schema.MAIN}', '{schema.OTHER}') ORDER BY 1, 2"
            ).rows
            for names in tables:
                name = ".".join(f"`{part.decode()}`" for part in names)
                definition = maker.query(f"SHOW CREATE TABLE {name}").rows[0][1]
                contents[name] = (definition, sorted(maker.query(f"SELECT * FROM {name}").rows, key=repr))
        return contents


@contextlib.contextmanager
def global_settings(root):
    """Sets GLOBAL_SETTINGS while the block runs."""
    before = {name: root.value(f"SELECT @@GLOBAL.{name}") for name in GLOBAL_SETTINGS}
    try:
        for name, value in GLOBAL_SETTINGS.items():
            root.run(f"SET GLOBAL {name} = {value}")
        yield
    finally:
        for name, value in before.items():
            root.run(f"SET GLOBAL {name} = {value}")


def reference_cluster(folder):
    """A harness.Cluster of one node that has started; the caller destroys it."""
    reference = harness.Cluster(Path(folder) / "reference")
    reference.up("--nodes", "1", wait=False)
    return reference
