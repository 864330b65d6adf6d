#!/usr/bin/env python3
"""Wrong input on the command line: one sentence that helps, the right exit status, nothing half-made."""

import json
import os
import re
import shutil
import socket
import subprocess
import unittest

import harness
import processes

FAKE_MYSQLD = "#!/bin/sh\necho '{}'\n"
TOO_OLD = "/usr/sbin/mysqld  Ver 8.0.11 for Linux on x86_64 (MySQL Community Server - GPL)"
MARIADB = "mysqld  Ver 10.11.6-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)"


class CommandLine(unittest.TestCase):
    """Without any cluster."""

    def setUp(self):
        self.folder = harness.temporary_folder()
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.cluster = harness.Cluster(self.folder / "cluster")
        self.addCleanup(processes.kill_marked, self.cluster.mark)

    def run_dorsal(self, *arguments):
        return self.cluster.run(*arguments, check=False, timeout=60)

    def assert_one_sentence(self, done, status, *words):
        self.assertEqual(status, done.returncode, done.stdout + done.stderr)
        lines = done.stderr.strip().splitlines()
        self.assertEqual(1, len(lines), done.stderr)
        for word in words:
            self.assertIn(word, lines[0])
        self.assertEqual([], self.cluster.pids())

    def assert_up_refuses(self, status, *words, arguments=()):
        self.assert_one_sentence(self.run_dorsal(*self.cluster.up_arguments(*arguments)), status, *words)
        self.assertFalse(self.cluster.dir.exists(), "something was left behind")

    def write(self, name, text, mode=0o644):
        file = self.folder / name
        file.write_text(text, encoding="utf-8")
        file.chmod(mode)
        return file

    # Usage.

    def test_wrong_usage_is_status_2(self):
        for arguments in (
            ["up", "--no-such-flag"], ["frobnicate"], ["up", "--nodes", "three"], ["up", "--nodes"], [],
            ["status", "--json", "surplus"], ["up", "--nodes", "0"], ["up", "--port-base", "70000"],
        ):
            with self.subTest(arguments=arguments):
                self.assert_one_sentence(self.run_dorsal(*arguments), 2)

    def test_a_mistyped_flag_or_command_is_named(self):
        self.assert_one_sentence(self.run_dorsal("up", "--nodez", "3"), 2, "--nodez")
        self.assert_one_sentence(self.run_dorsal("statsu"), 2, "statsu")

    def test_every_command_explains_itself_with_an_example(self):
        done = self.run_dorsal("--help")
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        for command in ("up", "down", "status", "node", "proxy"):
            self.assertRegex(done.stdout, rf"(?m)^\s+{command}\b")
            own = self.run_dorsal(command, "--help")
            self.assertEqual(0, own.returncode)
            self.assertIn(f"dorsal {command}", own.stdout)
            self.assertIn("xample", own.stdout)

    def test_the_version_is_one_line(self):
        self.assertRegex(self.run_dorsal("--version").stdout, r"^dorsal \d+\.\d+\.\d+.*\n$")

    # Configuration.

    def test_an_unknown_key_is_refused_with_its_line_and_a_suggestion(self):
        file = self.write("dorsal.yaml", "cluster:\n  name: c\nproxy:\n  split_prot: 6033\n")
        done = self.run_dorsal("proxy", "--config", file)
        self.assert_one_sentence(done, 1, f"{file}:4:", "proxy.split_prot", "did you mean 'proxy.split_port'")

    def test_a_mistyped_value_is_refused_with_its_line(self):
        for text, line, key in (
            ("proxy:\n  split_port: sixty\n", 2, "proxy.split_port"),
            ("proxy:\n  consistency: sometimes\n", 2, "proxy.consistency"),
            ("cluster: [\n", 2, ""),
            ("proxy:\n  split_port: 7001\n  primary_port: 7001\n", 0, "proxy.primary_port"),
        ):
            with self.subTest(text=text):
                file = self.write("dorsal.yaml", text)
                where = f"{file}:{line}" if line else str(file)
                self.assert_one_sentence(self.run_dorsal("proxy", "--config", file), 1, where, key)

    def test_a_missing_configuration_is_named(self):
        for command in ("proxy", "node", "status"):
            done = self.run_dorsal(command, "--config", self.folder / "missing.yaml")
            self.assert_one_sentence(done, 1, "missing.yaml")

    def test_a_wrong_environment_variable_is_named(self):
        file = self.write("dorsal.yaml", "")
        self.cluster.environment["DORSAL_PROXY_SPLIT_PORT"] = "sixty"
        self.assert_one_sentence(self.run_dorsal("proxy", "--config", file), 1, "DORSAL_PROXY_SPLIT_PORT", "sixty")

    # No cluster there.

    def test_status_and_down_without_a_cluster_say_so(self):
        missing = self.folder / "nothing"
        self.assert_one_sentence(self.run_dorsal("status", "--dir", missing), 1, str(missing))
        done = self.run_dorsal("down", "--dir", missing)
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertIn(str(missing), done.stdout)
        self.assertFalse(missing.exists())

    # Folders.

    def test_a_folder_that_is_not_ours_is_left_alone(self):
        self.cluster.dir.mkdir()
        self.write("cluster/thesis.txt", "years of work")
        before = sorted(os.walk(self.cluster.dir))
        for arguments in (self.cluster.up_arguments(), ("down", "--dir", self.cluster.dir, "--destroy", "--yes")):
            self.assert_one_sentence(self.run_dorsal(*arguments), 1, str(self.cluster.dir))
            self.assertEqual(before, sorted(os.walk(self.cluster.dir)))

    def test_a_file_in_place_of_the_folder_is_left_alone(self):
        self.write("cluster", "text")
        self.assert_one_sentence(self.run_dorsal(*self.cluster.up_arguments()), 1, str(self.cluster.dir))
        self.assertEqual("text", self.cluster.dir.read_text(encoding="utf-8"))

    def test_a_folder_of_a_newer_version_is_left_alone(self):
        self.cluster.dir.mkdir()
        marker = {"format_version": 999, "cluster": "x", "nodes": 3, "port_base": self.cluster.base}
        self.write("cluster/dorsal.json", json.dumps(marker))
        for arguments in (self.cluster.up_arguments(), ("down", "--dir", self.cluster.dir)):
            self.assert_one_sentence(self.run_dorsal(*arguments), 1, "999", "newer")
        self.assertEqual(["dorsal.json"], [f.name for f in self.cluster.dir.iterdir() if f.name != "up.lock"])

    def test_a_folder_that_cannot_be_written_is_named(self):
        self.cluster.dir = harness.Path("/proc/dorsal-e2e")
        self.assert_up_refuses(1, "/proc/dorsal-e2e")

    # Ports.

    def test_a_port_in_use_is_refused_with_the_name_of_its_holder(self):
        for offset in (3, 8, 12):
            with self.subTest(offset=offset), socket.socket() as holder:
                holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                holder.bind(("127.0.0.1", self.cluster.base + offset))
                holder.listen()
                self.assert_up_refuses(1, str(self.cluster.base + offset), str(os.getpid()))

    # Servers.

    def test_a_mysqld_that_will_not_do_is_refused(self):
        for text, *words in (
            (FAKE_MYSQLD.format(TOO_OLD), "8.0.11", "8.0.26"),
            (FAKE_MYSQLD.format(MARIADB), "MariaDB"),
            ("#!/bin/sh\nexit 3\n",),
            (FAKE_MYSQLD.format("hello"),),
        ):
            with self.subTest(text=text):
                fake = self.write("mysqld", text, 0o755)
                self.assert_up_refuses(1, str(fake), *words, arguments=["--mysqld", fake])
                self.cluster.environment["DORSAL_MYSQLD"] = str(fake)
                self.assert_up_refuses(1, str(fake), *words)

    def test_a_mysqld_that_is_missing_is_named(self):
        missing = self.folder / "missing"
        self.assert_up_refuses(1, str(missing), arguments=["--mysqld", missing])

    # Room.

    def test_too_little_disk_is_refused(self):
        """In a name space of its own, on a file system of 64 MiB."""
        small = self.folder / "small"
        small.mkdir()
        self.cluster.dir = small / "cluster"
        command, environment = self.cluster.command(*self.cluster.up_arguments())
        script = f'mount -t tmpfs -o size=64m none "{small}" || exit 77; "$@"; status=$?; ls -A "{small}"; exit $status'
        done = subprocess.run(
            ["unshare", "--mount", "--map-root-user", "sh", "-c", script, "sh", *command], env=environment,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
        )
        if done.returncode == 77 or "unshare" in done.stderr:
            self.skipTest("no file system can be mounted here")
        self.assert_one_sentence(done, 1, "disk")
        self.assertEqual("", done.stdout, "something was left behind")

    def test_too_little_memory_is_refused(self):
        self.cluster.environment["DORSAL_NODE_BUFFER_POOL"] = "4096G"
        self.assert_up_refuses(1, "memory", "MiB")


class OfACluster(harness.ClusterTest):
    """On a cluster that runs."""

    def test_up_with_other_numbers_is_refused_and_changes_nothing(self):
        pids = sorted(self.cluster.pids())
        for arguments in (["--nodes", "5"], ["--port-base", str(self.cluster.base + 1)]):
            done = self.cluster.run("up", "--detach", "--dir", self.cluster.dir, *arguments, check=False)
            self.assertEqual(1, done.returncode, done.stdout)
            self.assertEqual(1, len(done.stderr.strip().splitlines()), done.stderr)
        self.assertEqual(pids, sorted(self.cluster.pids()))

    def test_destroy_asks_first(self):
        for answer in ("", "no\n", "n\n"):
            done = self.cluster.down("--destroy", check=False, input=answer)
            self.assertNotEqual(0, done.returncode)
            self.assertTrue(self.cluster.is_healthy(self.cluster.api_status()))

    def test_a_second_cluster_on_the_same_ports_names_the_first(self):
        folder = harness.temporary_folder()
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        other = harness.Cluster(folder / "other", base=self.cluster.base)
        done = other.run(*other.up_arguments(), check=False)
        self.assertEqual(1, done.returncode)
        self.assertTrue(re.search(r"\bdorsal|mysqld\b", done.stderr), done.stderr)
        self.assertEqual([], other.pids())
        self.assertFalse(other.dir.exists())

    def test_status_finds_the_cluster_by_its_configuration_too(self):
        done = self.cluster.run("status", "--json", "--config", self.cluster.dir / "dorsal.yaml")
        self.assertEqual(self.cluster.status()["cluster"], json.loads(done.stdout)["cluster"])


if __name__ == "__main__":
    harness.main()
