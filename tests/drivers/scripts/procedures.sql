-- Procedures with any number of results.
CALL several_results(2)
CALL several_results(0)
CALL no_result()
CALL fails_midway()
SELECT 'still here'
SET @b = 5
CALL in_and_out(3, @b, @c, @d)
SELECT @b, @c, @d
CALL out_and_result(2, @out)
SELECT @out
CALL warns()
CALL starts_transaction()
SELECT COUNT(*) FROM written WHERE what = 'inside'
ROLLBACK
SELECT COUNT(*) FROM written WHERE what = 'inside'
CREATE PROCEDURE own() BEGIN DECLARE i INT DEFAULT 0; WHILE i < 3 DO SELECT i; SET i = i + 1; END WHILE; END
CALL own()
DROP PROCEDURE own
CALL own()
SELECT twice(2) AS four, next_written('from a read') > 0 AS written
SELECT COUNT(*) FROM written WHERE what = 'from a read'
DELETE FROM written WHERE what = 'from a read'
