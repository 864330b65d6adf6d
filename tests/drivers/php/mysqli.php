<?php
// mysqli on top of mysqlnd: text and prepared statements, cursors, long data, and queries that run on their own.
declare(strict_types=1);

require __DIR__ . '/observe.php';

mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);

/** Options: user, password, schema, flags, prefix of the host, settings of mysqli::options(). */
function open(array $options = []): mysqli
{
    $connection = mysqli_init();
    $connection->options(MYSQLI_OPT_CONNECT_TIMEOUT, 30);
    $connection->options(MYSQLI_OPT_LOCAL_INFILE, $options['local_infile'] ?? 0);
    foreach ($options['settings'] ?? [] as $name => $value) {
        $connection->options($name, $value);
    }
    if ($options['tls'] ?? false) {
        $connection->ssl_set(null, null, env('CA'), null, null);
    }
    $connection->real_connect(
        ($options['prefix'] ?? '') . env('HOST'),
        $options['user'] ?? env('USER'),
        $options['password'] ?? env('PASSWORD'),
        array_key_exists('schema', $options) ? $options['schema'] : env('SCHEMA'),
        (int) env('PORT'),
        null,
        ($options['flags'] ?? 0) | (($options['tls'] ?? false) ? MYSQLI_CLIENT_SSL : 0)
    );
    if ($options['charset'] ?? 'utf8mb4') {
        $connection->set_charset($options['charset'] ?? 'utf8mb4');
    }
    return $connection;
}

function value(mysqli $connection, string $sql): mixed
{
    return $connection->query($sql)->fetch_row()[0];
}

// ---- Printing replies ----

function tell_fields(mysqli_result $result): void
{
    foreach ($result->fetch_fields() as $field) {
        echo '    column ', show((array) $field), "\n";
    }
}

function tell_rows(mysqli_result $result): void
{
    while ($row = $result->fetch_row()) {
        echo '    row ', show($row), "\n";
    }
}

function tell_end(mysqli $connection): void
{
    echo '    affected ', show($connection->affected_rows), ', insert id ', show($connection->insert_id), ', warnings ',
        $connection->warning_count, ', info ', show($connection->info), ', state ', $connection->sqlstate, ', fields ',
        $connection->field_count, "\n";
}

/** Prints all results of a text statement. */
function tell(mysqli $connection, string $sql, int $mode = MYSQLI_STORE_RESULT): void
{
    echo '> ', shorten($sql), "\n";
    try {
        $result = $connection->query($sql, $mode);
        tell_results($connection, $result);
    } catch (mysqli_sql_exception | ValueError $error) {
        echo '    error ', describe($error), ", warnings {$connection->warning_count}\n";
    }
}

function tell_results(mysqli $connection, mysqli_result|bool $result): void
{
    while (true) {
        if ($result instanceof mysqli_result) {
            tell_fields($result);
            tell_rows($result);
            $result->free();
        }
        tell_end($connection);
        if (!$connection->more_results()) {
            return;
        }
        $connection->next_result();
        $result = $connection->store_result();
    }
}

/** Prepares, executes and prints all results. */
function tell_prepared(mysqli $connection, string $sql, string $types = '', array $parameters = []): void
{
    echo '? ', shorten($sql), $parameters ? ' with ' . show($parameters) : '', "\n";
    try {
        $statement = $connection->prepare($sql);
        if (!$statement) {
            return;
        }
        echo "    parameters {$statement->param_count}, fields {$statement->field_count}\n";
        if ($types !== '') {
            $statement->bind_param($types, ...$parameters);
        }
        $statement->execute();
        tell_statement($statement);
        $statement->close();
    } catch (mysqli_sql_exception $error) {
        echo '    error ', describe($error), "\n";
    }
}

function tell_statement(mysqli_stmt $statement): void
{
    while (true) {
        $result = $statement->field_count > 0 ? $statement->get_result() : false;
        if ($result) {
            tell_fields($result);
            tell_rows($result);
            $result->free();
        }
        echo '    affected ', show($statement->affected_rows), ', insert id ', show($statement->insert_id), ', state ',
            $statement->sqlstate, "\n";
        if (!$statement->more_results()) {
            return;
        }
        $statement->next_result();
    }
}

function tell_all(mysqli $connection, string ...$statements): void
{
    foreach ($statements as $sql) {
        tell($connection, $sql);
    }
}

function play(string $name, callable $tell): void
{
    $sessions = ['one' => open(), 'two' => open()];
    foreach (script($name) as [$session, $sql]) {
        echo "$session ";
        $tell($sessions[$session], $sql);
    }
}

function code_of(callable $act): int
{
    try {
        $act();
    } catch (mysqli_sql_exception $error) {
        return $error->getCode();
    }
    return 0;
}

function is_lost(callable $act): bool
{
    return in_array(code_of($act), [1053, 1317, 2006, 2013, 4031], true);
}

// ---- Chapters ----

chapter('connecting', function (): void {
    // Once with a password that the server has not in its cache, and once with one that it has; then the same over TLS.
    foreach ([['tls' => false], ['user' => env('OTHER_USER'), 'tls' => true]] as $options) {
        for ($again = 0; $again < 2; ++$again) {
            $connection = open($options);
            tell_all($connection, 'SELECT DATABASE(), CURRENT_USER(), @@autocommit');
            say('server', $connection->server_info, $connection->server_version, $connection->protocol_version);
            say('host', preg_replace('/^[^ ]+/', 'HOST', $connection->host_info), (array) $connection->get_charset());
            claim("the server's version is @@version", value($connection, 'SELECT @@version') === $connection->server_info);
            claim("the driver's number is the server's", (int) value($connection, 'SELECT CONNECTION_ID()') === $connection->thread_id);
            $connection->close();
        }
    }
    $connection = open(['schema' => null]);
    tell_all($connection, 'SELECT DATABASE()', 'SELECT * FROM numbers');
    attempt('select_db', fn () => $connection->select_db(env('SCHEMA')));
    tell($connection, 'SELECT DATABASE(), COUNT(*) FROM numbers');
    attempt('an unknown schema', fn () => $connection->select_db(env('SCHEMA') . '_none'));
    attempt('a schema without rights', fn () => $connection->select_db('mysql'));
    tell($connection, 'SELECT DATABASE()');
    tell(open(['settings' => [MYSQLI_INIT_COMMAND => 'SET SESSION group_concat_max_len = 1234']]), 'SELECT @@group_concat_max_len');
    tell(open(['settings' => [MYSQLI_OPT_INT_AND_FLOAT_NATIVE => 1]]), 'SELECT 1, -2, 1.5, 2.5e0, n, 18446744073709551615 FROM numbers WHERE n = 1');
    tell(open(['flags' => MYSQLI_CLIENT_FOUND_ROWS]), 'UPDATE accounts SET owner = owner WHERE id <= 3');
    tell(open(['flags' => MYSQLI_CLIENT_IGNORE_SPACE]), 'SELECT COUNT (*) FROM numbers');
    tell(open(['flags' => MYSQLI_CLIENT_INTERACTIVE]), 'SELECT @@wait_timeout = @@interactive_timeout');
    attempt('a wrong password', fn () => open(['password' => 'wrong']));
    attempt('a wrong password over TLS', fn () => open(['password' => 'wrong', 'tls' => true]));
    attempt('no password', fn () => open(['password' => '']));
    attempt('an unknown user', fn () => open(['user' => 'nobody_at_all']));
    attempt('an unknown schema', fn () => open(['schema' => env('SCHEMA') . '_none']));
    attempt('a schema without rights', fn () => open(['schema' => 'mysql']));
});

$scripts = [
    'expressions', 'writes', 'warnings', 'errors', 'diagnostics', 'privileges', 'procedures', 'transactions', 'isolation', 'locks', 'session',
    'sql_modes', 'character_sets', 'metadata', 'names_of_clients',
];
foreach ($scripts as $name) {
    chapter("script $name", fn () => play($name, 'tell'));
}
foreach (['expressions', 'writes', 'warnings', 'errors', 'diagnostics', 'privileges', 'procedures', 'transactions', 'isolation', 'session', 'sql_modes', 'metadata'] as $name) {
    chapter("script $name, prepared", fn () => play($name, 'tell_prepared'));
}

chapter('several statements', function (): void {
    $connection = open();
    foreach (script('several') as [, $sql]) {
        echo '> ', shorten($sql), "\n";
        try {
            $connection->multi_query($sql);
            tell_results($connection, $connection->store_result());
        } catch (mysqli_sql_exception $error) {
            echo '    error ', describe($error), "\n";
        }
    }
    tell($connection, 'SELECT 1; SELECT 2');
    $connection->multi_query('SELECT 1; SELECT 2; SELECT 3');
    attempt('a query while results are left', fn () => $connection->query('SELECT 4'));
});

chapter('every type', function (): void {
    $connection = open();
    $columns = array_column($connection->query('SHOW COLUMNS FROM types')->fetch_all(), 0);
    foreach ($columns as $column) {
        tell($connection, "SELECT $column FROM types ORDER BY id");
        tell_prepared($connection, "SELECT $column FROM types ORDER BY id");
    }
    tell($connection, 'SELECT data FROM all_bytes');
    tell_prepared($connection, 'SELECT data FROM all_bytes');
    foreach (['d', 'dt', 'ts', 'y'] as $column) {
        tell($connection, "SELECT $column FROM zero_dates ORDER BY id");
        tell_prepared($connection, "SELECT $column FROM zero_dates ORDER BY id");
    }
    tell($connection, 'SELECT * FROM newer_types');
    tell_prepared(open(), 'SELECT * FROM newer_types');
});

chapter('parameters', function (): void {
    $connection = open();
    $connection->query('CREATE TABLE texts (id INT PRIMARY KEY, t TEXT, b BLOB)');
    $insert = $connection->prepare('INSERT INTO texts VALUES (?, ?, ?)');
    $insert->bind_param('iss', $id, $text, $text);
    $find = $connection->prepare('SELECT t, b, LENGTH(t) FROM texts WHERE id = ?');
    foreach (HARD_TEXTS as $id => $text) {
        $insert->execute();
        $find->bind_param('i', $id);
        $find->execute();
        $row = $find->get_result()->fetch_row();
        claim(show_text($text) . ' comes back as it went', $row[0] === $text && $row[1] === $text);
        $escaped = $connection->real_escape_string($text);
        say('escaped by the driver', $escaped, value($connection, "SELECT HEX('$escaped')"));
    }
    $id = 1000;
    $text = 'all';
    $insert->bind_param('isb', $id, $text, $null);
    $insert->send_long_data(2, substr(all_bytes(), 0, 100));
    $insert->send_long_data(2, substr(all_bytes(), 100));
    $insert->execute();
    claim('all bytes come back', value($connection, 'SELECT b FROM texts WHERE id = 1000') === all_bytes());
    tell_prepared($connection, 'SELECT ?, ?, ?, ?', 'sids', [null, 42, 1.5, 'é🐬']);
    tell_prepared($connection, 'SELECT ? + 1, ? * 2', 'ii', [PHP_INT_MAX - 1, PHP_INT_MIN / 2]);
    tell_prepared($connection, 'SELECT n FROM numbers WHERE n BETWEEN ? AND ? ORDER BY n LIMIT ?', 'iii', [5, 50, 3]);
    tell_prepared($connection, 'SELECT ?', '', []);
    $changing = $connection->prepare('SELECT ?, COUNT(*) FROM numbers WHERE n < ?');
    foreach ([['ii', 1, 5], ['sd', 'x', 5.5], ['ds', 2.5, '7'], ['ss', null, null]] as [$types, $first, $second]) {
        $changing->bind_param($types, $first, $second);
        $changing->execute();
        say("again as $types", $changing->get_result()->fetch_all());
    }
    attempt('reset', fn () => $changing->reset());
    $changing->execute();
    say('after the reset', $changing->get_result()->fetch_all());
    tell($connection, 'ALTER TABLE texts ADD extra INT DEFAULT 7');
    $find->execute();
    say('after an ALTER between prepare and execute', $find->get_result()->fetch_all());
    $all = $connection->prepare('SELECT * FROM texts WHERE id = 1');
    $connection->query('ALTER TABLE texts ADD more INT DEFAULT 8');
    attempt('SELECT * after another', function () use ($all) {
        $all->execute();
        return $all->get_result()->fetch_all();
    });
    tell($connection, 'DROP TABLE texts');
    attempt('after DROP TABLE', fn () => $find->execute());
    attempt('many statements at once', function () use ($connection) {
        $kept = [];
        for ($n = 1; $n <= 50; ++$n) {
            $kept[$n] = $connection->prepare("SELECT ? * $n");
        }
        $sum = 0;
        foreach ($kept as $n => $statement) {
            $statement->execute([$n]);
            $sum += $statement->get_result()->fetch_row()[0];
        }
        return $sum;
    });
    tell($connection, "SHOW SESSION STATUS LIKE 'no_such_counter%'");
    attempt('execute with an array', function () use ($connection) {
        $statement = $connection->prepare('INSERT INTO counted (n, note) VALUES (?, ?)');
        $statement->execute([77, 'by array']);
        $again = $statement->execute([78, 'by array']);
        return [$statement->insert_id, $statement->affected_rows, $again, $connection->insert_id];
    });
    attempt('execute_query', fn () => $connection->execute_query('SELECT n, note FROM counted WHERE n = ?', [77])->fetch_all());
    attempt('a row that is there twice', fn () => $connection->execute_query('INSERT INTO counted (n) VALUES (?)', [77]));
    tell($connection, 'TRUNCATE counted');
});

chapter('escaping follows sql_mode', function (): void {
    foreach (['', 'NO_BACKSLASH_ESCAPES', 'ANSI_QUOTES'] as $mode) {
        $connection = open();
        $connection->query("SET SESSION sql_mode = '$mode'");
        foreach (HARD_TEXTS as $text) {
            $escaped = $connection->real_escape_string($text);
            say("in '$mode'", $escaped, value($connection, "SELECT HEX('$escaped')"));
        }
    }
    $connection = open();
    foreach (['latin1', 'gbk', 'utf8mb3', 'utf8mb4'] as $charset) {
        attempt("set_charset $charset", fn () => $connection->set_charset($charset));
        say('it is', $connection->character_set_name(), (array) $connection->get_charset());
        tell_all($connection, "SELECT @@character_set_client, @@collation_connection, HEX('\xc3\xa9')", 'SELECT id, HEX(t), t FROM latin1_text ORDER BY id');
    }
    attempt('set_charset nonsense', fn () => $connection->set_charset('nonsense'));
});

chapter('results as they come', function (): void {
    $connection = open();
    $connection->query('SET cte_max_recursion_depth = 100000');
    $many = "WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c WHERE n < %d) SELECT n, REPEAT('x', 90) AS t FROM c";
    $result = $connection->query(sprintf($many, 5000), MYSQLI_USE_RESULT);
    say('the first', $result->fetch_row()[0]);
    attempt('another query meanwhile', fn () => $connection->query('SELECT 1'));
    $count = 1;
    while ($result->fetch_row()) {
        ++$count;
    }
    say('all', $count, $result->num_rows);
    $result->free();
    $result = $connection->query(sprintf($many, 40000), MYSQLI_USE_RESULT);
    say('the first', $result->fetch_row()[0]);
    $result->free();
    tell($connection, "SELECT 'after an early end'");
    $result = $connection->query('SELECT n, IF(n < 500, n, (SELECT n FROM numbers UNION SELECT 1)) FROM numbers ORDER BY n', MYSQLI_USE_RESULT);
    attempt('an error in the middle', function () use ($result) {
        for ($count = 0; $result->fetch_row(); ++$count) {
        }
        return $count;
    });
    attempt('after it', fn () => value($connection, 'SELECT 1'));
    $statement = $connection->prepare('SELECT n, IF(n < 500, n, (SELECT n FROM numbers UNION SELECT 1)) FROM numbers ORDER BY n');
    attempt('an error in the middle of a prepared result', function () use ($statement) {
        $statement->execute();
        return count($statement->get_result()->fetch_all());
    });
    attempt('after it', fn () => value($connection, 'SELECT 1'));
    $connection = open();
    $rows = $connection->query('SELECT n, word FROM numbers ORDER BY n')->fetch_all(MYSQLI_ASSOC);
    say('all at once', count($rows), $rows[999]);
    $statement = $connection->prepare('SELECT n, word FROM numbers WHERE n <= ? ORDER BY n');
    $statement->execute([3]);
    $statement->bind_result($n, $word);
    while ($statement->fetch()) {
        say('bound', $n, $word);
    }
    $statement->close();
});

chapter('cursors', function (): void {
    $connection = open();
    $other = open();
    $statement = $connection->prepare('SELECT n, word FROM numbers WHERE n <= ? ORDER BY n');
    $statement->attr_set(MYSQLI_STMT_ATTR_CURSOR_TYPE, MYSQLI_CURSOR_TYPE_READ_ONLY);
    $statement->attr_set(MYSQLI_STMT_ATTR_PREFETCH_ROWS, 1);
    $second = $connection->prepare('SELECT COUNT(*) FROM accounts');
    $limit = 20;
    $statement->bind_param('i', $limit);
    $statement->execute();
    $statement->bind_result($n, $word);
    for ($row = 0; $row < 5; ++$row) {
        $statement->fetch();
        say('row', $n, $word);
    }
    say('between fetches, text', value($connection, 'SELECT COUNT(*) FROM numbers'));
    $second->execute();
    say('between fetches, prepared', $second->get_result()->fetch_all());
    $other->query("UPDATE numbers SET word = CONCAT(word, '!') WHERE n = 6");
    $statement->fetch();
    say('row', $n, $word);
    $statement->execute();
    $statement->fetch();
    say('executed again', $n, $word);
    $statement->free_result();
    $limit = 2;
    $statement->execute();
    for ($count = 0; $statement->fetch(); ++$count) {
    }
    say('to the end', $count);
    $statement->close();
    $other->query("UPDATE numbers SET word = 'number 6' WHERE n = 6");
    $write = $connection->prepare('UPDATE accounts SET owner = owner');
    $write->attr_set(MYSQLI_STMT_ATTR_CURSOR_TYPE, MYSQLI_CURSOR_TYPE_READ_ONLY);
    attempt('a cursor over what has no rows', fn () => $write->execute());
    $connection->begin_transaction();
    $statement = $connection->prepare('SELECT n FROM numbers ORDER BY n FOR UPDATE');
    $statement->attr_set(MYSQLI_STMT_ATTR_CURSOR_TYPE, MYSQLI_CURSOR_TYPE_READ_ONLY);
    $statement->execute();
    $statement->bind_result($n);
    $statement->fetch();
    say('row of a locking cursor', $n);
    $connection->commit();
    attempt('after the commit', fn () => $statement->fetch());
});

chapter('procedures', function (): void {
    $connection = open();
    tell_prepared($connection, 'CALL several_results(?)', 'i', [2]);
    $b = 5;
    tell_prepared($connection, 'CALL in_and_out(?, ?, ?, ?)', 'iiss', [3, 5, 'c', 'd']);
    tell_prepared($connection, 'CALL out_and_result(?, ?)', 'ii', [2, 0]);
    tell_prepared($connection, 'CALL fails_midway()');
    tell($connection, "SELECT 'still here'");
});

chapter('big values', function (): void {
    $connection = open();
    foreach ([255, 65535, 1 << 20, (1 << 24) - 12, 17 << 20] as $size) {
        $text = str_repeat('x', $size);
        attempt("text of $size", fn () => value($connection, "SELECT '$text'") === $text);
    }
    $statement = $connection->prepare('SELECT LENGTH(?), SHA2(?, 256)');
    $data = str_repeat(all_bytes(), 17 << 12);
    attempt('a parameter of 17 MiB', function () use ($statement, $data) {
        $statement->execute([$data, 'x']);
        return $statement->get_result()->fetch_row();
    });
    $insert = $connection->prepare('INSERT INTO blobs VALUES (?, ?)');
    $id = 1;
    $insert->bind_param('ib', $id, $null);
    for ($part = 0; $part < 8; ++$part) {
        $insert->send_long_data(1, str_repeat(all_bytes(), 1 << 10));
    }
    $insert->execute();
    claim('a blob of 2 MiB in pieces', value($connection, 'SELECT data FROM blobs') === str_repeat(all_bytes(), 1 << 13));
    $insert->send_long_data(1, 'thrown away');
    $insert->reset();
    $id = 2;
    $insert->execute();
    say('after a reset', value($connection, 'SELECT LENGTH(data) FROM blobs WHERE id = 2'));
    attempt('long data for a parameter that is not there', fn () => $insert->send_long_data(9, 'x'));
    $insert->close();
});

chapter('files of the client', function (): void {
    $path = env('FOLDER') . '/rows.tsv';
    file_put_contents($path, implode('', array_map(fn (int $n): string => "$n\ttext é $n\t$n.25\n", range(1, 3000))));
    $load = "LOAD DATA LOCAL INFILE '$path' INTO TABLE loaded CHARACTER SET utf8mb4";
    $connection = open(['local_infile' => 1]);
    tell_all($connection, $load, 'SELECT COUNT(*), SUM(id), SUM(d), MAX(t) FROM loaded', $load, 'SHOW COUNT(*) WARNINGS');
    tell_all($connection, str_replace('rows', 'missing', $load), 'SELECT COUNT(*) FROM loaded');
    tell_prepared($connection, $load);
    tell($connection, 'DELETE FROM loaded');
    tell_all(open(), $load, 'SELECT COUNT(*) FROM loaded');
});

chapter('transactions as the driver has them', function (): void {
    $connection = open();
    $other = open();
    attempt('autocommit(false)', fn () => $connection->autocommit(false));
    tell_all($connection, 'SELECT @@autocommit', "INSERT INTO accounts VALUES (20, 'x', 1)");
    say('another sees', value($other, 'SELECT COUNT(*) FROM accounts'));
    attempt('rollback', fn () => $connection->rollback());
    attempt('autocommit(true)', fn () => $connection->autocommit(true));
    attempt('begin', fn () => $connection->begin_transaction(MYSQLI_TRANS_START_READ_ONLY, 'a name'));
    tell($connection, "INSERT INTO accounts VALUES (20, 'x', 1)");
    attempt('commit', fn () => $connection->commit());
    attempt('begin', fn () => $connection->begin_transaction(MYSQLI_TRANS_START_READ_WRITE | MYSQLI_TRANS_START_WITH_CONSISTENT_SNAPSHOT));
    tell($connection, "INSERT INTO accounts VALUES (20, 'x', 1)");
    attempt('savepoint', fn () => $connection->savepoint('s1'));
    tell($connection, "INSERT INTO accounts VALUES (21, 'x', 1)");
    attempt('release', fn () => $connection->release_savepoint('s1'));
    attempt('release again', fn () => $connection->release_savepoint('s1'));
    attempt('commit and chain', fn () => $connection->commit(MYSQLI_TRANS_COR_AND_CHAIN));
    tell($connection, 'DELETE FROM accounts WHERE id >= 20');
    attempt('rollback', fn () => $connection->rollback(MYSQLI_TRANS_COR_AND_NO_CHAIN));
    tell_all($connection, 'SELECT COUNT(*) FROM accounts', 'DELETE FROM accounts WHERE id >= 20');
    attempt('commit and release', function () use ($connection) {
        $connection->begin_transaction();
        return $connection->commit(MYSQLI_TRANS_COR_RELEASE);
    });
    claim('the connection is gone', is_lost(fn () => value($connection, 'SELECT 1')));
});

/** Starts a statement that is not waited for. */
function start(mysqli $connection, string $sql): void
{
    $connection->query($sql, MYSQLI_ASYNC);
}

/** Acts until the started statement has ended, then prints its result. */
function finish(mysqli $connection, string $label, ?callable $meanwhile = null): void
{
    for ($tries = 0; $tries < 1200; ++$tries) {
        if ($meanwhile) {
            $meanwhile();
        }
        $read = $error = $reject = [$connection];
        if (mysqli_poll($read, $error, $reject, 0, 50000) > 0) {
            attempt($label, function () use ($connection) {
                $result = $connection->reap_async_query();
                return $result instanceof mysqli_result ? $result->fetch_all() : [$result, $connection->affected_rows];
            });
            return;
        }
    }
    throw new RuntimeException("$label: it has not ended within a minute");
}

chapter('statements that run on their own', function (): void {
    $connections = [open(), open(), open()];
    foreach ($connections as $n => $connection) {
        start($connection, "SELECT $n, SLEEP(0.05)");
    }
    foreach ($connections as $n => $connection) {
        finish($connection, "statement $n");
    }
    $light = open();
    $heavy = open();
    // The server gives up the transaction that has changed less, whoever closes the circle.
    tell_all($heavy, 'BEGIN', 'INSERT INTO written (what) SELECT word FROM numbers WHERE n <= 50', 'UPDATE accounts SET balance = 1 WHERE id = 1');
    tell_all($light, 'BEGIN', 'UPDATE accounts SET balance = 2 WHERE id = 2');
    start($heavy, 'UPDATE accounts SET balance = 1 WHERE id = 2');
    tell($light, 'UPDATE accounts SET balance = 2 WHERE id = 1');
    finish($heavy, 'the other');
    tell_all($heavy, 'COMMIT', 'SELECT id, balance FROM accounts ORDER BY id', 'DELETE FROM written');
    start($light, 'SELECT * FROM no_such_table');
    finish($light, 'an error');
});

chapter('killing', function (): void {
    $victim = open();
    $killer = open();
    start($victim, 'SELECT COUNT(*) FROM numbers WHERE SLEEP(60)');
    // The statement may not have begun yet, and killing what does not run does nothing.
    finish($victim, 'a read that is killed', fn () => $killer->query("KILL QUERY {$victim->thread_id}"));
    tell($victim, "SELECT 'the connection goes on'");
    attempt('killing the connection', fn () => $killer->query("KILL {$victim->thread_id}"));
    claim('it is lost', is_lost(function () use ($victim) {
        for ($tries = 0; $tries < 2000; ++$tries) {
            $victim->query('SELECT 1');
        }
    }));
    // A server takes it off its list a moment after the connection was lost.
    claim('it is unknown then', code_of(function () use ($killer, $victim) {
        for ($tries = 0; $tries < 2000; ++$tries) {
            $killer->query("KILL {$victim->thread_id}");
        }
    }) === 1094);
});

chapter('commands of the protocol', function (): void {
    $connection = open();
    attempt('ping', fn () => $connection->ping());
    claim('stat speaks of threads and questions', preg_match('/^Uptime: \d+  Threads: \d+  Questions: \d+ .*Queries per second/', $connection->stat()) === 1);
    attempt('dump_debug_info', fn () => $connection->dump_debug_info());
    tell_all($connection, 'BEGIN', "INSERT INTO written (what) VALUES ('before')", 'CREATE TEMPORARY TABLE mine (i INT)', "SET @v = 1, time_zone = '+03:00'");
    $kept = $connection->prepare('SELECT 1');
    attempt('change_user', fn () => $connection->change_user(env('OTHER_USER'), env('PASSWORD'), env('SCHEMA')));
    tell_all($connection, 'SELECT CURRENT_USER(), DATABASE(), @v, @@time_zone, @@character_set_client', "SELECT COUNT(*) FROM written WHERE what = 'before'", 'SELECT * FROM mine');
    attempt('a statement prepared before', fn () => $kept->execute());
    claim('the number is still that of the server', (int) value($connection, 'SELECT CONNECTION_ID()') === $connection->thread_id);
    attempt('change_user without a schema', fn () => $connection->change_user(env('USER'), env('PASSWORD'), null));
    tell($connection, 'SELECT CURRENT_USER(), DATABASE()');
    attempt('change_user with a wrong password', fn () => $connection->change_user(env('OTHER_USER'), 'wrong', env('SCHEMA')));
    claim('the connection is gone then', is_lost(fn () => value($connection, 'SELECT 1')));
    $connection = open();
    tell($connection, 'SELECT 1 / 0, 2 / 0');
    attempt('get_warnings', function () use ($connection) {
        $found = [];
        $warning = $connection->get_warnings();
        do {
            $found[] = [$warning->errno, $warning->sqlstate, $warning->message];
        } while ($warning->next());
        return $found;
    });
    attempt('get_warnings without any', function () use ($connection) {
        $connection->query('SELECT 1');
        return $connection->get_warnings();
    });
    // From version 9 on servers have no COM_PROCESS_KILL any more. The proxy has it for every server, so only what
    // both have is tried.
    if ($connection->server_version < 90000) {
        attempt('kill', fn () => open()->kill($connection->thread_id));
        claim('killed', is_lost(fn () => value($connection, 'SELECT 1')));
    }
});

chapter('connections that PHP keeps', function (): void {
    // A persistent connection is handed out again after COM_CHANGE_USER.
    $first = open(['prefix' => 'p:']);
    $number = $first->thread_id;
    tell_all($first, 'BEGIN', "INSERT INTO written (what) VALUES ('kept')", "SET @v = 1, time_zone = '+03:00', sql_mode = 'ANSI_QUOTES'", 'CREATE TEMPORARY TABLE mine (i INT)');
    $first->close();
    $second = open(['prefix' => 'p:']);
    claim('it is the same connection', $second->thread_id === $number);
    tell_all($second, 'SELECT @v, @@time_zone, "text", DATABASE(), CURRENT_USER()', "SELECT COUNT(*) FROM written WHERE what = 'kept'", 'SELECT * FROM mine');
    $second->close();
});

chapter('compression', function (): void {
    if (env('COMPRESSION') === '') {
        say('one of the two does not offer it');
        return;
    }
    foreach ([false, true] as $tls) {
        $connection = open(['flags' => MYSQLI_CLIENT_COMPRESS, 'tls' => $tls]);
        say('compression is used');
        tell_all($connection, 'SELECT 1', 'SELECT n, word FROM numbers ORDER BY n', 'SELECT * FROM no_such_table', 'CALL several_results(2)');
        tell_prepared($connection, 'SELECT ?, n FROM numbers ORDER BY n LIMIT 2', 's', [str_repeat('y', 5000)]);
        foreach ([40, 60, 255, 65535, 1 << 20, (1 << 24) - 12, 17 << 20] as $size) {
            $text = str_repeat('compress ', intdiv($size, 9));
            attempt("text of $size", fn () => value($connection, "SELECT '$text'") === $text);
        }
    }
});

echo "the end\n";
