"""Random SQL: expressions, reads and writes over the tables of schema.py.

Whatever is drawn means the same on two servers with the same data: what picks some of several rows has an order,
and nothing depends on time or chance, but for the columns that comparison.CLAIMS knows by their names.
"""

from schema import MAIN, OTHER

INT, NUMBER, TEXT, TIME, ANY = "int", "number", "text", "time", "any"

COLUMNS = {
    "items": {
        "id": INT, "name": TEXT, "quantity": INT, "price": NUMBER, "note": TEXT, "made": TIME, "kind": TEXT,
        "marks": TEXT,
    },
    "logs": {"id": INT, "what": TEXT, "amount": INT, "seen": INT},
    "parents": {"id": INT, "name": TEXT},
    "children": {"id": INT, "parent": INT, "n": INT},
    "texts": {"id": INT, "latin": TEXT, "german": TEXT, "bytes": TEXT, "plain": TEXT},
    "kinds": {
        "id": INT, "tiny": INT, "big": INT, "flag": INT, "f": NUMBER, "d": NUMBER, "price": NUMBER, "day": TIME,
        "at": TIME, "stamp": TIME, "span": TIME, "year": INT, "c": TEXT, "b": TEXT, "j": ANY, "place": ANY,
    },
    "cheap": {"id": INT, "name": TEXT, "price": NUMBER},
    "totals": {"id": INT, "name": TEXT, "children": INT, "total": NUMBER},
    f"{OTHER}.items": {"id": INT, "name": TEXT, "elsewhere": INT},
    f"{MAIN}.parents": {"id": INT, "name": TEXT},
}
TABLES = list(COLUMNS)
WEIGHTS = [8, 3, 3, 3, 3, 3, 1, 1, 1, 1]

STRINGS = (
    "''", "'a'", "'it''s'", r"'back\\slash'", r"'line\nbreak'", r"'quote\'s'", '"double"', "'ß'", "'日本'", "'🐬'", "'%a_'",
    "'12'", "' 3.7 '", "'0x1F'", "'2024-02-29'", "N'national'", "_latin1'latin'", "_utf8mb4'x' COLLATE utf8mb4_bin",
    "x'4142'", "0x6162", "b'1000001'", "'two' 'parts'", "'/* no comment */'", "'-- none'", "'; SELECT 1'", "'NULL'",
    "'[1, {\"a\": 2}]'",
)
NUMBERS = (
    "0", "1", "-1", "2", "3", "7", "255", "65536", "2147483648", "-9223372036854775808", "18446744073709551615", "1.5",
    "0.10", "-2.25", "1e3", "2.5e-2", ".5", "1e308", "0x10", "b'11'", "TRUE", "FALSE", "NULL",
)
MOMENTS = (
    "'2024-02-29'", "DATE'2024-02-29'", "TIMESTAMP'1999-12-31 23:59:59.5'", "TIME'-12:30:01'", "'2000-01-01 10:11:12'",
    "20240229", "MAKEDATE(2024, 60)", "FROM_UNIXTIME(1)", "NULL",
)
USER_VARIABLES = ("@a", "@b", "@c", "@by_trigger", "@updates", "@never_set", "@`odd name`", "@'quoted'")
COLLATIONS = ("utf8mb4_bin", "utf8mb4_general_ci", "utf8mb4_0900_as_cs", "utf8mb4_de_pb_0900_ai_ci")


class Grammar:
    """Draws SQL with the given random.Random."""

    def __init__(self, rng):
        self.rng = rng

    def chance(self, probability):
        return self.rng.random() < probability

    def pick(self, *choices):
        return self.rng.choice(choices)

    def number(self, low=0, high=12):
        return self.rng.randint(low, high)

    def table(self):
        return self.rng.choices(TABLES, WEIGHTS)[0]

    # ---- Expressions ----

    def expression(self, columns, kind=None, depth=2):
        kind = kind or self.pick(INT, INT, NUMBER, TEXT, TEXT, TIME)
        if depth <= 0 or self.chance(0.3):
            return self.leaf(columns, kind)
        forms = {INT: self.integers, NUMBER: self.numbers, TEXT: self.texts, TIME: self.times}
        text = self.rng.choice(forms[kind])

        def inner(kind):
            return self.expression(columns, kind, depth - 1)

        return text(inner)

    def leaf(self, columns, kind):
        wanted = [name for name, its in columns.items() if its == kind]
        if wanted and self.chance(0.65):
            return self.rng.choice(wanted)
        if self.chance(0.06):
            return self.rng.choice(USER_VARIABLES)
        if kind == TEXT:
            return self.rng.choice(STRINGS)
        if kind == TIME:
            return self.rng.choice(MOMENTS)
        return self.rng.choice(NUMBERS) if self.chance(0.7) else str(self.number(-3, 30))

    integers = (
        lambda e: f"{e(INT)} + {e(INT)}",
        lambda e: f"{e(INT)} * {e(INT)} - 1",
        lambda e: f"{e(INT)} DIV {e(INT)}",
        lambda e: f"{e(INT)} % {e(INT)}",
        lambda e: f"-({e(INT)})",
        lambda e: f"({e(INT)}) & 255 | 1",
        lambda e: f"LENGTH({e(TEXT)})",
        lambda e: f"CHAR_LENGTH({e(TEXT)})",
        lambda e: f"CAST({e(TEXT)} AS SIGNED)",
        lambda e: f"IF({e(INT)} > {e(INT)}, {e(INT)}, NULL)",
        lambda e: f"COALESCE({e(INT)}, {e(INT)}, 0)",
        lambda e: f"{e(TEXT)} = {e(TEXT)}",
        lambda e: f"{e(TEXT)} LIKE {e(TEXT)}",
        lambda e: f"({e(INT)}) IN (1, {e(INT)}, NULL)",
        lambda e: f"{e(INT)} BETWEEN 1 AND {e(INT)}",
        lambda e: f"({e(INT)}) IS NULL",
        lambda e: f"NOT {e(INT)}",
        lambda e: f"({e(INT)}) XOR 1",
        lambda e: f"YEAR({e(TIME)})",
        lambda e: f"DATEDIFF({e(TIME)}, '2000-01-01')",
        lambda e: f"WEEK({e(TIME)})",
        lambda e: f"ROUND({e(NUMBER)})",
        lambda e: f"STRCMP({e(TEXT)}, {e(TEXT)})",
        lambda e: f"LOCATE('a', {e(TEXT)})",
        lambda e: f"plus_one({e(INT)})",
        lambda e: f"CRC32({e(TEXT)})",
        lambda e: f"FIELD({e(TEXT)}, 'a', 'b')",
        lambda e: f"JSON_VALID({e(TEXT)})",
        lambda e: f"COERCIBILITY({e(TEXT)})",
        lambda e: f"CASE {e(INT)} WHEN 1 THEN {e(INT)} ELSE 0 END",
        lambda e: f"(SELECT COUNT(*) FROM {MAIN}.parents WHERE id > {e(INT)})",
    )
    numbers = (
        lambda e: f"{e(NUMBER)} / {e(NUMBER)}",
        lambda e: f"{e(INT)} / 3",
        lambda e: f"{e(NUMBER)} + {e(INT)}",
        lambda e: f"ROUND({e(NUMBER)}, 2)",
        lambda e: f"TRUNCATE({e(NUMBER)}, 1)",
        lambda e: f"ABS({e(NUMBER)})",
        lambda e: f"CAST({e(TEXT)} AS DECIMAL(10,3))",
        lambda e: f"CAST({e(NUMBER)} AS DOUBLE)",
        lambda e: f"GREATEST({e(NUMBER)}, {e(INT)})",
        lambda e: f"IFNULL({e(NUMBER)}, 0.5)",
        lambda e: f"POW({e(INT)}, 2)",
        lambda e: f"MOD({e(NUMBER)}, 2)",
    )
    texts = (
        lambda e: f"CONCAT({e(TEXT)}, {e(TEXT)})",
        lambda e: f"CONCAT_WS('-', {e(TEXT)}, {e(INT)})",
        lambda e: f"{e(TEXT)} || {e(TEXT)}",
        lambda e: f"UPPER({e(TEXT)})",
        lambda e: f"LEFT({e(TEXT)}, 2)",
        lambda e: f"SUBSTRING({e(TEXT)} FROM 2)",
        lambda e: f"REPLACE({e(TEXT)}, 'a', 'bb')",
        lambda e: f"TRIM({e(TEXT)})",
        lambda e: f"REVERSE({e(TEXT)})",
        lambda e: f"HEX({e(TEXT)})",
        lambda e: f"HEX(WEIGHT_STRING({e(TEXT)}))",
        lambda e: f"MD5({e(TEXT)})",
        lambda e: f"QUOTE({e(TEXT)})",
        lambda e: f"LPAD({e(TEXT)}, 5, '.')",
        lambda e: f"REPEAT({e(TEXT)}, 3)",
        lambda e: f"FORMAT({e(NUMBER)}, 2)",
        lambda e: f"DATE_FORMAT({e(TIME)}, '%W %M %d')",
        lambda e: f"CAST({e(NUMBER)} AS CHAR)",
        lambda e: f"CONVERT({e(TEXT)} USING latin1)",
        lambda e: f"CAST({e(TEXT)} AS BINARY(4))",
        lambda e: f"IF({e(INT)}, {e(TEXT)}, {e(TEXT)})",
        lambda e: f"NULLIF({e(TEXT)}, 'a')",
        lambda e: f"COLLATION({e(TEXT)})",
        lambda e: f"CHARSET({e(TEXT)})",
        lambda e: f"JSON_OBJECT('k', {e(TEXT)})",
        lambda e: f"JSON_EXTRACT('[1, {{\"a\": 2}}]', '$[1].a')",
        lambda e: f"ELT({e(INT)}, 'one', 'two')",
        lambda e: f"MAKE_SET({e(INT)}, 'p', 'q')",
        lambda e: f"({e(TEXT)}) COLLATE utf8mb4_bin",
        lambda e: "DATABASE()",
    )
    times = (
        lambda e: f"DATE_ADD({e(TIME)}, INTERVAL {e(INT)} DAY)",
        lambda e: f"({e(TIME)}) - INTERVAL 1 MONTH",
        lambda e: f"DATE({e(TIME)})",
        lambda e: f"TIME({e(TIME)})",
        lambda e: f"CAST({e(TEXT)} AS DATETIME(3))",
        lambda e: f"STR_TO_DATE({e(TEXT)}, '%Y-%m-%d')",
        lambda e: f"FROM_UNIXTIME({e(INT)})",
        lambda e: f"CONVERT_TZ({e(TIME)}, '+00:00', '+02:00')",
        lambda e: f"TIMESTAMP({e(TIME)})",
        lambda e: f"SEC_TO_TIME({e(INT)})",
    )

    # ---- Reads ----

    def read(self):
        """(SQL, whether its rows come in a certain order)."""
        return self.rng.choices(
            (
                self.simple_read, self.join, self.groups, self.union, self.common_table, self.without_table,
                self.window, self.with_subquery, self.short_form, self.show, self.distinct, self.from_view_of_server,
            ),
            (30, 8, 8, 4, 5, 14, 3, 5, 4, 7, 2, 3),
        )[0]()

    def select_list(self, columns, most=4):
        items = []
        for i in range(self.number(1, most)):
            item = self.expression(columns)
            if self.chance(0.25):
                item += self.pick(f" AS alias_{i}", f" alias_{i}", f" AS `odd name {i}`", f" AS 'text {i}'")
            items.append(item)
        return "*" if self.chance(0.2) else ", ".join(items)

    def condition(self, columns):
        if self.chance(0.5):
            return f" WHERE id {self.pick('=', '=', '>', '<', '<>', '<=>')} {self.number()}"
        return f" WHERE {self.expression(columns, INT)}" if self.chance(0.6) else ""

    def limit(self):
        return self.pick("", "", "", " LIMIT 1", " LIMIT 2", " LIMIT 0", " LIMIT 2 OFFSET 1", " LIMIT 1, 3")

    def simple_read(self):
        table = self.table()
        columns = COLUMNS[table]
        option = self.pick("", "", "", "", "", "SQL_CALC_FOUND_ROWS ", "HIGH_PRIORITY ", "SQL_NO_CACHE ", "ALL ",
                           "/*+ MAX_EXECUTION_TIME(60000) */ ", "SQL_SMALL_RESULT ", "STRAIGHT_JOIN ")
        where = self.condition(columns)
        order = " ORDER BY id" + self.pick("", "", " DESC")
        return f"SELECT {option}{self.select_list(columns)} FROM {table}{where}{order}{self.limit()}", True

    def join(self):
        left, right = self.table(), self.table()
        columns = {
            **{f"x.{name}": kind for name, kind in COLUMNS[left].items()},
            **{f"y.{name}": kind for name, kind in COLUMNS[right].items()},
        }
        kind = self.pick("JOIN", "LEFT JOIN", "RIGHT JOIN", "INNER JOIN", "STRAIGHT_JOIN")
        on = self.pick("x.id = y.id", "x.id = y.id + 1", "x.id <= y.id AND y.id < 5")
        items = ", ".join(self.expression(columns, depth=1) for _ in range(self.number(1, 3)))
        return (
            f"SELECT {items} FROM {left} x {kind} {right} y ON {on} ORDER BY x.id, y.id{self.limit()}", True,
        )

    def groups(self):
        table = self.table()
        columns = COLUMNS[table]
        key = self.rng.choice([name for name, kind in columns.items() if kind != ANY])
        functions = [
            "COUNT(*)", f"MIN({self.expression(columns, INT, 1)})", f"MAX({self.leaf(columns, TEXT)})",
            f"SUM({self.leaf(columns, INT)})", f"COUNT(DISTINCT {self.leaf(columns, TEXT)})",
            f"GROUP_CONCAT({self.leaf(columns, TEXT)} ORDER BY id SEPARATOR ';')", "AVG(id)", "BIT_OR(id)",
            "JSON_ARRAYAGG(id)",
        ]
        items = ", ".join(self.rng.sample(functions[:-1], self.number(1, 3)))
        having = self.pick("", "", " HAVING COUNT(*) > 1")
        if self.chance(0.4):
            return f"SELECT {items} FROM {table}{self.condition(columns)}", True
        rollup = self.pick("", "", "", " WITH ROLLUP")
        return f"SELECT {key}, {items} FROM {table} GROUP BY {key}{rollup}{having} ORDER BY {key}", False

    def union(self):
        word = self.pick("UNION", "UNION ALL", "INTERSECT", "EXCEPT")
        tables = [self.table() for _ in range(2)]
        left, right = (f"SELECT id, {self.leaf(COLUMNS[table], TEXT)} FROM {table}" for table in tables)
        if self.chance(0.5):
            return f"({left}) {word} ({right}) ORDER BY 1", False
        return f"{left} {word} {right}", False

    def common_table(self):
        if self.chance(0.5):
            most = self.pick(3, 10, 200)
            return (
                f"WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < {most})"
                f" SELECT {self.pick('i', 'COUNT(*)', 'i, REPEAT(i, 3)')} FROM n", True,
            )
        table = self.table()
        inner = f"SELECT id, {self.expression(COLUMNS[table], TEXT, 1)} AS t FROM {table}"
        return f"WITH x AS ({inner}), y (k) AS (SELECT 1) SELECT x.id, t, k FROM x, y ORDER BY x.id", True

    def without_table(self):
        items = []
        for _ in range(self.number(1, 4)):
            items.append(self.expression({}) if self.chance(0.6) else self.about_session())
        dual = self.pick("", "", "", " FROM DUAL", " LIMIT 1", " WHERE 1", " WHERE 0")
        return f"SELECT {', '.join(items)}{' FROM DUAL' if 'WHERE' in dual else ''}{dual}", True

    def about_session(self):
        """What a session can be asked about itself."""
        return self.pick(
            "DATABASE()", "SCHEMA()", "USER()", "CURRENT_USER()", "CURRENT_USER", "SESSION_USER()", "VERSION()",
            "CURRENT_ROLE()", "@@version", "@@sql_mode", "@@session.sql_mode", "@@time_zone", "@@autocommit",
            "@@character_set_client", "@@character_set_results", "@@collation_connection", "@@character_set_database",
            "@@transaction_isolation", "@@session.transaction_read_only", "@@sql_select_limit", "@@lc_time_names",
            "@@group_concat_max_len", "@@div_precision_increment", "@@max_error_count", "@@sql_auto_is_null",
            "@@foreign_key_checks", "@@warning_count", "@@error_count", "@@last_insert_id", "@@identity",
            "@@insert_id", "@@hostname", "@@port", "@@server_id", "@@server_uuid", "@@global.sql_mode", "@@global.port",
            "@@local.wait_timeout", "@@max_allowed_packet", "@@lower_case_table_names", "@@unknown_variable",
            "LAST_INSERT_ID()", "ROW_COUNT()", "FOUND_ROWS()", "NOW()", "CURRENT_TIMESTAMP(3)", "UTC_TIMESTAMP()",
            "CURDATE()", "UUID()", "RAND()", "RAND(7)", "CHARSET('x')", "COLLATION('x')", "1 / 3", "'a' || 'b'",
            r"LENGTH('\n')", 'LENGTH("x")', "FROM_UNIXTIME(0)", "DATE_FORMAT('2024-03-01', '%M')", "sets_variable(4)",
            "warns()", "counts()", "@a", "@b", "@a + 0", "@c", "COLLATION(@a)", "@by_function", "@by_procedure",
            "IS_USED_LOCK('differential_a') IS NULL", "IS_FREE_LOCK('differential_a')", "COUNT (*)",
            "SLEEP(0)", "BENCHMARK(2, 1)", "NAME_CONST('n', 1)",
        )

    def window(self):
        table = self.table()
        function = self.pick("ROW_NUMBER()", "RANK()", "LAG(id)", "SUM(id)", "NTILE(2)", "FIRST_VALUE(id)")
        return f"SELECT id, {function} OVER (ORDER BY id) FROM {table} ORDER BY id", True

    def with_subquery(self):
        table, inner = self.table(), self.table()
        text = self.pick(
            f"SELECT id FROM {table} WHERE id IN (SELECT id FROM {inner}) ORDER BY id",
            f"SELECT id FROM {table} o WHERE EXISTS (SELECT 1 FROM {inner} i WHERE i.id = o.id) ORDER BY id",
            f"SELECT id, (SELECT COUNT(*) FROM {inner}) AS c FROM {table} ORDER BY id",
            f"SELECT (SELECT id FROM {inner}) AS may_fail",
            f"SELECT d.id FROM (SELECT id FROM {table} ORDER BY id LIMIT 3) d ORDER BY d.id",
            f"SELECT id, l.n FROM {table} o, LATERAL (SELECT COUNT(*) AS n FROM {inner} WHERE id = o.id) l ORDER BY id",
        )
        return text, True

    def distinct(self):
        table = self.table()
        return f"SELECT DISTINCT {self.leaf(COLUMNS[table], TEXT)} FROM {table}", False

    def short_form(self):
        table = self.table()
        return self.pick(
            f"TABLE {table} ORDER BY id LIMIT 2", "VALUES ROW(1, 'a'), ROW(2, NULL)", "DO 1 + 1", "DO SLEEP(0)",
            f"(SELECT id FROM {table} ORDER BY id LIMIT 1)", f"((SELECT 1))", f"DESCRIBE {table}", f"DESC {table} id",
            f"EXPLAIN SELECT * FROM {table}", "HELP 'nothing of that name'", f"CHECK TABLE {table}",
            f"CHECKSUM TABLE {table}", "SELECT NULL", "SELECT * FROM JSON_TABLE('[1,2]', '$[*]' COLUMNS (n INT PATH '$')) j",
            f"SELECT {table.rpartition('.')[2]}.* FROM {table} ORDER BY id",
        ), True

    def show(self):
        table = self.table()
        return self.pick(
            "SHOW TABLES", "SHOW FULL TABLES", f"SHOW COLUMNS FROM {table}", f"SHOW FULL COLUMNS FROM {table} LIKE '%n%'",
            f"SHOW CREATE TABLE {table}", "SHOW CREATE VIEW totals", "SHOW DATABASES LIKE 'differential%'",
            "SHOW CREATE PROCEDURE two_results", "SHOW CREATE FUNCTION plus_one", f"SHOW CREATE DATABASE {MAIN}",
            "SHOW VARIABLES LIKE 'sql_mode'", "SHOW SESSION VARIABLES LIKE 'character%'",
            "SHOW VARIABLES WHERE Variable_name = 'time_zone'", "SHOW COLLATION LIKE 'latin1%'", "SHOW CHARSET LIKE 'utf8%'",
            "SHOW GRANTS", "SHOW ENGINES", "SHOW PROCESSLIST", f"SHOW TABLES FROM {OTHER}", "SHOW CREATE TABLE missing",
            "SHOW SCHEMAS LIKE 'x%'", "SHOW COUNT(*) WARNINGS", "SHOW PRIVILEGES", "SHOW MASTER STATUS", "SHOW SOMETHING",
        ), False

    def from_view_of_server(self):
        return self.pick(
            (f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{MAIN}' ORDER BY table_name", True),
            ("SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'items'"
             f" AND table_schema = '{OTHER}' ORDER BY ordinal_position", True),
            ("SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE 'differential%'"
             " ORDER BY 1", True),
            ("SELECT variable_value FROM performance_schema.session_variables WHERE variable_name = 'sql_mode'", True),
            ("SELECT COUNT(*) FROM performance_schema.user_variables_by_thread"
             " WHERE thread_id = PS_CURRENT_THREAD_ID()", True),
            ("SELECT user, host FROM mysql.user", False),
        )

    def locking_read(self, ids):
        table = self.pick("items", "parents", "children")
        lock = self.pick("FOR UPDATE", "FOR UPDATE NOWAIT", "FOR UPDATE SKIP LOCKED", "FOR SHARE", "FOR SHARE NOWAIT",
                         "LOCK IN SHARE MODE", f"FOR UPDATE OF {table}", "FOR\nUPDATE")
        return f"SELECT id, {self.leaf(COLUMNS[table], TEXT)} FROM {table} WHERE id = {self.rng.choice(ids)} {lock}"

    # ---- Writes ----

    def write(self, ids, names, is_gentle):
        """`ids` and `names`: those to write; gentle: locks nothing else."""
        gentle = (self.insert, self.insert, self.update_one, self.update_one, self.delete_one, self.insert_child)
        others = (self.insert_select, self.update_many, self.delete_many, self.replace, self.joined_write, self.write_view,
                  self.write_kinds)
        choice = self.rng.choice(gentle if is_gentle or self.chance(0.6) else others)
        return choice(ids, names)

    def item_value(self):
        return self.pick("NULL", "DEFAULT", "1", "2", "'3'", "'x'", "'abc'", "-5", "99999999999", "1.239", "''", "@a")

    def insert(self, ids, names):
        name = self.rng.choice(names)
        option = self.pick("", "", "", "IGNORE ", "LOW_PRIORITY ", "INTO ")
        head = f"INSERT {option if option == 'INTO ' else option + 'INTO '}"
        kind = self.pick("'x'", "'nothing'", "2")
        body = self.pick(
            f"items (name, quantity, price) VALUES ({name}, {self.item_value()}, {self.item_value()})",
            f"items (name, quantity) VALUES ({name}, 1), ({self.rng.choice(names)}, 2)",
            f"items SET name = {name}, note = {self.expression({}, TEXT, 1)}",
            f"items (id, name) VALUES ({self.rng.choice(ids)}, {name})",
            f"items (name, kind) VALUES ({name}, {kind})",
            f"items (name, made) VALUES ({name}, {self.expression({}, 'time', 1)})",
            f"logs (what, amount) VALUES ('from session', {self.expression({}, INT, 1)})",
            "logs () VALUES ()",
            f"items (name) VALUES ({name}) ON DUPLICATE KEY UPDATE quantity = quantity + 1",
            f"items (name) VALUES ({name}) AS new ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id), note = new.name",
            f"items (name, nothing) VALUES ({name}, 1)", f"items VALUES ({name})",
            f"texts VALUES ({self.rng.choice(ids)}, {self.expression({}, TEXT, 0)}, {self.expression({}, TEXT, 0)}, NULL, '')",
        )
        return head + body

    def insert_child(self, ids, _):
        return self.pick(
            f"INSERT INTO children (parent, n) VALUES ({self.number(1, 4)}, {self.number()})",
            "INSERT INTO children (parent, n) VALUES (1, 5000)",
            f"INSERT INTO parents VALUES ({self.rng.choice(ids)}, 'new')",
            f"DELETE FROM parents WHERE id = {self.rng.choice(ids)}",
            f"UPDATE children SET n = n - 15 WHERE id = {self.rng.choice(ids)}",
        )

    def update_one(self, ids, names):
        column = self.pick("quantity", "price", "note", "kind", "marks", "name", "made")
        value = self.rng.choice(names) if column == "name" else self.item_value()
        return f"UPDATE {self.pick('', '', 'IGNORE ')}items SET {column} = {value} WHERE id = {self.rng.choice(ids)}"

    def delete_one(self, ids, _):
        return f"DELETE FROM {self.pick('items', 'logs', 'texts', 'children')} WHERE id = {self.rng.choice(ids)}"

    def insert_select(self, _, __):
        return self.pick(
            "INSERT INTO logs (what, amount) SELECT name, id FROM items ORDER BY id LIMIT 3",
            "INSERT IGNORE INTO parents SELECT id, name FROM items ORDER BY id",
            "INSERT INTO logs (what, amount) WITH x AS (SELECT 1 AS n) SELECT 'cte', n FROM x",
            f"INSERT INTO {OTHER}.items SELECT id + 100, name, 0 FROM parents ORDER BY id",
            "INSERT INTO logs (amount) TABLE parents",
            "INSERT INTO logs (what, amount) VALUES ROW('row', 1), ROW('row', 2)",
        )

    def update_many(self, _, __):
        return self.pick(
            "UPDATE items SET quantity = quantity + 1 ORDER BY id LIMIT 2", "UPDATE items SET quantity = quantity",
            f"UPDATE items SET note = {self.expression(COLUMNS['items'], TEXT, 1)} WHERE id < 4",
            "UPDATE logs SET amount = amount + 1", "UPDATE IGNORE parents SET id = id + 1 ORDER BY id DESC",
            "WITH x AS (SELECT 1 AS k) UPDATE items, x SET quantity = 9 WHERE id = k",
            f"UPDATE items SET price = {self.expression(COLUMNS['items'], NUMBER, 1)}",
        )

    def delete_many(self, _, __):
        return self.pick(
            "DELETE FROM logs WHERE id < 10 ORDER BY id LIMIT 3", "DELETE FROM logs", "DELETE FROM items WHERE quantity = 99",
            "DELETE FROM children WHERE n < 5", "DELETE FROM items ORDER BY id DESC LIMIT 1",
        )

    def replace(self, ids, names):
        return self.pick(
            f"REPLACE INTO items (id, name) VALUES ({self.rng.choice(ids)}, {self.rng.choice(names)})",
            "REPLACE INTO parents VALUES (7, 'seven'), (8, NULL)", "REPLACE texts SET id = 9, plain = 'nine'",
        )

    def joined_write(self, _, __):
        return self.pick(
            "UPDATE parents p JOIN children c ON c.parent = p.id SET c.n = c.n + 1, p.name = 'joined' WHERE p.id = 1",
            "DELETE c FROM children c JOIN parents p ON c.parent = p.id WHERE p.name = 'two'",
            "DELETE FROM c USING children c, parents p WHERE c.parent = p.id AND p.id = 3",
        )

    def write_view(self, _, names):
        return self.pick(
            f"INSERT INTO cheap (name, price) VALUES ({self.rng.choice(names)}, {self.pick('1', '100')})",
            "UPDATE cheap SET price = price + 1 WHERE id = 1", "DELETE FROM totals", "UPDATE totals SET name = 'no'",
        )

    def write_kinds(self, ids, _):
        json = self.pick("NULL", "'[1]'", "'no json'", "JSON_OBJECT('a', 1)")
        return self.pick(
            f"REPLACE INTO kinds (id, tiny, f, d, at, j) VALUES ({self.rng.choice(ids)}, {self.item_value()}, 0.1, 1e10,"
            f" {self.expression({}, TIME, 1)}, {json})",
            f"UPDATE kinds SET b = {self.expression({}, TEXT, 1)}, year = {self.number(0, 99)} WHERE id = {self.number(1, 4)}",
            f"UPDATE kinds SET span = {self.expression({}, TIME, 1)}, day = {self.expression({}, TIME, 1)} WHERE id = 1",
        )
