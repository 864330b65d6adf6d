"""What a session can set, and the texts that set it."""

CHARSETS = ("utf8mb4", "utf8mb4", "latin1", "utf8mb3", "ascii", "binary", "cp1251", "gbk", "sjis", "ucs2", "unknown")

# Variables whose values are safe on a server that others use too. What may be odd about a value is wanted: refused
# ones, and those that change how later statements are read.
VARIABLES = {
    "sql_mode": (
        "''", "'ANSI_QUOTES'", "'NO_BACKSLASH_ESCAPES'", "'PIPES_AS_CONCAT'", "'IGNORE_SPACE'", "'ANSI'", "'TRADITIONAL'",
        "'STRICT_ALL_TABLES,NO_ZERO_DATE'", "'HIGH_NOT_PRECEDENCE'", "'PAD_CHAR_TO_FULL_LENGTH'", "'REAL_AS_FLOAT'",
        "'NO_UNSIGNED_SUBTRACTION'", "'TIME_TRUNCATE_FRACTIONAL'", "'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'", "4", "DEFAULT",
        "CONCAT(@@sql_mode, ',PIPES_AS_CONCAT')", "'no such mode'", "ansi", "''", "DEFAULT",
    ),
    "time_zone": ("'+05:30'", "'SYSTEM'", "'-00:30'", "DEFAULT", "'Nowhere/Land'", "CONCAT('+0', 3, ':00')", "@c"),
    "lc_time_names": ("'de_DE'", "'ja_JP'", "'en_US'", "de_AT", "'xx_XX'", "DEFAULT"),
    "lc_messages": ("'de_DE'", "'en_US'", "DEFAULT"),
    "group_concat_max_len": ("4", "10", "1024", "DEFAULT", "-1", "'text'"),
    "div_precision_increment": ("0", "2", "8", "DEFAULT", "100"),
    "sql_select_limit": ("2", "1", "DEFAULT", "18446744073709551615", "0"),
    "max_error_count": ("0", "1", "64", "DEFAULT"),
    "sql_auto_is_null": ("0", "1", "DEFAULT"),
    "foreign_key_checks": ("0", "1", "DEFAULT", "OFF"),
    "unique_checks": ("0", "1"),
    "sql_safe_updates": ("0", "1", "0"),
    "sql_notes": ("0", "1"),
    "sql_big_selects": ("0", "1"),
    "max_join_size": ("1000", "DEFAULT"),
    "insert_id": ("40", "41", "0"),
    "last_insert_id": ("77", "0"),
    "identity": ("78",),
    "timestamp": ("1700000000.25", "0", "DEFAULT", "1"),
    "rand_seed1": ("5",),
    "auto_increment_increment": ("1", "3", "DEFAULT"),
    "auto_increment_offset": ("1", "2"),
    "default_week_format": ("0", "3", "7"),
    "cte_max_recursion_depth": ("5", "1000", "DEFAULT"),
    "max_sort_length": ("4", "1024"),
    "character_set_client": ("utf8mb4", "latin1", "'cp1251'", "ucs2", "binary"),
    "character_set_results": ("NULL", "utf8mb4", "latin1", "'binary'", "''"),
    "character_set_connection": ("latin1", "utf8mb4", "'utf16'"),
    "collation_connection": ("latin1_german2_ci", "utf8mb4_general_ci", "utf8mb4_0900_ai_ci", "'utf8mb4_bin'", "nothing_ci"),
    "collation_database": ("utf8mb4_bin",),
    "character_set_server": ("latin1", "utf8mb4"),
    "default_collation_for_utf8mb4": ("utf8mb4_general_ci", "utf8mb4_0900_ai_ci"),
    "transaction_isolation": ("'READ-COMMITTED'", "'REPEATABLE-READ'", "'SERIALIZABLE'", "DEFAULT"),
    "transaction_read_only": ("0", "1", "0"),
    "optimizer_switch": ("'index_merge=off'", "'default'", "'mrr=on,no_such=off'"),
    "sql_quote_show_create": ("0", "1"),
    "sql_require_primary_key": ("0", "1", "0"),
    "explicit_defaults_for_timestamp": ("1",),
    "windowing_use_high_precision": ("0", "1"),
    "wait_timeout": ("600", "28800"),
    "max_execution_time": ("0", "60000"),
    "sort_buffer_size": ("65536", "DEFAULT", "1"),
    "tmp_table_size": ("2048", "DEFAULT"),
    "big_tables": ("0", "1"),
    "default_storage_engine": ("InnoDB", "MEMORY", "'none'"),
    "default_tmp_storage_engine": ("InnoDB", "MEMORY"),
    "block_encryption_mode": ("'aes-256-cbc'", "DEFAULT"),
    "end_markers_in_json": ("1", "0"),
    "completion_type": ("0", "1", "0", "'NO_CHAIN'"),
    "long_query_time": ("100", "DEFAULT"),
    "query_prealloc_size": ("16384",),
    "resultset_metadata": ("FULL", "NONE"),
    "innodb_lock_wait_timeout": ("1", "2"),
    "show_create_table_verbosity": ("1", "0"),
    "updatable_views_with_limit": ("1", "0"),
    "no_such_variable": ("1",),
    "dorsal": ("1",),
    "version": ("'1'",),
    "gtid_next": ("AUTOMATIC", "'nonsense'"),
    "sql_log_bin": ("0", "1"),
    "session_track_gtids": ("OFF", "OWN_GTID", "ALL_GTIDS", "'nothing'"),
    "session_track_schema": ("0", "1", "ON"),
    "session_track_state_change": ("0", "1", "OFF"),
    "session_track_system_variables": ("'*'", "'time_zone,sql_mode'", "''", "DEFAULT", "'autocommit,unknown'", "NULL"),
    "session_track_transaction_info": ("OFF", "STATE", "CHARACTERISTICS", "'X'"),
}

TRACKERS = [name for name in VARIABLES if name.startswith("session_track_")]
MEANING_OF_TEXT = ("sql_mode", "time_zone", "lc_time_names", "group_concat_max_len", "sql_select_limit")

MODES_OF_TRANSACTIONS = (
    "ISOLATION LEVEL READ COMMITTED", "ISOLATION LEVEL REPEATABLE READ", "ISOLATION LEVEL SERIALIZABLE",
    "READ ONLY", "READ WRITE", "ISOLATION LEVEL READ COMMITTED, READ ONLY", "ISOLATION LEVEL NOTHING",
)


def assignment(rng, name):
    """One `name = value`, in one of the forms that mean this session."""
    value = rng.choice(VARIABLES[name])
    form = rng.choice(("{}", "SESSION {}", "LOCAL {}", "@@{}", "@@session.{}", "@@local.{}", "@@SESSION . {}", "{}"))
    sign = rng.choice((" = ", "=", " := "))
    return form.format(name.upper() if rng.random() < 0.1 else name) + sign + value


def set_names(rng):
    charset = rng.choice(CHARSETS)
    return rng.choice((
        f"SET NAMES {charset}", f"SET NAMES '{charset}'", "SET NAMES DEFAULT", "SET NAMES utf8mb4",
        "SET NAMES utf8mb4 COLLATE utf8mb4_bin", "SET NAMES latin1 COLLATE latin1_german2_ci",
        "SET NAMES latin1 COLLATE utf8mb4_bin", f"SET CHARACTER SET {charset}", f"SET CHARSET '{charset}'",
        "SET CHARACTER SET DEFAULT", f"SET NAMES {charset}, @a = 1", "SET @a = 2, NAMES utf8mb4",
    ))


def set_variables(rng, names):
    """A SET of one to three of these variables."""
    count = rng.choice((1, 1, 1, 2, 3))
    return "SET " + ", ".join(assignment(rng, rng.choice(names)) for _ in range(count))
