#!/usr/bin/env python3
"""How many clients may come, for whom a balancer connects, and what happens to floods of log-ins."""

import secrets
import socket
import struct
import threading

import harness
import wire

BALANCERS, BALANCER = "127.0.7.0/24", "127.0.7.1"
FAR = "10.1.2.3"
V2_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def header_v1(source, family="TCP4", destination="10.0.0.1"):
    return f"PROXY {family} {source} {destination} 4711 3306\r\n".encode()


def header_v2(source, command=1, records=b""):
    """Version 2; command 0 is LOCAL."""
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    addresses = socket.inet_pton(family, source) * 2 + struct.pack(">HH", 4711, 3306)
    body = addresses + records
    kind = 0x21 if family == socket.AF_INET6 else 0x11
    return V2_SIGNATURE + struct.pack(">BBH", 0x20 | command, kind, len(body)) + body


class Admission(harness.ReloadingTest):
    schema = "e2e_admission"

    def setUp(self):
        super().setUp()
        self.user, self.password = "a" + secrets.token_hex(6), secrets.token_hex(12)
        self.admin = self.root(self.cluster.primary())
        self.addCleanup(self.drop_all)

    def drop_all(self):
        for (host,) in self.admin.run("SELECT host FROM mysql.user WHERE user = %s", self.user):
            self.admin.run("DROP USER %s@%s", self.user, host)

    def create(self, host):
        self.admin.run("CREATE USER %s@%s IDENTIFIED BY %s", self.user, host, self.password)

    def own(self, **options):
        """A session of the test's own user."""
        return self.wire(user=self.user, password=self.password, **options)

    def refusal(self, **options):
        """What the refusal of the test's own user says."""
        with self.assertRaises(wire.ServerError) as caught:
            self.own(**options)
        error = caught.exception
        return error.code, error.state, error.message

    def assert_gets_in_again(self, **options):
        def attempt():
            try:
                self.own(**options)
                return True
            except wire.ServerError:
                return False

        harness.wait_until("there is room again", attempt, 30)

    # How many there may be.

    def test_more_clients_than_there_may_be_are_refused_in_the_greetings_place(self):
        self.create("%")
        before = int(self.cluster.metric("dorsal_proxy_clients"))
        self.set_proxy(max_clients=before + 3)
        sessions = [self.own() for _ in range(3)]
        refused = wire.Wire(self.cluster.address())
        self.addCleanup(refused.close)
        with self.assertRaises(wire.ServerError) as caught:
            refused.read_greeting()
        self.assertEqual(1040, caught.exception.code)
        self.assertIn("Too many connections", caught.exception.message)
        sessions.pop().quit()
        self.assert_gets_in_again()
        self.assertTrue(all(session.value("SELECT 1") == "1" for session in sessions))
        self.set_proxy(max_clients=before + 10)
        self.own()

    def test_a_user_has_no_more_sessions_than_it_may(self):
        self.create("%")
        self.set_proxy(max_clients_per_user=2)
        sessions = [self.own() for _ in range(2)]
        reason = f"User {self.user} already has more than 'max_user_connections' active connections"
        self.assertEqual((1203, "42000", reason), self.refusal())
        other = self.wire()
        with self.assertRaises(wire.ServerError) as caught:
            other.change_user(self.user, self.password)
        self.assertEqual(1203, caught.exception.code)
        # Who becomes somebody else makes room.
        sessions[0].change_user(*self.cluster.account())
        self.own()
        self.refusal()
        self.assertEqual("1", sessions[1].value("SELECT 1"))

    def test_an_address_has_no_more_clients_than_it_may(self):
        self.create("%")
        self.set_proxy(max_clients_per_address=2)
        sessions = [self.own(source="127.9.9.9") for _ in range(2)]
        refused = self.refusal(source="127.9.9.9")
        self.assertEqual(1040, refused[0])
        self.assertIn("127.9.9.9", refused[2])
        self.own(source="127.9.9.10")
        sessions.pop().quit()
        self.assert_gets_in_again(source="127.9.9.9")

    # For whom a balancer connects.

    def behind_balancer(self, header, **options):
        return self.own(source=BALANCER, preamble=header, **options)

    def test_the_address_in_the_header_is_the_clients(self):
        self.create("127.0.0.1")  # by this one the proxy itself logs in
        self.create("10.1.2.%")
        self.set_proxy(proxy_protocol_from=f'"{BALANCERS}"')
        for header in (header_v1(FAR), header_v2(FAR), header_v2(FAR, records=b"\x04\0\x02ab")):
            for tls in (False, True):
                with self.subTest(header=header, tls=tls):
                    self.assertEqual("1", self.behind_balancer(header, tls=tls).value("SELECT 1"))
        for header, host in (
            (header_v1("10.1.3.3"), "10.1.3.3"),
            (header_v2("10.1.3.3"), "10.1.3.3"),
            (header_v1("2001:db8::7", "TCP6", "::1"), "2001:db8::7"),
            (header_v2("2001:db8::7"), "2001:db8::7"),
            (header_v2(FAR, command=0), BALANCER),
            (b"PROXY UNKNOWN\r\n", BALANCER),
        ):
            with self.subTest(header=header):
                with self.assertRaises(wire.ServerError) as caught:
                    self.behind_balancer(header)
                self.assertEqual(1045, caught.exception.code)
                self.assertIn(f"'{self.user}'@'{host}'", caught.exception.message)

    def test_a_header_may_come_in_pieces(self):
        self.create("127.0.0.1")
        self.create("10.1.2.%")
        self.set_proxy(proxy_protocol_from=BALANCERS)
        for header in (header_v1(FAR), header_v2(FAR)):
            connection = wire.Wire(self.cluster.address(), source=BALANCER)
            self.addCleanup(connection.close)
            connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for place in range(len(header)):
                connection.send_raw(header[place : place + 1])
            connection.login(self.user, self.password)
            self.assertEqual("1", connection.value("SELECT 1"))

    def test_who_is_listed_must_send_a_sound_header_and_others_must_send_none(self):
        self.create("%")
        self.set_proxy(proxy_protocol_from=BALANCERS)
        bad = self.cluster.metric("dorsal_proxy_proxy_protocol_errors_total")
        headers = (b"PROXY TCP4 10.1.2.3\r\n", b"PROXY" + b"x" * 200, V2_SIGNATURE + b"\xff\x11\0\x0c" + b"x" * 12,
                   b"\x20\0\0\1" + b"a" * 32, b"GET / HTTP/1.0\r\n\r\n")
        for header in headers:
            with self.subTest(header=header), self.assertRaises((wire.Closed, OSError)):
                self.behind_balancer(header)
        self.assertEqual(bad + len(headers), self.cluster.metric("dorsal_proxy_proxy_protocol_errors_total"))
        with self.assertRaises((wire.ServerError, wire.Closed, OSError, ValueError)):
            self.own(preamble=header_v1(FAR))
        self.assertEqual("1", self.own().value("SELECT 1"))

    def test_a_balancer_that_is_listed_no_longer_sends_none(self):
        self.create("%")
        self.set_proxy(proxy_protocol_from=BALANCERS)
        session = self.behind_balancer(header_v1(FAR))
        self.set_proxy()
        self.own(source=BALANCER)
        self.assertEqual("1", session.value("SELECT 1"))

    def test_the_limit_for_an_address_counts_the_clients_behind_a_balancer(self):
        self.create("%")
        self.set_proxy(proxy_protocol_from=BALANCERS, max_clients_per_address=2)
        for address in (FAR, "10.1.2.4"):
            _ = [self.behind_balancer(header_v2(address)) for _ in range(2)]
            with self.assertRaises(wire.ServerError) as caught:
                self.behind_balancer(header_v2(address))
            self.assertEqual(1040, caught.exception.code)
            self.assertIn(address, caught.exception.message)

    # Floods.

    def delayed(self):
        return self.cluster.metric("dorsal_proxy_logins_delayed_total")

    def test_guessing_passwords_is_slowed_for_the_address_it_comes_from(self):
        self.create("%")
        self.set_proxy(proxy_protocol_from=BALANCERS)
        guesser, other = "10.7." + ".".join(str(byte + 1) for byte in secrets.token_bytes(2)), "10.6.6.6"
        before = self.delayed()
        for number in range(8):
            with self.assertRaises(wire.ServerError) as caught:
                self.wire(user=self.user, password=f"guess {number}", source=BALANCER, preamble=header_v2(guesser))
            self.assertEqual(1045, caught.exception.code)
        slowed = self.delayed()
        self.assertGreaterEqual(slowed, before + 2)
        self.assertLess(slowed, before + 8, "the first few cost nothing")
        self.assertIn(f"client={guesser}:4711 logins=slowed", self.proxy_log())
        self.behind_balancer(header_v2(other))
        self.assertEqual(slowed, self.delayed(), "who comes from elsewhere does not wait")
        # Who knows the password gets in after its wait, and is trusted again.
        self.behind_balancer(header_v2(guesser))
        self.assertEqual(slowed + 1, self.delayed())
        self.behind_balancer(header_v2(guesser))
        self.assertEqual(slowed + 1, self.delayed())

    def proxy_log(self):
        return (self.cluster.dir / "log" / "proxy.log").read_text(encoding="utf-8", errors="replace")

    def test_clients_that_never_log_in_do_not_keep_others_out(self):
        self.create("%")
        self.set_proxy(max_logins=20)
        before = self.cluster.metric("dorsal_proxy_logins_thrown_out_total")
        silent = []
        for _ in range(60):
            connection = wire.Wire(self.cluster.address(), source="127.8.8.8")
            self.addCleanup(connection.close)
            silent.append(connection)
        for connection in silent:
            try:
                connection.read_greeting()
            except (wire.Closed, OSError):
                pass
        self.assertGreaterEqual(self.cluster.metric("dorsal_proxy_logins_thrown_out_total"), before + 40)
        self.assertEqual("1", self.own().value("SELECT 1"))
        harness.wait_until(
            "those thrown out are gone", lambda: self.cluster.metric("dorsal_proxy_logins_in_progress") <= 20, 30
        )

    def test_many_who_guess_at_once_leave_others_their_log_in(self):
        self.create("%")
        stop, failures = threading.Event(), []

        def guess():
            while not stop.is_set():
                try:
                    self.cluster.wire(user=self.user, password="wrong", source="127.8.8.9").quit()
                    failures.append("got in by guessing")
                except (wire.ServerError, wire.Closed, OSError):
                    pass

        threads = [threading.Thread(target=guess) for _ in range(8)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(20):
                self.assertEqual("1", self.own().value("SELECT 1"))
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual([], failures)


if __name__ == "__main__":
    harness.main()
