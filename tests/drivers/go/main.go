// Go's driver: text statements that it fills in itself, prepared ones of the server, and a pool of connections.
package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"reflect"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
)

const shown = 300

// Text that is hard to quote, to escape, or to count.
var hardTexts = []string{
	"", " ", "'", "\"", "\\", "\\'", "''", "%s", "%", "?", "a\x00b", "line\r\nbreak\x1a", "-- no comment", "/* nor */ this", "é",
	"日本", "🐬", ";", "`", "$$", "{}", ":name", "NULL", "0",
}

var background = context.Background()

func env(name string) string { return os.Getenv("DRIVERS_" + name) }

func allBytes() []byte {
	bytes := make([]byte, 256)
	for i := range bytes {
		bytes[i] = byte(i)
	}
	return bytes
}

// ---- Chapters and printing ----

// chapter runs act. What it panics with does not keep the others from running.
func chapter(title string, act func()) {
	if len(os.Args) > 1 && !contains(os.Args[1:], title) {
		return
	}
	fmt.Printf("== %s\n", title)
	defer func() {
		if reason := recover(); reason != nil {
			fmt.Printf("!! ended early: %v\n", reason)
		}
	}()
	act()
}

func contains(texts []string, wanted string) bool {
	for _, text := range texts {
		if text == wanted {
			return true
		}
	}
	return false
}

func must(err error) {
	if err != nil {
		panic(describe(err))
	}
}

func say(label string, values ...interface{}) {
	parts := make([]string, len(values))
	for i, value := range values {
		parts[i] = show(value)
	}
	fmt.Printf("%s: %s\n", label, strings.Join(parts, ", "))
}

// claim prints a line for a value that rightly differs from run to run: what is said of it must not differ.
func claim(text string, holds bool) {
	answer := "no"
	if holds {
		answer = "yes"
	}
	fmt.Printf("%s: %s\n", text, answer)
}

func show(value interface{}) string {
	switch value := value.(type) {
	case nil:
		return "NULL"
	case []byte:
		return "bytes " + showText(string(value))
	case string:
		return showText(value)
	case time.Time:
		return "time " + value.Format(time.RFC3339Nano)
	case error:
		return describe(value)
	case []interface{}:
		parts := make([]string, len(value))
		for i, item := range value {
			parts[i] = show(item)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return fmt.Sprintf("%T %v", value, value)
}

func showText(text string) string {
	if len(text) > shown {
		return fmt.Sprintf("text of %d, sha256 %x", len(text), sha256.Sum256([]byte(text)))
	}
	return fmt.Sprintf("%+q", text)
}

func shorten(statement string) string {
	text := fmt.Sprintf("%q", statement)
	if len(text) <= 2*shown {
		return text
	}
	return text[:shown] + " ... " + showText(statement)
}

func describe(err error) string {
	if err == nil {
		return "none"
	}
	var refused *mysql.MySQLError
	if errors.As(err, &refused) {
		return fmt.Sprintf("error %d %s", refused.Number, showText(refused.Message))
	}
	return fmt.Sprintf("error %s", showText(err.Error()))
}

type statement struct{ session, sql string }

// script has the statements of scripts/NAME.sql, each with its session: "one", unless the line says `two>`.
func script(name string) []statement {
	content, err := os.ReadFile(env("SCRIPTS") + "/" + name + ".sql")
	must(err)
	placeholders := strings.NewReplacer("{schema}", env("SCHEMA"), "{newline}", "\n", "{nothing}", "", "{space}", " ")
	var statements []statement
	for _, line := range strings.Split(string(content), "\n") {
		if line == "" || strings.HasPrefix(line, "--") {
			continue
		}
		session := "one"
		if strings.HasPrefix(line, "two> ") {
			session, line = "two", line[5:]
		}
		statements = append(statements, statement{session, placeholders.Replace(line)})
	}
	return statements
}

// ---- Connections and statements ----

func config() *mysql.Config {
	settings := mysql.NewConfig()
	settings.User, settings.Passwd = env("USER"), env("PASSWORD")
	settings.Net, settings.Addr = "tcp", env("HOST")+":"+env("PORT")
	settings.DBName = env("SCHEMA")
	settings.Timeout, settings.ReadTimeout = 30*time.Second, 120*time.Second
	settings.Params = map[string]string{"charset": "utf8mb4"}
	return settings
}

// open gives a pool with the changes that edit makes to the usual settings.
func open(edit func(*mysql.Config)) *sql.DB {
	settings := config()
	if edit != nil {
		edit(settings)
	}
	pool, err := sql.Open("mysql", settings.FormatDSN())
	must(err)
	return pool
}

// connect gives one connection of a pool of its own.
func connect(edit func(*mysql.Config)) *sql.Conn {
	connection, err := open(edit).Conn(background)
	must(err)
	return connection
}

type runner interface {
	QueryContext(context.Context, string, ...interface{}) (*sql.Rows, error)
	ExecContext(context.Context, string, ...interface{}) (sql.Result, error)
}

// value gives the first column of the first row.
func value(on runner, sql string, parameters ...interface{}) interface{} {
	rows, err := on.QueryContext(background, sql, parameters...)
	must(err)
	defer rows.Close()
	if !rows.Next() {
		must(rows.Err())
		panic("no row")
	}
	values := scan(rows)
	must(rows.Err())
	return values[0]
}

func text(on runner, sql string, parameters ...interface{}) string {
	return asText(value(on, sql, parameters...))
}

func asText(value interface{}) string {
	if bytes, ok := value.([]byte); ok {
		return string(bytes)
	}
	return fmt.Sprint(value)
}

func scan(rows *sql.Rows) []interface{} {
	columns, err := rows.Columns()
	must(err)
	values, targets := make([]interface{}, len(columns)), make([]interface{}, len(columns))
	for i := range values {
		targets[i] = &values[i]
	}
	must(rows.Scan(targets...))
	return values
}

// tellRows prints all results.
func tellRows(rows *sql.Rows) {
	defer rows.Close()
	for {
		types, err := rows.ColumnTypes()
		if err != nil {
			fmt.Printf("    error of columns %s\n", describe(err))
		}
		for _, column := range types {
			nullable, nullableKnown := column.Nullable()
			length, lengthKnown := column.Length()
			precision, scale, sizeKnown := column.DecimalSize()
			fmt.Printf("    column %q %s %s nullable %v %v length %d %v size %d,%d %v\n", column.Name(), column.DatabaseTypeName(),
				reflect.TypeOf(reflect.New(column.ScanType()).Interface()).Elem(), nullable, nullableKnown, length, lengthKnown, precision, scale, sizeKnown)
		}
		for rows.Next() {
			fmt.Printf("    row %s\n", show(scan(rows)))
		}
		if rows.Err() != nil {
			fmt.Printf("    error of rows %s\n", describe(rows.Err()))
			return
		}
		if !rows.NextResultSet() {
			if rows.Err() != nil {
				fmt.Printf("    error of next result %s\n", describe(rows.Err()))
			}
			return
		}
	}
}

// hasRows tells which way the driver is asked. Behind an error in a later result this version of it waits for ever for
// more rows, so what ends in one is run as if it had none.
func hasRows(sql string) bool {
	trimmed := strings.ToUpper(strings.TrimLeft(sql, " ("))
	if strings.Contains(sql, "fails_midway") || strings.Contains(sql, ";;") ||
		strings.HasPrefix(sql, "SELECT 1; SEL") && strings.HasSuffix(sql, "3") {
		return false
	}
	for _, word := range []string{"SELECT", "SHOW", "TABLE", "VALUES", "WITH", "DESCRIBE", "EXPLAIN", "CALL", "CHECK", "ANALYZE", "CHECKSUM", "HELP", "EXECUTE", "HANDLER", "XA RECOVER", "/*"} {
		if strings.HasPrefix(trimmed, word) && !strings.Contains(trimmed, " INTO @") && !strings.Contains(trimmed, "UPDATE COUNTED") {
			return true
		}
	}
	return false
}

// tell prints what the driver gives for a statement: rows where the statement has some, else what changed.
func tell(on runner, sql string, parameters ...interface{}) {
	fmt.Printf("> %s", shorten(sql))
	if len(parameters) > 0 {
		fmt.Printf(" with %s", show(parameters))
	}
	fmt.Println()
	if hasRows(sql) {
		rows, err := on.QueryContext(background, sql, parameters...)
		if err != nil {
			fmt.Printf("    %s\n", describe(err))
			return
		}
		tellRows(rows)
		return
	}
	result, err := on.ExecContext(background, sql, parameters...)
	if err != nil {
		fmt.Printf("    %s\n", describe(err))
		return
	}
	id, _ := result.LastInsertId()
	affected, _ := result.RowsAffected()
	fmt.Printf("    affected %d, insert id %d\n", affected, id)
}

func tellAll(on runner, statements ...string) {
	for _, sql := range statements {
		tell(on, sql)
	}
}

// tellPrepared prepares, executes and prints.
func tellPrepared(on *sql.Conn, sql string) {
	fmt.Printf("? %s\n", shorten(sql))
	prepared, err := on.PrepareContext(background, sql)
	if err != nil {
		fmt.Printf("    preparing: %s\n", describe(err))
		return
	}
	defer prepared.Close()
	if hasRows(sql) {
		rows, err := prepared.Query()
		if err != nil {
			fmt.Printf("    %s\n", describe(err))
			return
		}
		tellRows(rows)
		return
	}
	result, err := prepared.Exec()
	if err != nil {
		fmt.Printf("    %s\n", describe(err))
		return
	}
	id, _ := result.LastInsertId()
	affected, _ := result.RowsAffected()
	fmt.Printf("    affected %d, insert id %d\n", affected, id)
}

func play(name string, edit func(*mysql.Config), tell func(*sql.Conn, string)) {
	sessions := map[string]*sql.Conn{"one": connect(edit), "two": connect(edit)}
	for _, each := range script(name) {
		fmt.Printf("%s ", each.session)
		tell(sessions[each.session], each.sql)
	}
}

func isLost(err error) bool {
	var refused *mysql.MySQLError
	if errors.As(err, &refused) {
		return refused.Number == 1053 || refused.Number == 1317 || refused.Number == 4031
	}
	return err != nil
}

func number(on runner) string { return text(on, "SELECT CONNECTION_ID()") }

// ---- The chapters ----

func connecting() {
	roots := x509.NewCertPool()
	certificate, err := os.ReadFile(env("CA"))
	must(err)
	roots.AppendCertsFromPEM(certificate)
	must(mysql.RegisterTLSConfig("verified", &tls.Config{RootCAs: roots, ServerName: env("HOST"), MinVersion: tls.VersionTLS12}))
	overTLS := func(settings *mysql.Config) { settings.User, settings.TLSConfig = env("OTHER_USER"), "verified" }
	// Once with a password that the server has not in its cache, and once with one that it has; then the same over TLS.
	for _, edit := range []func(*mysql.Config){nil, nil, overTLS, overTLS} {
		connection := connect(edit)
		tell(connection, "SELECT DATABASE(), CURRENT_USER(), @@autocommit, @@character_set_client, @@collation_connection")
		must(connection.PingContext(background))
		must(connection.Close())
	}
	tell(connect(func(settings *mysql.Config) { settings.Collation = "utf8mb4_bin" }), "SELECT @@collation_connection, 'a' = 'A'")
	tell(connect(func(settings *mysql.Config) {
		settings.Params["sql_mode"] = "'ANSI_QUOTES'"
		settings.Params["group_concat_max_len"] = "77"
	}),
		"SELECT @@sql_mode, @@group_concat_max_len, \"n\" FROM numbers LIMIT 1")
	tell(connect(func(settings *mysql.Config) { settings.Params["autocommit"] = "0" }), "SELECT @@autocommit")
	tell(connect(func(settings *mysql.Config) { settings.Params["transaction_isolation"] = "'READ-COMMITTED'" }), "SELECT @@transaction_isolation")
	tell(connect(func(settings *mysql.Config) { settings.MaxAllowedPacket = 0 }), "SELECT 'asked for the largest packet'")
	tell(connect(func(settings *mysql.Config) { settings.ClientFoundRows = true }), "UPDATE accounts SET owner = owner WHERE id <= 3")
	tell(connect(func(settings *mysql.Config) { settings.ColumnsWithAlias = true }), "SELECT a.n, b.n FROM numbers a JOIN numbers b USING (n) LIMIT 1")
	noSchema := connect(func(settings *mysql.Config) { settings.DBName = "" })
	tellAll(noSchema, "SELECT DATABASE()", "SELECT * FROM numbers", "USE "+env("SCHEMA"), "SELECT DATABASE(), COUNT(*) FROM numbers")
	for label, edit := range map[string]func(*mysql.Config){
		"a wrong password":          func(settings *mysql.Config) { settings.Passwd = "wrong" },
		"a wrong password over TLS": func(settings *mysql.Config) { settings.Passwd, settings.TLSConfig = "wrong", "verified" },
		"no password":               func(settings *mysql.Config) { settings.Passwd = "" },
		"an unknown user":           func(settings *mysql.Config) { settings.User = "nobody_at_all" },
		"an unknown schema":         func(settings *mysql.Config) { settings.DBName += "_none" },
		"a schema without rights":   func(settings *mysql.Config) { settings.DBName = "mysql" },
		"an unknown variable":       func(settings *mysql.Config) { settings.Params["no_such_variable"] = "1" },
	} {
		failures = append(failures, fmt.Sprintf("%s: %s", label, describe(open(edit).Ping())))
	}
	sort.Strings(failures)
	fmt.Println(strings.Join(failures, "\n"))
}

var failures []string

func types() {
	for _, parseTime := range []bool{false, true} {
		edit := func(settings *mysql.Config) { settings.ParseTime = parseTime }
		connection := connect(edit)
		rows, err := connection.QueryContext(background, "SHOW COLUMNS FROM types")
		must(err)
		var columns []string
		for rows.Next() {
			columns = append(columns, asText(scan(rows)[0]))
		}
		for _, column := range columns {
			tell(connection, "SELECT "+column+" FROM types ORDER BY id")
			tell(connection, "SELECT "+column+" FROM types WHERE id > ? ORDER BY id", 0)
		}
		tell(connection, "SELECT data FROM all_bytes")
		tell(connection, "SELECT data FROM all_bytes WHERE id = ?", 1)
		tell(connection, "SELECT id, d, dt, ts, y FROM zero_dates ORDER BY id")
		tell(connection, "SELECT id, d, dt, ts, y FROM zero_dates WHERE id > ? ORDER BY id", 0)
		tell(connect(edit), "SELECT * FROM newer_types")
		tell(connect(edit), "SELECT * FROM newer_types WHERE id = ?", 1)
	}
	berlin := connect(func(settings *mysql.Config) {
		settings.ParseTime = true
		settings.Loc = time.FixedZone("", 2*3600)
		settings.Params["time_zone"] = "'+02:00'"
	})
	tell(berlin, "SELECT c_timestamp6, c_datetime6, c_date FROM types WHERE id IN (1, ?)", 2)
	tell(berlin, "SELECT ?", time.Date(2024, 2, 29, 12, 0, 0, 123456000, time.UTC))
}

func parameters() {
	for _, interpolate := range []bool{false, true} {
		connection := connect(func(settings *mysql.Config) { settings.InterpolateParams = interpolate })
		say("filled in by the driver", interpolate)
		tell(connection, "CREATE TABLE texts (id INT PRIMARY KEY, t TEXT, b BLOB)")
		for id, hard := range hardTexts {
			_, err := connection.ExecContext(background, "INSERT INTO texts VALUES (?, ?, ?)", id, hard, []byte(hard))
			must(err)
			claim(showText(hard)+" comes back as it went", text(connection, "SELECT t FROM texts WHERE id = ? AND b = ?", id, []byte(hard)) == hard)
		}
		tell(connection, "INSERT INTO texts VALUES (?, ?, ?)", 1000, nil, allBytes())
		claim("all bytes come back", text(connection, "SELECT b FROM texts WHERE id = ?", 1000) == string(allBytes()))
		tell(connection, "SELECT ?, ?, ?, ?, ?", nil, 42, 1.5, "é🐬", true)
		tell(connection, "SELECT ?, ?", uint64(1<<63-1), int64(-1<<63))
		tell(connection, "SELECT ?", uint64(1<<64-1))
		tell(connection, "SELECT ?", time.Date(2024, 2, 29, 1, 2, 3, 4000, time.UTC))
		tell(connection, "SELECT n FROM numbers WHERE n BETWEEN ? AND ? ORDER BY n LIMIT ?", 5, "50", 3)
		tell(connection, "SELECT ?", 1, 2)
		tell(connection, "INSERT INTO texts (id) VALUES (?)", 1)
		tell(connection, "DROP TABLE texts")
		for _, mode := range []string{"", "NO_BACKSLASH_ESCAPES", "ANSI_QUOTES"} {
			tell(connection, "SET SESSION sql_mode = '"+mode+"'")
			for _, hard := range hardTexts {
				say("in "+mode, text(connection, "SELECT HEX(?)", hard))
			}
		}
	}
}

func prepared() {
	pool := open(nil)
	pool.SetMaxOpenConns(3)
	statement, err := pool.Prepare("SELECT ?, CONCAT('<', ?, '>'), COUNT(*) FROM numbers WHERE n < ?")
	must(err)
	for _, parameters := range [][]interface{}{{1, 2, 3}, {"a", "b", 4.5}, {nil, nil, "7"}, {[]byte{0, 255}, 1.25, 1000}} {
		rows, err := statement.Query(parameters...)
		must(err)
		tellRows(rows)
	}
	// On several connections of the pool at once: the driver prepares it again on each.
	var group sync.WaitGroup
	sums := make([]string, 6)
	for worker := range sums {
		group.Add(1)
		go func(worker int) {
			defer group.Done()
			sum := 0
			for round := 0; round < 20; round++ {
				var first, count int
				var second string
				if err := statement.QueryRow(worker, "x", round+1).Scan(&first, &second, &count); err != nil {
					sums[worker] = describe(err)
					return
				}
				sum += first + count
			}
			sums[worker] = fmt.Sprint(sum)
		}(worker)
	}
	group.Wait()
	say("sums", strings.Join(sums, " "))
	_, err = pool.Prepare("SELEKT ?")
	say("a syntax error", err)
	_, err = pool.Prepare("SELECT * FROM no_such_table")
	say("an unknown table", err)
	connection := connect(nil)
	tell(connection, "CREATE TABLE changing (a INT)")
	tell(connection, "INSERT INTO changing VALUES (1)")
	all, err := connection.PrepareContext(background, "SELECT * FROM changing")
	must(err)
	for _, change := range []string{"DO 1", "ALTER TABLE changing ADD b VARCHAR(10) DEFAULT 'new'", "ALTER TABLE changing DROP a"} {
		tell(connection, change)
		rows, err := all.Query()
		if err != nil {
			fmt.Println(describe(err))
			continue
		}
		tellRows(rows)
	}
	tell(connection, "DROP TABLE changing")
	_, err = all.Query()
	say("after DROP", err)
}

func several() {
	edit := func(settings *mysql.Config) { settings.MultiStatements = true }
	connection := connect(edit)
	for _, each := range script("several") {
		tell(connection, each.sql)
	}
	tell(connect(nil), "SELECT 1; SELECT 2")
	rows, err := connection.QueryContext(background, "SELECT n FROM numbers ORDER BY n; SELECT 2; SELECT 3")
	must(err)
	rows.Next()
	must(rows.Close())
	tell(connection, "SELECT 'after results that were left'")
	_, err = connection.ExecContext(background, "INSERT INTO counted (n) VALUES (1); INSERT INTO counted (n) VALUES (1); INSERT INTO counted (n) VALUES (3)")
	say("an error in the second", err)
	tell(connection, "SELECT n FROM counted ORDER BY n")
	tell(connection, "TRUNCATE counted")
}

func streaming() {
	for _, parameters := range [][]interface{}{nil, {5000}} {
		connection := connect(nil)
		tell(connection, "SET cte_max_recursion_depth = 100000")
		limit := "5000"
		if parameters != nil {
			limit = "?"
		}
		many := "WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c WHERE n < " + limit + ") SELECT n, REPEAT('x', 90) FROM c"
		rows, err := connection.QueryContext(background, many, parameters...)
		must(err)
		count := 0
		for rows.Next() {
			count++
		}
		say("all", count, rows.Err())
		rows, err = connection.QueryContext(background, many, parameters...)
		must(err)
		rows.Next()
		must(rows.Close())
		tell(connection, "SELECT 'after an early end'")
		tell(connection, "SELECT COUNT(*) FROM (SELECT n, IF(n < 500, n, (SELECT n FROM numbers UNION SELECT 1)) FROM numbers ORDER BY n) AS wrong")
		rows, err = connection.QueryContext(background, "SELECT n, IF(n < 500, n, (SELECT n FROM numbers UNION SELECT 1)) FROM numbers ORDER BY n")
		must(err)
		for count = 0; rows.Next(); {
			count++
		}
		say("an error in the middle", count, rows.Err())
		tell(connection, "SELECT 'after an error'")
	}
}

func transactions() {
	pool := open(nil)
	other := connect(nil)
	for _, options := range []*sql.TxOptions{
		nil, {Isolation: sql.LevelReadCommitted}, {Isolation: sql.LevelSerializable}, {ReadOnly: true},
		{Isolation: sql.LevelReadUncommitted, ReadOnly: true}, {Isolation: sql.LevelSnapshot},
	} {
		transaction, err := pool.BeginTx(background, options)
		if err != nil {
			say("begin", err)
			continue
		}
		tell(transaction, "SELECT COUNT(*) FROM accounts")
		tell(transaction, "INSERT INTO accounts VALUES (?, 'go', 1)", 60)
		say("another sees", value(other, "SELECT COUNT(*) FROM accounts"))
		must(transaction.Rollback())
		say("after a rollback", transaction.Commit())
	}
	transaction, err := pool.Begin()
	must(err)
	tell(transaction, "INSERT INTO accounts VALUES (60, 'go', 1)")
	must(transaction.Commit())
	say("another sees", value(other, "SELECT COUNT(*) FROM accounts"))
	tell(other, "DELETE FROM accounts WHERE id = 60")
	// A transaction whose context ends is rolled back, and its connection is thrown away.
	ending, cancel := context.WithCancel(background)
	transaction, err = pool.BeginTx(ending, nil)
	must(err)
	tell(transaction, "INSERT INTO accounts VALUES (61, 'go', 1)")
	cancel()
	for tries := 0; tries < 600; tries++ {
		if transaction.Commit() != nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	tell(other, "SELECT COUNT(*) FROM accounts WHERE id = 61 FOR UPDATE")
}

func deadlock() {
	light, heavy := connect(nil), connect(nil)
	// The server gives up the transaction that has changed less, whoever closes the circle.
	tellAll(heavy, "BEGIN", "INSERT INTO written (what) SELECT word FROM numbers WHERE n <= 50", "UPDATE accounts SET balance = 1 WHERE id = 1")
	tellAll(light, "BEGIN", "UPDATE accounts SET balance = 2 WHERE id = 2")
	ended := make(chan error)
	go func() {
		_, err := heavy.ExecContext(background, "UPDATE accounts SET balance = 1 WHERE id = 2")
		ended <- err
	}()
	tell(light, "UPDATE accounts SET balance = 2 WHERE id = 1")
	say("the other", <-ended)
	tellAll(heavy, "COMMIT", "SELECT id, balance FROM accounts ORDER BY id", "DELETE FROM written")
}

func killing() {
	victim, killer := connect(nil), connect(nil)
	id := number(victim)
	ended := make(chan error, 1)
	go func() {
		rows, err := victim.QueryContext(background, "SELECT COUNT(*) FROM numbers WHERE SLEEP(60)")
		if err == nil {
			rows.Next()
			err = rows.Err()
			rows.Close()
		}
		ended <- err
	}()
	// The statement may not have begun yet, and killing what does not run does nothing.
	for waiting := true; waiting; {
		_, err := killer.ExecContext(background, "KILL QUERY "+id)
		must(err)
		select {
		case err := <-ended:
			say("a read that is killed", err)
			waiting = false
		case <-time.After(50 * time.Millisecond):
		}
	}
	tell(victim, "SELECT 'the connection goes on'")
	_, err := killer.ExecContext(background, "KILL "+id)
	say("killing the connection", err)
	for tries := 0; tries < 2000 && err == nil; tries++ {
		_, err = victim.ExecContext(background, "DO 1")
	}
	claim("it is lost", isLost(err))
	// A pool finds out that its connection is gone, and takes another.
	pool := open(nil)
	pool.SetMaxIdleConns(1)
	id = number(pool)
	_, err = killer.ExecContext(background, "KILL "+id)
	must(err)
	say("the pool goes on", text(pool, "SELECT 'yes'"))
	claim("on another connection", number(pool) != id)
	limited, cancel := context.WithTimeout(background, 200*time.Millisecond)
	defer cancel()
	_, err = pool.ExecContext(limited, "DO SLEEP(30)")
	say("a statement with a limit", err)
	say("the pool goes on", text(pool, "SELECT 'yes'"))
}

func pooled() {
	pool := open(nil)
	pool.SetMaxOpenConns(4)
	tell(pool, "CREATE TABLE busy (id INT AUTO_INCREMENT PRIMARY KEY, worker INT, round INT)")
	var group sync.WaitGroup
	wrong := make([]int, 8)
	for worker := range wrong {
		group.Add(1)
		go func(worker int) {
			defer group.Done()
			for round := 0; round < 25; round++ {
				result, err := pool.Exec("INSERT INTO busy (worker, round) VALUES (?, ?)", worker, round)
				if err != nil {
					wrong[worker] += 1000
					continue
				}
				// Another connection of the pool must see it at once.
				id, _ := result.LastInsertId()
				var foundWorker, foundRound int
				err = pool.QueryRow("SELECT worker, round FROM busy WHERE id = ?", id).Scan(&foundWorker, &foundRound)
				if err != nil || foundWorker != worker || foundRound != round {
					wrong[worker]++
				}
			}
		}(worker)
	}
	group.Wait()
	say("wrong reads", fmt.Sprint(wrong))
	tell(pool, "SELECT COUNT(*), COUNT(DISTINCT id) FROM busy")
	tell(pool, "DROP TABLE busy")
}

func bigValuesAndFiles() {
	for _, interpolate := range []bool{false, true} {
		connection := connect(func(settings *mysql.Config) {
			settings.InterpolateParams, settings.MaxAllowedPacket, settings.AllowAllFiles = interpolate, 64<<20, true
		})
		for _, size := range []int{65535, 1 << 20, 17 << 20} {
			long := strings.Repeat("x", size)
			claim(fmt.Sprintf("text of %d", size), text(connection, "SELECT ?", long) == long)
		}
		data := strings.Repeat(string(allBytes()), 1<<13)
		tell(connection, "REPLACE INTO blobs VALUES (?, ?)", 1, []byte(data))
		claim("a blob of 2 MiB comes back", text(connection, "SELECT data FROM blobs WHERE id = ?", 1) == data)
		var file strings.Builder
		for n := 1; n <= 1000; n++ {
			fmt.Fprintf(&file, "%d\ttext é %d\t%d.25\n", n, n, n)
		}
		path := env("FOLDER") + "/rows.tsv"
		must(os.WriteFile(path, []byte(file.String()), 0o600))
		load := "LOAD DATA LOCAL INFILE '%s' REPLACE INTO TABLE loaded CHARACTER SET utf8mb4"
		tell(connection, fmt.Sprintf(load, path))
		mysql.RegisterReaderHandler("rows", func() io.Reader { return strings.NewReader(file.String()) })
		tell(connection, fmt.Sprintf(load, "Reader::rows"))
		tell(connection, "SELECT COUNT(*), SUM(id), SUM(d), MAX(t) FROM loaded")
		tell(connection, fmt.Sprintf(load, path+".missing"))
		tell(connection, "SELECT COUNT(*) FROM loaded")
		tell(connect(nil), fmt.Sprintf(load, "/etc/hostname"))
	}
	small := connect(func(settings *mysql.Config) { settings.MaxAllowedPacket = 1000 })
	tell(small, "SELECT LENGTH(?)", strings.Repeat("long data ", 100000))
	_, err := small.ExecContext(background, "DO '"+strings.Repeat("x", 2000)+"'")
	say("more than the client allows", err)
	claim("that is the driver's own word", errors.Is(err, mysql.ErrPktTooLarge) || errors.Is(err, driver.ErrBadConn))
}

func main() {
	must(mysql.SetLogger(log.New(io.Discard, "", 0)))
	chapter("connecting", connecting)
	for _, name := range []string{
		"expressions", "writes", "warnings", "errors", "diagnostics", "privileges", "procedures", "transactions", "isolation", "locks", "session",
		"sql_modes", "character_sets", "metadata", "names_of_clients",
	} {
		chapter("script "+name, func() { play(name, nil, func(on *sql.Conn, sql string) { tell(on, sql) }) })
	}
	for _, name := range []string{"expressions", "writes", "warnings", "errors", "procedures", "transactions", "isolation", "session"} {
		chapter("script "+name+", prepared", func() { play(name, nil, tellPrepared) })
	}
	chapter("every type", types)
	chapter("parameters", parameters)
	chapter("prepared statements", prepared)
	chapter("several statements", several)
	chapter("rows as they come", streaming)
	chapter("transactions as the driver has them", transactions)
	chapter("a deadlock", deadlock)
	chapter("killing", killing)
	chapter("a pool", pooled)
	chapter("big values and files", bigValuesAndFiles)
	fmt.Println("the end")
}
