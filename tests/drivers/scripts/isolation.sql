-- What a transaction of `one` sees of what `two` commits meanwhile, at each level.
two> UPDATE accounts SET balance = 100 WHERE id = 1
SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED
SELECT @@transaction_isolation
BEGIN
SELECT balance FROM accounts WHERE id = 2
two> BEGIN
two> UPDATE accounts SET balance = 150 WHERE id = 1
SELECT balance FROM accounts WHERE id = 1
two> COMMIT
SELECT balance FROM accounts WHERE id = 1
COMMIT
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED
SELECT @@transaction_isolation
BEGIN
SELECT balance FROM accounts WHERE id = 1
two> BEGIN
two> UPDATE accounts SET balance = 151 WHERE id = 1
SELECT balance FROM accounts WHERE id = 1
two> COMMIT
SELECT balance FROM accounts WHERE id = 1
COMMIT
SET @@transaction_isolation = 'REPEATABLE-READ'
SET SESSION transaction_isolation = 'REPEATABLE-READ'
SELECT @@transaction_isolation
BEGIN
SELECT balance FROM accounts WHERE id = 1
two> UPDATE accounts SET balance = 152 WHERE id = 1
SELECT balance FROM accounts WHERE id = 1
SELECT balance FROM accounts WHERE id = 1 FOR SHARE
COMMIT
SELECT balance FROM accounts WHERE id = 1
SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE
BEGIN
SELECT balance FROM accounts WHERE id = 1
two> SELECT balance FROM accounts WHERE id = 1 FOR UPDATE NOWAIT
two> SELECT balance FROM accounts WHERE id = 1
COMMIT
two> SELECT balance FROM accounts WHERE id = 1 FOR UPDATE NOWAIT
SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ
SET TRANSACTION ISOLATION LEVEL READ COMMITTED
SELECT @@transaction_isolation
BEGIN
SELECT balance FROM accounts WHERE id = 1
two> UPDATE accounts SET balance = 153 WHERE id = 1
SELECT balance FROM accounts WHERE id = 1
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE
COMMIT
BEGIN
SELECT balance FROM accounts WHERE id = 1
two> UPDATE accounts SET balance = 154 WHERE id = 1
SELECT balance FROM accounts WHERE id = 1
COMMIT
START TRANSACTION WITH CONSISTENT SNAPSHOT
two> UPDATE accounts SET balance = 100 WHERE id = 1
SELECT balance FROM accounts WHERE id = 1
COMMIT
SELECT balance FROM accounts WHERE id = 1
