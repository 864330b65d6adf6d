#!/usr/bin/env python3
"""TLS with clients: who may do without it, whose certificate is shown, and what happens when it changes."""

import random
import shutil
import socket
import struct
import threading
import time

import certificates
import harness
import processes
import wire

SEED = 20240301
ALL_FILES_ARE_LOOKED_AT = 30  # seconds; it takes two


class Tls(harness.ReloadingTest):
    schema = "e2e_tls"

    def setUp(self):
        super().setUp()
        self.folder = harness.temporary_folder()
        # Removed once the configuration no longer names it.
        self.addCleanup(shutil.rmtree, self.folder)
        self.addCleanup(self.restore)
        self.authority = certificates.Authority(self.folder)

    def issue(self, common_name="proxy"):
        return self.authority.issue("shown", common_name)

    def use_own_certificate(self, **keys):
        certificate, key, der = self.issue()
        self.set_proxy(tls_certificate=certificate, tls_key=key, **keys)
        return der

    def shown(self):
        connection = self.wire(tls=True)
        return connection.socket.getpeercert(binary_form=True)

    def log(self):
        return (self.cluster.dir / "log" / "proxy.log").read_text(encoding="utf-8", errors="replace")

    # Who may do without it.

    def refusal(self, address, **options):
        user, password = self.cluster.account()
        connection = wire.Wire(address)
        self.addCleanup(connection.close)
        with self.assertRaises(wire.ServerError) as caught:
            connection.login(user, password, **options)
        error = caught.exception
        return error.code, error.state, error.message, connection.log_in_path

    def test_required_refuses_who_does_without_in_the_words_of_the_server(self):
        primary = self.cluster.primary()
        server = self.root(primary)
        server.run("SET GLOBAL require_secure_transport = ON")
        self.addCleanup(server.run, "SET GLOBAL require_secure_transport = OFF")
        direct = self.refusal(self.cluster.direct_address(primary))
        server.run("SET GLOBAL require_secure_transport = OFF")
        self.set_proxy(tls_mode="required")
        refused = self.refusal(self.cluster.address())
        self.assertEqual(3159, refused[0])
        self.assertEqual(direct[:3], refused[:3])
        self.assertIsNone(refused[3], "a password was asked for")
        self.assertEqual("TLSv1.3", self.wire(tls=True).socket.version())

    def test_off_offers_none(self):
        self.set_proxy(tls_mode="off")
        connection = self.wire()
        self.assertFalse(connection.offered & wire.SSL)
        connection.ping()

    def test_a_session_outlives_the_change_to_required(self):
        plain = self.wire()
        self.set_proxy(tls_mode="required")
        self.assertEqual("1", plain.value("SELECT 1"))

    # Whose certificate is shown.

    def test_the_configured_certificate_is_shown(self):
        before = self.shown()
        own = self.use_own_certificate()
        self.assertNotEqual(before, own)
        self.assertEqual(own, self.shown())

    def test_a_certificate_that_is_replaced_is_shown_soon_and_nobody_is_dropped(self):
        self.use_own_certificate()
        old = self.wire(tls=True)
        stop, complaints, counts = threading.Event(), [], [0, 0]

        def work():
            try:
                connection = self.cluster.wire(tls=True)
                while not stop.is_set():
                    connection.query("SELECT 1")
                    counts[0] += 1
                connection.quit()
            except (wire.ServerError, wire.Closed, OSError) as error:
                complaints.append(error)

        def come_and_go():
            while not stop.is_set():
                try:
                    self.cluster.wire(tls=True).quit()
                    counts[1] += 1
                except (wire.ServerError, wire.Closed, OSError) as error:
                    complaints.append(error)

        threads = [threading.Thread(target=run) for run in (work, work, come_and_go, come_and_go)]
        for thread in threads:
            thread.start()
        try:
            for number in range(3):
                *_, der = self.issue(f"proxy {number}")
                harness.wait_until("it is shown", lambda: self.shown() == der, ALL_FILES_ARE_LOOKED_AT)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual([], complaints)
        self.assertTrue(all(counts), counts)
        self.assertEqual("1", old.value("SELECT 1"))

    def test_a_key_that_is_not_the_certificates_is_refused_and_the_pair_from_before_stays(self):
        own = self.use_own_certificate()
        certificate, key = self.folder / "shown.pem", self.folder / "shown-key.pem"
        sound = certificate.read_bytes(), key.read_bytes()
        self.issue("another")
        certificate.write_bytes(sound[0])
        reason = f"{key} is not the private key of {certificate}"
        harness.wait_until("the log names the pair", lambda: reason in self.log(), ALL_FILES_ARE_LOOKED_AT)
        self.assertEqual(own, self.shown())
        done = self.reload(check=False)
        self.assertEqual(1, done.returncode)
        self.assertIn(reason, done.stderr)
        self.assertEqual(own, self.shown())
        *_, der = self.issue("a third")
        harness.wait_until("a sound pair is taken up", lambda: self.shown() == der, ALL_FILES_ARE_LOOKED_AT)

    def test_a_missing_certificate_is_refused_and_the_one_from_before_stays(self):
        own = self.use_own_certificate()
        (self.folder / "shown.pem").unlink()
        done = self.reload(check=False)
        self.assertEqual(1, done.returncode)
        self.assertIn(f"cannot read the certificate {self.folder}/shown.pem", done.stderr)
        self.assertEqual(own, self.shown())

    # Clients that vanish, or speak something else.

    def start_of_a_handshake(self):
        connection = wire.Wire(self.cluster.address())
        connection.read_greeting()
        connection.send(struct.pack("<IIB23x", wire.MODERN | wire.SSL, 1 << 30, 255))
        return connection

    def client_hello(self):
        incoming, outgoing = wire.ssl.MemoryBIO(), wire.ssl.MemoryBIO()
        handshake = wire.tls_context().wrap_bio(incoming, outgoing)
        with self.assertRaises(wire.ssl.SSLWantReadError):
            handshake.do_handshake()
        return outgoing.read()

    def test_clients_that_vanish_in_the_handshake_leave_nothing_and_cost_nothing(self):
        pid = self.cluster.proxy_pid()
        before = len(processes.open_files(pid))
        hello = self.client_hello()
        generator = random.Random(SEED)
        for number in range(60):
            connection = self.start_of_a_handshake()
            if number % 4 == 1:
                connection.send_raw(hello)
                connection.socket.recv(100)
            elif number % 4 == 2:
                connection.send_raw(hello[: generator.randrange(1, len(hello))])
            elif number % 4 == 3:
                connection.send_raw(generator.randbytes(50))
            if number % 2:
                connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        harness.wait_until("all of them are closed", lambda: len(processes.open_files(pid)) <= before + 2, 30)
        used = processes.cpu_seconds(pid)
        time.sleep(2)
        self.assertLess(processes.cpu_seconds(pid) - used, 1.5, "the proxy is busy with nothing")
        self.wire(tls=True).ping()


if __name__ == "__main__":
    harness.main()
