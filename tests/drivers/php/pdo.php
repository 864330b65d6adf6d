<?php
// PDO on top of mysqlnd: prepared statements that PDO emulates and ones that the server has, buffered and not.
declare(strict_types=1);

require __DIR__ . '/observe.php';

const NATIVE = [PDO::ATTR_EMULATE_PREPARES => false];
const EMULATED = [PDO::ATTR_EMULATE_PREPARES => true];
const WITH_TLS = [PDO::MYSQL_ATTR_SSL_VERIFY_SERVER_CERT => false];

function open(array $attributes = [], array $options = []): PDO
{
    $schema = array_key_exists('schema', $options) ? $options['schema'] : env('SCHEMA');
    $charset = $options['charset'] ?? 'utf8mb4';
    $name = 'mysql:host=' . env('HOST') . ';port=' . env('PORT') . ($schema === null ? '' : ";dbname=$schema") . ";charset=$charset";
    return new PDO($name, $options['user'] ?? env('USER'), $options['password'] ?? env('PASSWORD'), $attributes + [
        PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
        PDO::ATTR_TIMEOUT => 30,
    ]);
}

function over_tls(): array
{
    return [PDO::MYSQL_ATTR_SSL_CA => env('CA')] + WITH_TLS;
}

function value(PDO $connection, string $sql): mixed
{
    return $connection->query($sql)->fetchColumn();
}

/** Prints all results of an executed statement. */
function tell_results(PDO $connection, PDOStatement $statement): void
{
    do {
        for ($column = 0; $column < $statement->columnCount(); ++$column) {
            echo '    column ', show($statement->getColumnMeta($column)), "\n";
        }
        if ($statement->columnCount() > 0) {
            foreach ($statement->fetchAll(PDO::FETCH_NUM) as $row) {
                echo '    row ', show($row), "\n";
            }
        }
        echo '    rows ', $statement->rowCount(), ', insert id ', $connection->lastInsertId(), ', state ', $statement->errorCode(),
            ', in transaction ', show($connection->inTransaction()), "\n";
    } while ($statement->nextRowset());
}

function tell(PDO $connection, string $sql): void
{
    echo '> ', shorten($sql), "\n";
    try {
        $statement = $connection->query($sql);
        if ($statement) {
            tell_results($connection, $statement);
        }
    } catch (PDOException | ValueError $error) {
        echo '    error ', describe($error), ', in transaction ', show($connection->inTransaction()), "\n";
    }
}

function tell_prepared(PDO $connection, string $sql, array $parameters = []): void
{
    echo '? ', shorten($sql), $parameters ? ' with ' . show($parameters) : '', "\n";
    try {
        $statement = $connection->prepare($sql);
        if (!$statement) {
            return;
        }
        $statement->execute($parameters);
        tell_results($connection, $statement);
    } catch (PDOException | ValueError $error) {
        echo '    error ', describe($error), ', in transaction ', show($connection->inTransaction()), "\n";
    }
}

function tell_all(PDO $connection, string ...$statements): void
{
    foreach ($statements as $sql) {
        tell($connection, $sql);
    }
}

function play(string $name, callable $tell, array $attributes): void
{
    $sessions = ['one' => open($attributes), 'two' => open($attributes)];
    foreach (script($name) as [$session, $sql]) {
        echo "$session ";
        $tell($sessions[$session], $sql);
    }
}

// ---- Chapters ----

chapter('connecting', function (): void {
    // Once with a password that the server has not in its cache, and once with one that it has; then the same over TLS.
    foreach ([[[], []], [over_tls(), ['user' => env('OTHER_USER')]]] as [$attributes, $options]) {
        for ($again = 0; $again < 2; ++$again) {
            $connection = open($attributes, $options);
            tell($connection, 'SELECT DATABASE(), CURRENT_USER(), @@autocommit, @@character_set_client');
            say('server', $connection->getAttribute(PDO::ATTR_SERVER_VERSION), $connection->getAttribute(PDO::ATTR_AUTOCOMMIT));
            say('status', preg_replace('/^[^ ]+/', 'HOST', $connection->getAttribute(PDO::ATTR_CONNECTION_STATUS)));
            $info = $connection->getAttribute(PDO::ATTR_SERVER_INFO);
            claim('the info speaks of threads and questions', preg_match('/^Uptime: \d+  Threads: \d+  Questions: \d+ .*Queries per second/', $info) === 1);
            claim("the server's version is @@version", value($connection, 'SELECT @@version') === $connection->getAttribute(PDO::ATTR_SERVER_VERSION));
        }
    }
    $connection = open([], ['schema' => null]);
    tell_all($connection, 'SELECT DATABASE()', 'SELECT * FROM numbers', 'USE ' . env('SCHEMA'), 'SELECT DATABASE(), COUNT(*) FROM numbers');
    tell(open([PDO::MYSQL_ATTR_INIT_COMMAND => 'SET SESSION group_concat_max_len = 1234']), 'SELECT @@group_concat_max_len');
    tell(open([PDO::MYSQL_ATTR_FOUND_ROWS => true]), 'UPDATE accounts SET owner = owner WHERE id <= 3');
    tell(open([PDO::MYSQL_ATTR_IGNORE_SPACE => true]), 'SELECT COUNT (*) FROM numbers');
    tell(open([PDO::MYSQL_ATTR_MULTI_STATEMENTS => false]), 'SELECT 1; SELECT 2');
    tell(open([PDO::ATTR_AUTOCOMMIT => false]), 'SELECT @@autocommit');
    attempt('a wrong password', fn () => open([], ['password' => 'wrong']));
    attempt('a wrong password over TLS', fn () => open(over_tls(), ['password' => 'wrong']));
    attempt('an unknown user', fn () => open([], ['user' => 'nobody_at_all']));
    attempt('an unknown schema', fn () => open([], ['schema' => env('SCHEMA') . '_none']));
    attempt('a schema without rights', fn () => open([], ['schema' => 'mysql']));
});

$scripts = ['expressions', 'writes', 'warnings', 'errors', 'procedures', 'transactions', 'isolation', 'session', 'sql_modes'];
foreach ($scripts as $name) {
    chapter("script $name, prepared at the server", fn () => play($name, 'tell_prepared', NATIVE));
}
foreach (['several', 'diagnostics', 'privileges', 'transactions', 'locks', 'character_sets', 'names_of_clients'] as $name) {
    chapter("script $name", fn () => play($name, 'tell', EMULATED));
}

chapter('every type', function (): void {
    foreach ([EMULATED, NATIVE, NATIVE + [PDO::ATTR_STRINGIFY_FETCHES => true]] as $attributes) {
        $connection = open($attributes);
        foreach ($connection->query('SHOW COLUMNS FROM types')->fetchAll(PDO::FETCH_COLUMN, 0) as $column) {
            $statement = $connection->prepare("SELECT $column FROM types WHERE id > ? ORDER BY id");
            $statement->execute([0]);
            say($column, $statement->getColumnMeta(0), $statement->fetchAll(PDO::FETCH_COLUMN, 0));
        }
        tell($connection, 'SELECT data FROM all_bytes');
        tell($connection, 'SELECT * FROM zero_dates ORDER BY id');
        tell(open($attributes), 'SELECT * FROM newer_types');
    }
});

chapter('parameters', function (): void {
    foreach ([EMULATED, NATIVE] as $attributes) {
        $connection = open($attributes);
        $connection->exec('CREATE TABLE texts (id INT PRIMARY KEY, t TEXT, b BLOB)');
        $insert = $connection->prepare('INSERT INTO texts VALUES (:id, :t, :b)');
        $find = $connection->prepare('SELECT t, b, LENGTH(t) AS bytes FROM texts WHERE id = ?');
        foreach (HARD_TEXTS as $id => $text) {
            $insert->execute(['id' => $id, 't' => $text, 'b' => $text]);
            $find->execute([$id]);
            $row = $find->fetch(PDO::FETCH_ASSOC);
            claim(show_text($text) . ' comes back as it went', $row['t'] === $text && $row['b'] === $text);
        }
        $stream = fopen('php://memory', 'r+');
        fwrite($stream, all_bytes());
        rewind($stream);
        $insert->bindValue('id', 1000, PDO::PARAM_INT);
        $insert->bindValue('t', null, PDO::PARAM_NULL);
        $insert->bindParam('b', $stream, PDO::PARAM_LOB);
        $insert->execute();
        claim('all bytes come back', value($connection, 'SELECT b FROM texts WHERE id = 1000') === all_bytes());
        tell_prepared($connection, 'SELECT ?, ?, ?, ?', [null, 42, 1.5, 'é🐬']);
        tell_prepared($connection, 'SELECT n FROM numbers WHERE word = :word', ['word' => 'number 7']);
        $typed = $connection->prepare('SELECT ?, ?, ? FROM numbers ORDER BY n LIMIT ?');
        $typed->bindValue(1, true, PDO::PARAM_BOOL);
        $typed->bindValue(2, PHP_INT_MAX, PDO::PARAM_INT);
        $typed->bindValue(3, '1.5', PDO::PARAM_STR);
        $typed->bindValue(4, 2, PDO::PARAM_INT);
        $typed->execute();
        say('typed', $typed->fetchAll(PDO::FETCH_NUM));
        attempt('too few parameters', fn () => $find->execute([]));
        attempt('closeCursor and again', function () use ($find) {
            $find->execute([1]);
            $find->closeCursor();
            $find->execute([2]);
            return $find->fetchAll(PDO::FETCH_NUM);
        });
        tell($connection, 'DROP TABLE texts');
        attempt('after DROP TABLE', fn () => $find->execute([1]));
    }
});

chapter('escaping follows sql_mode', function (): void {
    foreach (['', 'NO_BACKSLASH_ESCAPES', 'ANSI_QUOTES'] as $mode) {
        $connection = open(EMULATED);
        $connection->exec("SET SESSION sql_mode = '$mode'");
        foreach (HARD_TEXTS as $text) {
            $quoted = $connection->quote($text);
            say("in '$mode'", $quoted, value($connection, "SELECT HEX($quoted)"));
        }
    }
});

chapter('fetching', function (): void {
    foreach ([true, false] as $buffered) {
        foreach ([EMULATED, NATIVE] as $attributes) {
            $connection = open($attributes + [PDO::MYSQL_ATTR_USE_BUFFERED_QUERY => $buffered]);
            $connection->exec('SET cte_max_recursion_depth = 100000');
            $statement = $connection->prepare(
                'WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c WHERE n < ?) SELECT n, REPEAT(\'x\', 90) FROM c'
            );
            $statement->execute([5000]);
            say('the first', $statement->fetch(PDO::FETCH_NUM)[0]);
            attempt('another meanwhile', fn () => value($connection, 'SELECT 1'));
            $count = 1;
            while ($statement->fetch(PDO::FETCH_NUM)) {
                ++$count;
            }
            say('all', $count);
            $statement->execute([20000]);
            $statement->fetch(PDO::FETCH_NUM);
            $statement->closeCursor();
            say('after an early end', value($connection, 'SELECT 1'));
            $wrong = 'SELECT n, IF(n < 500, n, (SELECT n FROM numbers UNION SELECT 1)) FROM numbers ORDER BY n';
            attempt('an error in the middle', fn () => count($connection->query($wrong)->fetchAll()));
            attempt('after it', fn () => value($connection, 'SELECT 1'));
            $statement = $connection->query('CALL several_results(2)');
            say('the first of several', $statement->fetchAll(PDO::FETCH_NUM));
            $statement->closeCursor();
            say('after the others were left', value($connection, 'SELECT 1'));
        }
    }
    $connection = open();
    say('classes', $connection->query('SELECT n, word FROM numbers WHERE n < 3 ORDER BY n')->fetchAll(PDO::FETCH_CLASS));
    say('groups', $connection->query('SELECT n % 2, n FROM numbers WHERE n < 5 ORDER BY n')->fetchAll(PDO::FETCH_GROUP | PDO::FETCH_COLUMN));
    say('pairs', $connection->query('SELECT n, word FROM numbers WHERE n < 3 ORDER BY n')->fetchAll(PDO::FETCH_KEY_PAIR));
});

chapter('transactions as the driver has them', function (): void {
    foreach ([EMULATED, NATIVE] as $attributes) {
        $connection = open($attributes);
        $other = open($attributes);
        attempt('begin', fn () => $connection->beginTransaction());
        attempt('begin again', fn () => $connection->beginTransaction());
        tell($connection, "INSERT INTO accounts VALUES (30, 'x', 1)");
        say('another sees', value($other, 'SELECT COUNT(*) FROM accounts'));
        attempt('roll back', fn () => $connection->rollBack());
        attempt('roll back again', fn () => $connection->rollBack());
        attempt('begin', fn () => $connection->beginTransaction());
        tell($connection, "INSERT INTO accounts VALUES (30, 'x', 1)");
        attempt('a row that is there twice', fn () => $connection->exec("INSERT INTO accounts VALUES (30, 'x', 1)"));
        say('still inside', $connection->inTransaction());
        attempt('commit', fn () => $connection->commit());
        attempt('begin', fn () => $connection->beginTransaction());
        attempt('DDL', fn () => $connection->exec('CREATE TABLE ends_it (i INT)'));
        say('outside after DDL', $connection->inTransaction());
        attempt('commit', fn () => $connection->commit());
        attempt('exec', fn () => $connection->exec('DELETE FROM accounts WHERE id >= 30; DROP TABLE ends_it'));
        attempt('BEGIN as text', fn () => $connection->exec('BEGIN'));
        say('inside', $connection->inTransaction());
        attempt('commit', fn () => $connection->commit());
        attempt('autocommit off', fn () => $connection->setAttribute(PDO::ATTR_AUTOCOMMIT, 0));
        tell($connection, "INSERT INTO accounts VALUES (31, 'x', 1)");
        attempt('autocommit on', fn () => $connection->setAttribute(PDO::ATTR_AUTOCOMMIT, 1));
        tell($connection, 'DELETE FROM accounts WHERE id = 31');
    }
    $connection = open(NATIVE);
    attempt('errors that do not throw', function () use ($connection) {
        $connection->setAttribute(PDO::ATTR_ERRMODE, PDO::ERRMODE_SILENT);
        return [$connection->exec('SELEKT'), $connection->errorInfo(), $connection->exec('DO 1'), $connection->errorInfo()];
    });
    attempt('lastInsertId', function () use ($connection) {
        $connection->exec('INSERT INTO watched (n) VALUES (1)');
        $id = $connection->lastInsertId();
        $connection->query('SELECT 1')->fetchAll();
        return [$id, $connection->lastInsertId(), value($connection, 'SELECT LAST_INSERT_ID()')];
    });
});

chapter('connections that PHP keeps', function (): void {
    $first = open([PDO::ATTR_PERSISTENT => true]);
    $number = value($first, 'SELECT CONNECTION_ID()');
    $first->exec("SET @v = 1, time_zone = '+03:00'");
    $first = null;
    $second = open([PDO::ATTR_PERSISTENT => true]);
    claim('it is the same connection', value($second, 'SELECT CONNECTION_ID()') === $number);
    tell($second, 'SELECT @v, @@time_zone');
});

chapter('big values and files', function (): void {
    foreach ([EMULATED, NATIVE] as $attributes) {
        $connection = open($attributes + [PDO::MYSQL_ATTR_LOCAL_INFILE => true]);
        foreach ([65535, 1 << 20, 17 << 20] as $size) {
            $statement = $connection->prepare('SELECT ?');
            attempt("text of $size", function () use ($statement, $size) {
                $statement->execute([str_repeat('x', $size)]);
                return strlen($statement->fetchColumn());
            });
        }
        $path = env('FOLDER') . '/rows.tsv';
        file_put_contents($path, implode('', array_map(fn (int $n): string => "$n\ttext é $n\t$n.25\n", range(1, 1000))));
        $load = "LOAD DATA LOCAL INFILE '$path' REPLACE INTO TABLE loaded CHARACTER SET utf8mb4";
        attempt('a file', fn () => $connection->exec($load));
        tell($connection, 'SELECT COUNT(*), SUM(id), SUM(d), MAX(t) FROM loaded');
        attempt('a file that is not there', fn () => $connection->exec(str_replace('rows', 'missing', $load)));
        attempt('a file while that is off', fn () => open($attributes)->exec($load));
    }
});

chapter('compression', function (): void {
    if (env('COMPRESSION') === '') {
        say('one of the two does not offer it');
        return;
    }
    foreach ([[], over_tls()] as $attributes) {
        $connection = open(NATIVE + [PDO::MYSQL_ATTR_COMPRESS => true] + $attributes);
        say('compression is used');
        tell_prepared($connection, 'SELECT n, word FROM numbers ORDER BY n');
        tell_prepared($connection, 'SELECT ?, n FROM numbers ORDER BY n LIMIT 2', [str_repeat('y', 5000)]);
        tell_prepared($connection, 'CALL several_results(2)');
        foreach ([40, 60, 65535, 1 << 20, 17 << 20] as $size) {
            $statement = $connection->prepare('SELECT ?');
            $text = str_repeat('compress ', intdiv($size, 9));
            $statement->execute([$text]);
            claim("text of $size", $statement->fetchColumn() === $text);
        }
    }
});

echo "the end\n";
