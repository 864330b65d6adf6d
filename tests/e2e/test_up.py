#!/usr/bin/env python3
"""What `dorsal up` has made: three servers, one endpoint, nothing secret in the open."""

import stat
import time
import urllib.error
import urllib.request

import harness
import processes

STATUS_FIELDS = {"cluster", "term", "primary", "mode", "acks", "endpoints", "nodes"}
NODE_FIELDS = {
    "name", "address", "role", "pid", "gtid_executed", "lag_ms", "semi_sync", "healthy", "voter",
}


class Up(harness.ClusterTest):
    def test_the_status_has_all_fields_that_it_promises(self):
        status = self.cluster.status()
        self.assertLessEqual(STATUS_FIELDS, status.keys())
        self.assertEqual({"split", "primary", "replicas", "admin", "http"}, status["endpoints"].keys())
        for node in status["nodes"]:
            self.assertLessEqual(NODE_FIELDS, node.keys())

    def test_one_primary_and_two_replicas_are_healthy(self):
        status = self.cluster.status()
        roles = {node["name"]: node["role"] for node in status["nodes"]}
        self.assertEqual(["primary", "replica", "replica"], sorted(roles.values()))
        self.assertEqual("primary", roles[status["primary"]])
        self.assertTrue(all(node["healthy"] for node in status["nodes"]), status["nodes"])
        self.assertGreaterEqual(status["term"], 1)

    def test_both_replicas_vote_and_acknowledge(self):
        status = self.cluster.status()
        self.assertEqual(("semi-sync", 1), (status["mode"], status["acks"]))
        for node in status["nodes"]:
            self.assertTrue(node["semi_sync"], node)
            if node["role"] == "replica":
                self.assertTrue(node["voter"], node)

    def test_ports_are_those_of_the_documentation(self):
        status, base = self.cluster.status(), self.cluster.base
        for name, offset in harness.OFFSETS.items():
            self.assertEqual(f"127.0.0.1:{base + offset}", status["endpoints"][name], name)
        addresses = sorted(node["address"] for node in status["nodes"])
        self.assertEqual([f"127.0.0.1:{base + offset}" for offset in (11, 12, 13)], addresses)

    def test_lag_is_measured_in_milliseconds(self):
        for node in self.cluster.replicas():
            self.assertIsNotNone(node["lag_ms"])
            self.assertLess(node["lag_ms"], 5000)

    def test_the_http_port_answers_with_the_same_status(self):
        ours, theirs = self.cluster.status(), self.cluster.api_status()
        self.assertEqual(ours.keys(), theirs.keys())
        self.assertEqual(ours["endpoints"], theirs["endpoints"])
        self.assertEqual([n["pid"] for n in ours["nodes"]], [n["pid"] for n in theirs["nodes"]])

    def test_the_table_names_every_node_and_its_role(self):
        table = self.cluster.run("status", "--dir", self.cluster.dir).stdout
        for node in self.cluster.status()["nodes"]:
            line = next((line for line in table.splitlines() if node["name"] in line.split()), "")
            self.assertIn(node["role"], line, table)

    def test_health_probes_answer_by_role(self):
        def code(path):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.cluster.base + 8}{path}", timeout=5) as answer:
                    return answer.status
            except urllib.error.HTTPError as error:
                return error.code

        for path in ("/health/live", "/health/ready", "/health/primary", "/health/replica?max_lag_ms=60000"):
            self.assertEqual(200, code(path), path)

    def test_secrets_are_files_that_only_their_owner_reads(self):
        files = [self.cluster.dir / "client.cnf", *(self.cluster.dir / "secrets").iterdir()]
        self.assertGreater(len(files), 3)
        for file in files:
            self.assertEqual(0o600, stat.S_IMODE(file.stat().st_mode), file)

    def test_no_password_stands_in_a_command_line_or_a_log(self):
        passwords = [file.read_text(encoding="utf-8").strip() for file in (self.cluster.dir / "secrets").iterdir()]
        for pid in self.cluster.pids():
            line = " ".join(processes.command_line(pid))
            self.assertFalse([p for p in passwords if p in line], f"process {pid}")
        for log in self.cluster.logs():
            text = log.read_text(encoding="utf-8", errors="replace")
            self.assertFalse([p for p in passwords if p in text], log)

    def test_a_second_up_changes_nothing_and_is_quick(self):
        before = sorted(self.cluster.pids())
        started = time.monotonic()
        self.cluster.up(wait=False)
        self.assertLess(time.monotonic() - started, 10)
        self.assertEqual(before, sorted(self.cluster.pids()))

    def test_the_command_line_client_works_with_client_cnf(self):
        self.assertEqual("1\n", self.cluster.mysql("SELECT 1").stdout)

    def test_the_whole_cluster_lives_in_two_gigabytes(self):
        servers = {node["pid"] for node in self.cluster.status()["nodes"]}
        memory = {pid: processes.proportional_bytes(pid) >> 20 for pid in self.cluster.pids()}
        of_servers = sum(memory[pid] for pid in servers)
        total = sum(memory.values())
        print(f"{of_servers} MiB in three mysqlds, {total} MiB in all {len(memory)} processes")
        self.assertLess(of_servers, 1900)
        if not harness.IS_SANITIZED:
            self.assertLess(total, 2000)


if __name__ == "__main__":
    harness.main()
