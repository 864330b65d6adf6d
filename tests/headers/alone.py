#!/usr/bin/env python3
"""Compiles each header by itself, so that none leans on what its includer happened to include.

    alone.py SRC BUILD COMPILER…

SRC is the folder of the headers; BUILD holds flags.txt, one compiler flag per line, and takes the
one-line sources that this test compiles. COMPILER is a command, best with ccache in front: then a second
run costs milliseconds for each header whose text, includes and flags are as before.
"""

import concurrent.futures
import os
import subprocess
import sys
from pathlib import Path


def read_flags(path):
    """The flags of the build, without the sanitizers: they slow the compiler and find nothing here."""
    flags = path.read_text(encoding="utf-8").split("\n")
    return [flag for flag in flags if flag not in ("", "-I", "-D") and "sanitize" not in flag]


def compile_alone(header, source_folder, build_folder, command):
    """What the compiler says against the header; empty when it is content."""
    name = header.relative_to(source_folder).as_posix()
    source = build_folder / "sources" / (name.replace("/", "__") + ".cc")
    text = f'#include "{name}"\n'
    if not source.exists() or source.read_text(encoding="utf-8") != text:
        source.write_text(text, encoding="utf-8")
    run = subprocess.run(
        [*command, "-O0", "-c", source, "-o", source.with_suffix(".o")], capture_output=True, text=True, check=False
    )
    return name, run.stderr if run.returncode else ""


def main(arguments):
    source_folder, build_folder = Path(arguments[0]), Path(arguments[1])
    command = [*arguments[2:], *read_flags(build_folder / "flags.txt")]
    (build_folder / "sources").mkdir(parents=True, exist_ok=True)
    headers = sorted(source_folder.rglob("*.h"))
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        work = [pool.submit(compile_alone, header, source_folder, build_folder, command) for header in headers]
        for name, complaint in (done.result() for done in work):
            if complaint:
                failed += 1
                print(f"src/{name} does not compile alone:\n{complaint}")
    print(f"{len(headers) - failed} of {len(headers)} headers compile alone")
    return 1 if failed or not headers else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
