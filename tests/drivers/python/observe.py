"""What the programs in Python share: chapters, and how values are printed.

    @chapter("inserts")
    def inserts(): say(...)

    main()

A chapter that raises prints `!!` and does not keep the others from running.
"""

import datetime
import decimal
import hashlib
import os
import sys
import threading
from pathlib import Path

HOST = os.environ["DRIVERS_HOST"]
PORT = int(os.environ["DRIVERS_PORT"])
SCHEMA = os.environ["DRIVERS_SCHEMA"]
USER = os.environ["DRIVERS_USER"]
OTHER_USER = os.environ["DRIVERS_OTHER_USER"]
PASSWORD = os.environ["DRIVERS_PASSWORD"]
CA = os.environ["DRIVERS_CA"]
FOLDER = os.environ["DRIVERS_FOLDER"]
COMPRESSION = os.environ["DRIVERS_COMPRESSION"]
SCRIPTS = Path(os.environ["DRIVERS_SCRIPTS"])

# Longer values are printed as their length and a digest.
SHOWN = 300

ALL_BYTES = bytes(range(256))
# Text that is hard to quote, to escape, or to count.
HARD_TEXTS = [
    "", " ", "'", '"', "\\", "\\'", "''", "%s", "%", "?", "a\0b", "line\r\nbreak\x1a", "-- no comment", "/* nor */ this",
    "é", "日本", "🐬", ";", "`", "$$", "{}", ":name", "NULL", "0",
]

chapters = []


def chapter(title):
    def register(function):
        chapters.append((title, function))
        return function

    return register


def say(label, *values):
    print(f"{label}: {', '.join(map(show, values))}" if values else label)


def claim(text, holds):
    """A line for a value that rightly differs from run to run: what is said of it must not differ."""
    print(f"{text}: {'yes' if holds else 'no'}")


def show(value):
    if isinstance(value, (str, bytes)):
        return show_text(value)
    if isinstance(value, (list, tuple)):
        return f"({', '.join(map(show, value))})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {show(value[key])}" for key in value) + "}"
    if isinstance(value, (set, frozenset)):
        return "set" + show(sorted(value))
    if isinstance(value, (datetime.date, datetime.datetime, datetime.timedelta, decimal.Decimal)):
        return f"{type(value).__name__} {value}"
    return repr(value)


def show_text(value):
    if len(value) <= SHOWN:
        return repr(value)
    data = value if isinstance(value, bytes) else value.encode()
    return f"{type(value).__name__} of {len(value)}, sha256 {hashlib.sha256(data).hexdigest()[:16]}"


def shorten(statement):
    """A statement on one line."""
    text = repr(statement)[1:-1]
    return text if len(text) <= 2 * SHOWN else f"{text[:SHOWN]} ... {show_text(statement)}"


def describe(error):
    return f"{type(error).__name__} {show(error.args)}"


def script(name):
    """The statements of scripts/NAME.sql, each with the session that it is for: `one` unless the line says `two>`."""
    for line in (SCRIPTS / f"{name}.sql").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("--"):
            continue
        session, sql = line.split("> ", 1) if line.startswith("two> ") else ("one", line)
        for placeholder, text in (("schema", SCHEMA), ("newline", "\n"), ("nothing", ""), ("space", " ")):
            sql = sql.replace(f"{{{placeholder}}}", text)
        yield session, sql


def attempt(label, act, errors=Exception):
    """Prints what the act gives, or the error that it ends with. Returns what it gives."""
    try:
        result = act()
    except errors as error:
        print(f"{label}: error {describe(error)}")
        return None
    print(f"{label}: {show(result)}")
    return result


def in_background(act):
    """Runs it in a thread; calling what is returned waits for the end and gives ('gave', x) or ('raised', error)."""
    outcome = []

    def run():
        try:
            outcome.append(("gave", act()))
        except Exception as error:  # pylint: disable=broad-except
            outcome.append(("raised", error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def wait(seconds=None):
        thread.join(seconds)
        return outcome[0] if outcome else None

    return wait


def repeat_until_done(wait, act, every=0.05, limit=60):
    """Acts again and again until the background work has ended; returns its outcome."""
    for _ in range(int(limit / every)):
        act()
        outcome = wait(every)
        if outcome is not None:
            return outcome
    raise AssertionError(f"the other thread has not ended within {limit} s")


def show_outcome(outcome):
    kind, value = outcome
    return f"error {describe(value)}" if kind == "raised" else f"result {show(value)}"


def main():
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    only = sys.argv[1:]
    for title, function in chapters:
        if only and title not in only:
            continue
        print(f"== {title}")
        try:
            function()
        except Exception as error:  # pylint: disable=broad-except
            line = error.__traceback__.tb_next.tb_lineno if error.__traceback__.tb_next else 0
            print(f"!! ended early at line {line}: {describe(error)}")
    print("the end")
