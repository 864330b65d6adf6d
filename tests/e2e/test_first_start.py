#!/usr/bin/env python3
"""A start that is killed at any moment of the very first initialisation is only late, never broken."""

import shutil
import subprocess
import unittest

import harness
import processes


class FirstStart(unittest.TestCase):
    def setUp(self):
        self.folder = harness.temporary_folder()
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.cluster = harness.Cluster(self.folder / "cluster")
        self.addCleanup(self.cluster.destroy)

    def kill_up_when(self, claim, condition):
        starting = self.cluster.start_up()
        try:
            harness.wait_until(claim, lambda: condition() or starting.poll() is not None, 120, every=0.005)
        finally:
            processes.kill_marked(self.cluster.mark)
            starting.wait()

    def found(self, pattern):
        return any(self.cluster.dir.rglob(pattern)) if self.cluster.dir.exists() else False

    def servers(self):
        return [pid for pid in self.cluster.pids() if "mysqld" in " ".join(processes.command_line(pid)[:1])]

    def roles(self):
        return [node["role"] for node in self.cluster.api_status()["nodes"]]

    def test_everything_killed_at_several_moments_of_the_first_start(self):
        for claim, condition in (
            ("the folder is there", self.cluster.dir.exists),
            ("a server is being initialised", lambda: self.found("ibdata1")),
            ("the first server is there", lambda: "primary" in self.roles()),
            ("three servers are there", lambda: len(self.servers()) >= 3),
            ("a clone is under way", lambda: self.found("#clone") or "replica" in self.roles()),
        ):
            with self.subTest(moment=claim):
                self.kill_up_when(claim, not_yet_on_error(condition))
        self.cluster.up(timeout=300)
        with self.cluster.connect() as session:
            session.run("CREATE DATABASE works")
            session.run("CREATE TABLE works.t (i INT PRIMARY KEY)")
            session.run("INSERT INTO works.t VALUES (1)")
            self.assertEqual(((1,),), session.run("SELECT i FROM works.t"))
        self.assertEqual([], self.cluster.crashes())


class Unprivileged(unittest.TestCase):
    """As a user without rights, in a folder of its own, with a server that this user can read."""

    @classmethod
    def setUpClass(cls):
        if harness.os.geteuid() != 0:
            raise unittest.SkipTest("every other test runs without rights already")
        cls.folder = harness.temporary_folder()
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        binary = cls.folder / "dorsal"
        shutil.copy2(harness.BINARY, binary)
        home = cls.folder / "home"
        home.mkdir()
        shutil.chown(home, "nobody", "nogroup")
        cls.cluster = harness.Cluster(
            home / "cluster", binary=binary, as_user="nobody",
            environment={"HOME": str(home), "DORSAL_MYSQLD": cls.readable_mysqld()},
        )
        cls.addClassCleanup(cls.cluster.destroy)

    @classmethod
    def readable_mysqld(cls):
        """The server of the other tests, or, when only root reaches it, hard links to all of it."""
        path = harness.Path(harness.mysqld_path())
        test = subprocess.run(
            ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "test", "-x", path], check=False
        )
        if test.returncode == 0:
            return str(path)
        root, copy = path.resolve().parents[1], cls.folder / "mysql"
        if subprocess.run(["cp", "-al", root, copy], stderr=subprocess.DEVNULL, check=False).returncode != 0:
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(root, copy, symlinks=True)
        return str(copy / "bin" / "mysqld")

    def check_that_nobody_looks_into_the_proxy(self):
        """The kernel gives the files in /proc of a process that may not be dumped to root."""
        owner = {pid: harness.Path(f"/proc/{pid}/environ").stat().st_uid for pid in self.cluster.pids()}
        self.assertEqual([self.cluster.proxy_pid()], [pid for pid in owner if owner[pid] == 0])

    def test_up_and_down_work(self):
        self.cluster.up("--nodes", "2", timeout=300)
        users = {harness.Path(f"/proc/{pid}").stat().st_uid for pid in self.cluster.pids()}
        self.assertEqual(1, len(users))
        self.assertNotIn(0, users)
        self.check_that_nobody_looks_into_the_proxy()
        with self.cluster.connect() as session:
            session.run("CREATE DATABASE works")
        self.cluster.down()
        self.assertEqual([], self.cluster.pids())
        self.cluster.up()
        with self.cluster.connect() as session:
            self.assertIn(("works",), session.run("SHOW DATABASES"))


def not_yet_on_error(condition):
    """The condition, with "not yet" for whatever goes wrong while half a cluster is there."""

    def ask():
        try:
            return condition()
        except (OSError, KeyError, ValueError, AssertionError):
            return False

    return ask


if __name__ == "__main__":
    harness.main()
