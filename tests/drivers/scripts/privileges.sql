-- What an ordinary account may not do. Only as text: to PREPARE of the first one servers of version 9 answer with an OK
-- that some drivers wait behind for ever.
CREATE DATABASE no_right_to_make_this
SET GLOBAL max_connections = 10
FLUSH TABLES
SHOW BINARY LOGS
SELECT * FROM mysql.user
SELECT LOAD_FILE('/etc/hostname')
SELECT 1 INTO OUTFILE '/tmp/not-allowed-to-write'
LOCK INSTANCE FOR BACKUP
SHOW REPLICA STATUS
SET PERSIST sort_buffer_size = 300000
SET SESSION sql_log_bin = 0
CREATE USER no_right_to_make_this
SHOW GRANTS FOR root@localhost
SHUTDOWN
RESET BINARY LOGS AND GTIDS
PURGE BINARY LOGS BEFORE NOW()
SELECT 'still here'
