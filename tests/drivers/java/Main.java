import java.io.ByteArrayInputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.io.StringReader;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.sql.BatchUpdateException;
import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.ParameterMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.SQLWarning;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Timestamp;
import java.sql.Types;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

import org.mariadb.jdbc.MariaDbPoolDataSource;

/** MariaDB's Java client: text and server-side statements, batches in its several ways, metadata, pools. */
public final class Main {
  private static final int SHOWN = 300;
  // Text that is hard to quote, to escape, or to count.
  private static final List<String> HARD_TEXTS = List.of(
      "", " ", "'", "\"", "\\", "\\'", "''", "%s", "%", "?", "a\0b", "line\r\nbreak\u001a", "-- no comment", "/* nor */ this", "é",
      "日本", "🐬", ";", "`", "$$", "{}", ":name", "NULL", "0");
  private static final String TLS = "useSsl=true;serverSslCert=" + env("CA");
  private static final List<Connection> OPENED = new ArrayList<>();
  private static PrintStream out;
  private static Set<String> only = Set.of();

  private Main() {}

  private static String env(String name) {
    return System.getenv("DRIVERS_" + name);
  }

  private static byte[] allBytes(int times) {
    byte[] bytes = new byte[256 * times];
    for (int i = 0; i < bytes.length; ++i) bytes[i] = (byte) i;
    return bytes;
  }

  // ---- Chapters and printing ----

  private interface Act {
    void run() throws Exception;
  }

  private interface Question {
    Object ask() throws Exception;
  }

  /** Runs a chapter. What it throws does not keep the others from running. */
  private static void chapter(String title, Act act) {
    if (!only.isEmpty() && !only.contains(title)) return;
    out.println("== " + title);
    try {
      act.run();
    } catch (Exception | AssertionError error) {
      StackTraceElement here = Arrays.stream(error.getStackTrace()).filter(e -> e.getClassName().startsWith("Main")).findFirst().orElse(null);
      out.println("!! ended early at " + here + ": " + error.getClass().getName() + " " + describe(error));
    }
    for (Connection connection : OPENED) {
      try {
        connection.close();
      } catch (SQLException error) {
        // It was closed by what the chapter did.
        continue;
      }
    }
    OPENED.clear();
  }

  private static void say(String label, Object... values) {
    StringBuilder line = new StringBuilder(label).append(": ");
    for (int i = 0; i < values.length; ++i) line.append(i == 0 ? "" : ", ").append(show(values[i]));
    out.println(line);
  }

  /** A line for a value that rightly differs from run to run: what is said of it must not differ. */
  private static void claim(String text, boolean holds) {
    out.println(text + ": " + (holds ? "yes" : "no"));
  }

  /** Prints what the question gives, or the error that it ends with. */
  private static Object attempt(String label, Question question) {
    try {
      Object answer = question.ask();
      say(label, answer);
      return answer;
    } catch (Exception error) {
      out.println(label + ": " + describe(error));
      return null;
    }
  }

  private static String show(Object value) {
    if (value == null) return "null";
    if (value instanceof byte[]) return "bytes " + showText(new String((byte[]) value, StandardCharsets.ISO_8859_1));
    if (value instanceof int[]) return Arrays.toString((int[]) value);
    if (value instanceof String) return showText((String) value);
    return value.getClass().getSimpleName() + " " + showText(value.toString());
  }

  private static String showText(String text) {
    if (text.length() > SHOWN) return "text of " + text.length() + ", sha256 " + digest(text);
    StringBuilder shown = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      if (c < ' ' || c > '~' || c == '"' || c == '\\') shown.append(String.format("\\u%04x", (int) c));
      else shown.append(c);
    }
    return shown.append('"').toString();
  }

  private static String digest(String text) {
    try {
      byte[] sum = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return new BigInteger(1, Arrays.copyOf(sum, 8)).toString(16);
    } catch (NoSuchAlgorithmException error) {
      throw new IllegalStateException(error);
    }
  }

  private static String shorten(String sql) {
    String text = sql.replace("\n", "\\n").replace("\r", "\\r").replace("\0", "\\0");
    return text.length() <= 2 * SHOWN ? text : text.substring(0, SHOWN) + " ... " + showText(sql);
  }

  /** The driver puts the connection's number before the server's words; it rightly differs. */
  private static String describe(Throwable error) {
    String text = Objects.toString(error.getMessage()).replaceAll("\\(conn=\\d+\\)", "(conn)").replaceAll("java.lang.Thread: \\S+", "thread");
    text = text.replaceAll("port=\\d+", "port").replace(":" + env("PORT"), ":PORT");
    if (!(error instanceof SQLException)) return "error " + error.getClass().getSimpleName() + " " + showText(text);
    SQLException refused = (SQLException) error;
    return "error " + error.getClass().getSimpleName() + " " + refused.getErrorCode() + " (" + refused.getSQLState() + ") " + showText(text);
  }

  private static final class Line {
    final String session;
    final String sql;

    Line(String session, String sql) {
      this.session = session;
      this.sql = sql;
    }
  }

  /** The statements of scripts/NAME.sql with their sessions: `one`, unless the line says `two>`. */
  private static List<Line> script(String name) throws IOException {
    List<Line> lines = new ArrayList<>();
    for (String line : Files.readAllLines(Path.of(env("SCRIPTS"), name + ".sql"))) {
      if (line.isEmpty() || line.startsWith("--")) continue;
      boolean isTwo = line.startsWith("two> ");
      String sql = isTwo ? line.substring(5) : line;
      sql = sql.replace("{schema}", env("SCHEMA")).replace("{newline}", "\n").replace("{nothing}", "").replace("{space}", " ");
      lines.add(new Line(isTwo ? "two" : "one", sql));
    }
    return lines;
  }

  // ---- Connections and statements ----

  /** Opens a connection with the options given as `name=value;name=value`. */
  private static Connection open(String options) throws SQLException {
    Properties properties = new Properties();
    properties.setProperty("user", env("USER"));
    properties.setProperty("password", env("PASSWORD"));
    properties.setProperty("allowPublicKeyRetrieval", "true");
    properties.setProperty("connectTimeout", "30000");
    properties.setProperty("socketTimeout", "120000");
    String schema = env("SCHEMA");
    for (String option : options.split(";")) {
      if (option.isEmpty()) continue;
      String[] parts = option.split("=", 2);
      if (parts[0].equals("schema")) schema = parts[1];
      else properties.setProperty(parts[0], parts[1]);
    }
    Connection connection = DriverManager.getConnection(address(schema), properties);
    OPENED.add(connection);
    return connection;
  }

  private static String address(String schema) {
    return "jdbc:mariadb://" + env("HOST") + ":" + env("PORT") + "/" + schema;
  }

  private static Object value(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery(sql)) {
      rows.next();
      return rows.getObject(1);
    }
  }

  private static long number(Connection connection) throws SQLException {
    return ((Number) value(connection, "SELECT CONNECTION_ID()")).longValue();
  }

  private static void tellRows(ResultSet rows) throws SQLException {
    ResultSetMetaData columns = rows.getMetaData();
    int count = columns.getColumnCount();
    for (int i = 1; i <= count; ++i) {
      out.printf("    column %s as %s of %s.%s type %s %d class %s size %d,%d display %d nullable %d signed %b auto %b sensitive %b%n",
          showText(columns.getColumnName(i)), showText(columns.getColumnLabel(i)), columns.getCatalogName(i), columns.getTableName(i),
          columns.getColumnTypeName(i), columns.getColumnType(i), columns.getColumnClassName(i), columns.getPrecision(i), columns.getScale(i),
          columns.getColumnDisplaySize(i), columns.isNullable(i), columns.isSigned(i), columns.isAutoIncrement(i), columns.isCaseSensitive(i));
    }
    while (rows.next()) {
      List<String> fields = new ArrayList<>();
      for (int i = 1; i <= count; ++i) fields.add(field(rows, i));
      out.println("    row " + fields);
    }
  }

  private static String field(ResultSet rows, int column) throws SQLException {
    try {
      return show(rows.getObject(column));
    } catch (SQLException error) {
      return describe(error);
    }
  }

  /** Prints all results of a statement that was executed with this outcome. */
  private static void tellResults(Statement statement, boolean hasRows) throws SQLException {
    boolean isRows = hasRows;
    while (isRows || statement.getUpdateCount() != -1) {
      if (isRows) {
        try (ResultSet rows = statement.getResultSet()) {
          tellRows(rows);
        }
      } else {
        out.println("    updated " + statement.getUpdateCount() + (statement instanceof CallableStatement ? "" : ", keys " + keys(statement)));
      }
      tellWarnings(statement.getWarnings());
      isRows = statement.getMoreResults();
    }
  }

  private static String keys(Statement statement) throws SQLException {
    List<String> found = new ArrayList<>();
    try (ResultSet keys = statement.getGeneratedKeys()) {
      while (keys.next()) found.add(keys.getString(1));
    }
    return found.size() > 5 ? found.size() + " of them" : found.toString();
  }

  private static void tellWarnings(SQLWarning first) {
    for (SQLWarning warning = first; warning != null; warning = warning.getNextWarning()) {
      out.println("    warning " + warning.getErrorCode() + " (" + warning.getSQLState() + ") " + showText(warning.getMessage()));
    }
  }

  private static void tell(Connection connection, String sql) {
    out.println("> " + shorten(sql));
    try (Statement statement = connection.createStatement()) {
      tellResults(statement, statement.execute(sql, Statement.RETURN_GENERATED_KEYS));
    } catch (SQLException error) {
      out.println("    " + describe(error));
    }
  }

  private static void tellPrepared(Connection connection, String sql, Object... parameters) {
    out.println("? " + shorten(sql) + (parameters.length == 0 ? "" : " with " + Arrays.stream(parameters).map(Main::show).toList()));
    try (PreparedStatement statement = connection.prepareStatement(sql, Statement.RETURN_GENERATED_KEYS)) {
      for (int i = 0; i < parameters.length; ++i) statement.setObject(i + 1, parameters[i]);
      tellResults(statement, statement.execute());
    } catch (SQLException error) {
      out.println("    " + describe(error));
    }
  }

  private static void tellAll(Connection connection, String... statements) {
    for (String sql : statements) tell(connection, sql);
  }

  private interface Way {
    void tell(Connection connection, String sql);
  }

  private static void play(String name, Way way, String options) throws SQLException, IOException {
    Connection one = open(options);
    Connection two = open(options);
    for (Line line : script(name)) {
      out.print(line.session + " ");
      way.tell(line.session.equals("one") ? one : two, line.sql);
    }
  }

  private static boolean isLost(Act act) {
    try {
      act.run();
    } catch (SQLException error) {
      String state = Objects.toString(error.getSQLState());
      return state.startsWith("08") || Set.of(1053, 1317, 1927, 4031).contains(error.getErrorCode());
    } catch (Exception error) {
      return false;
    }
    return false;
  }

  private static int codeOf(Act act) {
    try {
      act.run();
    } catch (SQLException error) {
      return error.getErrorCode();
    } catch (Exception error) {
      return -1;
    }
    return 0;
  }

  private static CompletableFuture<Object> start(Question question) {
    return CompletableFuture.supplyAsync(() -> {
      try {
        return question.ask();
      } catch (Exception error) {
        return describe(error);
      }
    });
  }

  /** Acts again and again until the work in the background has ended. */
  private static Object actUntilDone(CompletableFuture<Object> work, Act act) throws Exception {
    for (int tries = 0; tries < 1200; ++tries) {
      act.run();
      try {
        return work.get(50, TimeUnit.MILLISECONDS);
      } catch (TimeoutException stillWorking) {
        continue;
      }
    }
    throw new IllegalStateException("it has not ended within a minute");
  }

  private static void execute(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  // ---- The chapters ----

  private static void connecting() throws SQLException {
    // Once with a password that the server has not in its cache, and once with one that it has; then the same over TLS.
    for (String options : List.of("", "", "user=" + env("OTHER_USER") + ";" + TLS, "user=" + env("OTHER_USER") + ";" + TLS)) {
      Connection connection = open(options);
      tell(connection, "SELECT DATABASE(), CURRENT_USER(), @@autocommit, @@character_set_client, @@collation_connection");
      DatabaseMetaData data = connection.getMetaData();
      say("server", data.getDatabaseProductName(), data.getDatabaseProductVersion(), data.getDatabaseMajorVersion(), data.getDatabaseMinorVersion());
      say("state", connection.getAutoCommit(), connection.getCatalog(), connection.getTransactionIsolation(), connection.isReadOnly(), connection.isValid(10));
      claim("the server's version is @@version", value(connection, "SELECT @@version").equals(data.getDatabaseProductVersion()));
    }
    tell(open("sessionVariables=group_concat_max_len=77,sql_mode='ANSI_QUOTES'"), "SELECT @@group_concat_max_len, @@sql_mode");
    tell(open("useAffectedRows=true"), "UPDATE accounts SET owner = owner WHERE id <= 3");
    tell(open("useAffectedRows=false"), "UPDATE accounts SET owner = owner WHERE id <= 3");
    tell(open("usePipelineAuth=true"), "SELECT 'pipelined log-in'");
    tell(open("usePipelineAuth=false"), "SELECT 'log-in step by step'");
    tell(open("interactiveClient=true"), "SELECT @@wait_timeout = @@interactive_timeout");
    tell(open("assureReadOnly=true"), "SELECT 'assured'");
    Connection noSchema = open("schema=");
    tellAll(noSchema, "SELECT DATABASE()", "SELECT * FROM numbers", "USE " + env("SCHEMA"), "SELECT DATABASE(), COUNT(*) FROM numbers");
    tell(open("schema=" + env("SCHEMA") + "_made;createDatabaseIfNotExist=true"), "SELECT DATABASE()");
    execute(noSchema, "DROP DATABASE " + env("SCHEMA") + "_made");
    tell(open("connectionAttributes=program_name:drivers,colour:blue"),
        "SELECT attr_name, attr_value FROM performance_schema.session_account_connect_attrs WHERE processlist_id = CONNECTION_ID()"
            + " AND attr_name IN ('program_name', 'colour', '_client_name', '_server_host') ORDER BY 1");
    attempt("a wrong password", () -> open("password=wrong"));
    attempt("a wrong password over TLS", () -> open("password=wrong;" + TLS));
    attempt("no password", () -> open("password="));
    attempt("an unknown user", () -> open("user=nobody_at_all"));
    attempt("an unknown schema", () -> open("schema=" + env("SCHEMA") + "_none"));
    attempt("a schema without rights", () -> open("schema=mysql"));
  }

  private static void types() throws SQLException {
    for (String options : List.of("", "useServerPrepStmts=true", "tinyInt1isBit=false;yearIsDateType=false;useServerPrepStmts=true")) {
      Connection connection = open(options);
      List<String> columns = new ArrayList<>();
      try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery("SHOW COLUMNS FROM types")) {
        while (rows.next()) columns.add(rows.getString(1));
      }
      for (String column : columns) tellPrepared(connection, "SELECT " + column + " FROM types WHERE id > ? ORDER BY id", 0);
      tellPrepared(connection, "SELECT data FROM all_bytes");
      for (String column : List.of("d", "dt", "ts", "y")) tellPrepared(connection, "SELECT " + column + " FROM zero_dates ORDER BY id");
      tellPrepared(open(options), "SELECT * FROM newer_types");
      try (PreparedStatement statement = connection.prepareStatement("SELECT * FROM types WHERE id IN (1, 3) ORDER BY id");
          ResultSet rows = statement.executeQuery()) {
        while (rows.next()) {
          attempt("as it was asked for", () -> List.of(rows.getLong("c_bigint"), rows.getBigDecimal("c_bigint_unsigned"), rows.getDouble("c_float"),
              rows.getBoolean("c_bit1"), rows.getString("c_time6"), rows.getTimestamp("c_datetime6"), rows.getObject("c_datetime6", LocalDateTime.class),
              rows.getBytes("c_varchar").length, rows.getString("c_json"), rows.getBlob("c_blob").length(), rows.getInt("c_year")));
        }
      }
    }
    Connection zoned = open("serverTimezone=Asia/Tokyo;useLegacyDatetimeCode=false;sessionVariables=time_zone='+09:00'");
    tell(zoned, "SELECT c_timestamp6, c_datetime6, @@time_zone FROM types WHERE id IN (1, 3) ORDER BY id");
    tellPrepared(zoned, "SELECT ?", Timestamp.valueOf("2024-02-29 12:00:00.123456"));
  }

  private static void parameters() throws SQLException {
    for (String options : List.of("", "useServerPrepStmts=true")) {
      Connection connection = open(options);
      execute(connection, "CREATE TABLE texts (id INT PRIMARY KEY, t TEXT, b BLOB)");
      try (PreparedStatement insert = connection.prepareStatement("INSERT INTO texts VALUES (?, ?, ?)");
          PreparedStatement find = connection.prepareStatement("SELECT t, b FROM texts WHERE id = ? AND b = ?")) {
        for (int id = 0; id < HARD_TEXTS.size(); ++id) {
          String text = HARD_TEXTS.get(id);
          byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
          insert.setInt(1, id);
          insert.setString(2, text);
          insert.setBytes(3, bytes);
          insert.executeUpdate();
          find.setInt(1, id);
          find.setBytes(2, bytes);
          try (ResultSet rows = find.executeQuery()) {
            claim(showText(text) + " comes back as it went", rows.next() && rows.getString(1).equals(text) && Arrays.equals(rows.getBytes(2), bytes));
          }
        }
        insert.setInt(1, 1000);
        insert.setNull(2, Types.VARCHAR);
        insert.setBinaryStream(3, new ByteArrayInputStream(allBytes(1)));
        insert.executeUpdate();
        claim("all bytes come back", Arrays.equals((byte[]) value(connection, "SELECT b FROM texts WHERE id = 1000"), allBytes(1)));
        ParameterMetaData data = insert.getParameterMetaData();
        say("parameters", data.getParameterCount());
        insert.clearParameters();
        attempt("parameters that are missing", insert::executeUpdate);
      }
      tellPrepared(connection, "SELECT ?, ?, ?, ?, ?", null, 42, 1.5, "é🐬", true);
      tellPrepared(connection, "SELECT ?, ?, ?", Long.MAX_VALUE, Long.MIN_VALUE, new BigInteger("18446744073709551615"));
      tellPrepared(connection, "SELECT ?, ?, ?", new BigDecimal("123456789.000000001"), Timestamp.valueOf("2024-02-29 01:02:03.004"), new byte[] {0, -1});
      tellPrepared(connection, "SELECT n FROM numbers WHERE n BETWEEN ? AND ? ORDER BY n LIMIT ?", 5, "50", 3);
      tellPrepared(connection, "INSERT INTO texts (id) VALUES (?)", 1);
      execute(connection, "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'");
      try (PreparedStatement hex = connection.prepareStatement("SELECT HEX(?)")) {
        for (String text : HARD_TEXTS) {
          hex.setString(1, text);
          attempt("without backslashes " + showText(text), () -> first(hex));
        }
      }
      execute(connection, "DROP TABLE texts");
    }
  }

  private static Object first(PreparedStatement statement) throws SQLException {
    try (ResultSet rows = statement.executeQuery()) {
      rows.next();
      return rows.getObject(1);
    }
  }

  private static void prepared() throws SQLException {
    for (String options : List.of("useServerPrepStmts=true;cachePrepStmts=true", "useServerPrepStmts=true;cachePrepStmts=false")) {
      Connection connection = open(options);
      for (int round = 0; round < 3; ++round) {
        try (PreparedStatement statement = connection.prepareStatement("SELECT ?, COUNT(*) FROM numbers WHERE n < ?")) {
          statement.setObject(1, round == 1 ? "text" : Integer.valueOf(round));
          statement.setObject(2, round == 2 ? new BigDecimal("7.5") : Integer.valueOf(5 + round));
          try (ResultSet rows = statement.executeQuery()) {
            tellRows(rows);
          }
        }
      }
      execute(connection, "CREATE TABLE changing (a INT)");
      execute(connection, "INSERT INTO changing VALUES (1)");
      for (String change : List.of("DO 1", "ALTER TABLE changing ADD b VARCHAR(10) DEFAULT 'new'", "ALTER TABLE changing DROP a", "DROP TABLE changing")) {
        execute(connection, change);
        tellPrepared(connection, "SELECT * FROM changing");
      }
      List<PreparedStatement> many = new ArrayList<>();
      for (int n = 0; n < 60; ++n) many.add(connection.prepareStatement("SELECT ? * " + n));
      long sum = 0;
      for (int n = 0; n < many.size(); ++n) {
        many.get(n).setInt(1, n);
        sum += ((Number) first(many.get(n))).longValue();
      }
      say("many at once", sum);
      for (PreparedStatement statement : many) statement.close();
    }
  }

  private static void batches() throws SQLException {
    for (String options : List.of("", "rewriteBatchedStatements=true", "useServerPrepStmts=true", "useBulkStmts=true", "useBatchMultiSend=false",
        "allowMultiQueries=true", "useServerPrepStmts=true;rewriteBatchedStatements=true", "useBatchMultiSendNumber=5;continueBatchOnError=false")) {
      out.println("with " + options);
      Connection connection = open(options);
      connection.setAutoCommit(false);
      try (PreparedStatement insert = connection.prepareStatement("INSERT INTO counted (n, note) VALUES (?, ?)", Statement.RETURN_GENERATED_KEYS)) {
        for (int n = 0; n < 100; ++n) {
          insert.setInt(1, n);
          insert.setString(2, "batch ' " + n);
          insert.addBatch();
        }
        attempt("a batch", insert::executeBatch);
        try (ResultSet keys = insert.getGeneratedKeys()) {
          int count = 0;
          long last = 0;
          long gaps = 0;
          while (keys.next()) {
            if (count++ > 0 && keys.getLong(1) != last + 1) ++gaps;
            last = keys.getLong(1);
          }
          say("keys", count, gaps);
        }
      }
      try (PreparedStatement update = connection.prepareStatement("UPDATE counted SET note = ? WHERE n = ?")) {
        for (int n : new int[] {1, 2, -1}) {
          update.setString(1, "changed");
          update.setInt(2, n);
          update.addBatch();
        }
        attempt("updates", update::executeBatch);
      }
      try (PreparedStatement insert = connection.prepareStatement("INSERT INTO counted (n) VALUES (?)")) {
        for (int n : new int[] {1000, 5, 1001}) {
          insert.setInt(1, n);
          insert.addBatch();
        }
        insert.executeBatch();
      } catch (BatchUpdateException error) {
        out.println("    " + describe(error) + " counts " + Arrays.toString(error.getUpdateCounts()));
      }
      try (Statement statement = connection.createStatement()) {
        statement.addBatch("INSERT INTO counted (n) VALUES (2000)");
        statement.addBatch("UPDATE counted SET note = 'all'");
        statement.addBatch("DELETE FROM counted WHERE n < 10");
        attempt("a batch of text", statement::executeBatch);
        statement.addBatch("INSERT INTO counted (n) VALUES (3000)");
        statement.addBatch("SELEKT");
        statement.addBatch("INSERT INTO counted (n) VALUES (3001)");
        statement.executeBatch();
      } catch (BatchUpdateException error) {
        out.println("    " + describe(error) + " counts " + Arrays.toString(error.getUpdateCounts()));
      }
      tell(connection, "SELECT COUNT(*), SUM(n), SUM(note = 'all') FROM counted");
      connection.rollback();
      tell(connection, "SELECT COUNT(*) FROM counted");
      connection.setAutoCommit(true);
      execute(connection, "TRUNCATE counted");
    }
  }

  private static void procedures() throws SQLException {
    for (String options : List.of("", "useServerPrepStmts=true")) {
      Connection connection = open(options);
      try (CallableStatement call = connection.prepareCall("{call in_and_out(?, ?, ?, ?)}")) {
        call.setInt(1, 3);
        call.setInt(2, 4);
        call.registerOutParameter(2, Types.INTEGER);
        call.registerOutParameter(3, Types.VARCHAR);
        call.registerOutParameter(4, Types.DECIMAL);
        attempt("a call", call::execute);
        attempt("its results", () -> List.of(call.getInt(2), call.getString(3), call.getBigDecimal(4)));
      }
      try (CallableStatement call = connection.prepareCall("{call out_and_result(?, ?)}")) {
        call.setInt(1, 2);
        call.registerOutParameter(2, Types.INTEGER);
        tellResults(call, call.execute());
        attempt("its result", () -> call.getInt(2));
      }
      try (CallableStatement call = connection.prepareCall("{call several_results(?)}")) {
        call.setInt(1, 3);
        tellResults(call, call.execute());
      }
      try (CallableStatement call = connection.prepareCall("{? = call twice(?)}")) {
        call.registerOutParameter(1, Types.INTEGER);
        call.setInt(2, 21);
        call.execute();
        say("a function", call.getInt(1));
      }
      try (CallableStatement call = connection.prepareCall("{call fails_midway()}")) {
        attempt("one that fails midway", () -> {
          tellResults(call, call.execute());
          return "did not fail";
        });
      }
      tell(connection, "SELECT 'still here'");
    }
  }

  private static void streaming() throws SQLException {
    for (String options : List.of("", "useServerPrepStmts=true")) {
      Connection connection = open(options);
      execute(connection, "SET cte_max_recursion_depth = 100000");
      String many = "WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c WHERE n < 20000) SELECT n, REPEAT('x', 90) FROM c";
      try (PreparedStatement statement = connection.prepareStatement(many)) {
        statement.setFetchSize(10);
        try (ResultSet rows = statement.executeQuery()) {
          int count = 0;
          while (rows.next()) {
            if (++count == 15) say("meanwhile", value(connection, "SELECT 'another statement'"));
          }
          say("all", count);
        }
        try (ResultSet rows = statement.executeQuery()) {
          rows.next();
        }
        tell(connection, "SELECT 'after an early end'");
        statement.setMaxRows(7);
        try (ResultSet rows = statement.executeQuery()) {
          int count = 0;
          while (rows.next()) ++count;
          say("no more than", count);
        }
      }
      try (PreparedStatement statement = connection.prepareStatement("SELECT n, IF(n < 500, n, (SELECT n FROM numbers UNION SELECT 1)) FROM numbers ORDER BY n")) {
        statement.setFetchSize(10);
        attempt("an error in the middle", () -> {
          int count = 0;
          try (ResultSet rows = statement.executeQuery()) {
            while (rows.next()) ++count;
          }
          return count;
        });
      }
      tell(connection, "SELECT 'after an error'");
    }
  }

  private static void transactions() throws SQLException {
    Connection connection = open("");
    Connection other = open("");
    connection.setAutoCommit(false);
    execute(connection, "INSERT INTO accounts VALUES (90, 'java', 1)");
    say("another sees", value(other, "SELECT COUNT(*) FROM accounts"));
    Savepoint savepoint = connection.setSavepoint("inner");
    execute(connection, "INSERT INTO accounts VALUES (91, 'java', 1)");
    connection.rollback(savepoint);
    say("after going back", value(connection, "SELECT COUNT(*) FROM accounts"));
    connection.releaseSavepoint(savepoint);
    attempt("going back again", () -> {
      connection.rollback(savepoint);
      return "went";
    });
    connection.rollback();
    say("after the rollback", value(connection, "SELECT COUNT(*) FROM accounts"));
    for (int level : new int[] {1, 2, 4, 8}) {
      attempt("isolation " + level, () -> {
        connection.setTransactionIsolation(level);
        return List.of(connection.getTransactionIsolation(), value(connection, "SELECT @@transaction_isolation"));
      });
    }
    connection.rollback();
    connection.setReadOnly(true);
    say("read only", connection.isReadOnly(), value(connection, "SELECT @@transaction_read_only"));
    attempt("a write", () -> {
      execute(connection, "INSERT INTO accounts VALUES (92, 'java', 1)");
      return "written";
    });
    connection.rollback();
    connection.setReadOnly(false);
    connection.setCatalog("information_schema");
    say("catalog", connection.getCatalog(), value(connection, "SELECT DATABASE()"));
    connection.setCatalog(env("SCHEMA"));
    execute(connection, "INSERT INTO accounts VALUES (93, 'java', 1)");
    connection.setAutoCommit(true);
    say("turning autocommit on commits", value(other, "SELECT COUNT(*) FROM accounts"));
    execute(connection, "DELETE FROM accounts WHERE id >= 90");
    attempt("commit with autocommit", () -> {
      connection.commit();
      return "done";
    });
  }

  private static void deadlock() throws Exception {
    Connection light = open("");
    Connection heavy = open("");
    // The server gives up the transaction that has changed less, whoever closes the circle.
    tellAll(heavy, "BEGIN", "INSERT INTO written (what) SELECT word FROM numbers WHERE n <= 50", "UPDATE accounts SET balance = 1 WHERE id = 1");
    tellAll(light, "BEGIN", "UPDATE accounts SET balance = 2 WHERE id = 2");
    CompletableFuture<Object> waiting = start(() -> {
      execute(heavy, "UPDATE accounts SET balance = 1 WHERE id = 2");
      return "done";
    });
    tell(light, "UPDATE accounts SET balance = 2 WHERE id = 1");
    say("the other", waiting.get(60, TimeUnit.SECONDS));
    tellAll(heavy, "COMMIT", "SELECT id, balance FROM accounts ORDER BY id", "DELETE FROM written");
  }

  private static void killing() throws Exception {
    Connection victim = open("");
    Connection killer = open("");
    long number = number(victim);
    String slow = "SELECT COUNT(*) FROM numbers WHERE SLEEP(60)";
    // The statement may not have begun yet, and killing what does not run does nothing.
    say("a read that is killed", actUntilDone(start(() -> value(victim, slow)), () -> execute(killer, "KILL QUERY " + number)));
    tell(victim, "SELECT 'the connection goes on'");
    // The driver asks another connection of its own to kill the statement.
    try (Statement statement = victim.createStatement()) {
      CompletableFuture<Object> waiting = start(() -> statement.executeQuery(slow));
      say("a statement that is cancelled", actUntilDone(waiting, statement::cancel));
      statement.setQueryTimeout(1);
      attempt("a statement with a limit", () -> statement.executeQuery(slow));
    }
    tell(victim, "SELECT 'the connection goes on'");
    attempt("killing the connection", () -> {
      execute(killer, "KILL " + number);
      return "done";
    });
    claim("it is lost", isLost(() -> {
      for (int tries = 0; tries < 2000; ++tries) value(victim, "SELECT 1");
    }));
    claim("it is not valid", !victim.isValid(5));
    // A server takes it off its list a moment after the connection was lost.
    say("killing it again", codeOf(() -> {
      for (int tries = 0; tries < 2000; ++tries) execute(killer, "KILL " + number);
    }));
  }

  private static void pools() throws Exception {
    MariaDbPoolDataSource pool = new MariaDbPoolDataSource(
        address(env("SCHEMA")) + "?maxPoolSize=4&minPoolSize=1&useResetConnection=true&allowPublicKeyRetrieval=true&poolName=drivers");
    pool.setUser(env("USER"));
    pool.setPassword(env("PASSWORD"));
    try (Connection connection = pool.getConnection()) {
      execute(connection, "CREATE TABLE busy (id INT AUTO_INCREMENT PRIMARY KEY, worker INT, round INT)");
    }
    List<CompletableFuture<Object>> workers = new ArrayList<>();
    for (int worker = 0; worker < 8; ++worker) {
      int own = worker;
      workers.add(start(() -> work(pool, own)));
    }
    for (CompletableFuture<Object> worker : workers) say("wrong reads", worker.get(120, TimeUnit.SECONDS));
    Set<String> left = new TreeSet<>();
    for (int round = 0; round < 10; ++round) {
      try (Connection connection = pool.getConnection()) {
        left.add(value(connection, "SELECT CONCAT(COALESCE(@mark, 'none'), ' ', @@time_zone, ' ', @@autocommit, ' ', DATABASE())").toString());
        execute(connection, "SET @mark = 'left', time_zone = '+09:00'");
        connection.setAutoCommit(false);
        execute(connection, "INSERT INTO busy (worker) VALUES (99)");
      }
    }
    say("what one user of the pool sees of the one before", left.toString());
    try (Connection connection = pool.getConnection()) {
      say("rows", value(connection, "SELECT COUNT(*) FROM busy"), value(connection, "SELECT COUNT(*) FROM busy WHERE worker = 99"));
      connection.setAutoCommit(true);
      execute(connection, "DROP TABLE busy");
    }
    pool.close();
  }

  private static Object work(MariaDbPoolDataSource pool, int worker) throws SQLException {
    int wrong = 0;
    for (int round = 0; round < 15; ++round) {
      long id;
      try (Connection connection = pool.getConnection();
          PreparedStatement insert = connection.prepareStatement("INSERT INTO busy (worker, round) VALUES (?, ?)", Statement.RETURN_GENERATED_KEYS)) {
        insert.setInt(1, worker);
        insert.setInt(2, round);
        insert.executeUpdate();
        try (ResultSet keys = insert.getGeneratedKeys()) {
          keys.next();
          id = keys.getLong(1);
        }
      }
      // Another connection of the pool must see it at once.
      try (Connection connection = pool.getConnection(); PreparedStatement find = connection.prepareStatement("SELECT worker, round FROM busy WHERE id = ?")) {
        find.setLong(1, id);
        try (ResultSet rows = find.executeQuery()) {
          if (!rows.next() || rows.getInt(1) != worker || rows.getInt(2) != round) ++wrong;
        }
      }
    }
    return wrong;
  }

  private static void metadata() throws SQLException {
    DatabaseMetaData data = open("").getMetaData();
    String schema = env("SCHEMA");
    out.println("getTables");
    tellRows(data.getTables(schema, null, "%", new String[] {"TABLE", "VIEW"}));
    out.println("getColumns");
    tellRows(data.getColumns(schema, null, "children", "%"));
    tellRows(data.getColumns(schema, null, "types", "%"));
    out.println("keys");
    tellRows(data.getPrimaryKeys(schema, null, "children"));
    tellRows(data.getImportedKeys(schema, null, "children"));
    tellRows(data.getExportedKeys(schema, null, "parents"));
    tellRows(data.getCrossReference(schema, null, "parents", schema, null, "children"));
    out.println("getIndexInfo");
    tellRows(data.getIndexInfo(schema, null, "parents", false, true));
    out.println("routines");
    tellRows(data.getProcedures(schema, null, "in_and_out"));
    tellRows(data.getProcedureColumns(schema, null, "in_and_out", "%"));
    tellRows(data.getFunctions(schema, null, "twice"));
    out.println("others");
    tellRows(data.getBestRowIdentifier(schema, null, "counted", DatabaseMetaData.bestRowSession, true));
    tellRows(data.getTablePrivileges(schema, null, "counted"));
    tellRows(data.getTypeInfo());
    tellRows(data.getTableTypes());
    say("words", data.getSQLKeywords().length() > 100, data.getIdentifierQuoteString(), data.getSearchStringEscape());
    say("functions", data.getNumericFunctions().length() > 100, data.getMaxConnections(), data.supportsTransactions());
  }

  private static void bigValuesAndFiles() throws Exception {
    Path path = Path.of(env("FOLDER"), "rows.tsv");
    StringBuilder lines = new StringBuilder();
    for (int n = 1; n <= 1000; ++n) lines.append(n).append("\ttext é ").append(n).append('\t').append(n).append(".25\n");
    Files.writeString(path, lines);
    String load = "LOAD DATA LOCAL INFILE '" + path + "' REPLACE INTO TABLE loaded CHARACTER SET utf8mb4";
    for (String options : List.of("allowLocalInfile=true", "allowLocalInfile=true;useServerPrepStmts=true")) {
      Connection connection = open(options);
      for (int size : new int[] {65535, 1 << 20, 17 << 20}) {
        String text = "x".repeat(size);
        try (PreparedStatement statement = connection.prepareStatement("SELECT ?")) {
          statement.setString(1, text);
          claim("text of " + size, text.equals(first(statement)));
        }
      }
      byte[] bytes = allBytes(1 << 13);
      try (PreparedStatement insert = connection.prepareStatement("REPLACE INTO blobs VALUES (?, ?)"); InputStream stream = new ByteArrayInputStream(bytes)) {
        insert.setInt(1, 1);
        insert.setBinaryStream(2, stream);
        insert.executeUpdate();
        insert.setInt(1, 2);
        insert.setCharacterStream(2, new StringReader(lines.toString()));
        insert.executeUpdate();
      }
      claim("a blob of 2 MiB comes back", Arrays.equals((byte[]) value(connection, "SELECT data FROM blobs WHERE id = 1"), bytes));
      tell(connection, "SELECT LENGTH(data) FROM blobs ORDER BY id");
      tellAll(connection, load, "SELECT COUNT(*), SUM(id), SUM(d), MAX(t) FROM loaded", load.replace("rows", "missing"), "SELECT 'after it'");
      tell(open("allowLocalInfile=false"), load);
    }
  }

  private static void compression() throws SQLException {
    if (env("COMPRESSION").isEmpty()) {
      out.println("one of the two does not offer it");
      return;
    }
    for (String options : List.of("", TLS, "useServerPrepStmts=true")) {
      Connection connection = open("useCompression=true;" + options);
      out.println("compression is used");
      tellAll(connection, "SELECT n, word FROM numbers ORDER BY n", "CALL several_results(2)", "SELECT * FROM no_such_table");
      for (int size : new int[] {40, 60, 255, 65535, 1 << 20, 17 << 20}) {
        String text = "compress ".repeat(size / 9);
        try (PreparedStatement statement = connection.prepareStatement("SELECT ?")) {
          statement.setString(1, text);
          claim("text of " + size, text.equals(first(statement)));
        }
      }
    }
  }

  public static void main(String[] arguments) throws InterruptedException, ExecutionException {
    out = new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
    only = Set.of(arguments);
    chapter("connecting", Main::connecting);
    for (String name : List.of("expressions", "writes", "warnings", "errors", "diagnostics", "privileges", "procedures", "transactions", "isolation", "locks",
        "session", "sql_modes", "character_sets", "metadata")) {
      chapter("script " + name, () -> play(name, Main::tell, ""));
    }
    chapter("script several", () -> play("several", Main::tell, "allowMultiQueries=true"));
    for (String name : List.of("expressions", "writes", "warnings", "errors", "procedures", "transactions", "isolation", "session")) {
      chapter("script " + name + ", prepared", () -> play(name, Main::tellPrepared, "useServerPrepStmts=true"));
    }
    chapter("every type", Main::types);
    chapter("parameters", Main::parameters);
    chapter("prepared statements", Main::prepared);
    chapter("batches", Main::batches);
    chapter("procedures", Main::procedures);
    chapter("rows as they come", Main::streaming);
    chapter("transactions as the driver has them", Main::transactions);
    chapter("a deadlock", Main::deadlock);
    chapter("killing", Main::killing);
    chapter("pools", Main::pools);
    chapter("metadata", Main::metadata);
    chapter("big values and files", Main::bigValuesAndFiles);
    chapter("compression", Main::compression);
    out.println("the end");
    System.exit(0);
  }
}
