<?php
// What the programs in PHP share: chapters, and how values are printed.
declare(strict_types=1);

const SHOWN = 300;
// Text that is hard to quote, to escape, or to count.
const HARD_TEXTS = [
    '', ' ', "'", '"', '\\', "\\'", "''", '%s', '%', '?', "a\0b", "line\r\nbreak\x1a", '-- no comment', '/* nor */ this',
    'é', '日本', '🐬', ';', '`', '$$', '{}', ':name', 'NULL', '0',
];

// What the driver complains about is part of what is compared.
set_error_handler(function (int $level, string $text): bool {
    echo '    PHP says ', show_text($text), "\n";
    return true;
});

function env(string $name): string
{
    return (string) getenv("DRIVERS_$name");
}

function all_bytes(): string
{
    return implode('', array_map('chr', range(0, 255)));
}

/** Runs a chapter. What it throws does not keep the others from running. */
function chapter(string $title, callable $act): void
{
    global $argv;
    if (count($argv) > 1 && !in_array($title, array_slice($argv, 1), true)) {
        return;
    }
    echo "== $title\n";
    try {
        $act();
    } catch (Throwable $error) {
        echo '!! ended early at line ', line_in_program($error), ': ', describe($error), "\n";
    }
}

function line_in_program(Throwable $error): int
{
    return $error->getTrace()[0]['line'] ?? $error->getLine();
}

function say(string $label, mixed ...$values): void
{
    echo $label, $values ? ': ' . implode(', ', array_map('show', $values)) : '', "\n";
}

/** A line for a value that rightly differs from run to run: what is said of it must not differ. */
function claim(string $text, bool $holds): void
{
    echo $text, ': ', $holds ? 'yes' : 'no', "\n";
}

function show(mixed $value): string
{
    if (is_string($value)) {
        return show_text($value);
    }
    if (is_float($value)) {
        return 'float ' . var_export($value, true);
    }
    if (is_array($value)) {
        $parts = [];
        foreach ($value as $key => $item) {
            $parts[] = array_is_list($value) ? show($item) : "$key: " . show($item);
        }
        return '[' . implode(', ', $parts) . ']';
    }
    if (is_object($value)) {
        return get_class($value) . ' ' . show(get_object_vars($value));
    }
    return var_export($value, true);
}

/** In printable ASCII, whatever bytes it has. */
function show_text(string $text): string
{
    if (strlen($text) > SHOWN) {
        return 'text of ' . strlen($text) . ', sha256 ' . substr(hash('sha256', $text), 0, 16);
    }
    $escaped = preg_replace_callback(
        '/[^\x20-\x7e]|[\\\\"]/',
        fn (array $found): string => sprintf('\\x%02x', ord($found[0])),
        $text
    );
    return "\"$escaped\"";
}

function shorten(string $statement): string
{
    $text = str_replace(["\n", "\r", "\0"], ['\n', '\r', '\0'], $statement);
    return strlen($text) <= 2 * SHOWN ? $text : substr($text, 0, SHOWN) . ' ... ' . show_text($statement);
}

function describe(Throwable $error): string
{
    $state = '';
    if ($error instanceof mysqli_sql_exception) {
        $state = ' (' . $error->getSqlState() . ')';
    } elseif ($error instanceof PDOException) {
        $state = ' ' . show($error->errorInfo);
    }
    return get_class($error) . ' ' . show($error->getCode()) . "$state " . show_text($error->getMessage());
}

/** Prints what the act gives, or the error that it ends with. Returns what it gives. */
function attempt(string $label, callable $act): mixed
{
    try {
        $result = $act();
    } catch (Throwable $error) {
        echo "$label: error ", describe($error), "\n";
        return null;
    }
    echo "$label: ", show($result), "\n";
    return $result;
}

/** The statements of scripts/NAME.sql as [session, statement]: `one`, unless the line says `two>`. */
function script(string $name): array
{
    $statements = [];
    foreach (file(env('SCRIPTS') . "/$name.sql", FILE_IGNORE_NEW_LINES) as $line) {
        if ($line === '' || str_starts_with($line, '--')) {
            continue;
        }
        $session = str_starts_with($line, 'two> ') ? 'two' : 'one';
        $sql = $session === 'two' ? substr($line, 5) : $line;
        $sql = strtr($sql, ['{schema}' => env('SCHEMA'), '{newline}' => "\n", '{nothing}' => '', '{space}' => ' ']);
        $statements[] = [$session, $sql];
    }
    return $statements;
}
