#!/usr/bin/env python3
"""`make demo` on a running cluster: the pattern that fails with plain splitting does not fail here."""

import os
import re
import subprocess
import sys

import harness


class Demo(harness.ClusterTest):
    def run_demo(self, *arguments):
        return subprocess.run(
            [sys.executable, "-B", harness.SOURCE / "scripts/demo", "--dir", self.cluster.dir, *arguments],
            env={**os.environ}, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240, check=False,
        )

    def test_eventual_fails_and_the_default_does_not(self):
        done = self.run_demo("--seconds", "4", "--least-share", "50" if harness.IS_SANITIZED else "90")
        print(done.stdout)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        numbers = {
            row[0].strip(): row[1].split()
            for row in re.findall(r"(?m)^  ([a-z -]+?)  +((?:[\d.,]+ ?%? *)+)$", done.stdout)
        }
        for row in ("duplicate-key errors", "rows not found after insert"):
            eventual, default = (int(number.replace(",", "")) for number in numbers[row][:2])
            self.assertGreater(eventual, 0, row)
            self.assertEqual(0, default, row)
        for node in self.cluster.replicas():
            (row,) = self.root(node).rows("SHOW REPLICA STATUS")
            self.assertEqual(0, row["SQL_Delay"], "the delay was not taken back")

    def test_a_demonstration_that_is_interrupted_takes_the_delay_back(self):
        process = subprocess.Popen(
            [sys.executable, "-B", harness.SOURCE / "scripts/demo", "--dir", self.cluster.dir, "--seconds", "30"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        self.addCleanup(process.kill)

        def delays():
            return {self.root(node).rows("SHOW REPLICA STATUS")[0]["SQL_Delay"] for node in self.cluster.replicas()}

        harness.wait_until("replication is delayed", lambda: delays() == {1})
        process.terminate()
        self.assertNotEqual(0, process.wait(60))
        self.assertEqual({0}, delays())

    def test_without_a_cluster_it_says_what_to_do(self):
        done = subprocess.run(
            [sys.executable, harness.SOURCE / "scripts/demo", "--dir", "/nonexistent"], capture_output=True, text=True,
            check=False,
        )
        self.assertEqual(1, done.returncode)
        self.assertIn("make up", done.stderr)


if __name__ == "__main__":
    harness.main()
