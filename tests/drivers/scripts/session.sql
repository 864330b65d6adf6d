-- What a session keeps from one statement to the next.
SET @a = 1, @b = 'text é', @c = 1.5, @d = NULL
SELECT @a, @b, @c, @d, @never
SELECT @a := @a + 1, @a
SELECT @a
SELECT n, word INTO @n, @word FROM numbers WHERE n = 7
SELECT @n, @word
SELECT COUNT(*) INTO @many FROM numbers
SELECT @many
SELECT n FROM numbers WHERE n < @n ORDER BY n
CREATE TEMPORARY TABLE tt (i INT AUTO_INCREMENT PRIMARY KEY, t TEXT)
INSERT INTO tt (t) VALUES ('x'), ('y')
SELECT LAST_INSERT_ID()
SELECT * FROM tt
SELECT COUNT(*) FROM tt JOIN numbers ON i = n
CREATE TEMPORARY TABLE numbers (n INT)
SELECT COUNT(*) FROM numbers
DROP TEMPORARY TABLE numbers
SELECT COUNT(*) FROM numbers
DROP TABLE tt
SELECT * FROM tt
SET SESSION group_concat_max_len = 5
SELECT GROUP_CONCAT(n) FROM numbers WHERE n < 10
SHOW WARNINGS
SELECT @@group_concat_max_len
SHOW SESSION VARIABLES LIKE 'group_concat%'
SET SESSION group_concat_max_len = DEFAULT
SELECT @@group_concat_max_len
SET @@SESSION.sql_select_limit = 2
SELECT n FROM numbers ORDER BY n
SET sql_select_limit = DEFAULT
SET time_zone = '+05:30'
SELECT @@time_zone, FROM_UNIXTIME(0), CONVERT_TZ('2024-01-01 00:00:00', '+00:00', @@time_zone)
SELECT c_timestamp, c_datetime FROM types WHERE id = 1
SET time_zone = 'SYSTEM'
SELECT c_timestamp, c_datetime FROM types WHERE id = 1
SET time_zone = 'No/Such'
SET timestamp = 1000000000
SELECT NOW(), UNIX_TIMESTAMP(), UTC_TIMESTAMP()
SET timestamp = DEFAULT
SELECT UNIX_TIMESTAMP() > 1000000000
SET lc_time_names = 'de_DE'
SELECT DAYNAME('2024-01-01'), MONTHNAME('2024-03-01')
SET lc_time_names = 'en_US'
SET lc_messages = 'de_DE'
SELECT * FROM no_such_table
SET lc_messages = 'en_US'
SET SESSION max_execution_time = 100000
SELECT @@max_execution_time
SET SESSION max_execution_time = 0
SET sql_safe_updates = 1
UPDATE accounts SET balance = 0
SET sql_safe_updates = 0
SET foreign_key_checks = 0
INSERT INTO children (id, parent) VALUES (900, 77)
DELETE FROM children WHERE id = 900
SET foreign_key_checks = 1
SELECT SQL_CALC_FOUND_ROWS n FROM numbers WHERE n > 10 ORDER BY n LIMIT 3
SELECT FOUND_ROWS()
SELECT FOUND_ROWS()
SELECT n FROM numbers LIMIT 5
SELECT FOUND_ROWS()
UPDATE accounts SET owner = owner
SELECT ROW_COUNT()
SELECT ROW_COUNT()
PREPARE p FROM 'SELECT ? + 1, n FROM numbers WHERE n < ?'
SET @x = 41, @y = 3
EXECUTE p USING @x, @y
EXECUTE p USING @y, @y
EXECUTE p
DEALLOCATE PREPARE p
EXECUTE p USING @x, @y
PREPARE p FROM 'INSERT INTO written (what) VALUES (?)'
EXECUTE p USING @b
SELECT LAST_INSERT_ID() > 0, ROW_COUNT()
DROP PREPARE p
HANDLER numbers OPEN
HANDLER numbers READ `PRIMARY` = (5)
HANDLER numbers READ `PRIMARY` NEXT LIMIT 2
HANDLER numbers CLOSE
HANDLER numbers READ FIRST
SELECT RAND(7), RAND(7)
SET ROLE NONE
SELECT CURRENT_ROLE()
XA START '{schema}'
INSERT INTO written (what) VALUES ('in xa')
XA END '{schema}'
XA ROLLBACK '{schema}'
SELECT COUNT(*) FROM written WHERE what = 'in xa'
SET @@SESSION.auto_increment_increment = 10
INSERT INTO written (what) VALUES ('by ten'), ('by ten')
SELECT id % 10 FROM written WHERE what = 'by ten'
DELETE FROM written
SET @@SESSION.auto_increment_increment = DEFAULT
SET SESSION sql_mode = CONCAT(@@sql_mode, ',PAD_CHAR_TO_FULL_LENGTH')
SELECT CONCAT('[', c_char, ']') FROM types WHERE id = 1
SET SESSION sql_mode = DEFAULT
SELECT CONCAT('[', c_char, ']') FROM types WHERE id = 1
SELECT /*+ SET_VAR(group_concat_max_len = 6) */ GROUP_CONCAT(n) FROM numbers WHERE n < 10
SELECT @@group_concat_max_len
USE information_schema
SELECT DATABASE()
SELECT COUNT(*) > 0 FROM tables
USE `{schema}`
SELECT DATABASE()
