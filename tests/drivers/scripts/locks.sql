-- Locks of `one` as `two` meets them: of rows, of tables, by name.
two> SET SESSION innodb_lock_wait_timeout = 1
BEGIN
SELECT * FROM accounts WHERE id = 1 FOR UPDATE
two> BEGIN
two> SELECT * FROM accounts WHERE id = 1 FOR UPDATE NOWAIT
two> SELECT * FROM accounts WHERE id <= 2 FOR{newline}UPDATE SKIP LOCKED
two> SELECT * FROM accounts WHERE id = 2 LOCK IN SHARE MODE
two> SELECT * FROM accounts WHERE id = 1 FOR SHARE NOWAIT
two> SELECT COUNT(*) FROM accounts
two> UPDATE accounts SET balance = 0 WHERE id = 1
two> SELECT balance FROM accounts WHERE id = 1
two> ROLLBACK
COMMIT
two> SELECT balance FROM accounts WHERE id = 1 FOR UPDATE NOWAIT
LOCK TABLES accounts READ
SELECT COUNT(*) FROM accounts
SELECT COUNT(*) FROM numbers
INSERT INTO accounts VALUES (50, 'x', 1)
two> SELECT balance FROM accounts WHERE id = 4
UNLOCK TABLES
LOCK TABLES accounts WRITE, numbers AS n READ
UPDATE accounts SET balance = 8 WHERE id = 4
SELECT COUNT(*) FROM numbers AS n
SELECT COUNT(*) FROM numbers
UNLOCK TABLES
SELECT balance FROM accounts WHERE id = 4
two> SELECT balance FROM accounts WHERE id = 4
UPDATE accounts SET balance = 400 WHERE id = 4
SELECT GET_LOCK('{schema}.lock', 0), IS_FREE_LOCK('{schema}.lock')
two> SELECT GET_LOCK('{schema}.lock', 0), IS_FREE_LOCK('{schema}.lock'), RELEASE_LOCK('{schema}.lock')
two> SELECT IS_USED_LOCK('{schema}.lock') IS NULL
SELECT GET_LOCK('{schema}.lock', 0), GET_LOCK('{schema}.lock2', 0)
SELECT RELEASE_LOCK('{schema}.lock'), RELEASE_LOCK('{schema}.lock'), RELEASE_LOCK('{schema}.lock')
two> SELECT GET_LOCK('{schema}.lock', 5)
SELECT GET_LOCK('{schema}.lock', 0)
SELECT RELEASE_ALL_LOCKS()
two> DO RELEASE_LOCK('{schema}.lock')
SELECT IS_FREE_LOCK('{schema}.lock'), IS_FREE_LOCK('{schema}.lock2')
