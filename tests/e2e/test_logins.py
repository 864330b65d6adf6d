#!/usr/bin/env python3
"""Logging in: MySQL's own users, through real clients, with TLS and without, right and wrong."""

import secrets
import subprocess
import threading

import MySQLdb
import pymysql

import harness
import wire

# PyMySQL wants to be told of TLS by a dictionary that is not empty.
PYMYSQL_TLS = {"check_hostname": False}


class Logins(harness.ClusterTest):
    schema = "e2e_logins"

    def setUp(self):
        """A user whom neither the proxy nor any server has seen."""
        self.user, self.password = "u" + secrets.token_hex(6), secrets.token_hex(12)
        self.admin = self.root(self.cluster.primary())
        self.admin.run(f"CREATE USER {self.user} IDENTIFIED BY '{self.password}'")
        self.admin.run(f"GRANT ALL ON {self.schema}.* TO {self.user}")
        self.addCleanup(self.admin.run, f"DROP USER IF EXISTS {self.user}")

    def run_mysql(self, *options, password=None, sql="SELECT CURRENT_USER()", port=None):
        host, own_port = self.cluster.address()
        return subprocess.run(
            [
                harness.mysql_client(), "--no-defaults", f"--host={host}", f"--port={port or own_port}",
                f"--user={self.user}", "--batch", "--skip-column-names", *options,
            ],
            env={"MYSQL_PWD": password or self.password}, input=sql, capture_output=True, text=True, timeout=60,
            check=False,
        )

    def pymysql(self, address=None, **options):
        host, port = address or self.cluster.address()
        options = {"user": self.user, "password": self.password, **options}
        connection = pymysql.connect(host=host, port=port, connect_timeout=20, **options)
        self.addCleanup(harness.close_quietly, connection)
        with connection.cursor() as cursor:
            cursor.execute("SELECT CURRENT_USER()")
            return cursor.fetchone()[0]

    def mysqldb(self, **options):
        host, port = self.cluster.address()
        connection = MySQLdb.connect(
            host=host, port=port, user=self.user, passwd=self.password, connect_timeout=20, **options
        )
        self.addCleanup(connection.close)
        cursor = connection.cursor()
        cursor.execute("SELECT CURRENT_USER()")
        return cursor.fetchone()[0]

    def of(self, user):
        return f"{user}@%"

    # Each client as the first that the cluster sees of this user.

    def test_the_mysql_command_line_logs_in_over_tls(self):
        done = self.run_mysql("--ssl-mode=REQUIRED")
        self.assertEqual((self.of(self.user) + "\n", ""), (done.stdout, done.stderr))

    def test_the_mysql_command_line_logs_in_with_the_rsa_key(self):
        done = self.run_mysql("--ssl-mode=DISABLED", "--get-server-public-key")
        self.assertEqual((self.of(self.user) + "\n", ""), (done.stdout, done.stderr))

    def test_the_mysql_command_line_verifies_the_proxys_certificate(self):
        ca = self.cluster.dir / "tls" / "ca.pem"
        done = self.run_mysql("--ssl-mode=VERIFY_IDENTITY", f"--ssl-ca={ca}")
        self.assertEqual((self.of(self.user) + "\n", ""), (done.stdout, done.stderr))

    def test_pymysql_logs_in_over_tls(self):
        self.assertEqual(self.of(self.user), self.pymysql(ssl=PYMYSQL_TLS))

    def test_pymysql_logs_in_with_the_rsa_key(self):
        self.assertEqual(self.of(self.user), self.pymysql())

    def test_mysqlclient_logs_in_over_tls(self):
        self.assertEqual(self.of(self.user), self.mysqldb(ssl={"cipher": ""}))

    def test_mysqlclient_logs_in_without_tls_once_the_user_is_known(self):
        self.pymysql()
        self.assertEqual(self.of(self.user), self.mysqldb())

    # What happens inside.

    def test_the_first_login_is_a_full_one_and_the_next_are_fast(self):
        paths = [self.wire(user=self.user, password=self.password).log_in_path for _ in range(3)]
        self.assertEqual(["full by RSA key", "fast", "fast"], paths)

    def test_tls_and_rsa_both_carry_a_full_login(self):
        first = self.wire(user=self.user, password=self.password, tls=True)
        self.assertEqual("full by TLS", first.log_in_path)
        self.assertEqual(b"TLSv1", first.socket.version().encode()[:5])

    def test_a_client_that_starts_with_another_plugin_is_switched(self):
        connection = self.wire(user=self.user, password=self.password, plugin="mysql_native_password")
        self.assertEqual(f"{self.user}@%", connection.value("SELECT CURRENT_USER()"))

    def test_many_first_logins_at_once_all_succeed(self):
        failures = []

        def log_in():
            try:
                self.cluster.wire(user=self.user, password=self.password).quit()
            except (wire.ServerError, wire.Closed, OSError) as error:
                failures.append(error)

        threads = [threading.Thread(target=log_in) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([], failures)

    def test_the_schema_given_at_login_is_the_default_on_every_server(self):
        connection = self.wire(user=self.user, password=self.password, database=self.schema)
        self.assertEqual(self.schema, connection.value("SELECT DATABASE()"))
        self.assertEqual(self.schema, connection.value("/* dorsal: primary */ SELECT DATABASE()"))

    def test_an_account_without_a_password_logs_in(self):
        self.admin.run(f"ALTER USER {self.user} IDENTIFIED BY ''")
        self.assertEqual(f"{self.user}@%", self.wire(user=self.user, password="").value("SELECT CURRENT_USER()"))

    def test_connection_attributes_are_accepted(self):
        connection = self.wire(user=self.user, password=self.password, attributes={"program_name": "x" * 300})
        connection.ping()

    # What is wrong is refused, in the words of the server.

    def refusal(self, address, **options):
        with self.assertRaises(wire.ServerError) as caught:
            wire.connect(address, **{"user": self.user, "password": self.password, **options}).close()
        error = caught.exception
        return error.code, error.state, error.message

    def assert_refused_as_directly(self, code, **options):
        direct = self.refusal(self.cluster.direct_address(self.cluster.primary()), **options)
        self.assertEqual(code, direct[0])
        self.assertEqual(direct, self.refusal(self.cluster.address(), **options))
        return direct

    def test_a_wrong_password_is_refused_in_the_words_of_the_server(self):
        self.assert_refused_as_directly(1045, password="wrong")
        self.assert_refused_as_directly(1045, password="wrong", tls=True)
        self.wire(user=self.user, password=self.password)
        self.assert_refused_as_directly(1045, password="wrong")

    def test_a_missing_password_is_refused_in_the_words_of_the_server(self):
        _, _, message = self.assert_refused_as_directly(1045, password="")
        self.assertIn("using password: NO", message)

    def test_an_unknown_user_is_refused_in_the_words_of_the_server(self):
        self.assert_refused_as_directly(1045, user="nobody_" + self.user)

    def test_an_unknown_schema_is_refused_in_the_words_of_the_server(self):
        user, password = self.cluster.account()
        self.assert_refused_as_directly(1049, user=user, password=password, database="no_such_schema")

    def test_a_forbidden_schema_is_refused_in_the_words_of_the_server(self):
        self.assert_refused_as_directly(1044, database="mysql")

    def test_each_real_client_reports_a_wrong_password_as_1045(self):
        with self.assertRaises(pymysql.OperationalError) as from_pymysql:
            self.pymysql(password="wrong")
        done = self.run_mysql(password="wrong")
        self.password = "wrong"
        with self.assertRaises(MySQLdb.OperationalError) as from_mysqldb:
            self.mysqldb(ssl={"cipher": ""})
        self.assertEqual(1045, from_pymysql.exception.args[0])
        self.assertEqual(1045, from_mysqldb.exception.args[0])
        self.assertIn("ERROR 1045 (28000): Access denied for user", done.stderr)

    def wait_until_refused(self):
        def is_refused():
            try:
                self.wire(user=self.user, password=self.password).close()
            except wire.ServerError as error:
                return error.code == 1045
            return False

        harness.wait_until("the old password is refused", is_refused, 60)

    def test_a_changed_password_counts_within_a_minute_and_the_new_one_at_once(self):
        old = self.wire(user=self.user, password=self.password)
        self.admin.run(f"ALTER USER {self.user} IDENTIFIED BY 'another'")
        self.wire(user=self.user, password="another").ping()
        self.wait_until_refused()
        self.wire(user=self.user, password="another").ping()
        old.ping()

    def test_a_dropped_user_is_refused_within_a_minute(self):
        self.wire(user=self.user, password=self.password)
        self.admin.run(f"DROP USER {self.user}")
        self.wait_until_refused()

    def test_a_locked_account_is_refused_in_the_words_of_the_server(self):
        self.admin.run(f"ALTER USER {self.user} ACCOUNT LOCK")
        self.assert_refused_as_directly(3118)

    # Changing the user of a connection.

    def test_change_user_logs_in_anew_and_forgets_the_session(self):
        user, password = self.cluster.account()
        connection = self.wire(database=self.schema)
        connection.query("SET @a = 7, SESSION sql_mode = 'ANSI_QUOTES'")
        connection.query("CREATE TEMPORARY TABLE gone (i INT)")
        statement = connection.prepare("SELECT 1")
        connection.change_user(self.user, self.password, self.schema)
        self.assertEqual(f"{self.user}@%", connection.value("SELECT CURRENT_USER()"))
        self.assertIsNone(connection.value("SELECT @a"))
        self.assertNotIn("ANSI_QUOTES", connection.value("SELECT @@sql_mode"))
        for code, act in (
            (1146, lambda: connection.query("SELECT * FROM gone")),
            (1243, lambda: connection.execute(statement)),
        ):
            with self.assertRaises(wire.ServerError) as caught:
                act()
            self.assertEqual(code, caught.exception.code)
        connection.change_user(user, password)
        self.assertIsNone(connection.value("SELECT DATABASE()"))

    def test_change_user_with_a_wrong_password_ends_as_at_the_server(self):
        def outcome(address):
            user, password = self.cluster.account()
            connection = wire.connect(address, user, password)
            self.addCleanup(connection.close)
            with self.assertRaises(wire.ServerError) as caught:
                connection.change_user(self.user, "wrong")
            try:
                connection.ping()
                after = "goes on"
            except (wire.Closed, wire.ServerError, OSError):
                after = "closed"
            return caught.exception.code, caught.exception.message, after

        direct = outcome(self.cluster.direct_address(self.cluster.primary()))
        self.assertEqual(1045, direct[0])
        self.assertEqual(direct, outcome(self.cluster.address()))


if __name__ == "__main__":
    harness.main()
