-- Number, state and text of errors of all sorts; the session goes on after each.
SELEKT 1
SELECT * FROM
SELECT * FROM no_such_table
SELECT no_such_column FROM numbers
SELECT * FROM no_such_schema.t
USE no_such_schema
USE {schema}_none
SELECT DATABASE()
SELECT no_such_function(1)
CALL no_such_procedure()
CALL several_results()
SELECT twice(1, 2)
INSERT INTO parents VALUES (1, 'again')
INSERT INTO children (parent, age) VALUES (1, -1)
DELETE FROM no_such_table
DROP TABLE no_such_table
CREATE TABLE numbers (a INT)
CREATE DATABASE {schema}_new
CREATE DATABASE {schema}_new
USE {schema}_new
SELECT DATABASE()
DROP DATABASE {schema}_new
SELECT DATABASE()
SELECT * FROM numbers
USE {schema}
INSERT INTO parents VALUES (3, REPEAT('x', 100))
INSERT INTO counted (n) VALUES (99999999999)
INSERT INTO counted (n) VALUES ('x')
INSERT INTO counted (n, note) VALUES (1, NULL)
INSERT INTO types (id, c_date) VALUES (50, '2024-02-30')
INSERT INTO types (id, c_json) VALUES (51, '{')
INSERT INTO types (id, c_enum) VALUES (52, 'huge')
SELECT ST_GeomFromText('nonsense')
SELECT (SELECT n FROM numbers)
SELECT n, COUNT(*) FROM numbers
SELECT 18446744073709551615 + 1
SELECT EXP(1000)
SELECT JSON_EXTRACT('{', '$')
SET no_such_variable = 1
SET sql_mode = 'nonsense'
SET NAMES nonsense
SET SESSION max_connections = 10
SET @@autocommit = 7
CALL fails_midway()
SELECT 1; SELECT 2
SIGNAL SQLSTATE '45000'
SIGNAL SQLSTATE '23000' SET MESSAGE_TEXT = 'mine', MYSQL_ERRNO = 1062
SELECT 'unfinished
SELECT /* unfinished
KILL 4294967295
KILL QUERY 4294967295
SELECT SLEEP(-1)
PREPARE p FROM 'SELEKT'
EXECUTE no_such_statement
COMMIT AND
SAVEPOINT
ROLLBACK TO no_such_savepoint
RELEASE SAVEPOINT no_such_savepoint
SELECT RELEASE_LOCK('{schema}.never')
SELECT 1 FROM DUAL WHERE
SET ROLE no_such_role
SELECT @@tx_isolation
SELECT @@no_such_variable
SELECT MAX(n) FROM numbers
