#!/usr/bin/env python3
"""Checks the model of fail-over, failover.pml, with Spin: as it is, and with each rule broken.

    model.py                        the quick worlds, and every broken rule
    model.py --all                  the large worlds too
    model.py --only NAME            one world, or one broken rule
    model.py --trail RULE           the shortest run in which this broken rule does harm, step by step

As it is, each world must be searched to its end without an error: every state, none left out by a bound on the depth
or the memory, none approximated. Of each broken rule an error must be found. The search for those is breadth-first,
so its steps are those of the shortest such run.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

MODEL = Path(__file__).resolve().parent / "failover.pml"
QUICK_MEBIBYTES = 450  # of each of the two searches that run at once
LARGE_MEBIBYTES = 12000
DEPTH_LIMIT = 2_000_000  # of a depth-first search; reaching it is an error
HANG_LIMIT = 4 * 3600


def world(nodes, terms, writes, k=1, *more):
    return (f"NODES={nodes}", f"TERMS={terms}", f"WRITES={writes}", f"K={k}", *more)


MEMBERS, DEMAND = "MEMBERS_CHANGE", "K_CHANGES"

# Name, what is in it, whether `make test` searches it.
WORLDS = {
    "three": (world(3, 3, 2), True),
    "three_members": (world(3, 2, 1, 1, MEMBERS), True),
    "three_demand": (world(3, 2, 2, 1, DEMAND), True),
    "five": (world(5, 2, 1), True),
    "five_two": (world(5, 2, 1, 2), True),
    "three_writes": (world(3, 3, 3), False),
    "three_members_writes": (world(3, 2, 2, 1, MEMBERS), False),
    "three_members_terms": (world(3, 3, 1, 1, MEMBERS), False),
    "three_demand_terms": (world(3, 3, 2, 1, DEMAND), False),
    "five_writes": (world(5, 2, 2), False),
    "five_writes_two": (world(5, 2, 2, 2), False),
    "five_terms": (world(5, 3, 1), False),
    "five_terms_two": (world(5, 3, 1, 2), False),
    "five_demand": (world(5, 2, 1, 1, DEMAND), False),
}

# The word that breaks the rule, the sentence that it breaks, and a world that is large enough to show it.
BROKEN = {
    "QUORUM_TOO_SMALL": ("N - k members have promised the new term", world(3, 2, 1)),
    "PROMISE_FORGOTTEN": ("a promise survives a restart", world(3, 2, 2)),
    "FOLLOW_OLDER_TERMS": ("nobody receives from a source older than its promise", world(3, 2, 1)),
    "RECEIVER_KEEPS_RUNNING": ("the receiver has stopped before a promise is given", world(3, 2, 1)),
    "CHOOSE_WITHOUT_COMPARING": ("a candidate has all that those who promised have", world(3, 2, 1)),
    "PROMOTE_UNAPPLIED": ("all that was retrieved is applied before the source is forgotten", world(3, 2, 1)),
    "CHANGE_SOURCE_UNAPPLIED": ("all that was retrieved is applied before the source is changed", world(3, 3, 2)),
    "RELAY_LOG_RECOVERY": ("a restart keeps the relay log", world(3, 2, 1)),
    "ACKNOWLEDGE_BEFORE_STORED": ("an acknowledged write is in the relay log, on disk", world(3, 2, 1)),
    "WRITABLE_BEFORE_STORED": ("nobody is writable before its term is in the store", world(3, 2, 1)),
    "STORE_WITHOUT_COMPARING": ("the store is changed by compare-and-swap", world(3, 2, 1)),
    "SEMISYNC_SWITCHED_ON_LATE": ("semi-sync is on before the first write", world(3, 3, 1)),
    "RELEASE_WAITING_CLIENTS": ("clients that wait on a deposed primary are never released", world(3, 2, 1)),
    "STRAYS_FOLLOW": ("whoever has strays does not follow", world(3, 2, 2)),
    "OLD_PRIMARY_LEAVES_AT_ONCE": ("a promotion leaves the list of members as it is", world(3, 3, 1)),
    "ACKNOWLEDGE_BEFORE_LISTED": ("a voter is in the store before it acknowledges", world(3, 2, 1, 1, MEMBERS)),
    "ACKNOWLEDGE_IN_OLDER_TERM": ("a voter acknowledges only to the primary that the store names",
                                  world(3, 2, 1, 1, MEMBERS)),
    "REMOVE_IN_STORE_FIRST": ("who is removed has stopped to acknowledge before", world(3, 2, 1, 1, MEMBERS)),
    "REMOVE_UNMARKED": ("who is to be removed is marked in the store first", world(3, 2, 1, 1, MEMBERS)),
    "REMOVE_TOO_EARLY": ("before a member is removed, k others have everything", world(3, 2, 1, 1, MEMBERS)),
    "COMPARE_TERM_ONLY": ("a promotion fails when the list of members has changed", world(3, 2, 1, 1, MEMBERS)),
    "REBUILD_KEEPS_VOTE": ("who lost data has lost its vote before", world(3, 2, 1, 1, MEMBERS)),
    "RAISE_IN_STORE_FIRST": ("k is raised at the server before in the store", world(3, 2, 1, 1, DEMAND)),
    "RAISE_TOO_EARLY": ("before k is raised in the store, as many voters have everything", world(3, 2, 1, 1, DEMAND)),
    "LOWER_IN_SERVER_FIRST": ("k is lowered in the store before at the server", world(3, 2, 1, 2, DEMAND)),
    "LOWER_WHEN_DEPOSED": ("a server's k is that of its own term", world(4, 2, 1, 2, DEMAND)),
    "DEFAULT_K": ("a primary takes its k from the record it was promoted with", world(4, 3, 1, 2)),
    # No rule, but a claim that is too strong: acknowledgements from before and after the promotion can make up two.
    "STRICTLY_NO_LATE_OK": ("a deposed primary may acknowledge only what the new one has", world(5, 2, 1, 2)),
}


@dataclass
class Search:
    """What Spin said."""

    errors: int
    complete: bool
    depth: int
    states: float
    seconds: float
    mebibytes: float
    assertion: str


def run(command, folder, limit=HANG_LIMIT):
    done = subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=limit,
        check=False,
    )
    return done.returncode, done.stdout


def must_run(command, folder):
    status, output = run(command, folder)
    if status:
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{output}")


def build(folder, words, mebibytes, breadth_first, optimisation):
    """Makes the program that searches the model with these words defined."""
    words = [*words, *(["BREADTH_FIRST"] if breadth_first else [])]
    must_run(["spin", "-a", *(f"-D{word}" for word in words), MODEL], folder)
    # There is one process at a time in a step, so nothing is gained by reducing the orders of steps.
    options = ["-DSAFETY", "-DNOREDUCE", f"-DMEMLIM={mebibytes}", *(["-DBFS"] if breadth_first else [])]
    must_run(["gcc", optimisation, "-w", *options, "-o", "pan", "pan.c"], folder)


def number(pattern, text):
    found = re.search(pattern, text)
    return float(found.group(1)) if found else 0.0


def search(folder, breadth_first, hash_bits):
    status, output = run(["nice", "-n", "10", "./pan", f"-w{hash_bits}"] + ([] if breadth_first else [f"-m{DEPTH_LIMIT}"]),
                         folder)
    errors = re.search(r"errors: (\d+)", output)
    if status or not errors:
        raise SystemExit(f"the search failed:\n{output}")
    incomplete = ("max search depth too small", "Search not completed", "out of memory", "Bit statespace", "error:")
    assertion = re.search(r"assertion violated \((.*)\) \(at", output)
    return Search(
        errors=int(errors.group(1)), complete=not any(words in output for words in incomplete),
        depth=int(number(r"depth reached (\d+)", output)), states=number(r"([\d.e+]+) states, stored", output),
        seconds=number(r"elapsed time ([\d.e+]+)", output), mebibytes=number(r"([\d.]+)\s+total actual memory", output),
        assertion=assertion.group(1) if assertion else "",
    )


def check(name):
    """One row of the table, and whether it is as it should be."""
    broken = name in BROKEN
    words = (*BROKEN[name][1], name) if broken else WORLDS[name][0]
    quick = broken or WORLDS[name][1]
    with tempfile.TemporaryDirectory(prefix="dorsal-model-") as folder:
        # Short searches take less time than an optimising compiler.
        optimisation = "-O0" if broken else "-O1" if quick else "-O2"
        build(folder, words, QUICK_MEBIBYTES if quick else LARGE_MEBIBYTES, broken, optimisation)
        found = search(folder, broken, 20 if broken else 22 if quick else 26)
    good = found.errors > 0 and found.assertion if broken else found.errors == 0 and found.complete
    set_up = int(words[0].removeprefix("NODES=")) + 1  # steps that start the nodes
    row = f"{name:28}{found.states:12,.0f}{found.depth - set_up:7}{found.seconds:9.1f}{found.mebibytes:8.0f}  "
    if broken:
        row += "found" if good else f"NOT FOUND: {BROKEN[name][0]}"
    else:
        row += "holds" if good else f"FAILS: {found.assertion or 'not searched to the end'}"
    return row, good


def report(names):
    """Checks these, two at a time, and prints each when it and all before it are done."""
    print(f"{'':28}{'states':>12}{'steps':>7}{'seconds':>9}{'MiB':>8}", flush=True)
    failed = 0
    with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        for row, good in pool.map(check, names):
            print(row, flush=True)
            failed += not good
    return failed


def history(packed):
    """The writes of a history, each as the term of its primary, oldest first."""
    terms = []
    while packed:
        terms.append(str(packed & 3))
        packed >>= 2
    return f"[{' '.join(terms)}]"


def print_trail(name):
    """Nodes keep their numbers in it, so that it can be followed. A write is shown as the term of its primary."""
    words = (*(BROKEN[name][1] if name in BROKEN else WORLDS[name][0]), "NAMED", *([name] if name in BROKEN else []))
    with tempfile.TemporaryDirectory(prefix="dorsal-model-") as folder:
        build(folder, words, LARGE_MEBIBYTES, True, "-O0")
        found = search(folder, True, 22)
        if not found.errors:
            print(f"{name}: no error is found.")
            return 1
        trail = Path(folder, MODEL.name + ".trail")
        _, output = run(["spin", "-k", trail, "-B", "-DBREADTH_FIRST", *(f"-D{word}" for word in words), MODEL], folder)
    steps = [line.strip() for line in output.splitlines() if re.match(r"\s+(node \d|the store)", line)]
    steps = [re.sub(r"#(\d+)", lambda match: history(int(match.group(1))), step) for step in steps]
    print("\n".join(steps))
    print(f"violated: {found.assertion}")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--all", action="store_true", help="the large worlds too")
    parser.add_argument("--only", metavar="NAME", help="one world, or one broken rule")
    parser.add_argument("--trail", metavar="RULE", help="print the shortest run in which this broken rule does harm")
    options = parser.parse_args()
    for name in filter(None, (options.only, options.trail)):
        if name not in WORLDS and name not in BROKEN:
            parser.error(f"there is no {name}; there are {', '.join((*WORLDS, *BROKEN))}")
    if options.trail:
        return print_trail(options.trail)
    names = [name for name, (_, quick) in WORLDS.items() if quick or options.all] + list(BROKEN)
    failed = report([options.only] if options.only else names)
    if failed:
        print(f"{failed} of these are not as they should be.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
