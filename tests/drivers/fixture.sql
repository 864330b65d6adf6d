-- What every driver's program finds in its schema. Statements end at a line that holds only two
-- semicolons, since the bodies of procedures have single ones.

CREATE TABLE types (
  id INT NOT NULL PRIMARY KEY,
  c_tinyint TINYINT,
  c_tinyint_unsigned TINYINT UNSIGNED,
  c_bool BOOL,
  c_smallint SMALLINT,
  c_mediumint MEDIUMINT,
  c_int INT,
  c_int_unsigned INT UNSIGNED,
  c_bigint BIGINT,
  c_bigint_unsigned BIGINT UNSIGNED,
  c_decimal DECIMAL(65,30),
  c_price DECIMAL(10,2),
  c_float FLOAT,
  c_double DOUBLE,
  c_bit1 BIT(1),
  c_bit64 BIT(64),
  c_date DATE,
  c_time TIME,
  c_time6 TIME(6),
  c_datetime DATETIME,
  c_datetime6 DATETIME(6),
  c_timestamp TIMESTAMP NULL,
  c_timestamp6 TIMESTAMP(6) NULL,
  c_year YEAR,
  c_char CHAR(20),
  c_varchar VARCHAR(200),
  c_binary BINARY(8),
  c_varbinary VARBINARY(300),
  c_tinyblob TINYBLOB,
  c_blob BLOB,
  c_mediumblob MEDIUMBLOB,
  c_longblob LONGBLOB,
  c_tinytext TINYTEXT,
  c_text TEXT,
  c_mediumtext MEDIUMTEXT,
  c_longtext LONGTEXT,
  c_enum ENUM('small', 'medium', 'größer'),
  c_set SET('a', 'b', 'c', 'd'),
  c_json JSON,
  c_geometry GEOMETRY,
  c_point POINT
)
;;
-- An everyday row, the largest values, the smallest ones, nothing but NULL, and what is empty.
INSERT INTO types VALUES
  (1, 1, 2, TRUE, 3, 4, 5, 6, 7, 8, 12345.678, 19.99, 1.5, 2.25, b'1', b'1010', '2024-02-29', '12:34:56',
   '12:34:56.123456', '2024-02-29 23:59:58', '2024-02-29 23:59:58.987654', '2024-02-29 01:02:03',
   '2024-02-29 01:02:03.000004', 2024, 'char', 'naïve – 日本 🐬', 'binary', 'varbinary', 'tinyblob', 'blob',
   'mediumblob', 'longblob', 'tinytext', 'text', 'mediumtext', 'longtext', 'medium', 'a,c',
   '{"name": "é", "list": [1, 2.5, null, true], "nested": {"deep": "🐬"}}',
   ST_GeomFromText('LINESTRING(0 0, 1 1, 2 -3.5)'), ST_GeomFromText('POINT(1.25 -2.5)', 4326))
;;
INSERT INTO types VALUES
  (2, 127, 255, TRUE, 32767, 8388607, 2147483647, 4294967295, 9223372036854775807, 18446744073709551615,
   99999999999999999999999999999999999.999999999999999999999999999999, 99999999.99, 3.40282e38,
   1.7976931348623157e308, b'1', 0xFFFFFFFFFFFFFFFF, '9999-12-31', '838:59:59', '838:59:59.000000',
   '9999-12-31 23:59:59', '9999-12-31 23:59:59.999999', '2038-01-19 03:14:07', '2038-01-19 03:14:07.499999', 2155,
   REPEAT('ü', 20), REPEAT('🐬', 200), 0xFFFFFFFFFFFFFFFF, REPEAT(0xFF, 300), REPEAT(0xFE, 255), REPEAT('b', 65535),
   REPEAT('m', 70000), REPEAT('l', 70000), REPEAT('t', 255), REPEAT('é', 30000), REPEAT('日', 40000),
   REPEAT('x', 70000), 'größer', 'a,b,c,d', '[18446744073709551615, 1e300, ""]',
   ST_GeomFromText('POLYGON((0 0, 10 0, 10 10, 0 10, 0 0), (2 2, 4 2, 4 4, 2 4, 2 2))'),
   ST_GeomFromText('POINT(90 180)', 4326))
;;
INSERT INTO types VALUES
  (3, -128, 0, FALSE, -32768, -8388608, -2147483648, 0, -9223372036854775808, 0,
   -99999999999999999999999999999999999.999999999999999999999999999999, -99999999.99, -3.40282e38,
   -1.7976931348623157e308, b'0', 0, '1000-01-01', '-838:59:59', '-838:59:59.000000', '1000-01-01 00:00:00',
   '1000-01-01 00:00:00.000001', '1970-01-01 00:00:01', '1970-01-01 00:00:01.000001', 1901, ' leading', 'trailing ',
   0x00, 0x00, 0x00, 0x0001, 0x00, 0x00, ' ', ' ', ' ', ' ', 'small', 'd', 'null',
   ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1), LINESTRING(0 0, 1 1))'), ST_GeomFromText('POINT(0 0)'))
;;
INSERT INTO types (id) VALUES (4)
;;
INSERT INTO types VALUES
  (5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, b'0', b'0', '2000-01-01', '00:00:00', '-00:00:00.000001',
   '2000-01-01 00:00:00', '2000-01-01 00:00:00.000000', '2000-01-01 00:00:00', '2000-01-01 00:00:00.100000', 2000, '',
   '', '', '', '', '', '', '', '', '', '', '', 'small', '', '{}', ST_GeomFromText('POINT(0 0)'),
   ST_GeomFromText('POINT(0 0)'))
;;
-- Every value that a byte can have.
CREATE TABLE all_bytes (id INT PRIMARY KEY, data BLOB)
;;
INSERT INTO all_bytes
  WITH RECURSIVE b AS (SELECT 0 AS n UNION ALL SELECT n + 1 FROM b WHERE n < 255)
  SELECT 1, UNHEX(GROUP_CONCAT(LPAD(HEX(n), 2, '0') ORDER BY n SEPARATOR '')) FROM b
;;
-- A type that servers have had since version 9, and that most drivers have not heard of.
CREATE TABLE newer_types (id INT PRIMARY KEY, note VARCHAR(20) /*!90000 , v VECTOR(3) */)
;;
INSERT INTO newer_types (id, note /*!90000 , v */) VALUES (1, 'a vector' /*!90000 , TO_VECTOR('[1.5, -2, 3e10]') */)
;;
CREATE TABLE zero_dates (id INT PRIMARY KEY, d DATE, dt DATETIME, ts TIMESTAMP NULL, y YEAR)
;;
SET sql_mode = ''
;;
INSERT INTO zero_dates VALUES (1, '0000-00-00', '0000-00-00 00:00:00', '0000-00-00 00:00:00', 0)
;;
INSERT INTO zero_dates VALUES (2, '2024-00-00', '2024-02-00 10:11:12', NULL, NULL)
;;
SET sql_mode = DEFAULT
;;
CREATE TABLE latin1_text (id INT PRIMARY KEY, t VARCHAR(50)) CHARACTER SET latin1
;;
INSERT INTO latin1_text VALUES (1, 'Grüße, façade'), (2, 'plain'), (3, '')
;;
CREATE TABLE numbers (n INT NOT NULL PRIMARY KEY, word VARCHAR(40) NOT NULL, KEY (word))
;;
INSERT INTO numbers
  WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c WHERE n < 1000)
  SELECT n, CONCAT('number ', n) FROM c
;;
CREATE TABLE counted (
  id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  n INT,
  note VARCHAR(100) NOT NULL DEFAULT '',
  UNIQUE KEY one_n (n)
)
;;
CREATE TABLE big_ids (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, n INT) AUTO_INCREMENT = 9223372036854775806
;;
CREATE TABLE parents (id INT PRIMARY KEY, name VARCHAR(20) COMMENT 'a name, or ''none''')
  COMMENT 'rows that others refer to'
;;
CREATE TABLE children (
  id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  parent INT NOT NULL,
  age INT,
  doubled INT GENERATED ALWAYS AS (age * 2) STORED,
  born TIMESTAMP NULL DEFAULT NULL ON UPDATE CURRENT_TIMESTAMP,
  KEY by_parent (parent, age DESC),
  CONSTRAINT has_parent FOREIGN KEY (parent) REFERENCES parents (id) ON DELETE CASCADE,
  CONSTRAINT grown CHECK (age >= 0)
)
;;
INSERT INTO parents VALUES (1, 'first'), (2, 'second')
;;
CREATE TABLE accounts (id INT PRIMARY KEY, owner VARCHAR(20), balance DECIMAL(12,2) NOT NULL)
;;
INSERT INTO accounts VALUES (1, 'ann', 100.00), (2, 'bob', 200.00), (3, 'cem', 300.00), (4, 'dora', 400.00)
;;
CREATE TABLE written (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, what VARCHAR(100))
;;
CREATE TABLE blobs (id INT PRIMARY KEY, data LONGBLOB)
;;
CREATE TABLE loaded (id INT PRIMARY KEY, t VARCHAR(50), d DECIMAL(10,2))
;;
-- LAST_INSERT_ID() must be that of `watched`, not that of what its trigger writes.
CREATE TABLE watched (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, n INT) AUTO_INCREMENT = 500
;;
CREATE TRIGGER watch AFTER INSERT ON watched FOR EACH ROW INSERT INTO written (what) VALUES (CONCAT('saw ', NEW.n))
;;
CREATE VIEW even_numbers AS SELECT n, word FROM numbers WHERE n % 2 = 0
;;
CREATE PROCEDURE several_results(IN first INT)
BEGIN
  SELECT first AS n, first * 2 AS twice;
  INSERT INTO written (what) VALUES (CONCAT('procedure ', first));
  SELECT word FROM numbers WHERE n <= first ORDER BY n;
  SELECT COUNT(*) AS written FROM written WHERE what = CONCAT('procedure ', first);
  SELECT n FROM numbers WHERE n < 0;
END
;;
CREATE PROCEDURE in_and_out(IN a INT, INOUT b INT, OUT c VARCHAR(40), OUT d DECIMAL(10,3))
BEGIN
  SET b = b + a;
  SET c = CONCAT('sum is ', b, ' 🐬');
  SET d = b / 8;
END
;;
CREATE PROCEDURE out_and_result(IN a INT, OUT b INT)
BEGIN
  SELECT n, word FROM numbers WHERE n <= a ORDER BY n;
  SET b = a * 100;
END
;;
CREATE PROCEDURE no_result() UPDATE accounts SET owner = owner WHERE id < 0
;;
CREATE PROCEDURE fails_midway()
BEGIN
  SELECT 'before' AS step;
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'refused by the procedure: é', MYSQL_ERRNO = 30001;
END
;;
CREATE PROCEDURE warns()
BEGIN
  SIGNAL SQLSTATE '01000' SET MESSAGE_TEXT = 'be careful', MYSQL_ERRNO = 1642;
END
;;
CREATE PROCEDURE starts_transaction()
BEGIN
  START TRANSACTION;
  INSERT INTO written (what) VALUES ('inside');
END
;;
CREATE FUNCTION twice(n INT) RETURNS INT DETERMINISTIC NO SQL RETURN n * 2
;;
CREATE FUNCTION next_written(what VARCHAR(100)) RETURNS INT MODIFIES SQL DATA
BEGIN
  INSERT INTO written (what) VALUES (what);
  RETURN LAST_INSERT_ID();
END
;;
