"""What both sides start from: two schemas with a few small tables and everything that can hang on tables.

Statistics are kept from changing by themselves, so that both servers choose the same plans and meet rows in the
same order.
"""

MAIN, OTHER = "differential", "differential_2"
LOCKS = ("differential_a", "differential_b")

TABLE_OPTIONS = "STATS_AUTO_RECALC=0"

TABLES = {
    "items": (
        "id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40) UNIQUE, quantity INT DEFAULT 1, price DECIMAL(10,2),"
        " note TEXT, made DATETIME(3), kind ENUM('x','y','z'), marks SET('a','b','c')"
    ),
    "logs": "id INT AUTO_INCREMENT PRIMARY KEY, what VARCHAR(60), amount BIGINT, seen BIGINT",
    "parents": "id INT PRIMARY KEY, name VARCHAR(20) NOT NULL",
    "children": (
        "id INT DEFAULT 0 PRIMARY KEY, parent INT, n SMALLINT UNSIGNED NOT NULL,"
        " FOREIGN KEY (parent) REFERENCES parents (id) ON DELETE CASCADE"
    ),
    "texts": (
        "id INT PRIMARY KEY, latin VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_german1_ci,"
        " german VARCHAR(20) COLLATE utf8mb4_de_pb_0900_ai_ci, bytes VARBINARY(20), plain VARCHAR(20) COLLATE utf8mb4_bin"
    ),
    "kinds": (
        "id INT UNSIGNED PRIMARY KEY, tiny TINYINT, big BIGINT UNSIGNED, flag BIT(9), f FLOAT, d DOUBLE,"
        " price DECIMAL(20,6), day DATE, at DATETIME(6), stamp TIMESTAMP NULL, span TIME(3), year YEAR, c CHAR(5),"
        " b BLOB, j JSON, place POINT"
    ),
}

ROWS = (
    "INSERT INTO parents VALUES (1, 'one'), (2, 'two'), (3, 'three')",
    "INSERT INTO children VALUES (1, 1, 10), (2, 1, 11), (3, 2, 20), (4, NULL, 0)",
    "INSERT INTO items (name, quantity, price, note, made, kind, marks) VALUES"
    " ('apple', 1, 1.50, NULL, '2024-02-29 12:00:00.123', 'x', 'a'),"
    " ('pear', 20, 0.99, 'soft', '1999-12-31 23:59:59', 'y', 'a,b'),"
    " ('Straße', 3, 12345.67, REPEAT('long ', 60), NULL, 'z', ''),"
    " ('日本', NULL, NULL, '', '2000-01-01', NULL, NULL), ('0', 0, 0, '0', NULL, 'x', 'c')",
    "INSERT INTO texts VALUES (1, 'Grüße', 'ä', x'00FF27', 'a'), (2, 'gruse', 'ae', NULL, 'A'), (3, NULL, '', '', 'ß')",
    "INSERT INTO kinds VALUES"
    " (1, -128, 18446744073709551615, b'101010101', 1.5, -2.25e300, 12345678901234.567891, '2024-02-29',"
    " '2024-02-29 23:59:59.123456', '2024-01-01 00:00:01', '-838:59:59.000', 2155, 'abc', x'0001FF',"
    " '{\"a\": [1, null]}', POINT(1, 2)),"
    " (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),"
    " (3, 0, 0, 0, 0, 0, 0, '1000-01-01', '1000-01-01', NULL, '00:00:00', 1901, '', '', '0', NULL)",
)

VIEWS = (
    "CREATE VIEW cheap AS SELECT id, name, price FROM items WHERE price < 10 WITH CHECK OPTION",
    "CREATE VIEW totals AS SELECT p.id, p.name, COUNT(c.id) AS children, SUM(c.n) AS total"
    " FROM parents p LEFT JOIN children c ON c.parent = p.id GROUP BY p.id, p.name",
    "CREATE VIEW writing AS SELECT id, writes(id) AS written FROM parents",
)

FUNCTIONS = (
    "CREATE FUNCTION plus_one(n INT) RETURNS INT DETERMINISTIC NO SQL RETURN n + 1",
    "CREATE FUNCTION counts() RETURNS INT READS SQL DATA RETURN (SELECT COUNT(*) FROM logs)",
    "CREATE FUNCTION writes(n INT) RETURNS BIGINT MODIFIES SQL DATA"
    " BEGIN INSERT INTO logs (what, amount) VALUES ('by function', n); RETURN LAST_INSERT_ID(); END",
    "CREATE FUNCTION sets_variable(n INT) RETURNS INT NO SQL BEGIN SET @by_function = n; RETURN n * 2; END",
    "CREATE FUNCTION warns() RETURNS INT NO SQL BEGIN DECLARE n TINYINT; SET n = CAST('7x' AS SIGNED); RETURN n; END",
)

PROCEDURES = (
    "CREATE PROCEDURE two_results() BEGIN SELECT id, name FROM parents ORDER BY id; SELECT 'second' AS which; END",
    "CREATE PROCEDURE no_result(n INT) BEGIN UPDATE items SET quantity = n WHERE id = 1; END",
    "CREATE PROCEDURE parameters(IN a INT, OUT b INT, INOUT c VARCHAR(20))"
    " BEGIN SET b = a * 2; SET c = CONCAT(c, '!'); SELECT a, b, c; END",
    "CREATE PROCEDURE fails_late(n INT) BEGIN INSERT INTO logs (what, amount) VALUES ('before failing', n);"
    " SELECT n AS before_failing; SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'as it must', MYSQL_ERRNO = 5001; END",
    "CREATE PROCEDURE handles() BEGIN DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN"
    " GET DIAGNOSTICS CONDITION 1 @number = MYSQL_ERRNO, @text = MESSAGE_TEXT; END;"
    " INSERT INTO parents VALUES (1, 'again'); SELECT @number, @text; END",
    "CREATE PROCEDURE begins(n INT) BEGIN START TRANSACTION; INSERT INTO logs (what, amount) VALUES ('open', n); END",
    "CREATE PROCEDURE commits(n INT) BEGIN START TRANSACTION; INSERT INTO logs (what, amount) VALUES ('closed', n);"
    " COMMIT; END",
    "CREATE PROCEDURE sets_session() BEGIN SET SESSION time_zone = '+03:00', @by_procedure = 'set';"
    " SET SESSION sql_select_limit = DEFAULT; END",
    "CREATE PROCEDURE makes_temporary() BEGIN CREATE TEMPORARY TABLE IF NOT EXISTS by_procedure (id INT PRIMARY KEY);"
    " INSERT IGNORE INTO by_procedure VALUES (1), (2); SELECT COUNT(*) FROM by_procedure; END",
    "CREATE PROCEDURE prepares(IN text_of TEXT) BEGIN SET @text_of = text_of; PREPARE inner_one FROM @text_of;"
    " EXECUTE inner_one; DEALLOCATE PREPARE inner_one; END",
    "CREATE PROCEDURE loops(n INT) BEGIN DECLARE i INT DEFAULT 0; WHILE i < n DO SET i = i + 1;"
    " SELECT i, i * i AS square; END WHILE; END",
    "CREATE PROCEDURE warns_and_selects() BEGIN SELECT CAST('9z' AS SIGNED) AS nine; SELECT 1 / 0 AS nothing; END",
    "CREATE PROCEDURE cursors() BEGIN DECLARE done INT DEFAULT 0; DECLARE v VARCHAR(40); DECLARE all_of TEXT DEFAULT '';"
    " DECLARE c CURSOR FOR SELECT name FROM parents ORDER BY id; DECLARE CONTINUE HANDLER FOR NOT FOUND SET done = 1;"
    " OPEN c; one: LOOP FETCH c INTO v; IF done THEN LEAVE one; END IF; SET all_of = CONCAT(all_of, v, ';'); END LOOP;"
    " CLOSE c; SELECT all_of; END",
)

TRIGGERS = (
    "CREATE TRIGGER items_before BEFORE INSERT ON items FOR EACH ROW"
    " SET @by_trigger = CONCAT_WS(',', @by_trigger, NEW.name)",
    "CREATE TRIGGER items_after AFTER INSERT ON items FOR EACH ROW"
    " INSERT INTO logs (what, amount, seen) VALUES ('new item', NEW.id, LAST_INSERT_ID())",
    "CREATE TRIGGER items_update AFTER UPDATE ON items FOR EACH ROW"
    " SET @updates = IFNULL(@updates, 0) + 1, @last_updated = NEW.id",
    # Not by AUTO_INCREMENT, for what a refused row uses up of that depends on how foreign keys are checked.
    "CREATE TRIGGER children_check BEFORE INSERT ON children FOR EACH ROW BEGIN IF NEW.n > 1000 THEN"
    " SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'too many'; END IF;"
    " SET NEW.id = (SELECT IFNULL(MAX(id), 0) + 1 FROM children); END",
)


def statements():
    """All that makes the start, for a session without a schema."""
    yield "SET NAMES utf8mb4"
    for schema in (OTHER, MAIN):
        yield f"DROP DATABASE IF EXISTS {schema}"
        yield f"CREATE DATABASE {schema}"
    yield f"CREATE TABLE {OTHER}.items (id INT PRIMARY KEY, name VARCHAR(20), elsewhere INT) {TABLE_OPTIONS}"
    yield f"INSERT INTO {OTHER}.items VALUES (1, 'other', 100), (7, 'seven', 700)"
    yield f"USE {MAIN}"
    for name, columns in TABLES.items():
        yield f"CREATE TABLE {name} ({columns}) {TABLE_OPTIONS}"
    yield from FUNCTIONS
    yield from VIEWS
    yield from PROCEDURES
    yield from ROWS
    yield from TRIGGERS
