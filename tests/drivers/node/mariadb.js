// MariaDB's library for Node: it sends one command behind the other without waiting for the answers.
'use strict';

const fs = require('node:fs');

const {
  ALL_BYTES, HARD_TEXTS, actUntilSettled, attempt, chapter, claim, describe, env, errorOf, isLost, library, main, print, say, script,
  shorten, show, showText,
} = require('./observe.js');

const mariadb = library('mariadb');

const TLS = { ca: fs.readFileSync(env('CA')), minVersion: 'TLSv1.2' };

function settings(options = {}) {
  return {
    host: env('HOST'), port: Number(env('PORT')), user: env('USER'), password: env('PASSWORD'), database: env('SCHEMA'),
    connectTimeout: 30000, allowPublicKeyRetrieval: true, metaAsArray: true, rowsAsArray: true, multipleStatements: false,
    timezone: 'Z', logger: { warning: () => {} }, ...options,
  };
}

const opened = [];

async function open(options) {
  const connection = await mariadb.createConnection(settings(options));
  connection.on('error', () => {});
  opened.push(connection);
  return connection;
}

async function closeAll() {
  for (const connection of opened.splice(0)) connection.destroy();
}

const rowsOf = (result) => (Array.isArray(result) && Array.isArray(result[0]) ? result[0] : result);
const value = async (connection, sql, parameters) => rowsOf(await connection.query(sql, parameters))[0][0];

function tellColumn(column) {
  const { collation, columnLength, columnType, flags, type } = column;
  const names = [column.name(), column.orgName(), column.table(), column.orgTable(), column.schema()];
  print(`    column ${show({ names, collation: collation?.index, columnLength, columnType, flags, type })}`);
}

function tellResult(rows, columns) {
  if (columns === undefined || columns === null || !Array.isArray(rows)) {
    print(`    done ${show(rows)}`);
    return;
  }
  if (columns.some((each) => each === undefined || each === null || Array.isArray(each))) {
    rows.forEach((each, i) => tellResult(each, columns[i]));
    return;
  }
  columns.forEach(tellColumn);
  rows.forEach((row) => print(`    row ${show(row)}`));
}

async function run(how, mark, connection, sql, parameters) {
  print(`${mark} ${shorten(sql)}${parameters === undefined ? '' : ` with ${show(parameters)}`}`);
  try {
    const result = await connection[how](sql, parameters);
    if (Array.isArray(result) && result.length === 2) tellResult(result[0], result[1]);
    else tellResult(result);
  } catch (error) {
    print(`    ${describe(error)}`);
  }
}

const tell = (connection, sql, parameters) => run('query', '>', connection, sql, parameters);
const tellPrepared = (connection, sql, parameters) => run('execute', '?', connection, sql, parameters);

async function tellAll(connection, ...statements) {
  for (const sql of statements) await tell(connection, sql);
}

async function play(name, act, options) {
  const sessions = { one: await open(options), two: await open(options) };
  for (const [session, sql] of script(name)) {
    print(session);
    await act(sessions[session], sql);
  }
  await closeAll();
}

chapter('connecting', async () => {
  // Once with a password that the server has not in its cache, and once with one that it has; then the same over TLS.
  for (const options of [{}, {}, { user: env('OTHER_USER'), ssl: TLS }, { user: env('OTHER_USER'), ssl: TLS }]) {
    const connection = await open(options);
    await tell(connection, 'SELECT DATABASE(), CURRENT_USER(), @@autocommit, @@character_set_client, @@collation_connection');
    say('server', connection.serverVersion(), connection.info.isMariaDB(), connection.info.collation?.name);
    claim("the server's version is @@version", (await value(connection, 'SELECT @@version')) === connection.serverVersion());
    claim("the driver's number is the server's", Number(await value(connection, 'SELECT CONNECTION_ID()')) === connection.threadId);
    await connection.end();
  }
  await tell(await open({ foundRows: false }), 'UPDATE accounts SET owner = owner WHERE id <= 3');
  await tell(await open({ foundRows: true }), 'UPDATE accounts SET owner = owner WHERE id <= 3');
  await tell(await open({ charset: 'latin1' }), "SELECT @@character_set_client, 'é'");
  await tell(await open({ collation: 'utf8mb4_bin' }), "SELECT @@collation_connection, 'a' = 'A'");
  await tell(await open({ sessionVariables: { group_concat_max_len: 77, sql_mode: 'ANSI_QUOTES' } }), 'SELECT @@group_concat_max_len, @@sql_mode');
  await tell(await open({ initSql: ["SET @first = 'by initSql'", "SET time_zone = '+05:00'"] }), 'SELECT @first, @@time_zone');
  await tell(await open({ timezone: '+03:00' }), 'SELECT @@time_zone, ?', [new Date(Date.UTC(2024, 1, 29))]);
  await tell(await open({ autoJsonMap: false, keepEof: true }), 'SELECT c_json FROM types ORDER BY id');
  const noSchema = await open({ database: undefined });
  await tellAll(noSchema, 'SELECT DATABASE()', 'SELECT * FROM numbers', `USE ${env('SCHEMA')}`, 'SELECT DATABASE(), COUNT(*) FROM numbers');
  const attributes = await open({ connectAttributes: { program_name: 'drivers', long: 'x'.repeat(200) } });
  await tell(
    attributes,
    'SELECT attr_name, attr_value FROM performance_schema.session_account_connect_attrs' +
      " WHERE processlist_id = CONNECTION_ID() AND attr_name IN ('program_name', 'long') ORDER BY 1",
  );
  await attempt('a wrong password', () => open({ password: 'wrong' }));
  await attempt('a wrong password over TLS', () => open({ password: 'wrong', ssl: TLS }));
  await attempt('no password', () => open({ password: '' }));
  await attempt('an unknown user', () => open({ user: 'nobody_at_all' }));
  await attempt('an unknown schema', () => open({ database: `${env('SCHEMA')}_none` }));
  await attempt('a schema without rights', () => open({ database: 'mysql' }));
  await closeAll();
});

for (const name of [
  'expressions', 'writes', 'warnings', 'errors', 'diagnostics', 'privileges', 'procedures', 'transactions', 'isolation', 'locks', 'session',
  'sql_modes', 'character_sets', 'metadata',
]) {
  chapter(`script ${name}`, () => play(name, tell));
}
chapter('script several', () => play('several', tell, { multipleStatements: true }));
for (const name of ['expressions', 'writes', 'warnings', 'errors', 'procedures', 'transactions', 'isolation', 'session', 'sql_modes', 'metadata']) {
  chapter(`script ${name}, prepared`, () => play(name, tellPrepared));
}

chapter('every type', async () => {
  for (const options of [{}, { dateStrings: true, bigIntAsNumber: true, decimalAsNumber: true, insertIdAsNumber: true }]) {
    const connection = await open(options);
    const columns = rowsOf(await connection.query('SHOW COLUMNS FROM types')).map((row) => row[0]);
    for (const column of columns) {
      await tell(connection, `SELECT ${column} FROM types ORDER BY id`);
      await tellPrepared(connection, `SELECT ${column} FROM types WHERE id > ? ORDER BY id`, [0]);
    }
    for (const act of [tell, tellPrepared]) {
      await act(connection, 'SELECT data FROM all_bytes');
      await act(connection, 'SELECT * FROM zero_dates ORDER BY id');
      await act(await open(options), 'SELECT * FROM newer_types');
    }
  }
  await closeAll();
});

chapter('parameters', async () => {
  for (const act of ['query', 'execute']) {
    const connection = await open();
    await connection.query('CREATE TABLE texts (id INT PRIMARY KEY, t TEXT, b BLOB)');
    for (const [id, text] of HARD_TEXTS.entries()) {
      await connection[act]('INSERT INTO texts VALUES (?, ?, ?)', [id, text, Buffer.from(text)]);
      const [row] = rowsOf(await connection[act]('SELECT t, b FROM texts WHERE id = ? AND b = ?', [id, Buffer.from(text)]));
      claim(`${showText(text)} comes back as it went`, row !== undefined && row[0] === text && row[1].toString() === text);
    }
    await connection[act]('INSERT INTO texts VALUES (?, ?, ?)', [1000, null, ALL_BYTES]);
    claim('all bytes come back', ALL_BYTES.equals(await value(connection, 'SELECT b FROM texts WHERE id = 1000')));
    const told = act === 'query' ? tell : tellPrepared;
    await told(connection, 'SELECT ?, ?, ?, ?, ?', [null, 42, 1.5, 'é🐬', true]);
    await told(connection, 'SELECT ?, ?', [18446744073709551615n, -9223372036854775808n]);
    await told(connection, 'SELECT ?, ?', [new Date(Date.UTC(2024, 1, 29, 1, 2, 3, 4)), Buffer.from([0, 255])]);
    await told(connection, 'SELECT ST_AsText(?)', [{ type: 'Point', coordinates: [1.5, -2] }]);
    await told(connection, 'SELECT n FROM numbers WHERE n BETWEEN ? AND ? ORDER BY n LIMIT ?', [5, 50, 3]);
    await told(connection, 'SELECT ?, ?', [1]);
    await told(connection, 'INSERT INTO texts (id) VALUES (?)', [1]);
    await connection.query("SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'");
    for (const text of HARD_TEXTS) {
      await attempt(`without backslashes ${showText(text)}`, async () => rowsOf(await connection[act]('SELECT HEX(?)', [text]))[0][0]);
    }
    await connection.query('DROP TABLE texts');
  }
  const named = await open({ namedPlaceholders: true });
  await tell(named, 'SELECT :a, :b, :a', { a: "x'y", b: null });
  await tellPrepared(named, 'SELECT :a, :b, :a', { a: "x'y", b: null });
  await closeAll();
});

chapter('batches', async () => {
  for (const options of [{}, { bulk: false }, { pipelining: false }, { multipleStatements: true }]) {
    const connection = await open(options);
    await attempt('a batch', () => connection.batch('INSERT INTO counted (n, note) VALUES (?, ?)', Array.from({ length: 40 }, (_, n) => [n, `batch ${n}`])));
    await attempt('an update', () => connection.batch('UPDATE counted SET note = ? WHERE n = ?', [['a', 1], ['b', 2], ['c', -1]]));
    await attempt('a batch with an error', () => connection.batch('INSERT INTO counted (n) VALUES (?)', [[1000], [5], [1001]]));
    await tell(connection, 'SELECT COUNT(*), SUM(n), SUM(note LIKE ?) FROM counted', ['batch%']);
    await connection.query('TRUNCATE counted');
  }
  await closeAll();
});

chapter('prepared statements', async () => {
  const connection = await open();
  const statement = await connection.prepare('SELECT ?, COUNT(*) FROM numbers WHERE n < ?');
  for (const parameters of [[1, 5], ['x', '7'], [null, 9.5], [Buffer.from('b'), null]]) {
    await attempt(`with ${show(parameters)}`, async () => rowsOf(await statement.execute(parameters)));
  }
  statement.close();
  const many = await Promise.all(Array.from({ length: 50 }, (_, n) => connection.prepare(`SELECT ? * ${n}`)));
  const products = await Promise.all(many.map((each, n) => each.execute([n])));
  say('many at once', products.reduce((sum, result) => sum + Number(rowsOf(result)[0][0]), 0));
  await connection.query('CREATE TABLE changing (a INT)');
  await connection.query('INSERT INTO changing VALUES (1)');
  for (const change of ['DO 1', "ALTER TABLE changing ADD b VARCHAR(10) DEFAULT 'new'", 'ALTER TABLE changing DROP a', 'DROP TABLE changing']) {
    await connection.query(change);
    await tellPrepared(connection, 'SELECT * FROM changing');
  }
  await closeAll();
});

chapter('statements one behind the other without waiting', async () => {
  const connection = await open();
  const all = [];
  for (let n = 0; n < 200; ++n) {
    all.push(n % 2 === 0 ? connection.query('SELECT ?', [n]) : connection.execute('SELECT ?', [n]));
  }
  all.push(connection.query('INSERT INTO counted (n) VALUES (1)'), connection.query('SELECT LAST_INSERT_ID() > 0'));
  const results = await Promise.all(all);
  say('answers', results.map((result) => (Array.isArray(rowsOf(result)) ? Number(rowsOf(result)[0][0]) : rowsOf(result).affectedRows)));
  const outcomes = await Promise.allSettled([
    connection.query('SELECT 1'), connection.query('SELEKT'), connection.query('SELECT 2'), connection.execute('SELECT * FROM no_such_table'),
    connection.execute('SELECT 3'), connection.query("SET time_zone = '+04:00'"), connection.query('SELECT @@time_zone'), connection.query('BEGIN'),
    connection.query('INSERT INTO counted (n) VALUES (2)'), connection.query('SELECT COUNT(*) FROM counted'), connection.query('ROLLBACK'),
    connection.query('SELECT COUNT(*) FROM counted'), connection.query(`USE information_schema`), connection.query('SELECT DATABASE()'),
    connection.query(`USE ${env('SCHEMA')}`), connection.query('SELECT DATABASE()'), connection.ping(),
  ]);
  say('with errors and changes among them', outcomes.map((outcome) => (outcome.status === 'fulfilled' ? rowsOf(outcome.value) ?? null : outcome.reason.errno)));
  await connection.query('TRUNCATE counted');
  await closeAll();
});

chapter('rows as they come', async () => {
  const connection = await open();
  await connection.query('SET cte_max_recursion_depth = 100000');
  const many = "WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c WHERE n < 20000) SELECT n, REPEAT('x', 90) FROM c";
  const streamed = async (sql, limit) => {
    const stream = connection.queryStream(sql);
    let count = 0;
    const error = await errorOf(async () => {
      for await (const row of stream) {
        if (row !== undefined && ++count === limit) break;
      }
    });
    stream.close();
    return { count, error: error && error.errno };
  };
  say('all', await streamed(many, -1));
  await tell(connection, "SELECT 'after all'");
  say('left early', await streamed(many, 10));
  await tell(connection, "SELECT 'after an early end'");
  say('an error in the middle', await streamed('SELECT n, IF(n < 500, n, (SELECT n FROM numbers UNION SELECT 1)) FROM numbers ORDER BY n', -1));
  await tell(connection, "SELECT 'after an error'");
  await closeAll();
});

chapter('transactions as the driver has them', async () => {
  const connection = await open();
  const other = await open();
  await attempt('begin', () => connection.beginTransaction());
  await tell(connection, "INSERT INTO accounts VALUES (80, 'js', 1)");
  say('another sees', await value(other, 'SELECT COUNT(*) FROM accounts'));
  await attempt('rollback', () => connection.rollback());
  // Outside a transaction the library sends nothing, by the server's own word in the last reply.
  await attempt('rollback again', () => connection.rollback());
  await attempt('begin', () => connection.beginTransaction());
  await tell(connection, "INSERT INTO accounts VALUES (80, 'js', 1)");
  await attempt('commit', () => connection.commit());
  say('another sees', await value(other, 'SELECT COUNT(*) FROM accounts'));
  await connection.query('DELETE FROM accounts WHERE id = 80');
  await closeAll();
});

chapter('a deadlock', async () => {
  const light = await open();
  const heavy = await open();
  // The server gives up the transaction that has changed less, whoever closes the circle.
  await tellAll(heavy, 'BEGIN', 'INSERT INTO written (what) SELECT word FROM numbers WHERE n <= 50', 'UPDATE accounts SET balance = 1 WHERE id = 1');
  await tellAll(light, 'BEGIN', 'UPDATE accounts SET balance = 2 WHERE id = 2');
  const waiting = heavy.query('UPDATE accounts SET balance = 1 WHERE id = 2');
  await tell(light, 'UPDATE accounts SET balance = 2 WHERE id = 1');
  await attempt('the other', () => waiting);
  await tellAll(heavy, 'COMMIT', 'SELECT id, balance FROM accounts ORDER BY id', 'DELETE FROM written');
  await closeAll();
});

chapter('killing', async () => {
  const victim = await open();
  const killer = await open();
  const number = victim.threadId;
  const waiting = victim.query('SELECT COUNT(*) FROM numbers WHERE SLEEP(60)');
  // The statement may not have begun yet, and killing what does not run does nothing.
  await actUntilSettled(waiting, () => killer.query(`KILL QUERY ${number}`));
  await attempt('a read that is killed', () => waiting);
  await tell(victim, "SELECT 'the connection goes on'");
  await attempt('killing the connection', () => killer.query(`KILL ${number}`));
  claim('it is lost', isLost(await errorOf(async () => {
    for (let tries = 0; tries < 2000; ++tries) await victim.query('SELECT 1');
  })));
  claim('it is not valid any more', !victim.isValid());
  // A server takes it off its list a moment after the connection was lost.
  say('killing it again', (await errorOf(async () => {
    for (let tries = 0; tries < 2000; ++tries) await killer.query(`KILL ${number}`);
  }))?.errno);
  await closeAll();
});

chapter('commands of the protocol', async () => {
  const connection = await open();
  await attempt('ping', () => connection.ping());
  await tellAll(
    connection, 'BEGIN', "INSERT INTO written (what) VALUES ('before')", 'CREATE TEMPORARY TABLE mine (i INT)', "SET @v = 1, time_zone = '+03:00'",
  );
  const number = connection.threadId;
  await attempt('reset', () => connection.reset());
  await tellAll(
    connection, 'SELECT CURRENT_USER(), DATABASE(), @v, @@time_zone, @@character_set_client', "SELECT COUNT(*) FROM written WHERE what = 'before'",
    'SELECT * FROM mine',
  );
  claim('the number is the same', Number(await value(connection, 'SELECT CONNECTION_ID()')) === number);
  // The library has a reason of its own not to send this to anything but MariaDB.
  await attempt('changeUser', () => connection.changeUser({ user: env('OTHER_USER'), password: env('PASSWORD'), database: env('SCHEMA') }));
  await closeAll();
});

chapter('pools', async () => {
  const pool = mariadb.createPool({ ...settings(), metaAsArray: false, rowsAsArray: false, connectionLimit: 4, resetAfterUse: true });
  await pool.query('CREATE TABLE busy (id INT AUTO_INCREMENT PRIMARY KEY, worker INT, round INT)');
  const wrong = await Promise.all(
    Array.from({ length: 8 }, async (_, worker) => {
      let count = 0;
      for (let round = 0; round < 15; ++round) {
        const result = await pool.execute('INSERT INTO busy (worker, round) VALUES (?, ?)', [worker, round]);
        // Another connection of the pool must see it at once.
        const [row] = await pool.query('SELECT worker, round FROM busy WHERE id = ?', [result.insertId]);
        if (row?.worker !== worker || row?.round !== round) ++count;
      }
      return count;
    }),
  );
  say('wrong reads', wrong);
  say('rows', await pool.query('SELECT COUNT(*) AS n FROM busy'));
  await pool.query('DROP TABLE busy');
  await pool.end();
});

chapter('big values and files', async () => {
  const path = `${env('FOLDER')}/rows.tsv`;
  fs.writeFileSync(path, Array.from({ length: 1000 }, (_, n) => `${n}\ttext é ${n}\t${n}.25\n`).join(''));
  const load = `LOAD DATA LOCAL INFILE '${path}' REPLACE INTO TABLE loaded CHARACTER SET utf8mb4`;
  const connection = await open({ permitLocalInfile: true, maxAllowedPacket: 64 << 20 });
  for (const size of [65535, 1 << 20, 17 << 20]) {
    const text = 'x'.repeat(size);
    claim(`text of ${size}`, (await value(connection, 'SELECT ?', [text])) === text);
  }
  const long = Buffer.alloc(17 << 20, 'long data ');
  await attempt('a parameter of 17 MiB', async () => rowsOf(await connection.execute('SELECT LENGTH(?)', [long])));
  const data = Buffer.alloc(1 << 21, ALL_BYTES);
  await connection.execute('REPLACE INTO blobs VALUES (?, ?)', [1, data]);
  claim('a blob of 2 MiB comes back', data.equals(await value(connection, 'SELECT data FROM blobs WHERE id = 1')));
  await attempt('a parameter that is a stream', () => connection.query('REPLACE INTO blobs VALUES (?, ?)', [2, fs.createReadStream(path)]));
  await tell(connection, 'SELECT LENGTH(data) FROM blobs WHERE id = 2');
  await tellAll(connection, load, 'SELECT COUNT(*), SUM(id), SUM(d), MAX(t) FROM loaded', load.replace('rows', 'missing'), "SELECT 'after it'");
  await tell(await open(), load);
  const file = `${env('FOLDER')}/dump.sql`;
  fs.writeFileSync(file, `DELETE FROM loaded;\nINSERT INTO loaded VALUES ${Array.from({ length: 500 }, (_, n) => `(${n}, 'imported', 1)`).join(', ')};\n`);
  await attempt('importFile', () => connection.importFile({ file, database: env('SCHEMA') }));
  await tell(connection, 'SELECT COUNT(*), MAX(t) FROM loaded');
  await closeAll();
});

chapter('compression', async () => {
  if (!env('COMPRESSION')) {
    print('one of the two does not offer it');
    return;
  }
  for (const options of [{}, { ssl: TLS }]) {
    const connection = await open({ compress: true, ...options });
    print('compression is used');
    await tellAll(connection, 'SELECT n, word FROM numbers ORDER BY n', 'CALL several_results(2)', 'SELECT * FROM no_such_table');
    await tellPrepared(connection, 'SELECT ?, n FROM numbers ORDER BY n LIMIT 2', ['y'.repeat(5000)]);
    for (const size of [40, 60, 255, 65535, 1 << 20, 17 << 20]) {
      const text = 'compress '.repeat(size / 9);
      claim(`text of ${size}`, (await value(connection, `SELECT '${text}'`)) === text);
    }
    const all = await Promise.all(Array.from({ length: 100 }, (_, n) => connection.query('SELECT ?', [n])));
    say('without waiting', all.map((result) => Number(rowsOf(result)[0][0])));
  }
  await closeAll();
});

main();
