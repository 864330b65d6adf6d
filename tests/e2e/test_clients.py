#!/usr/bin/env python3
"""Three client libraries from Debian's packages do their everyday work through the splitting endpoint."""

import datetime
import decimal

import MySQLdb
import MySQLdb.cursors
import pymysql

import harness

ROW = (
    7, -1.5, decimal.Decimal("12345.678"), "é – 日本 🐬", bytes(range(256)),
    datetime.datetime(2024, 2, 29, 23, 59, 58), datetime.timedelta(hours=100, seconds=7), None,
)
TABLE = (
    "CREATE TABLE everything (id INT PRIMARY KEY, f DOUBLE, d DECIMAL(12,3), t VARCHAR(100), b BLOB,"
    " at DATETIME, span TIME, nothing INT)"
)


class PythonLibrary:
    """What every library with Python's database interface must be able to do."""

    schema = None

    def open(self, **options):
        raise NotImplementedError

    def setUp(self):
        self.connection = self.open()
        self.addCleanup(lambda: self.connection.close())
        self.run_sql("DROP TABLE IF EXISTS everything, counted")
        self.run_sql(TABLE)
        self.run_sql("CREATE TABLE counted (id INT AUTO_INCREMENT PRIMARY KEY, n INT UNIQUE)")
        self.connection.autocommit(True)

    def run_sql(self, sql, *parameters, connection=None):
        cursor = (connection or self.connection).cursor()
        cursor.execute(sql, parameters or None)
        rows = cursor.fetchall()
        cursor.close()
        return rows

    def insert_row(self):
        self.run_sql("INSERT INTO everything VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", *ROW)

    def test_every_type_comes_back_as_it_went(self):
        self.insert_row()
        self.assertEqual((ROW,), tuple(self.run_sql("SELECT * FROM everything")))

    def test_the_number_of_changed_rows_and_the_new_id_are_reported(self):
        cursor = self.connection.cursor()
        self.assertEqual(3, cursor.execute("INSERT INTO counted (n) VALUES (1), (2), (3)"))
        self.assertEqual(1, cursor.lastrowid)
        self.assertEqual(2, cursor.execute("UPDATE counted SET n = n + 10 WHERE n > 1"))
        self.assertEqual(0, cursor.execute("DELETE FROM counted WHERE n = 99"))

    def test_a_transaction_is_undone_and_done(self):
        self.connection.autocommit(False)
        self.run_sql("INSERT INTO counted (n) VALUES (1)")
        self.assertEqual(1, self.run_sql("SELECT COUNT(*) FROM counted")[0][0])
        self.connection.rollback()
        self.assertEqual(0, self.run_sql("SELECT COUNT(*) FROM counted")[0][0])
        self.run_sql("INSERT INTO counted (n) VALUES (2)")
        self.connection.commit()
        other = self.open()
        self.addCleanup(other.close)
        self.assertEqual(((2,),), tuple(self.run_sql("SELECT n FROM counted", connection=other)))

    def test_an_error_has_the_number_of_the_server_and_the_session_goes_on(self):
        self.run_sql("INSERT INTO counted (n) VALUES (1)")
        for code, sql in (
            (1062, "INSERT INTO counted (n) VALUES (1)"),
            (1146, "SELECT * FROM no_such_table"),
            (1064, "SELEKT 1"),
        ):
            with self.assertRaises(self.errors) as caught:
                self.run_sql(sql)
            self.assertEqual(code, caught.exception.args[0])
        self.assertEqual(((1,),), tuple(self.run_sql("SELECT n FROM counted")))

    def test_many_rows_in_one_call(self):
        cursor = self.connection.cursor()
        cursor.executemany("INSERT INTO counted (n) VALUES (%s)", [(n,) for n in range(5000)])
        self.assertEqual(((5000, 12497500),), tuple(self.run_sql("SELECT COUNT(*), SUM(n) FROM counted")))

    def test_a_procedure_gives_all_its_results(self):
        self.run_sql("DROP PROCEDURE IF EXISTS three")
        self.run_sql("CREATE PROCEDURE three() BEGIN SELECT 1; SELECT 'two', 2; SELECT n FROM counted; END")
        self.run_sql("INSERT INTO counted (n) VALUES (3)")
        cursor = self.connection.cursor()
        cursor.callproc("three")
        results = [tuple(cursor.fetchall())]
        while cursor.nextset():
            results.append(tuple(cursor.fetchall()))
        self.assertEqual([((1,),), (("two", 2),), ((3,),)], [rows for rows in results if rows])

    def test_rows_are_streamed_without_a_buffer(self):
        cursor = self.connection.cursor(self.streaming_cursor)
        cursor.execute("WITH RECURSIVE c AS (SELECT 1 n UNION ALL SELECT n + 1 FROM c WHERE n < 1000) SELECT n FROM c")
        self.assertEqual(list(range(1, 1001)), [n for (n,) in cursor])
        cursor.close()

    def test_ping_and_reconnection_work(self):
        self.connection.ping()
        self.connection.close()
        self.connection = self.open()
        self.assertEqual(((1,),), tuple(self.run_sql("SELECT 1")))


class PyMySql(PythonLibrary, harness.ClusterTest):
    schema = "e2e_pymysql"
    errors = pymysql.MySQLError
    streaming_cursor = pymysql.cursors.SSCursor

    def open(self, **options):
        return self.cluster.connect(database=self.schema, charset="utf8mb4", **options)


class PyMySqlOverTls(PyMySql):
    schema = "e2e_pymysql_tls"

    def open(self, **options):
        return super().open(ssl={"ca": str(self.cluster.dir / "tls" / "ca.pem"), "check_hostname": True}, **options)


class MySqlClient(PythonLibrary, harness.ClusterTest):
    schema = "e2e_mysqlclient"
    errors = MySQLdb.MySQLError
    streaming_cursor = MySQLdb.cursors.SSCursor

    def open(self, **options):
        host, port = self.cluster.address()
        user, password = self.cluster.account()
        connection = MySQLdb.connect(
            host=host, port=port, user=user, passwd=password, db=self.schema, charset="utf8mb4",
            ssl={"ca": str(self.cluster.dir / "tls" / "ca.pem")}, connect_timeout=20, **options,
        )
        connection.autocommit(True)
        return connection


class CommandLine(harness.ClusterTest):
    schema = "e2e_command_line"

    def run_sql(self, sql, *options, **more):
        return self.cluster.mysql(sql, *options, database=self.schema, **more).stdout

    def test_a_script_runs_in_one_session(self):
        script = """
            CREATE TABLE t (id INT PRIMARY KEY, text VARCHAR(20));
            INSERT INTO t VALUES (1, 'one'), (2, NULL);
            SELECT * FROM t;
            SET @a = 5; SELECT @a + 1;
            BEGIN; DELETE FROM t; SELECT COUNT(*) FROM t; ROLLBACK; SELECT COUNT(*) FROM t;
            CREATE TEMPORARY TABLE tt (i INT); INSERT INTO tt VALUES (9); SELECT i FROM tt;
            USE mysql; SELECT DATABASE();
        """
        self.assertEqual("1\tone\n2\tNULL\n6\n0\n2\n9\nmysql\n", self.run_sql(script))

    def test_it_says_where_it_is_and_over_what(self):
        text = self.run_sql("\\s", "--loose-commands")
        self.assertRegex(text, r"Current user:\s+app@")
        self.assertRegex(text, r"Server version:\s+\d+\.\d+\.\d+")
        self.assertRegex(text, r"SSL:\s+Cipher in use is TLS")

    def test_delimiters_procedures_and_warnings_work(self):
        script = """
            DELIMITER //
            CREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2; END//
            DELIMITER ;
            CALL p();
            SELECT 1 / 0; SHOW WARNINGS;
        """
        self.assertEqual("1\n2\nNULL\nWarning\t1365\tDivision by 0\n", self.run_sql(script))

    def test_an_error_ends_it_with_the_words_of_the_server(self):
        done = self.cluster.mysql("SELECT * FROM missing", database=self.schema, check=False)
        self.assertEqual(1, done.returncode)
        self.assertIn(f"ERROR 1146 (42S02) at line 1: Table '{self.schema}.missing' doesn't exist", done.stderr)

    def test_table_names_are_completed_by_field_list(self):
        self.run_sql("CREATE TABLE completed (a INT, b INT)")
        self.assertEqual("", self.run_sql("SELECT a FROM completed", "--auto-rehash"))

    def test_compression_that_is_asked_for_does_no_harm(self):
        self.assertEqual("1\n", self.run_sql("SELECT 1", "--compression-algorithms=zlib,zstd,uncompressed"))

    def test_all_three_ports_answer(self):
        for endpoint in ("split", "primary", "replicas"):
            self.assertEqual("1\n", self.run_sql("SELECT 1", endpoint=endpoint))


if __name__ == "__main__":
    harness.main()
