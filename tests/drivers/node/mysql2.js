// mysql2: text and prepared statements, streams, pools that reset, query attributes.
'use strict';

const fs = require('node:fs');
const { Readable } = require('node:stream');

const {
  ALL_BYTES, HARD_TEXTS, actUntilSettled, attempt, chapter, claim, describe, env, errorOf, isLost, library, main, print, say, script,
  shorten, show, showText,
} = require('./observe.js');

const mysql = library('mysql2/promise');
const plain = library('mysql2');

const TLS = { ca: fs.readFileSync(env('CA')), minVersion: 'TLSv1.2' };

function settings(options = {}) {
  return {
    host: env('HOST'), port: Number(env('PORT')), user: env('USER'), password: env('PASSWORD'), database: env('SCHEMA'),
    charset: 'utf8mb4', connectTimeout: 30000, supportBigNumbers: true, timezone: 'Z', ...options,
  };
}

const opened = [];

async function open(options) {
  const connection = await mysql.createConnection(settings(options));
  connection.connection.on('error', () => {});
  opened.push(connection);
  return connection;
}

async function closeAll() {
  for (const connection of opened.splice(0)) connection.destroy();
}

const value = async (connection, sql, parameters) =>
  (await connection.query({ sql, rowsAsArray: true }, parameters))[0][0][0];

function tellField(field) {
  const { name, orgName, table, orgTable, schema, characterSet, columnLength, columnType, flags, decimals } = field;
  print(`    column ${show({ name, orgName, table, orgTable, schema, characterSet, columnLength, columnType, flags, decimals })}`);
}

const STATE_CHANGED = 0x4000;

// Servers of version 9 tell of the beginning and the end of a transaction also where session_track_transaction_info is
// OFF, as it is by default. The library does not read it, but shows that there was something. The proxy tells a session
// what it has asked for and nothing else, as older servers do: so a change that is empty to the library is left out.
function withoutTransactionState(result) {
  if (!result || !(result.serverStatus & STATE_CHANGED)) return result;
  const { stateChanges, ...rest } = result;
  const isEmpty = !stateChanges || (Object.keys(stateChanges.systemVariables).length === 0 && stateChanges.schema === null);
  return isEmpty ? { ...rest, serverStatus: result.serverStatus & ~STATE_CHANGED } : result;
}

// One result, or all of a statement that gave several.
function tellResult(result, fields) {
  if (Array.isArray(fields) && fields.some((field) => field === undefined || Array.isArray(field))) {
    result.forEach((each, i) => tellResult(each, fields[i]));
    return;
  }
  if (fields === undefined || result === undefined || !Array.isArray(result)) {
    print(`    done ${show(withoutTransactionState(result))}`);
    return;
  }
  fields.forEach(tellField);
  result.forEach((row) => print(`    row ${show(row)}`));
}

async function run(how, mark, connection, sql, parameters) {
  print(`${mark} ${shorten(sql)}${parameters === undefined ? '' : ` with ${show(parameters)}`}`);
  try {
    const [result, fields] = await connection[how]({ sql, rowsAsArray: true }, parameters);
    tellResult(result, fields);
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
    const { serverVersion, protocolVersion, characterSet } = connection.connection._handshakePacket;
    say('server', serverVersion, protocolVersion, characterSet);
    claim("the server's version is @@version", (await value(connection, 'SELECT @@version')) === serverVersion);
    claim("the driver's number is the server's", Number(await value(connection, 'SELECT CONNECTION_ID()')) === connection.threadId);
    await connection.end();
  }
  await tell(await open({ flags: ['-FOUND_ROWS'] }), 'UPDATE accounts SET owner = owner WHERE id <= 3');
  await tell(await open({ flags: ['FOUND_ROWS'] }), 'UPDATE accounts SET owner = owner WHERE id <= 3');
  await tell(await open({ flags: ['IGNORE_SPACE'] }), 'SELECT COUNT (*) FROM numbers');
  await tell(await open({ flags: ['-SESSION_TRACK'] }), "SET time_zone = '+01:00'");
  await tell(await open({ flags: ['-DEPRECATE_EOF'] }), 'SELECT n FROM numbers WHERE n < 3');
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
  'sql_modes', 'character_sets', 'metadata', 'names_of_clients',
]) {
  chapter(`script ${name}`, () => play(name, tell));
}
chapter('script several', () => play('several', tell, { multipleStatements: true }));
for (const name of ['expressions', 'writes', 'warnings', 'errors', 'procedures', 'transactions', 'isolation', 'session', 'sql_modes', 'metadata']) {
  chapter(`script ${name}, prepared`, () => play(name, tellPrepared));
}

chapter('every type', async () => {
  for (const options of [{}, { dateStrings: true, bigNumberStrings: true, decimalNumbers: true }]) {
    const connection = await open(options);
    const columns = (await connection.query({ sql: 'SHOW COLUMNS FROM types', rowsAsArray: true }))[0].map((row) => row[0]);
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
  const raw = await open({ typeCast: (field) => field.buffer() });
  await tell(raw, 'SELECT * FROM types WHERE id IN (1, 4) ORDER BY id');
  await closeAll();
});

chapter('parameters', async () => {
  for (const act of ['query', 'execute']) {
    const connection = await open();
    await connection.query('CREATE TABLE texts (id INT PRIMARY KEY, t TEXT, b BLOB)');
    for (const [id, text] of HARD_TEXTS.entries()) {
      await connection[act]('INSERT INTO texts VALUES (?, ?, ?)', [id, text, Buffer.from(text)]);
      const [[row]] = await connection[act]('SELECT t, b FROM texts WHERE id = ? AND b = ?', [id, Buffer.from(text)]);
      claim(`${showText(text)} comes back as it went`, row !== undefined && row.t === text && row.b.toString() === text);
    }
    await connection[act]('INSERT INTO texts VALUES (?, ?, ?)', [1000, null, ALL_BYTES]);
    claim('all bytes come back', ALL_BYTES.equals(await value(connection, 'SELECT b FROM texts WHERE id = 1000')));
    const told = act === 'query' ? tell : tellPrepared;
    await told(connection, 'SELECT ?, ?, ?, ?, ?', [null, 42, 1.5, 'é🐬', true]);
    await told(connection, 'SELECT ?, ?', [18446744073709551615n, -9223372036854775808n]);
    await told(connection, 'SELECT ?, ?', [new Date(Date.UTC(2024, 1, 29, 1, 2, 3, 4)), Buffer.from([0, 255])]);
    await told(connection, 'SELECT n FROM numbers WHERE n BETWEEN ? AND ? ORDER BY n LIMIT ?', ['5', '50', '3']);
    await told(connection, 'SELECT ?', [1, 2]);
    await told(connection, 'INSERT INTO texts (id) VALUES (?)', [1]);
    await connection.query('DROP TABLE texts');
  }
  const connection = await open({ namedPlaceholders: true });
  await tell(connection, 'SELECT :a, :b, :a', { a: "x'y", b: null });
  await tellPrepared(connection, 'SELECT :a, :b, :a', { a: "x'y", b: null });
  await tell(connection, 'SELECT n FROM numbers WHERE n IN (?) ORDER BY n', [[1, 2, 3]]);
  await tell(connection, 'INSERT INTO counted (n, note) VALUES ?', [[[1, 'one'], [2, 'two'], [3, "it's"]]]);
  await tell(connection, 'TRUNCATE counted');
  await closeAll();
});

chapter('prepared statements', async () => {
  const connection = await open();
  const statement = await connection.prepare('SELECT ?, COUNT(*) FROM numbers WHERE n < ?');
  for (const parameters of [[1, 5], ['x', '7'], [null, 9.5], [Buffer.from('b'), null]]) {
    await attempt(`with ${show(parameters)}`, async () => (await statement.execute(parameters))[0]);
  }
  await statement.close();
  say('closed', describe((await errorOf(() => statement.execute([1, 2]))) ?? new Error('it still runs')));
  const many = [];
  for (let n = 1; n <= 50; ++n) many.push(await connection.prepare(`SELECT ? * ${n} AS product`));
  let sum = 0;
  for (const [n, each] of many.entries()) sum += Number((await each.execute([n]))[0][0].product);
  say('many at once', sum);
  await connection.query('CREATE TABLE changing (a INT)');
  await connection.query('INSERT INTO changing VALUES (1)');
  for (const change of ['DO 1', "ALTER TABLE changing ADD b VARCHAR(10) DEFAULT 'new'", 'ALTER TABLE changing DROP a', 'DROP TABLE changing']) {
    await connection.query(change);
    await tellPrepared(connection, 'SELECT * FROM changing');
  }
  await attempt('without a cache', async () => {
    const small = await open({ maxPreparedStatements: 1 });
    let total = 0;
    for (let n = 0; n < 20; ++n) total += Number((await small.execute({ sql: `SELECT ? + ${n}`, rowsAsArray: true }, [n]))[0][0][0]);
    return total;
  });
  await closeAll();
});

chapter('statements one behind the other without waiting', async () => {
  const connection = await open();
  const all = [];
  for (let n = 0; n < 100; ++n) {
    all.push(n % 2 === 0 ? connection.query('SELECT ? AS n', [n]) : connection.execute('SELECT ? AS n', [n]));
  }
  all.push(connection.query('INSERT INTO counted (n) VALUES (1)'), connection.query('SELECT LAST_INSERT_ID() > 0 AS n'));
  const results = await Promise.all(all);
  say('answers', results.map(([rows]) => (Array.isArray(rows) ? Number(rows[0].n) : rows.affectedRows)));
  const outcomes = await Promise.allSettled([
    connection.query('SELECT 1 AS n'), connection.query('SELEKT'), connection.query('SELECT 2 AS n'), connection.execute('SELECT * FROM no_such_table'),
    connection.execute('SELECT 3 AS n'),
  ]);
  say('with errors among them', outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value[0] : outcome.reason.errno)));
  await connection.query('TRUNCATE counted');
  await closeAll();
});

function streamed(connection, sql, limit) {
  return new Promise((resolve) => {
    let count = 0;
    const stream = connection.connection.query(sql).stream({ highWaterMark: 5 });
    stream.on('data', () => {
      if (++count === limit) {
        stream.destroy();
        resolve({ count, end: 'left early' });
      }
    });
    stream.on('end', () => resolve({ count, end: 'read to the end' }));
    stream.on('error', (error) => resolve({ count, end: describe(error) }));
  });
}

chapter('rows as they come', async () => {
  const connection = await open();
  await connection.query('SET cte_max_recursion_depth = 100000');
  const many = "WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c WHERE n < 20000) SELECT n, REPEAT('x', 90) FROM c";
  say('all', await streamed(connection, many, -1));
  say('an error in the middle', await streamed(connection, 'SELECT n, IF(n < 500, n, (SELECT n FROM numbers UNION SELECT 1)) FROM numbers ORDER BY n', -1));
  await tell(connection, "SELECT 'after an error'");
  await closeAll();
});

chapter('transactions as the driver has them', async () => {
  const connection = await open();
  const other = await open();
  await attempt('begin', () => connection.beginTransaction().then(() => 'done'));
  await tell(connection, "INSERT INTO accounts VALUES (70, 'js', 1)");
  say('another sees', await value(other, 'SELECT COUNT(*) FROM accounts'));
  await attempt('rollback', () => connection.rollback().then(() => 'done'));
  await attempt('begin', () => connection.beginTransaction().then(() => 'done'));
  await tell(connection, "INSERT INTO accounts VALUES (70, 'js', 1)");
  await attempt('commit', () => connection.commit().then(() => 'done'));
  say('another sees', await value(other, 'SELECT COUNT(*) FROM accounts'));
  await connection.query('DELETE FROM accounts WHERE id = 70');
  await connection.query('COMMIT RELEASE').catch(() => {});
  claim('COMMIT RELEASE ends the connection', isLost(await errorOf(() => value(connection, 'SELECT 1'))));
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
  await attempt('the other', async () => (await waiting)[0]);
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
  await attempt('killing the connection', async () => (await killer.query(`KILL ${number}`))[0]);
  claim('it is lost', isLost(await errorOf(async () => {
    for (let tries = 0; tries < 2000; ++tries) await victim.query('SELECT 1');
  })));
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
  await attempt('reset', () => connection.connection.promise().reset());
  await tellAll(
    connection, 'SELECT CURRENT_USER(), DATABASE(), @v, @@time_zone, @@character_set_client', "SELECT COUNT(*) FROM written WHERE what = 'before'",
    'SELECT * FROM mine',
  );
  claim('the number is the same', Number(await value(connection, 'SELECT CONNECTION_ID()')) === number);
  await connection.query("SET @v = 1, time_zone = '+03:00'");
  await attempt('changeUser', () => connection.changeUser({ user: env('OTHER_USER'), password: env('PASSWORD'), database: env('SCHEMA') }));
  await tell(connection, 'SELECT CURRENT_USER(), DATABASE(), @v, @@time_zone, @@character_set_client');
  await attempt('changeUser with a wrong password', () => connection.changeUser({ user: env('USER'), password: 'wrong', database: env('SCHEMA') }));
  claim('the connection is gone then', isLost(await errorOf(() => value(connection, 'SELECT 1'))));
  const attributed = await open();
  await attempt('query attributes', async () => {
    const [rows] = await attributed.query({ sql: "SELECT mysql_query_attribute_string('trace') AS trace, 1 AS n", attributes: { trace: 'abc é' } });
    return rows;
  });
  await attempt('query attributes, prepared', async () => {
    const [rows] = await attributed.execute({ sql: 'SELECT ? AS n', attributes: { trace: 'abc', number: 7 } }, [5]);
    return rows;
  });
  await closeAll();
});

chapter('pools', async () => {
  const pool = mysql.createPool(settings({ connectionLimit: 4, resetOnRelease: true }));
  await pool.query('CREATE TABLE busy (id INT AUTO_INCREMENT PRIMARY KEY, worker INT, round INT)');
  const wrong = await Promise.all(
    Array.from({ length: 8 }, async (_, worker) => {
      let count = 0;
      for (let round = 0; round < 15; ++round) {
        const [result] = await pool.execute('INSERT INTO busy (worker, round) VALUES (?, ?)', [worker, round]);
        // Another connection of the pool must see it at once.
        const [[row]] = await pool.query('SELECT worker, round FROM busy WHERE id = ?', [result.insertId]);
        if (row?.worker !== worker || row?.round !== round) ++count;
      }
      return count;
    }),
  );
  say('wrong reads', wrong);
  say('rows', (await pool.query('SELECT COUNT(*) AS n FROM busy'))[0]);
  await pool.query('DROP TABLE busy');
  const left = [];
  for (let round = 0; round < 6; ++round) {
    const connection = await pool.getConnection();
    left.push((await connection.query('SELECT @mark AS mark, @@time_zone AS zone'))[0][0]);
    await connection.query("SET @mark = 'left behind', time_zone = '+09:00'");
    connection.release();
    await pool.query('SELECT 1');
  }
  say('what one user of the pool sees of the one before', left);
  await pool.end();
});

chapter('big values and files', async () => {
  const lines = Array.from({ length: 1000 }, (_, n) => Buffer.from(`${n}\ttext é ${n}\t${n}.25\n`));
  const connection = await open({ infileStreamFactory: () => Readable.from(lines) });
  for (const size of [65535, 1 << 20, 17 << 20]) {
    const text = 'x'.repeat(size);
    claim(`text of ${size}`, (await value(connection, `SELECT '${text}'`)) === text);
  }
  const long = Buffer.alloc(17 << 20, 'long data ');
  await attempt('a parameter of 17 MiB', async () => (await connection.execute('SELECT LENGTH(?) AS n', [long]))[0]);
  const data = Buffer.alloc(1 << 21, ALL_BYTES);
  await connection.execute('REPLACE INTO blobs VALUES (?, ?)', [1, data]);
  claim('a blob of 2 MiB comes back', data.equals(await value(connection, 'SELECT data FROM blobs WHERE id = 1')));
  await tell(connection, "LOAD DATA LOCAL INFILE 'rows' REPLACE INTO TABLE loaded CHARACTER SET utf8mb4");
  await tell(connection, 'SELECT COUNT(*), SUM(id), SUM(d), MAX(t) FROM loaded');
  const off = await open({ flags: ['-LOCAL_FILES'] });
  await tell(off, "LOAD DATA LOCAL INFILE 'rows' INTO TABLE loaded");
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
  }
  await closeAll();
});

claim('both faces of the library are the same version', plain.createConnection !== undefined);
main();
