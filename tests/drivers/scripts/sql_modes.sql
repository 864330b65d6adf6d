-- What text means depends on sql_mode.
SET SESSION sql_mode = 'ANSI_QUOTES'
SELECT @@sql_mode
SELECT "n" FROM numbers WHERE n = 1
SELECT "no such column"
SELECT COUNT(*) FROM "numbers"
SELECT 1 AS "quoted ; FOR UPDATE"
SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'
SELECT 'back\', LENGTH('\\')
SELECT '\' FROM numbers WHERE n = 1 -- '
SET SESSION sql_mode = 'ANSI'
SELECT 'a' || 'b', @@sql_mode
SELECT COUNT (*) FROM numbers
SELECT "n" || 'x' FROM numbers WHERE n = 1
SET SESSION sql_mode = 'TRADITIONAL'
SELECT 1 / 0
INSERT INTO counted (n) VALUES (1 / 0)
SET SESSION sql_mode = 'PIPES_AS_CONCAT,HIGH_NOT_PRECEDENCE,REAL_AS_FLOAT,NO_UNSIGNED_SUBTRACTION'
SELECT NOT 1 BETWEEN -5 AND 5, 'a' || 'b', CAST(1 AS UNSIGNED) - 2
SET SESSION sql_mode = ''
SELECT 1 / 0, 'a' || 'b', 'back\\slash'
SET SESSION sql_mode = DEFAULT
SELECT 'back\\slash', "text"
