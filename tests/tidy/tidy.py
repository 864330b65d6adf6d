#!/usr/bin/env python3
"""The house rules, as a test.

    tests/tidy/tidy.py [ROOT]

Reads every source file below ROOT (by default the tree this file stands in), prints one line
`path:line: what is wrong` for each violation, and exits 1 if there is one. Each rule is a function
below that starts with `check_`; its docstring is the rule. tidy_test.py shows each of them at work.
"""

import os
import re
import sys
from pathlib import Path

LAYERS_FILE = "src/layers.txt"
LAYER_FOLDERS = ("base", "core", "edge", "service")
README_LINES = 30

SOURCE_SUFFIXES = {".h", ".cc"}
TEXT_SUFFIXES = SOURCE_SUFFIXES | {
    ".py", ".md", ".txt", ".cmake", ".json", ".yaml", ".yml", ".sql", ".js", ".css", ".html", ".service",
    ".pml",
}
TEXT_NAMES = {"Makefile", "dev", "run", "demo", "mysql", "packages", ".clang-format", ".clang-tidy"}
# Build results, data, and files that hold bytes or text exactly as some program made them.
SKIPPED_FOLDERS = {"build", ".git", "dorsal-data", "__pycache__", "node_modules", "corpus", "golden", "vendor"}


class File:
    """One text file: its path from the root, its lines, and the C++ in it without comments."""

    def __init__(self, root, path):
        self.path = path.relative_to(root).as_posix()
        self.name = path.name
        self.beside = path.parent
        try:
            self.text = path.read_bytes().decode()  # no translation of line ends
        except UnicodeDecodeError:
            raise ValueError(f"{self.path}:1: not UTF-8") from None
        self.lines = self.text.split("\n")
        self.is_source = path.suffix in SOURCE_SUFFIXES
        self.is_header = path.suffix == ".h"
        self.is_unit_test = path.name.endswith(("_test.cc", "_testing.h"))
        # Where layers.txt looks for it: src/ is left out.
        self.key = self.path.removeprefix("src/")
        self.code = blank_comments_and_literals(self.text) if self.is_source else ""

    def line_at(self, offset):
        return self.code.count("\n", 0, offset) + 1

    def matches(self, pattern):
        """The line of each match of `pattern` in the code, and the match."""
        for match in re.finditer(pattern, self.code):
            yield self.line_at(match.start()), match


COMMENT_OR_LITERAL = re.compile(
    r"""
    //[^\n]*
  | /\*.*?\*/
  | (?P<raw>\bR"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)")
  | "(?:\\.|[^"\\\n])*"
  | (?<![0-9a-fA-F])'(?:\\.|[^'\\\n])*'
    """,
    re.VERBOSE | re.DOTALL,
)


def blank_comments_and_literals(text):
    """The same text, of the same length, with spaces for comments and what stands in quotes."""
    def blank(match):
        found = match.group()
        if found.startswith("/"):
            return re.sub(r"[^\n]", " ", found)
        return re.sub(r"[^\n\"']", " ", found)

    return COMMENT_OR_LITERAL.sub(blank, text)


# ---- The include table ----


class Layers:
    """What src/layers.txt says."""

    def __init__(self, text):
        sections = {"layers": {}, "reserved": {}, "forbidden": {}, "libraries": {}}
        section = None
        for number, line in enumerate(text.split("\n"), start=1):
            line = line.split("#")[0].strip()
            if not line:
                continue
            if line.startswith("["):
                section = sections.get(line.strip("[]"))
                if section is None:
                    raise ValueError(f"{LAYERS_FILE}:{number}: there is no section {line}")
                continue
            key, colon, rest = line.partition(":")
            if section is None or not colon:
                raise ValueError(f"{LAYERS_FILE}:{number}: expected `name: values` below a [section]")
            section[key.strip()] = rest
        self.rows = {}
        for key, rest in sections["layers"].items():
            folders, _, libraries = rest.partition("|")
            self.rows[key] = (folders.split(), libraries.split())
        self.reserved = {key: rest.split() for key, rest in sections["reserved"].items()}
        self.forbidden = {key: rest.split() for key, rest in sections["forbidden"].items()}
        self.libraries = {key: rest.split() for key, rest in sections["libraries"].items()}
        for key, (_, libraries) in self.rows.items():
            for library in libraries:
                if library not in self.libraries:
                    raise ValueError(f"{LAYERS_FILE}: {key} names the library {library}, which is not listed")

    def row(self, key):
        """The longest row that covers the file `key`, as (row, folders, libraries), or None."""
        found = [row for row in self.rows if is_within(key, row)]
        if not found:
            return None
        longest = max(found, key=len)
        return (longest, *self.rows[longest])

    def library_of(self, header):
        for library, paths in self.libraries.items():
            if any(header == path or path.endswith("/") and header.startswith(path) for path in paths):
                return library
        return None


def is_within(path, folder):
    return path == folder or path.startswith(folder + "/")


def folder_of(key):
    return key.rpartition("/")[0]


C_HEADERS = {
    "assert.h", "ctype.h", "errno.h", "float.h", "inttypes.h", "limits.h", "locale.h", "math.h", "stddef.h",
    "stdint.h", "stdio.h", "stdlib.h", "string.h", "time.h", "wchar.h",
}


def includes(file):
    """Each include as (line, quote, path), where quote is '<' or '"'."""
    for number, line in enumerate(file.lines, start=1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if match:
            yield number, match.group(1), match.group(2)


def check_includes(file, layers):
    """A file includes only what its row of src/layers.txt lists."""
    if not file.is_source:
        return
    row = layers.row(file.key)
    if row is None:
        if file.path.startswith(("src/", "tests/", "bench/")):
            yield 1, f"no row of {LAYERS_FILE} covers {file.key}"
        return
    for number, quote, header in includes(file):
        judge = judge_own_header if quote == '"' else judge_library_header
        reason = judge(file, header, row, layers)
        if reason:
            yield number, reason


def judge_own_header(file, header, row, layers):
    """What is wrong with an include in quotes, or None."""
    name, folders, _ = row
    if "/" not in header:
        if not file.path.startswith("src/") and (file.beside / header).exists():
            return None
        return f'write "{header}" as a path from src/'
    users = layers.reserved.get(header)
    if users is not None and not file.key.startswith(header.removesuffix(".h")):
        if not any(is_within(file.key, user) for user in users):
            return f'{name} may not include "{header}"; {" and ".join(users)} may'
    # A row for one file widens the libraries, not the folder it lives in.
    own = folder_of(file.key)
    if any(is_within(header, folder) for folder in [own, *folders]):
        return None
    return f'{name} may not include "{header}"'


def judge_library_header(file, header, row, layers):
    """What is wrong with an include in angle brackets, or None."""
    name, _, libraries = row
    library = layers.library_of(header)
    if library is not None:
        if library in libraries or library == "gtest" and file.is_unit_test:
            return None
        return f"{name} may not include <{header}>"
    if header in C_HEADERS or re.fullmatch(r"[a-z0-9_]+", header):
        for folder, headers in layers.forbidden.items():
            if is_within(file.key, folder) and header in headers:
                return f"{name} may not include <{header}>"
        return None
    return f"<{header}> belongs to no library of {LAYERS_FILE}"


# ---- Rules about C++ ----


def check_core_reads_no_clock(file, layers):
    """Core is given the time; neither it nor its tests read a clock."""
    if is_within(file.key, "core"):
        for number, _ in file.matches(r"::\s*now\s*\("):
            yield number, "core may not read a clock; take the time as a value"


def check_core_never_awaits(file, layers):
    """Core has no coroutines."""
    if is_within(file.key, "core"):
        for number, match in file.matches(r"\bco_(await|return|yield)\b"):
            yield number, f"core may not use {match.group()}"


def check_headers(file, layers):
    """A header opens with a comment, then `#pragma once`; it has no `using namespace`."""
    if not file.is_header:
        return
    if not file.lines[0].startswith("//") or file.lines[0].strip() == "//":
        yield 1, "a header opens with a comment that says what it is for"
    if not any(line.strip() == "#pragma once" for line in file.lines):
        yield 1, "a header needs #pragma once"
    for number, _ in file.matches(r"\busing\s+namespace\b"):
        yield number, "a header may not say `using namespace`"


def check_names(file, layers):
    """Source files are named in snake_case."""
    if file.is_source and not re.fullmatch(r"[a-z][a-z0-9_]*\.(h|cc)", file.name):
        yield 1, f"{file.name} is not named in snake_case"


def check_await_temporaries(file, layers):
    """Inside one co_await expression stand no brace and no capturing lambda: g++ 12 miscompiles the
    temporaries they make."""
    for number, match in file.matches(r"\bco_await\b"):
        reason = after_await(file.code, match.end()) or before_await(file.code, match.start())
        if reason:
            yield number, f"{reason} in a co_await expression; name the value on the line before"


def after_await(code, offset):
    """Looks from a co_await to the end of its statement."""
    depth = 0
    while offset < len(code):
        char = code[offset]
        if char in "([":
            if char == "[" and starts_capturing_lambda(code, offset):
                return "a capturing lambda"
            depth += 1
        elif char in ")]":
            depth -= 1
        elif char == "{":
            # Below depth zero the condition of an if, while, for or switch has closed: a block.
            return None if depth < 0 and closes_condition(code, offset) else "a brace"
        elif char == ";" and depth <= 0 or char == "}":
            return None
        offset += 1
    return None


def starts_capturing_lambda(code, offset):
    before = code[:offset].rstrip()
    if re.search(r"[\w\)\]>]$", before) and not re.search(r"\b(return|co_await|co_return)$", before):
        return False  # a subscript
    return code[offset + 1 :].lstrip()[:1] not in ("]", "[")  # `[]` captures nothing, `[[` is an attribute


def closes_condition(code, offset):
    """Whether the brace at `offset` opens the block of an if, while, for or switch."""
    before = code[:offset].rstrip()
    before = re.sub(r"\[\[[a-z]+\]\]$", "", before).rstrip()  # [[likely]]
    if not before.endswith(")"):
        return False
    depth = 0
    for start in range(len(before) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(before[start], 0)
        if depth == 0:
            return re.search(r"\b(if|if\s+constexpr|while|for|switch)\s*$", before[:start]) is not None
    return False


GOES_ON_AFTER_BRACE = re.compile(r"\s*([,).]|->|\|\||&&)")
VALUE_BEFORE_BRACE = re.compile(r"([=(,]|\breturn|\bco_return)\s*$")


def before_await(code, offset):
    """Looks from a co_await back to the start of its statement."""
    start = offset - 1
    while start >= 0:
        char = code[start]
        if char == ";":
            return None
        if char == "}":
            # A block is never followed by one of these; a braced value or a lambda is.
            return "a brace" if GOES_ON_AFTER_BRACE.match(code, start + 1) else None
        if char == "{":
            # The brace that the co_await stands in: a list of values, or the block around it.
            return "a brace" if VALUE_BEFORE_BRACE.search(code, max(0, start - 80), start) else None
        start -= 1
    return None


def check_coroutine_lambdas(file, layers):
    """A lambda that captures is no coroutine: the captures may be gone when it resumes."""
    pattern = r"\[[^\[\]]*[^\s\[\]][^\[\]]*\]\s*(\([^()]*\)\s*)(mutable\s*|noexcept\s*)*->\s*[\w:]*\b(Task|awaitable)\s*<"
    for number, _ in file.matches(pattern):
        yield number, "a lambda that captures may not be a coroutine; pass what it needs as parameters"


# ---- Rules about text ----


def check_white_space(file, layers):
    """No tabs, no trailing white space, no carriage returns, and a newline at the end."""
    for number, line in enumerate(file.lines, start=1):
        if "\t" in line and file.name != "Makefile":
            yield number, "a tab"
        if line != line.rstrip():
            yield number, "white space at the end of the line"
    if file.text and not file.text.endswith("\n"):
        yield len(file.lines), "no newline at the end of the file"


def check_no_notes(file, layers):
    """Work that is left is an issue, not a note in the source."""
    for number, line in enumerate(file.lines, start=1):
        match = re.search(r"\b(TO[D]O|FIX[M]E|XX[X])\b", line)
        if match:
            yield number, f"{match.group()}: do it, or open an issue"


def check_no_machine_paths(file, layers):
    """No file names a place of one machine; src/ names no file in /tmp either."""
    places = r"/(?:work|root)(?![\w-])"
    if file.path.startswith("src/") and file.is_source:
        places += r"|/tmp/"
    for number, line in enumerate(file.lines, start=1):
        match = re.search(rf"(?<![\w.)}}\]*~/-])({places})", line)
        if match:
            yield number, f"{match.group(1)} is a place of one machine"


CHECKS = (
    check_includes,
    check_core_reads_no_clock,
    check_core_never_awaits,
    check_headers,
    check_names,
    check_await_temporaries,
    check_coroutine_lambdas,
    check_white_space,
    check_no_notes,
    check_no_machine_paths,
)


# ---- Rules about the tree ----


def missing_readmes(root):
    """Each layer says in a README of at most 30 lines what belongs into it."""
    for layer in LAYER_FOLDERS:
        path = f"src/{layer}/README.md"
        if not (root / path).is_file():
            yield f"{path}:1: each layer has a README.md"
            continue
        lines = len((root / path).read_text(encoding="utf-8").splitlines())
        if lines > README_LINES:
            yield f"{path}:{lines}: {lines} lines; a layer's README has at most {README_LINES}"


def files(root):
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = sorted(set(subfolders) - SKIPPED_FOLDERS)
        for name in sorted(names):
            path = Path(folder, name)
            if (path.suffix in TEXT_SUFFIXES or name in TEXT_NAMES) and path.is_file() and not path.is_symlink():
                yield File(root, path)


def violations(root):
    layers = Layers((root / LAYERS_FILE).read_text(encoding="utf-8"))
    yield from missing_readmes(root)
    for file in files(root):
        for check in CHECKS:
            for number, reason in check(file, layers):
                yield f"{file.path}:{number}: {reason}"


def main(arguments):
    root = Path(arguments[0]).resolve() if arguments else Path(__file__).resolve().parents[2]
    try:
        found = list(violations(root))
    except ValueError as error:
        found = [str(error)]
    for line in found:
        print(line)
    if found:
        print(f"{len(found)} violations of the house rules; docs/style.md has the reasons.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
