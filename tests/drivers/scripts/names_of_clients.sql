-- What the server knows of the client that is connected.
SELECT attr_name, attr_value FROM performance_schema.session_account_connect_attrs WHERE processlist_id = CONNECTION_ID() AND attr_name NOT IN ('_pid', '_thread', '_source_host', 'dorsal_proxy') ORDER BY attr_name
