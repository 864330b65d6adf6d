#!/usr/bin/env python3
"""A running proxy reads its configuration again: all of it or nothing, and nobody is dropped."""

import os
import re
import signal
import threading

import harness
import wire


class Reload(harness.ReloadingTest):
    schema = "e2e_reload"

    def write(self, section, line):
        """Puts one more line into that section, and returns its number."""
        text = self.file.read_text(encoding="utf-8").replace(f"{section}:\n", f"{section}:\n  {line}\n")
        self.file.write_text(text, encoding="utf-8")
        return text.splitlines().index(f"  {line}") + 1

    def log(self):
        return (self.cluster.dir / "log" / "proxy.log").read_text(encoding="utf-8", errors="replace")

    def consistency(self):
        return self.wire().value("SELECT @@dorsal_consistency")

    def test_what_changed_counts_for_new_sessions_and_not_for_old_ones(self):
        old = self.wire()
        self.write("proxy", "split_consistency: eventual")
        done = self.reload()
        self.assertEqual("proxy has read its configuration again; changed: proxy.split_consistency\n", done.stdout)
        self.assertEqual("eventual", self.consistency())
        self.assertEqual("global", old.value("SELECT @@dorsal_consistency"))
        old.query("SELECT 1")

    def test_a_configuration_with_an_error_is_refused_whole(self):
        self.write("proxy", "split_consistency: eventual")
        number = self.write("proxy", "causal_wait_ms: soon")
        done = self.reload(check=False)
        self.assertEqual(1, done.returncode)
        reason = f"{self.file}:{number}: 'proxy.causal_wait_ms' must be milliseconds from 0 to 3600000, not 'soon'"
        self.assertEqual(f"dorsal reload: {reason}\n", done.stderr)
        self.assertIn(reason, self.log())
        self.assertEqual("global", self.consistency())

    def test_what_is_no_yaml_is_refused_with_its_line(self):
        self.file.write_text(self.text + "proxy: [\n", encoding="utf-8")
        done = self.reload(check=False)
        self.assertEqual(1, done.returncode)
        self.assertRegex(done.stderr, rf"^dorsal reload: {re.escape(str(self.file))}:\d+: ")

    def test_a_port_cannot_change_and_nothing_else_does_then(self):
        self.write("proxy", "split_consistency: eventual")
        text = re.sub(r"split_port: \d+", "split_port: 7", self.file.read_text(encoding="utf-8"))
        self.file.write_text(text, encoding="utf-8")
        done = self.reload(check=False)
        self.assertEqual(1, done.returncode)
        self.assertIn("'proxy.split_port' cannot change while it runs; restart it", done.stderr)
        self.assertEqual("global", self.consistency())

    def test_sighup_does_the_same(self):
        self.write("proxy", "split_consistency: session")
        os.kill(self.proxy, signal.SIGHUP)
        harness.wait_until("the new level counts", lambda: self.consistency() == "session", 30)

    def test_nobody_is_dropped_by_many_reloads(self):
        stop, complaints, done = threading.Event(), [], [0]

        def work():
            try:
                with self.cluster.connect(database=self.schema) as session:
                    while not stop.is_set():
                        session.run("SELECT 1")
                        done[0] += 1
                    self.assertEqual(1, session.value("SELECT 1"))
            except Exception as error:  # pylint: disable=broad-except
                complaints.append(error)

        def come_and_go():
            while not stop.is_set():
                try:
                    self.cluster.wire().quit()
                except (wire.ServerError, wire.Closed, OSError) as error:
                    complaints.append(error)

        threads = [threading.Thread(target=run) for run in (work, work, work, come_and_go)]
        for thread in threads:
            thread.start()
        for number in range(10):
            self.file.write_text(self.text, encoding="utf-8")
            self.write("proxy", f"causal_wait_ms: {number + 11}")
            self.reload()
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual([], complaints)
        self.assertGreater(done[0], 10)

    def test_where_no_proxy_runs_it_says_so(self):
        folder = harness.temporary_folder()
        self.addCleanup(harness.shutil.rmtree, folder)
        (folder / "dorsal.yaml").write_text("", encoding="utf-8")
        done = self.cluster.run("reload", "--config", folder / "dorsal.yaml", check=False)
        self.assertEqual(1, done.returncode)
        self.assertIn(f"no proxy runs by {folder}/dorsal.yaml", done.stderr)


if __name__ == "__main__":
    harness.main()
