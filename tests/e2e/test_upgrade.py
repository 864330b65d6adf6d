#!/usr/bin/env python3
"""Another process takes the place of a running proxy, and no client notices."""

import contextlib
import json
import os
import signal
import socket
import threading
import time
import unittest.mock

import harness
import processes
import pymysql


class Newcomers:
    """Clients that come and go all the time, from several threads. Each of them must get in and get its answer."""

    def __init__(self, proxy, threads=4):
        self.proxy, self.stop, self.failures, self.count = proxy, threading.Event(), [], 0
        self.threads = [threading.Thread(target=self.come_and_go) for _ in range(threads)]

    def come_and_go(self):
        while not self.stop.is_set():
            try:
                with self.proxy.connect() as client:
                    if client.value("SELECT 41 + 1") != 42:
                        self.failures.append("a wrong answer")
                self.count += 1
            except (pymysql.MySQLError, OSError) as error:
                self.failures.append(repr(error))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def wait_for_more(self, more=20):
        enough = self.count + more
        harness.wait_until("clients come and go", lambda: self.count >= enough or self.failures)


class Upgrade(harness.ClusterTest):
    schema = "e2e_upgrade"

    def proxy(self, **keys):
        return self.enterContext(self.cluster.another_proxy(**keys))

    def session(self, proxy, **options):
        connection = proxy.connect(database=self.schema, **options)
        self.addCleanup(harness.close_quietly, connection)
        return connection

    @staticmethod
    def wait_for_end(process, seconds=60):
        """Of a process that was started here."""
        harness.wait_until(f"process {process.pid} ends", lambda: process.poll() is not None, seconds)
        return process.returncode

    def follow(self, old, **keys):
        """The process that has taken the place of the old one."""
        new = old.successor(**keys)
        self.addCleanup(self.end, new, old)
        new.start("--take-over")
        return new

    @staticmethod
    def end(proxy, predecessor=None):
        if proxy.process is not None and proxy.process.poll() is None:
            proxy.process.terminate()
            proxy.process.wait(60)
            if predecessor is not None:
                predecessor.process.wait(60)

    def test_the_command_replaces_the_proxy_and_no_client_is_dropped(self):
        old_pid = self.cluster.proxy_pid()
        idle, busy, in_transaction = (self.session(self.cluster) for _ in range(3))
        idle.run("SET @mine = 'kept', @@dorsal_consistency = 'strong'")
        idle.run("CREATE TEMPORARY TABLE mine (v INT)")
        in_transaction.run("CREATE TABLE t (v INT PRIMARY KEY)")
        in_transaction.run("BEGIN")
        in_transaction.run("INSERT INTO t VALUES (1)")
        answers = []
        at_work = threading.Thread(target=lambda: answers.append(busy.value("SELECT SLEEP(3)")))
        at_work.start()
        with Newcomers(self.cluster) as newcomers:
            newcomers.wait_for_more()
            outcome = json.loads(self.cluster.run("upgrade", "--dir", self.cluster.dir, "--json").stdout)
            newcomers.wait_for_more()
        self.assertEqual([], newcomers.failures)
        self.assertEqual(old_pid, outcome["predecessor"])
        self.assertEqual(self.cluster.proxy_pid(), outcome["pid"])
        self.assertNotEqual(old_pid, outcome["pid"])
        at_work.join()
        self.assertEqual([0], answers)
        self.assertEqual("kept", idle.value("SELECT @mine"))
        self.assertEqual(0, idle.value("SELECT COUNT(*) FROM mine"))
        in_transaction.run("COMMIT")
        # Through the new process, of what was committed through the old one.
        self.assertEqual(1, self.session(self.cluster).value("SELECT COUNT(*) FROM t"))
        self.cluster.wait_healthy()
        self.assertEqual("running", self.cluster.status()["proxy"])
        self.assertTrue(processes.is_running(old_pid))
        for client in (idle, busy, in_transaction):
            client.close()
        harness.wait_until("the old process ends with its last client", lambda: not processes.is_running(old_pid))
        self.cluster.wait_healthy()

    def service(self):
        """A proxy as a service manager runs it, and where that one listens, as sd_notify(3) says."""
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.bind("")  # in the abstract namespace, by a name that the kernel picks
        manager.settimeout(30)
        name = "@" + manager.getsockname()[1:].decode()
        with unittest.mock.patch.dict(os.environ, {"NOTIFY_SOCKET": name}):
            return self.proxy(), manager

    def upgrade_service(self, proxy, **options):
        with unittest.mock.patch.dict(os.environ, {"DORSAL_RUN": str(proxy.folder)}):
            return self.cluster.run("upgrade", "--config", self.cluster.dir / "dorsal.yaml", "--json", **options)

    def test_a_service_starts_its_next_process_itself_and_says_which_is_the_main_one(self):
        old, manager = self.service()
        client = self.session(old)
        with Newcomers(old) as newcomers:
            newcomers.wait_for_more()
            outcome = json.loads(self.upgrade_service(old).stdout)
            newcomers.wait_for_more()
        self.addCleanup(processes.kill, outcome["pid"], signal.SIGTERM)
        self.assertEqual([], newcomers.failures)
        self.assertEqual({"role": "proxy", "pid": old.holder(), "predecessor": old.process.pid}, outcome)
        self.assertEqual(f"MAINPID={outcome['pid']}", manager.recv(1000).decode())
        self.assertEqual(1, self.session(old).value("SELECT 1"))
        client.close()
        self.assertEqual(0, self.wait_for_end(old.process))
        # And that one the next.
        again = json.loads(self.upgrade_service(old).stdout)
        self.addCleanup(processes.kill, again["pid"], signal.SIGTERM)
        self.assertEqual(outcome["pid"], again["predecessor"])
        self.assertEqual(f"MAINPID={again['pid']}", manager.recv(1000).decode())

    def test_a_service_whose_next_process_ends_at_once_goes_on(self):
        old, manager = self.service()
        client = self.session(old)
        file = self.cluster.dir / "dorsal.yaml"
        text = file.read_text(encoding="utf-8")
        self.addCleanup(file.write_text, text, encoding="utf-8")
        # The command alone would notice what is wrong in the file; not that a file is missing.
        file.write_text(text + "\nproxy.tls_certificate: /does/not/exist\nproxy.tls_key: /does/not/exist\n", encoding="utf-8")
        refused = self.upgrade_service(old, check=False)
        self.assertNotEqual(0, refused.returncode)
        self.assertIn("the proxy that runs goes on; the new process exited with status 1", refused.stderr)
        self.assertIn("/does/not/exist", old.said())
        self.assertEqual(old.process.pid, old.holder())
        self.assertEqual(1, client.value("SELECT 1"))
        self.assertEqual(1, self.session(old).value("SELECT 1"))
        manager.settimeout(0)
        with self.assertRaises(BlockingIOError):
            manager.recv(1000)

    def test_numbers_of_sessions_go_on(self):
        old = self.proxy()
        before = self.session(old)
        new = self.follow(old)
        after = self.session(new)
        self.assertGreater(after.thread_id(), before.thread_id())
        self.assertEqual(after.thread_id(), after.value("SELECT CONNECTION_ID()"))

    def test_of_several_in_a_row_all_end_with_the_last(self):
        first = self.proxy()
        clients = [self.session(first)]
        second = self.follow(first)
        clients.append(self.session(second))
        third = self.follow(second)
        clients.append(self.session(third))
        for number, client in enumerate(clients):
            self.assertEqual(number, client.value(f"SELECT {number}"))
        third.process.terminate()
        for proxy in (first, second, third):
            self.assertEqual(0, self.wait_for_end(proxy.process), proxy.said())

    def test_one_that_crashes_takes_nobody_with_it(self):
        old = self.proxy()
        client = self.session(old)
        new = self.follow(old)
        new.kill()
        self.assertEqual(7, client.value("SELECT 7"))
        # As whoever keeps the proxy running does.
        again = old.successor()
        self.addCleanup(self.end, again)
        again.start()
        self.assertEqual(8, self.session(again).value("SELECT 8"))
        self.assertEqual(9, client.value("SELECT 9"))
        client.close()
        self.assertEqual(0, self.wait_for_end(old.process))

    def test_what_cannot_take_over_changes_nothing(self):
        old = self.proxy()
        client = self.session(old)
        with Newcomers(old, threads=2) as newcomers:
            for keys, reason in (
                ({"split_port": "none"}, "split_port"),
                ({"tls_certificate": "/does/not/exist", "tls_key": "/does/not/exist"}, "/does/not/exist"),
            ):
                new = old.successor(**keys)
                with self.assertRaisesRegex(AssertionError, reason):
                    new.start("--take-over")
                self.assertNotEqual(0, new.process.returncode)
                newcomers.wait_for_more()
        self.assertEqual([], newcomers.failures)
        self.assertEqual(old.process.pid, old.holder())
        self.assertEqual(1, client.value("SELECT 1"))

    def test_who_asks_and_goes_away_changes_nothing(self):
        old = self.proxy()
        wish = json.dumps({"format": 1, "wish": "take over", "version": "a test"}).encode()
        last_words = ([], [b"{"], [b"[]"], [b"{}"], [wish], [wish, b"{}"], [wish, json.dumps({"state": "no"}).encode()],
                      [json.dumps({"format": 2, "wish": "take over"}).encode()], [b"x" * 8000])  # fmt: skip
        with Newcomers(old, threads=2) as newcomers:
            for words in last_words:
                with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asker:
                    asker.settimeout(30)
                    asker.connect(str(old.folder / "proxy.handover"))
                    for word in words:
                        asker.send(word)
                        with contextlib.suppress(ConnectionError):
                            _, passed, _, _ = socket.recv_fds(asker, 8192, 250)
                            for descriptor in passed:
                                os.close(descriptor)
                newcomers.wait_for_more(5)
        self.assertEqual([], newcomers.failures)
        new = self.follow(old)
        self.assertEqual(0, self.wait_for_end(old.process))
        self.assertEqual(1, self.session(new).value("SELECT 1"))

    def test_ports_and_loops_may_change(self):
        old = self.proxy(loops=3)
        client = self.session(old)
        new = self.follow(old, loops=1, replicas_port=harness.free_port_base() + 5)
        with Newcomers(new) as newcomers:
            newcomers.wait_for_more(100)
        self.assertEqual([], newcomers.failures)
        with self.assertRaises(OSError):
            socket.create_connection(old.address("replicas"), timeout=10).close()
        self.assertEqual(1, client.value("SELECT 1"))

    def test_a_limit_to_the_old_clients(self):
        old = self.proxy(drain_limit_ms=1000)
        client = self.session(old)
        self.follow(old)
        self.assertEqual(0, self.wait_for_end(old.process))
        with self.assertRaises(pymysql.MySQLError):
            client.run("SELECT 1")

    def test_there_must_be_somebody_to_follow(self):
        nobody = self.proxy()
        nobody.process.terminate()
        nobody.process.wait(60)
        with self.assertRaisesRegex(AssertionError, "there is no proxy to take over from"):
            nobody.successor().start("--take-over")

    def test_signals_still_count(self):
        old = self.proxy()
        client = self.session(old)
        self.follow(old)
        time.sleep(0.5)
        old.process.send_signal(signal.SIGHUP)
        self.assertEqual(1, client.value("SELECT 1"))
        old.process.terminate()
        self.assertEqual(0, self.wait_for_end(old.process))


if __name__ == "__main__":
    harness.main()
