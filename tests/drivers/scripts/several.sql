-- Several statements in one.
SELECT 1; SELECT 'two', 2; SELECT n FROM numbers WHERE n < 3
INSERT INTO counted (n) VALUES (1), (2); SELECT LAST_INSERT_ID(); UPDATE counted SET note = 'x'; SELECT ROW_COUNT()
SELECT 1; SELEKT 2; SELECT 3
SELECT 1; SELECT * FROM no_such_table; SELECT 3
SELECT 'after the error'
SET @v = 5; SELECT @v; SET @v = @v + 1; SELECT @v
SELECT @v
BEGIN; INSERT INTO counted (n) VALUES (10); ROLLBACK; SELECT COUNT(*) FROM counted
BEGIN; INSERT INTO counted (n) VALUES (11)
SELECT COUNT(*) FROM counted
ROLLBACK; SELECT COUNT(*) FROM counted
SELECT 1 / 0; SHOW WARNINGS
CREATE TEMPORARY TABLE tt (i INT); INSERT INTO tt VALUES (1); SELECT * FROM tt; DROP TEMPORARY TABLE tt
SELECT 1;
SELECT 1; -- and no more
; SELECT 1
SELECT 1;; SELECT 2
CALL several_results(1); SELECT 'after the call'
SET time_zone = '+01:00'; SELECT @@time_zone
SELECT @@time_zone
SET SESSION sql_mode = 'ANSI_QUOTES'; SELECT "n" FROM numbers WHERE n = 1; SET SESSION sql_mode = DEFAULT
SELECT "n" FROM numbers WHERE n = 1
USE information_schema; SELECT DATABASE()
USE {schema}; SELECT DATABASE()
TRUNCATE counted
