-- What tools ask about tables, and about the session.
SHOW TABLES
SHOW FULL TABLES LIKE 'even%'
SHOW FULL COLUMNS FROM children
DESCRIBE parents
EXPLAIN FORMAT=TREE SELECT 1
SHOW CREATE TABLE children
SHOW CREATE TABLE types
SHOW CREATE VIEW even_numbers
SHOW CREATE PROCEDURE in_and_out
SHOW CREATE FUNCTION twice
SHOW INDEX FROM parents
SHOW TRIGGERS WHERE `Trigger` = 'none'
SHOW CHARACTER SET LIKE 'latin1'
SHOW COLLATION LIKE 'utf8mb4_bin'
SHOW VARIABLES LIKE 'sql_mode'
SHOW GLOBAL VARIABLES LIKE 'max_allowed_packet'
SHOW ENGINES
SHOW DATABASES LIKE '{schema}%'
SHOW GRANTS
SHOW PRIVILEGES
SHOW STATUS LIKE 'no_such_status'
SELECT column_name, column_type, is_nullable, column_key, extra, column_comment FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'children' ORDER BY ordinal_position
SELECT table_name, table_type, engine, table_comment FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY table_name
SELECT constraint_name, column_name, referenced_table_name, referenced_column_name FROM information_schema.key_column_usage WHERE table_schema = DATABASE() AND table_name = 'children' ORDER BY 1, 2
SELECT index_name, column_name, seq_in_index, non_unique, collation FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'children' ORDER BY 1, 3
SELECT parameter_mode, parameter_name, dtd_identifier FROM information_schema.parameters WHERE specific_schema = DATABASE() AND specific_name = 'in_and_out' ORDER BY ordinal_position
SELECT routine_name, routine_type FROM information_schema.routines WHERE routine_schema = DATABASE() ORDER BY 1
SELECT schema_name, default_character_set_name FROM information_schema.schemata WHERE schema_name = DATABASE()
SELECT @@version_comment, @@lower_case_table_names, @@max_allowed_packet, @@wait_timeout, @@interactive_timeout
SELECT @@SESSION.sql_mode, @@local.autocommit, @@sql_auto_is_null, @@system_time_zone, @@init_connect, @@license
SELECT @@GLOBAL.read_only, @@GLOBAL.super_read_only
CHECKSUM TABLE numbers
ANALYZE TABLE parents
CHECK TABLE parents
HELP 'SELECT 1 nothing'
