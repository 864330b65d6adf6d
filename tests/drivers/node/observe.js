// What the programs in JavaScript share: chapters, and how values are printed.
'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const SHOWN = 300;
// Text that is hard to quote, to escape, or to count.
const HARD_TEXTS = [
  '', ' ', "'", '"', '\\', "\\'", "''", '%s', '%', '?', 'a\0b', 'line\r\nbreak\x1a', '-- no comment', '/* nor */ this', 'é',
  '日本', '🐬', ';', '`', '$$', '{}', ':name', 'NULL', '0',
];
const ALL_BYTES = Buffer.from(Array.from({ length: 256 }, (_, i) => i));

const env = (name) => process.env[`DRIVERS_${name}`];

// The package of that name, from where the runner has installed it.
const library = (name) => require(path.join(env('NODE_MODULES'), name));

const chapters = [];
const chapter = (title, act) => chapters.push([title, act]);

const print = (line) => fs.writeSync(1, `${line}\n`);
const say = (label, ...values) => print(`${label}: ${values.map(show).join(', ')}`);

// A line for a value that rightly differs from run to run: what is said of it must not differ.
const claim = (text, holds) => print(`${text}: ${holds ? 'yes' : 'no'}`);

function show(value) {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'string') return showText(value);
  if (typeof value === 'bigint') return `bigint ${value}`;
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (value instanceof Date) return `date ${Number.isNaN(value.getTime()) ? 'invalid' : value.toISOString()}`;
  if (Buffer.isBuffer(value)) return `bytes ${showText(value.toString('latin1'))}`;
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
  if (value instanceof Map) return `map ${show(Object.fromEntries(value))}`;
  if (value instanceof Set) return `set ${show([...value])}`;
  if (value instanceof Error) return describe(value);
  if (typeof value === 'function') return 'function';
  if (typeof value === 'object') {
    const fields = Object.keys(value).filter((key) => typeof value[key] !== 'function');
    return `{${fields.map((key) => `${key}: ${show(value[key])}`).join(', ')}}`;
  }
  return String(value);
}

function showText(text) {
  if (text.length > SHOWN) return `text of ${text.length}, sha256 ${crypto.createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
  return JSON.stringify(text).replace(/[^ -~]/g, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function shorten(statement) {
  const text = JSON.stringify(statement).slice(1, -1);
  return text.length <= 2 * SHOWN ? text : `${text.slice(0, SHOWN)} ... ${showText(statement)}`;
}

// Of the library's own additions to the text, such as the connection's number, only what the server said is kept.
function describe(error) {
  const text = error.sqlMessage ?? error.message;
  return `error ${error.code} ${error.errno} (${error.sqlState}) fatal ${error.fatal} ${showText(text)}`;
}

// Prints what the act gives, or the error that it ends with. Returns what it gives.
async function attempt(label, act) {
  try {
    const result = await act();
    say(label, result);
    return result;
  } catch (error) {
    print(`${label}: ${describe(error)}`);
    return undefined;
  }
}

async function errorOf(act) {
  try {
    await act();
  } catch (error) {
    return error;
  }
  return undefined;
}

const LOST = ['PROTOCOL_CONNECTION_LOST', 'ECONNRESET', 'EPIPE', 'ER_CMD_CONNECTION_CLOSED', 'ER_SOCKET_UNEXPECTED_CLOSE'];
const isLost = (error) =>
  error !== undefined && ([1053, 1317, 4031].includes(error.errno) || LOST.includes(error.code) || /closed state/.test(error.message));

// The statements of scripts/NAME.sql as [session, statement]: `one`, unless the line says `two>`.
function script(name) {
  const placeholders = { schema: env('SCHEMA'), newline: '\n', nothing: '', space: ' ' };
  return fs
    .readFileSync(path.join(env('SCRIPTS'), `${name}.sql`), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('--'))
    .map((line) => {
      const session = line.startsWith('two> ') ? 'two' : 'one';
      const sql = session === 'two' ? line.slice(5) : line;
      return [session, sql.replace(/\{(schema|newline|nothing|space)\}/g, (_, key) => placeholders[key])];
    });
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// Acts again and again until the promise is settled.
async function actUntilSettled(promise, act) {
  let settled = false;
  promise.then(() => (settled = true), () => (settled = true));
  for (let tries = 0; tries < 1200 && !settled; ++tries) {
    await act();
    await pause(50);
  }
  if (!settled) throw new Error('it has not ended within a minute');
}

// Runs the chapters. What one throws does not keep the others from running.
async function main() {
  const only = process.argv.slice(2);
  for (const [title, act] of chapters) {
    if (only.length > 0 && !only.includes(title)) continue;
    print(`== ${title}`);
    try {
      await act();
    } catch (error) {
      print(`!! ended early: ${describe(error)} ${showText(String(error.stack).split('\n').slice(0, 3).join(' '))}`);
    }
  }
  print('the end');
  process.exit(0);
}

module.exports = {
  ALL_BYTES, HARD_TEXTS, actUntilSettled, attempt, chapter, claim, describe, env, errorOf, isLost, library, main, pause, print, say,
  script, shorten, show, showText,
};
