#!/usr/bin/env python3
"""How every server is set up: the settings on which "no acknowledged write is lost" stands."""

import pymysql

import harness

EVERYWHERE = {
    "gtid_mode": "ON",
    "enforce_gtid_consistency": "ON",
    "log_bin": "ON",
    "log_replica_updates": "ON",
    "sync_binlog": "1",
    "innodb_flush_log_at_trx_commit": "1",
    "sync_relay_log": "1",
    "relay_log_recovery": "OFF",
    "replica_preserve_commit_order": "ON",
    "skip_replica_start": "ON",
    "rpl_semi_sync_source_wait_point": "AFTER_SYNC",
    "rpl_semi_sync_source_wait_no_replica": "ON",
    "rpl_semi_sync_source_wait_for_replica_count": "1",
    "character_set_server": "utf8mb4",
}
NOT_FOR_A_DAY_MS = 24 * 3600 * 1000


class Settings(harness.ClusterTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.status = cls.cluster.status()
        cls.variables = {}
        for node in cls.status["nodes"]:
            with cls.cluster.root(node) as server:
                cls.variables[node["name"]] = dict(server.run("SHOW GLOBAL VARIABLES"))

    def test_what_must_hold_on_every_server_holds(self):
        for name, variables in self.variables.items():
            for variable, value in EVERYWHERE.items():
                # A server may leave out of its list what it no longer lets anybody change.
                if variable in variables or variable != "log_replica_updates":
                    self.assertEqual(value, variables.get(variable), f"{variable} on {name}")

    def test_a_lost_acknowledgement_never_turns_into_asynchronous_replication(self):
        for name, variables in self.variables.items():
            self.assertGreater(int(variables["rpl_semi_sync_source_timeout"]), NOT_FOR_A_DAY_MS, name)

    def test_a_lost_source_is_noticed_within_seconds(self):
        for name, variables in self.variables.items():
            self.assertLessEqual(int(variables["replica_net_timeout"]), 10, name)

    def test_replicas_apply_in_parallel(self):
        for name, variables in self.variables.items():
            self.assertGreater(int(variables["replica_parallel_workers"]), 1, name)

    def test_ids_and_uuids_are_unique_and_those_of_the_status(self):
        for variable, field in (("server_id", "server_id"), ("server_uuid", "server_uuid")):
            values = {name: variables[variable] for name, variables in self.variables.items()}
            self.assertEqual(len(values), len(set(values.values())), values)
            for node in self.status["nodes"]:
                self.assertEqual(str(node[field]), values[node["name"]])

    def test_only_the_primary_takes_writes(self):
        for node in self.status["nodes"]:
            expected = "OFF" if node["role"] == "primary" else "ON"
            self.assertEqual(expected, self.variables[node["name"]]["super_read_only"], node["name"])

    def test_semi_sync_is_on_by_role_and_in_force(self):
        for node in self.status["nodes"]:
            status = dict(self.root(node).run("SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync%'"))
            variables = self.variables[node["name"]]
            if node["role"] == "primary":
                self.assertEqual("ON", variables["rpl_semi_sync_source_enabled"])
                self.assertEqual("ON", status["Rpl_semi_sync_source_status"])
                self.assertEqual("2", status["Rpl_semi_sync_source_clients"])
                self.assertEqual("0", status["Rpl_semi_sync_source_no_tx"])
            else:
                self.assertEqual("OFF", variables["rpl_semi_sync_source_enabled"])
                self.assertEqual("ON", status["Rpl_semi_sync_replica_status"])

    def test_replication_runs_by_gtid_and_over_tls(self):
        for node in self.cluster.replicas():
            (row,) = self.root(node).rows(
                "SELECT * FROM performance_schema.replication_connection_configuration"
                " JOIN performance_schema.replication_connection_status USING (CHANNEL_NAME)"
                " WHERE CHANNEL_NAME = ''"
            )
            self.assertEqual("ON", row["SERVICE_STATE"])
            self.assertEqual("1", row["AUTO_POSITION"])
            self.assertEqual("YES", row["SSL_ALLOWED"])
            self.assertEqual("YES", row["SSL_VERIFY_SERVER_CERTIFICATE"])
            self.assertEqual("dorsal_replication", row["USER"])

    def test_the_primary_sends_its_binlog_encrypted(self):
        ciphers = self.root(self.cluster.primary()).run(
            "SELECT s.VARIABLE_VALUE FROM performance_schema.threads t"
            " JOIN performance_schema.status_by_thread s USING (THREAD_ID)"
            " WHERE t.PROCESSLIST_COMMAND LIKE 'Binlog Dump%' AND s.VARIABLE_NAME = 'Ssl_cipher'"
        )
        self.assertEqual(2, len(ciphers))
        self.assertTrue(all(cipher for (cipher,) in ciphers), ciphers)

    def test_servers_listen_on_loopback_alone(self):
        for name, variables in self.variables.items():
            self.assertIn(variables["bind_address"], ("127.0.0.1", "localhost"), name)

    def test_every_account_has_a_password_and_the_modern_plugin(self):
        accounts = self.root(self.cluster.primary()).rows(
            "SELECT user, host, plugin, authentication_string AS proof, account_locked AS locked FROM mysql.user"
        )
        names = {account["user"] for account in accounts}
        self.assertLessEqual({"dorsal", "dorsal_replication", "dorsal_clone", "dorsal_monitor", "app", "root"}, names)
        for account in accounts:
            if account["locked"] != "Y":
                self.assertEqual("caching_sha2_password", account["plugin"], account)
                self.assertTrue(account["proof"], account)

    def test_powerful_accounts_come_over_the_socket_alone(self):
        accounts = self.root(self.cluster.primary()).rows("SELECT user, host FROM mysql.user")
        hosts = {account["host"] for account in accounts if account["user"] in ("dorsal", "root")}
        self.assertEqual({"localhost"}, hosts)

    def test_a_replica_refuses_writes_even_of_root(self):
        server = self.root(self.cluster.replicas()[0])
        with self.assertRaises(pymysql.MySQLError) as caught:
            server.run("CREATE DATABASE dorsal_e2e_must_not_exist")
        self.assertEqual(1290, caught.exception.args[0])


if __name__ == "__main__":
    harness.main()
