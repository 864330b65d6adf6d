#!/usr/bin/env python3
"""The agents' API: who is let in, what it says, and what happens when certificates change."""

import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess

import certificates
import harness

FIRST_AGENT_PORT = 21
TAKEN_UP_WITHIN = 30  # seconds; it takes two


def context_for(ca, certificate=None, key=None):
    context = ssl.create_default_context(cafile=str(ca))
    context.check_hostname = False  # nodes are known by their names, whatever their addresses
    if certificate:
        context.load_cert_chain(certificate, key)
    return context


def ask(port, context, path, claim=None):
    """Status and JSON of one request; TLS that fails raises OSError."""
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=60)
    try:
        connection.request("POST" if claim else "GET", path, json.dumps(claim) if claim else None)
        answer = connection.getresponse()
        body = answer.read().decode()
        return answer.status, json.loads(body) if "json" in answer.headers["Content-Type"] else body
    finally:
        connection.close()


class Peers(harness.ClusterTest):
    def setUp(self):
        self.tls = self.cluster.dir / "tls"
        self.uuid = json.loads((self.cluster.dir / "dorsal.json").read_text(encoding="utf-8"))["cluster"]
        self.folder = harness.temporary_folder()
        self.addCleanup(shutil.rmtree, self.folder)
        self.authority = certificates.Authority.existing(self.tls, self.folder)

    def port(self, name):
        return self.cluster.base + FIRST_AGENT_PORT - 1 + int(name.removeprefix("node"))

    def as_role(self, role):
        return context_for(self.tls / "ca.pem", self.tls / f"{role}.pem", self.tls / f"{role}-key.pem")

    def as_stranger(self, *uris, authority=None, **options):
        certificate, key, _ = (authority or self.authority).issue("stranger", "node1", uris=uris, **options)
        return context_for(self.tls / "ca.pem", certificate, key)

    def uri(self, role, cluster=None):
        return f"dorsal://{cluster or self.uuid}/{role}"

    def refused(self, reason, name="node1"):
        _, page = ask(self.port(name), self.as_role("proxy"), "/metrics")
        for line in page.splitlines():
            if line.startswith("dorsal_agent_api_refused_total{") and f'reason="{reason}"' in line:
                return float(line.rpartition(" ")[2])
        return 0

    def assert_refused(self, reason, context):
        before = self.refused(reason)
        with self.assertRaises((OSError, http.client.HTTPException)):
            ask(self.port("node1"), context, "/v1/state")
        harness.wait_until(f"a refusal for {reason} is counted", lambda: self.refused(reason) > before)

    def claim(self, node, term):
        return {"speaks": 1, "oldest": 1, "cluster": self.uuid, "node": node, "term": term}

    # What is said.

    def test_every_agent_tells_what_it_knows(self):
        status = self.cluster.api_status()
        for node in status["nodes"]:
            code, state = ask(self.port(node["name"]), self.as_role("node2"), "/v1/state")
            self.assertEqual(200, code, state)
            told = {key: state[key] for key in ("node", "cluster", "term", "primary", "role", "healthy")}
            expected = {
                "node": node["name"], "cluster": self.uuid, "term": status["term"], "primary": status["primary"],
                "role": node["role"], "healthy": True,
            }
            self.assertEqual(expected, told)
            self.assertTrue(state["store_answers"])
            self.assertIn(":1-", state["gtid_executed"])

    def test_the_primary_is_still_agreed_to_and_nobody_else(self):
        status = self.cluster.api_status()
        primary, term = status["primary"], status["term"]
        other = self.cluster.replicas()[0]["name"]
        port = self.port(self.cluster.replicas()[1]["name"])
        code, answer = ask(port, self.as_role(primary), "/v1/agree", self.claim(primary, term))
        self.assertEqual((200, True, "none"), (code, answer["agrees"], answer["objection"]))
        code, answer = ask(port, self.as_role(other), "/v1/agree", self.claim(other, term))
        self.assertEqual((200, False, "other_primary"), (code, answer["agrees"], answer["objection"]))
        self.assertIn(f"knows {primary} as the primary of term {term}", answer["reason"])
        code, answer = ask(port, self.as_role(other), "/v1/agree", self.claim(primary, term))
        self.assertEqual(403, code)
        self.assertIn(f"the certificate of {other}, which does not speak for {primary}", answer["error"])

    def test_agents_find_each_other(self):
        def answers():
            _, page = ask(self.port("node1"), self.as_role("proxy"), "/metrics")
            lines = [line for line in page.splitlines() if line.startswith("dorsal_agent_peer_answers{")]
            return len(lines) == 2 and all(line.endswith(" 1") for line in lines)

        harness.wait_until("node1 hears from both others", answers)

    def test_curl_and_openssl_agree(self):
        files = ["--cacert", self.tls / "ca.pem", "--cert", self.tls / "node1.pem", "--key", self.tls / "node1-key.pem"]
        url = f"https://localhost:{self.port('node2')}/v1/state"
        if shutil.which("curl"):
            done = subprocess.run(["curl", "-sS", *files, url], capture_output=True, text=True, timeout=60, check=True)
            self.assertEqual("node2", json.loads(done.stdout)["node"])
            bare = ["curl", "-sS", *files[:2], url]
            done = subprocess.run(bare, capture_output=True, text=True, timeout=60, check=False)
            self.assertNotEqual(0, done.returncode)
            self.assertEqual("", done.stdout)
        if shutil.which("openssl"):
            for role in ("node1", "proxy"):
                verify = ["openssl", "verify", "-x509_strict", "-CAfile", self.tls / "ca.pem", self.tls / f"{role}.pem"]
                done = subprocess.run(verify, capture_output=True, text=True, timeout=60, check=False)
                self.assertEqual(0, done.returncode, done.stdout + done.stderr)

    # Who is not let in.

    def test_nobody_without_a_certificate(self):
        self.assert_refused("no_certificate", context_for(self.tls / "ca.pem"))

    def test_nobody_with_an_expired_one(self):
        self.assert_refused("expired", self.as_stranger(self.uri("node/node1"), days=0))

    def test_nobody_of_another_authority(self):
        foreign = certificates.Authority(self.folder, "dorsal cluster authority")
        self.assert_refused("other_authority", self.as_stranger(self.uri("node/node1"), authority=foreign))

    def test_nobody_of_another_cluster(self):
        other = "00000000-0000-4000-8000-000000000000"
        self.assert_refused("other_cluster", self.as_stranger(self.uri("node/node1", other)))

    def test_no_user_of_mysql(self):
        self.assert_refused("no_name", self.as_stranger())

    def test_nobody_without_tls(self):
        before = self.refused("no_tls")
        with socket.create_connection(("127.0.0.1", self.port("node1")), timeout=60) as plain:
            plain.sendall(b"GET /v1/state HTTP/1.1\r\n\r\n")
            self.assertNotIn(b"HTTP/1.1", plain.recv(4096))
        harness.wait_until("it is counted", lambda: self.refused("no_tls") > before)

    def test_the_log_says_who_and_why(self):
        log = self.cluster.dir / "log" / "node1.log"
        with self.assertRaises((OSError, http.client.HTTPException)):
            ask(self.port("node1"), self.as_stranger(self.uri("node/node1"), days=0), "/v1/state")
        said = "reason=expired: the client's certificate is refused: certificate has expired"
        harness.wait_until("the log says so", lambda: said in log.read_text(encoding="utf-8"))

    # Certificates that change.

    def shown(self, name):
        with socket.create_connection(("127.0.0.1", self.port(name)), timeout=60) as plain:
            with self.as_role("proxy").wrap_socket(plain) as secure:
                return secure.getpeercert(binary_form=True)

    def shown_by_server(self, name):
        node, (user, password) = self.cluster.node(name), self.cluster.account()
        host, port = self.cluster.direct_address(node)
        with harness.Connection(
            host=host, port=port, user=user, password=password, connect_timeout=20, read_timeout=60,
            ssl={"check_hostname": False, "verify_mode": False},
        ) as session:
            return session._sock.getpeercert(binary_form=True)

    def test_a_new_certificate_is_taken_up_and_a_wrong_one_is_not(self):
        files = [self.tls / name for name in ("node2.pem", "node2-key.pem")]
        before = {file: file.read_bytes() for file in files}
        first = self.shown("node2")

        def restore():
            for file in reversed(files):
                file.write_bytes(before[file])
            harness.wait_until("the first is back", lambda: self.shown("node2") == first, TAKEN_UP_WITHIN)
            harness.wait_until(
                "its server shows it", lambda: self.shown_by_server("node2") == first, TAKEN_UP_WITHIN
            )

        self.addCleanup(restore)
        own = certificates.Authority.existing(self.tls, self.tls)
        _, _, second = own.issue("node2", "node2", uris=[self.uri("node/node2")])
        harness.wait_until("the new one is shown", lambda: self.shown("node2") == second, TAKEN_UP_WITHIN)
        harness.wait_until("and by its server", lambda: self.shown_by_server("node2") == second, TAKEN_UP_WITHIN)
        own.issue("node2", "node2", uris=[self.uri("node/node3")])
        log = self.cluster.dir / "log" / "node2.log"
        said = "is the certificate of node3, and this node is node2"
        harness.wait_until("the log says so", lambda: said in log.read_text(encoding="utf-8"), TAKEN_UP_WITHIN)
        own.issue("node2", "node2", uris=[self.uri("node/node2")], days=0)
        said = "node2.pem expired on "
        harness.wait_until("nor an expired one", lambda: said in log.read_text(encoding="utf-8"), TAKEN_UP_WITHIN)
        self.assertEqual(second, self.shown("node2"))
        self.assertEqual(second, self.shown_by_server("node2"))

    def test_sighup_does_not_end_a_node(self):
        node = self.cluster.node("node1")
        log = self.cluster.dir / "log" / "node1.log"
        before = log.read_text(encoding="utf-8").count("certificates=reloaded")
        os.kill(self.cluster.agent_pid(node), signal.SIGHUP)
        harness.wait_until(
            "it has read its certificate again",
            lambda: log.read_text(encoding="utf-8").count("certificates=reloaded") > before, TAKEN_UP_WITHIN,
        )
        self.assertEqual(node["pid"], self.cluster.node("node1")["pid"])

    def assert_no_new_node(self, tls, reason):
        done = self.cluster.run(
            "node", "--config", self.cluster.dir / "node1" / "dorsal.yaml", "--set", "node.name=node9",
            "--set", f"node.dir={self.folder / 'node9'}", "--set", f"tls={tls}", check=False,
        )
        self.assertEqual(1, done.returncode)
        self.assertIn(reason, done.stderr)
        self.assertFalse((self.folder / "node9").exists())
        self.assertNotIn("node9", [node["name"] for node in self.cluster.api_status()["nodes"]])

    def test_a_node_with_the_certificate_of_another_does_not_start(self):
        tls = self.folder / "tls-of-another"
        shutil.copytree(self.tls, tls)
        for suffix in (".pem", "-key.pem"):
            shutil.copy(self.tls / f"node2{suffix}", tls / f"node9{suffix}")
        self.assert_no_new_node(tls, "node9.pem is the certificate of node2, and this node is node9")

    def test_a_new_node_with_an_expired_certificate_does_not_start(self):
        tls = self.folder / "tls-expired"
        shutil.copytree(self.tls, tls)
        certificates.Authority.existing(self.tls, tls).issue("node9", "node9", uris=[self.uri("node/node9")], days=0)
        self.assert_no_new_node(tls, "node9.pem expired on ")


if __name__ == "__main__":
    harness.main()
