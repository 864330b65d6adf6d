#!/usr/bin/env python3
"""Accounts count by where their clients really are, and over what they come, as at the server itself."""

import random
import secrets
import threading

import certificates
import harness
import wire

SEED = 20240302
NEAR, FAR = "127.0.0.1", "127.3.4.5"

# No two of them are equally specific: which of such two a server takes is left to chance.
PATTERNS = (
    "%", "127.%", "127.3.%", "127.3.4._", "127.3.4.5", "127.3.4.6", "127.3.0.0/16", "127.3.4.0/24",
    "127.3.4.4/31", "127.3.0.0/255.255.0.0", "127.3.4.0/255.255.255.128", "127.3.4.5/24", "localhost", "10.%",
)
SOURCES = ("127.3.4.5", "127.3.4.6", "127.3.4.200", "127.3.9.5", "127.9.9.9")


class Accounts(harness.ReloadingTest):
    schema = "e2e_accounts"

    def setUp(self):
        super().setUp()
        self.user, self.password = "a" + secrets.token_hex(6), secrets.token_hex(12)
        self.primary = self.cluster.primary()
        self.admin = self.root(self.primary)
        self.addCleanup(self.drop_all)

    def drop_all(self):
        for (host,) in self.admin.run("SELECT host FROM mysql.user WHERE user = %s", self.user):
            self.admin.run("DROP USER %s@%s", self.user, host)

    def create(self, host, more="", password=None):
        self.admin.run(f"CREATE USER %s@%s IDENTIFIED BY %s {more}", self.user, host, password or self.password)

    def settle(self):
        """Until the proxy knows of every change so far: it looks when it meets a user whom it does not know."""
        marker = "m" + secrets.token_hex(6)
        self.admin.run("CREATE USER %s IDENTIFIED BY 'marker'", marker)
        try:
            self.cluster.wire(user=marker, password="marker").quit()
        finally:
            self.admin.run("DROP USER %s", marker)

    def outcome(self, address, source, **options):
        """None, or what the refusal says."""
        options = {"user": self.user, "password": self.password, **options}
        try:
            wire.connect(address, source=source, **options).quit()
            return None
        except wire.ServerError as error:
            return error.code, error.state, error.message

    def direct(self, source, **options):
        return self.outcome(self.cluster.direct_address(self.primary), source, **options)

    def proxied(self, source, **options):
        return self.outcome(self.cluster.address(), source, **options)

    def assert_as_directly(self, source, code=None, **options):
        direct = self.direct(source, **options)
        self.assertEqual(code, direct[0] if direct else None, direct)
        self.assertEqual(direct, self.proxied(source, **options))
        return direct

    # Where the client is.

    def test_a_client_from_elsewhere_is_refused_in_the_words_of_the_server(self):
        self.create(NEAR)
        for password in (self.password, "wrong", ""):
            for tls in (False, True):
                refused = self.assert_as_directly(FAR, 1045, password=password, tls=tls)
                self.assertIn(f"'{self.user}'@'{FAR}'", refused[2])
        self.assert_as_directly(NEAR)
        self.assert_as_directly(FAR, 1045)

    def test_a_wrong_password_names_the_clients_own_host(self):
        self.create("%")
        for path in ("first", "cached"):
            with self.subTest(path):
                refused = self.assert_as_directly(FAR, 1045, password="wrong")
                self.assertIn(FAR, refused[2])
            self.assert_as_directly(FAR)

    def test_a_password_that_is_known_already_does_not_let_others_in(self):
        self.create("127.0.0.%")
        self.assertIsNone(self.proxied(NEAR))
        self.assert_as_directly(FAR, 1045)

    def test_hosts_are_judged_as_the_server_does(self):
        """Accounts put together at random, some of which demand TLS: the server and the proxy agree for everybody."""
        generator = random.Random(SEED)
        refused = admitted = 0
        for _ in range(12):
            self.drop_all()
            # By this one the proxy itself logs in.
            self.create(NEAR)
            for pattern in generator.sample(PATTERNS, generator.choice((1, 2, 4, 6))):
                self.create(pattern, generator.choice(("", "REQUIRE SSL")))
            self.settle()
            accounts = self.admin.run("SELECT host, ssl_type FROM mysql.user WHERE user = %s", self.user)
            for source in SOURCES:
                direct = self.direct(source)
                self.assertEqual(direct, self.proxied(source), f"{source} with {accounts}")
                admitted, refused = admitted + (direct is None), refused + (direct is not None)
        self.assertGreater(min(admitted, refused), 10)

    def test_an_anonymous_account_of_a_closer_host_takes_precedence(self):
        self.create("%")
        self.admin.run(f"CREATE USER ''@'{FAR}' IDENTIFIED BY 'another'")
        self.addCleanup(self.admin.run, f"DROP USER ''@'{FAR}'")
        self.settle()
        self.assert_as_directly(FAR, 1045)

    # What changes counts soon, for those who come.

    def test_an_account_made_a_moment_ago_counts_at_once(self):
        for _ in range(5):
            self.create("%")
            self.assertIsNone(self.proxied(FAR))
            self.drop_all()
            refused = harness.wait_until("it is refused once it is dropped", lambda: self.proxied(FAR), 60)
            self.assertEqual(1045, refused[0])

    def test_an_account_that_moves_to_another_host_counts_no_longer_where_it_was(self):
        self.create("%")
        session = self.wire(user=self.user, password=self.password, source=FAR)
        self.admin.run("RENAME USER %s@'%%' TO %s@'127.0.0.1'", self.user, self.user)
        harness.wait_until("it is refused from elsewhere", lambda: self.proxied(FAR), 60)
        self.assertIsNone(self.proxied(NEAR))
        self.assertEqual("1", session.value("SELECT 1"), "who is in stays in")

    def test_a_changed_password_is_not_taken_for_long_and_sessions_live_on(self):
        self.create("%")
        session = self.wire(user=self.user, password=self.password)
        self.assertEqual("fast", self.wire(user=self.user, password=self.password).log_in_path)
        self.admin.run("ALTER USER %s@'%%' IDENTIFIED BY 'another'", self.user)
        harness.wait_until("the old one is refused", lambda: self.proxied(NEAR), 60)
        self.assertIsNone(self.proxied(NEAR, password="another"))
        self.assertEqual(1045, self.proxied(NEAR)[0])
        self.assertEqual("1", session.value("SELECT 1"))

    def lose_server_connections(self):
        """The servers end all that the proxy holds for the test's own user."""
        for node in self.cluster.api_status()["nodes"]:
            with self.cluster.root(node) as server:
                for (number,) in server.run("SELECT id FROM information_schema.processlist WHERE user = %s", self.user):
                    server.run(f"KILL {number}")

    def test_a_session_gets_new_server_connections_by_the_new_password_once_that_is_known(self):
        self.create("%")
        session = self.wire(user=self.user, password=self.password)
        self.admin.run("ALTER USER %s@'%%' IDENTIFIED BY 'another'", self.user)
        self.assertIsNone(self.proxied(NEAR, password="another"))
        self.lose_server_connections()
        harness.wait_until("the session goes on", lambda: self.answer(session) == "1", 30)

    def answer(self, session):
        try:
            return session.value("SELECT 1")
        except wire.ServerError as error:
            return error.code

    def test_a_session_of_an_account_that_is_gone_ends_when_it_needs_a_connection(self):
        for ending, code in (("DROP USER %s@'%%'", 1045), ("ALTER USER %s@'%%' ACCOUNT LOCK", 3118)):
            with self.subTest(ending):
                self.drop_all()
                self.create("%")
                session = self.wire(user=self.user, password=self.password)
                self.admin.run(ending, self.user)
                self.assertEqual("1", session.value("SELECT 1"), "who is in stays in")
                self.lose_server_connections()
                with self.assertRaises(wire.ServerError) as caught:
                    for _ in range(3):  # what was under way when the connections ended may end too
                        self.answer_or_raise_denial(session)
                self.assertEqual(code, caught.exception.code)
                with self.assertRaises((wire.Closed, OSError)):
                    session.ping()

    def answer_or_raise_denial(self, session):
        try:
            session.query("DO 1")
        except wire.ServerError as error:
            if error.code in (1045, 3118):
                raise

    def may(self, sql):
        """Whether a session that begins now may do that, on the primary."""
        session = self.cluster.wire("primary", user=self.user, password=self.password)
        try:
            session.query(sql)
            return True
        except wire.ServerError as error:
            self.assertIn(error.code, (1227, 1142))
            return False
        finally:
            session.quit()

    def test_new_sessions_have_the_rights_of_now_and_old_ones_those_from_before(self):
        """At the server global rights count from the log-in on, however long the proxy's connections live."""
        self.create("%")
        old = self.wire("primary", user=self.user, password=self.password)
        for right, sql in (("RELOAD", "FLUSH STATUS"), ("SYSTEM_VARIABLES_ADMIN", "SET GLOBAL max_connect_errors = 100")):
            with self.subTest(right):
                self.assertFalse(self.may(sql))
                self.admin.run(f"GRANT {right} ON *.* TO %s@'%%'", self.user)
                harness.wait_until("new sessions may", lambda sql=sql: self.may(sql), 60)
                self.admin.run(f"REVOKE {right} ON *.* FROM %s@'%%'", self.user)
                harness.wait_until("new sessions may not", lambda sql=sql: not self.may(sql), 60)
        self.assertEqual("1", old.value("SELECT 1"))

    def test_a_second_password_counts_until_it_is_discarded(self):
        self.create("%")
        self.assertIsNone(self.proxied(NEAR))
        self.admin.run("ALTER USER %s@'%%' IDENTIFIED BY 'another' RETAIN CURRENT PASSWORD", self.user)
        for password in (self.password, "another", self.password):
            self.assertIsNone(self.proxied(NEAR, password=password))
        self.admin.run("ALTER USER %s@'%%' DISCARD OLD PASSWORD", self.user)
        harness.wait_until("the old one is refused", lambda: self.proxied(NEAR), 60)
        self.assertIsNone(self.proxied(NEAR, password="another"))

    def test_passwords_of_one_user_differ_by_host(self):
        """The server sees the proxy's address, so its account is the one whose password counts there."""
        self.create("127.0.0.%")
        self.create("127.3.%", password="another")
        self.assertIsNone(self.proxied(NEAR))
        self.assertEqual(1045, self.proxied(NEAR, password="another")[0])
        # What the account of the client's address has is not what the server asks the proxy for, and
        # what the server would take is not the client's.
        self.assertEqual(1045, self.proxied(FAR, password="another")[0])
        self.assertEqual(1045, self.proxied(FAR)[0])
        self.assertIsNone(self.proxied(NEAR))

    # Accounts that may not come in.

    def test_a_locked_account_is_refused_where_it_is_locked(self):
        self.create(NEAR)
        self.create("127.3.%", "ACCOUNT LOCK")
        self.assert_as_directly(FAR, 3118)
        self.assert_as_directly(FAR, 1045, password="wrong")
        self.assert_as_directly(NEAR)

    def test_a_few_wrong_passwords_lock_an_account_as_they_do_directly(self):
        self.create("%", "FAILED_LOGIN_ATTEMPTS 3 PASSWORD_LOCK_TIME 1")
        for _ in range(2):
            self.assertEqual(1045, self.proxied(NEAR, password="wrong")[0])
        self.assertIsNone(self.proxied(NEAR), "two are not three")
        for _ in range(2):
            self.assertEqual(1045, self.proxied(NEAR, password="wrong")[0])
        locked = self.proxied(FAR, password="wrong")
        self.assertEqual(3955, locked[0])
        self.assertIn(f"'{self.user}'@'{FAR}'", locked[2])

    def make_further_factor(self):
        """The account, on the primary alone, with a second factor; the replicas have no such plug-in."""
        self.admin.run("SET sql_log_bin = 0")
        self.admin.run("INSTALL PLUGIN auth_socket SONAME 'auth_socket.so'")
        self.addCleanup(self.admin.run, "UNINSTALL PLUGIN auth_socket")
        self.addCleanup(self.drop_all)
        self.create("%")
        self.admin.run("ALTER USER %s@'%%' ADD 2 FACTOR IDENTIFIED WITH auth_socket", self.user)

    def test_multi_factor_log_in_is_refused_in_clear_words(self):
        self.make_further_factor()
        refusal = (
            1251, "08004",
            f"Dorsal: user '{self.user}' has multi-factor authentication, of which Dorsal can pass on the first factor only;"
            " use an account that has a single factor",
        )
        for options in ({}, {"tls": True}, {"capabilities": wire.OLD}):
            with self.subTest(options=options):
                self.assertEqual(refusal, self.proxied(NEAR, **options))
        for wrong in ("wrong", ""):
            self.assert_as_directly(NEAR, 1045, password=wrong)
        with self.assertRaises(wire.ServerError) as refused:
            with wire.connect(self.cluster.address(), *self.cluster.account(), source=NEAR) as session:
                session.change_user(self.user, self.password)
        self.assertEqual(refusal, (refused.exception.code, refused.exception.state, str(refused.exception).partition("): ")[2]))
        self.admin.run("ALTER USER %s@'%%' DROP 2 FACTOR", self.user)
        self.settle()
        self.assertIsNone(self.proxied(NEAR))

    # Over what the client comes.

    def certify(self, common_name):
        """A certificate of the cluster's own authority, which servers and proxy trust alike."""
        folder = harness.temporary_folder()
        self.addCleanup(harness.shutil.rmtree, folder)
        authority = certificates.Authority.existing(self.cluster.dir / "tls", folder)
        certificate, key, _ = authority.issue("client", common_name, organization="Example")
        context = wire.tls_context(certificate, key)
        # So that it is the client who chooses the cipher.
        context.maximum_version = wire.ssl.TLSVersion.TLSv1_2
        context.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384")
        return context

    def test_what_require_demands_is_judged_as_by_the_server(self):
        known, other = self.certify("app"), self.certify("other")
        self.create(NEAR)
        issuer = "/CN=dorsal cluster authority"
        cipher = self.wire(tls=known).socket.cipher()[0]
        for demand in (
            "NONE", "SSL", "X509", "SUBJECT '/O=Example/CN=app'", f"ISSUER '{issuer}'",
            f"SUBJECT '/O=Example/CN=app' AND ISSUER '{issuer}'", "SUBJECT '/CN=app'", "ISSUER '/CN=somebody'",
            f"CIPHER '{cipher}'", "CIPHER 'ECDHE-RSA-AES128-GCM-SHA256'",
        ):
            self.admin.run("DROP USER IF EXISTS %s@'127.3.%%'", self.user)
            self.create("127.3.%", f"REQUIRE {demand}")
            self.settle()
            for name, tls in (("none", False), ("TLS", True), ("known", known), ("other", other)):
                with self.subTest(demand=demand, client=name):
                    self.assertEqual(self.direct(FAR, tls=tls), self.proxied(FAR, tls=tls))

    def test_the_proxy_itself_satisfies_require_ssl_and_x509(self):
        for demand in ("SSL", "X509"):
            with self.subTest(demand):
                self.drop_all()
                self.create("%", f"REQUIRE {demand}")
                self.settle()
                known = self.certify("app")
                self.assert_as_directly(NEAR, 1045)
                self.assert_as_directly(NEAR, tls=known)
                self.assert_as_directly(NEAR, 1045, tls=known, password="wrong")

    def test_an_account_that_needs_tls_from_now_on_is_let_in_over_tls(self):
        self.create("%")
        self.assertIsNone(self.proxied(NEAR))
        self.admin.run("ALTER USER %s@'%%' REQUIRE SSL", self.user)
        self.assertIsNone(self.proxied(NEAR, tls=True))
        harness.wait_until("it is refused without", lambda: self.proxied(NEAR), 60)

    # Change of user.

    def test_change_user_is_judged_likewise(self):
        self.create(NEAR)

        def outcome(address):
            session = wire.connect(address, *self.cluster.account(), source=FAR)
            self.addCleanup(session.close)
            with self.assertRaises(wire.ServerError) as caught:
                session.change_user(self.user, self.password)
            return caught.exception.code, caught.exception.message

        direct = outcome(self.cluster.direct_address(self.primary))
        self.assertEqual(1045, direct[0])
        self.assertEqual(direct, outcome(self.cluster.address()))

    # Cold caches.

    def test_log_ins_succeed_whatever_the_server_has_forgotten(self):
        """Every way to log in, many at once, after the servers' caches have been emptied."""
        self.create("%")
        failures = []

        def log_in(tls):
            for options in ({"tls": tls}, {"tls": tls, "plugin": "mysql_native_password"}):
                try:
                    session = self.cluster.wire(user=self.user, password=self.password, **options)
                    session.value("SELECT 1")
                    session.quit()
                except (wire.ServerError, wire.Closed, OSError) as error:
                    failures.append(error)

        for round_number in range(4):
            for node in self.cluster.api_status()["nodes"]:
                with self.cluster.root(node) as server:
                    server.run("FLUSH LOCAL PRIVILEGES")
            if round_number == 2:
                self.admin.run("ALTER USER %s@'%%' IDENTIFIED BY %s", self.user, self.password)
                harness.wait_for_replicas(self.cluster)
            threads = [threading.Thread(target=log_in, args=[number % 2 == 0]) for number in range(12)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual([], failures)


if __name__ == "__main__":
    harness.main()
