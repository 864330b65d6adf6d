#!/usr/bin/env python3
"""A cluster of nodes that share nothing but what `dorsal certificates` has issued for each, and a store."""

import contextlib
import json
import shutil
import subprocess
import unittest

import harness
import processes
import test_peers

NODES = ("node1", "node2")
CONFIGURATION = """\
cluster:
  store: sqlite://{store}
node:
  name: {name}
  address: 127.0.0.1:{port}
  dir: {folder}/data
"""


class Bundles(unittest.TestCase):
    def setUp(self):
        self.folder = harness.temporary_folder()
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        # Only for its environment: this is no `dorsal up`.
        self.cluster = harness.Cluster(self.folder / "cluster")
        self.authority = self.folder / "authority"
        self.running = []
        self.addCleanup(self.stop)

    def stop(self):
        for process in self.running:
            process.terminate()
        try:
            codes = [process.wait(60) for process in self.running]
        finally:
            processes.kill_marked(self.cluster.mark)
        self.assertEqual([0] * len(codes), codes)
        said = "".join(log.read_text(encoding="utf-8") for log in self.folder.glob("*.log"))
        self.assertIsNone(harness.CRASH.search(said), said)

    def certificates(self, *arguments):
        return self.cluster.run("certificates", *arguments, "--dir", self.authority)

    def start(self, number, name):
        machine = self.folder / name
        self.certificates("issue", name, "127.0.0.1", "localhost", "--into", machine)
        text = CONFIGURATION.format(
            store=self.folder / "store.db", name=name, port=self.cluster.base + 11 + number, folder=machine,
        )
        file = machine / "dorsal.yaml"
        file.write_text(text, encoding="utf-8")
        command, environment = self.cluster.command("node", "--config", file)
        with open(self.folder / f"{name}.log", "ab") as output:
            self.running.append(
                subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
            )

    def ask(self, number, asker, path):
        tls = self.folder / asker / "tls"
        context = test_peers.context_for(tls / "ca.pem", tls / f"{asker}.pem", tls / f"{asker}-key.pem")
        return test_peers.ask(self.cluster.base + 21 + number, context, path)[1]

    def state(self, number, asker):
        with contextlib.suppress(OSError):
            return self.ask(number, asker, "/v1/state")
        return {"role": "down", "healthy": False}

    def test_nodes_with_bundles_of_one_authority_are_one_cluster(self):
        uuid = json.loads(self.certificates("create", "--json").stdout)["cluster"]
        for number, name in enumerate(NODES):
            self.start(number, name)

        def is_whole():
            for process in self.running:
                self.assertIsNone(process.poll(), "a node has ended")
            states = [self.state(number, "node2") for number in range(len(NODES))]
            roles = sorted(state["role"] for state in states)
            return roles == ["primary", "replica"] and all(state["healthy"] for state in states) and states

        for state in harness.wait_until("a primary and a replica", is_whole, 180):
            self.assertEqual(uuid, state["cluster"])

    def test_a_bundle_of_another_authority_joins_nothing(self):
        self.certificates("create")
        self.start(0, "node1")
        harness.wait_until("node1 leads", lambda: self.state(0, "node1")["role"] == "primary", 120)
        self.authority = self.folder / "other"
        self.certificates("create")
        self.start(1, "node2")
        stranger = self.running.pop()
        self.assertEqual(1, stranger.wait(120))
        said = (self.folder / "node2.log").read_text(encoding="utf-8")
        self.assertIn("the store is that of cluster", said)
        self.assertFalse((self.folder / "node2" / "data").exists(), "something was made")


if __name__ == "__main__":
    harness.main()
