#!/usr/bin/env python3
"""Hurts a real cluster in every way of a list, under load, and judges what came of it.

    tests/chaos/chaos.py [--minutes N | --hours N | --rounds N] [--seed N] [--fault NAME]...

Every node has a network namespace of its own, with its agent, mysqld, proxy, disk and clients; so has each member of
etcd. What is done, and to whom, is drawn from the seed; when exactly things happen is not. After each fault the cluster
must converge, and no judge may have found anything.
"""

import argparse
import contextlib
import http.client
import math
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e"), str(HERE.parent / "spaces")]

import clients
import clocks
import faults
import judges
import pymysql
import spaces
import world

import harness
import takeover

# Generous: what is meant is "at all", on a machine that may be busy. A rebuild by clone is part of it.
CONVERGENCE_LIMIT = 120
# For so long it must be whole: what proxies tell of nodes, and what these notice of each other, is a little late.
CALM = 3
GAPS = (0.1, 0.2, 0.5, 1, 2, 3, 5, 10, 20, 60)  # seconds, the upper bounds of the histogram's columns

# What `make test` plays: one of each kind, within minutes.
SHORT = (
    "kill-mysqld", "stop-host", "cut-off", "replication-cut", "primary-from-store", "disk-stalled", "store-leader-killed",
    "switchover-disturbed", "torn-relay-log", "kill-both",
)


# Dorsal's own, but for a build with sanitizers, which on a busy machine would lose it now and then.
LEASE_MS = 5000 if os.environ.get("DORSAL_SANITIZE") else 2500


class Stopped(Exception):
    """Somebody has asked this program to end."""


class Pulse(threading.Thread):
    """How late this process itself gets the processor: what a machine that is too busy does to everybody on it."""

    EVERY = 0.05

    def __init__(self):
        super().__init__(name="pulse", daemon=True)
        self.latest = 0.0

    def run(self):
        while True:
            before = time.monotonic()
            time.sleep(self.EVERY)
            self.latest = max(self.latest, time.monotonic() - before - self.EVERY)

    def take(self):
        latest, self.latest = self.latest, 0.0
        return latest


class Run:
    """From the start of the cluster to the report."""

    def __init__(self, options, folder, has_spaces, has_clocks):
        self.options, self.rng = options, random.Random(options.seed)
        faults.stretch(options.lease_ms / 2500)
        self.world = world.World(options, folder, has_spaces, has_clocks)
        self.clients = clients.Clients(self.world)
        self.judge = judges.Judge(self.world, self.clients)
        self.gaps = {}  # fault: the longest time without any write in each round
        self.parts = {}  # fault: the parts of that time, in each round in which another node led then
        self.slowest = 0.0
        self.pulse = Pulse()

    def run(self):
        self.pulse.start()
        self.world.start()
        self.converge("start")
        self.clients.prepare()
        self.judge.start()
        print(f"the cluster is up; seed {self.options.seed}", flush=True)
        deadline = time.monotonic() + self.options.seconds if self.options.seconds else None
        for number, name in enumerate(self.names(), start=1):
            if deadline and time.monotonic() > deadline or not self.judge.is_content() and not self.options.go_on:
                break
            self.round(number, name)
        self.finish()

    def names(self):
        """Which fault is next, for ever, or as often as was asked."""
        chosen = [name for name in wanted(self.options) if self.world.has(faults.FAULTS[name][1])]
        if self.options.short:
            yield from chosen
            return
        rounds = 0
        while self.options.rounds is None or rounds < self.options.rounds:
            # Each once before any comes again, in an order of its own.
            for name in self.rng.sample(chosen, len(chosen)):
                if self.options.rounds is not None and rounds >= self.options.rounds:
                    return
                rounds += 1
                yield name

    def round(self, number, name):
        function, _ = faults.FAULTS[name]
        began = time.monotonic()
        try:
            self.world.set_clocks_right()
            self.clients.begin_round()
            self.clients.wait_for_all(60)
        except AssertionError as error:
            return self.judge.note("not_converged", f"before round {number} ({name}): {error}")
        # Which table it is; a round that could not begin has none.
        number = self.clients.book.round
        self.pulse.take()
        # Every round draws from a seed of its own, so that --fault plays the same as a whole run did.
        rng = random.Random(f"{self.options.seed}/{number}/{name}")
        print(f"round {number}: {name} on {self.world.leadership()}, at {time.monotonic():.3f}", flush=True)
        if self.options.idle:
            self.clients.hold()
        hurt = time.monotonic()
        try:
            function(self.world, rng)
        except AssertionError as error:
            self.judge.note("not_done", f"round {number} ({name}): {error}")
        finally:
            self.world.heal()
        healed = time.monotonic()
        if self.options.idle:
            hurt = healed
            self.clients.go_on()
        if not self.converge(f"round {number} ({name})"):
            return
        converged = time.monotonic()
        self.clients.hold()
        before, after = self.gap(number, hurt, converged)
        gap = after - before
        self.gaps.setdefault(name, []).append(gap)
        self.note_parts(name, before, after)
        self.slowest = max(self.slowest, converged - healed - CALM)
        try:
            self.judge.judge(number, name)
        except (AssertionError, pymysql.MySQLError, OSError) as error:
            self.judge.note("not_converged", f"round {number} ({name}): {error!r} while it was judged")
        print(
            f"  no write for {gap:.2f} s; converged {converged - healed - CALM:.1f} s after its end; led by"
            f" {self.world.leadership()}; the round took {time.monotonic() - began:.1f} s, and the machine kept this"
            f" process waiting for {self.pulse.take():.2f} s at most", flush=True,
        )

    def converge(self, where):
        """Every proxy sees a whole cluster, and every client that goes through one gets on. False if not in time."""
        try:
            deadline = time.monotonic() + CONVERGENCE_LIMIT
            began = since = time.monotonic()
            last = None
            while time.monotonic() < since + CALM:
                if amiss := self.world.what_is_amiss():
                    since = time.monotonic()
                    if self.options.verbose and amiss != last:
                        print(f"  {since - began:6.1f} s: {amiss}", flush=True)
                    last = amiss
                    if since > deadline:
                        raise AssertionError(amiss)
                time.sleep(0.1)
            if self.clients.book.round:
                self.clients.wait_for_all(max(30, deadline - time.monotonic()))
            return True
        except (AssertionError, pymysql.MySQLError, OSError, http.client.HTTPException) as error:
            self.judge.note("not_converged", f"{where}: {error}")
            return False

    def gap(self, number, hurt, converged):
        """(from, to) of the longest time in which no writer was answered, of what began after the fault."""
        moments = [moment for moment in self.clients.moments(number) if moment <= converged]
        moments = [max(hurt, moment) for moment in moments]
        return max(zip(moments, moments[1:]), key=lambda pair: pair[1] - pair[0], default=(hurt, hurt))

    def note_parts(self, name, before, after):
        """Not where nodes log by clocks of their own."""
        if faults.FAULTS[name][1] == world.CLOCKS:
            return
        offset = time.time() - time.monotonic()
        at = takeover.steps(self.world.logs.glob("*.log"), before + offset)
        opened = at.get("open_for_writes", 0)
        if "lead_as_elected" in at and opened <= after + offset:
            parts = takeover.lengths(takeover.FAILOVER, at, before + offset, after + offset)
            self.parts.setdefault(name, []).append(parts)

    def finish(self):
        """All rounds once more, on all servers."""
        self.clients.end()
        self.judge.end()
        if self.judge.found["not_converged"]:
            return
        rounds = range(1, self.clients.book.round + 1)
        primary = self.world.primary()
        self.judge.compare_gtids(primary, "at the end")
        self.judge.compare_rows(rounds, primary, "at the end")
        for line in self.world.crashes():
            self.judge.note("crashes", line)

    # ---- What it prints ----

    def report(self):
        records = list(self.clients.book.records.values())
        acknowledged = sum(len(record.acknowledged) for record in records)
        print(
            f"\n{acknowledged} writes acknowledged, {sum(len(record.refused) for record in records)} refused, "
            f"{sum(len(record.unknown) for record in records)} of unknown fate; {self.clients.book.reads} reads"
        )
        print("\nThe longest time without a write in a round, as the number of rounds for each bound in seconds:\n")
        width = max([len(name) for name in self.gaps] or [5])
        print(" " * width + "".join(f"{f'<{bound:g}':>6}" for bound in GAPS) + "  more     p50     p99   worst")
        for name, gaps in sorted(self.gaps.items()):
            counts = [0] * (len(GAPS) + 1)
            for gap in gaps:
                counts[sum(gap >= bound for bound in GAPS)] += 1
            figures = [percentile(gaps, share) for share in (50, 99, 100)]
            print(f"{name:<{width}}" + "".join(f"{count or '.':>6}" for count in counts) + "".join(f"{gap:8.2f}" for gap in figures))
        self.report_parts()
        print(f"\nslowest convergence {self.slowest:.1f} s; longest time that a frozen node's server stayed open beside")
        print(f"another, with nobody to acknowledge its writes: {self.judge.overlaps_excused:.1f} s\n")
        for kind, found in self.judge.found.items():
            print(f"{kind.replace('_', ' ')}: {len(found)}")
        if acknowledged == 0:
            print("no write was acknowledged, so this shows nothing")
        is_good = self.judge.is_content() and acknowledged > 0
        print(f"seed {self.options.seed}: {'all is well' if is_good else 'failed'}", flush=True)
        return is_good

    def report_parts(self):
        """Where another node led after it."""
        if not self.parts:
            return
        names = [*(name for name, _ in takeover.FAILOVER), takeover.FIRST_WRITE]
        width = max(len(name) for name in self.parts)
        print("\nWhere another node led then, the medians of its parts in seconds:\n")
        print(f"{'':<{width}}  rounds" + "".join(f"{name:>{len(name) + 3}}" for name in names))
        for fault, rounds in sorted(self.parts.items()):
            medians = [percentile(part, 50) for part in zip(*rounds)]
            figures = "".join(f"{value:{len(name) + 3}.2f}" for name, value in zip(names, medians))
            print(f"{fault:<{width}}{len(rounds):8}" + figures)


def percentile(values, share):
    """The smallest of them that so many in a hundred do not exceed."""
    return sorted(values)[max(0, math.ceil(len(values) * share / 100) - 1)]


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=float)
    length.add_argument("--hours", type=float)
    length.add_argument("--rounds", type=int)
    parser.add_argument("--short", action="store_true", help="a fixed list of faults, once")
    parser.add_argument("--seed", type=int, default=None, help="default: a new one, which is printed")
    parser.add_argument("--fault", action="append", dest="faults", metavar="NAME", help="only this one; may be repeated")
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--acks", type=int, default=1)
    parser.add_argument("--lease-ms", type=int, default=LEASE_MS, help="of primaries; faults last longer with it")
    parser.add_argument("--idle", action="store_true", help="clients rest while a fault lasts")
    parser.add_argument("--go-on", action="store_true", help="past what a judge has found")
    parser.add_argument("--verbose", action="store_true", help="print what keeps the cluster from being whole")
    parser.add_argument("--keep-logs", action="store_true", help="though all is well")
    parser.add_argument("--no-spaces", action="store_true", help="signal faults only, on the loopback network")
    parser.add_argument("--list", action="store_true", help="print the names of all faults")
    options = parser.parse_args(arguments)
    for name in options.faults or ():
        if name not in faults.FAULTS:
            parser.error(f"there is no fault '{name}'; --list prints them all")
    if options.acks >= options.nodes:
        parser.error("--acks must be less than --nodes")
    options.seconds = (options.minutes or 0) * 60 + (options.hours or 0) * 3600
    if options.seed is None:
        options.seed = int(os.environ.get("DORSAL_CHAOS_SEED") or random.randrange(1, 1 << 31))
        os.environ["DORSAL_CHAOS_SEED"] = str(options.seed)
    if not options.seconds and options.rounds is None and not options.short:
        options.seconds = 600
    return options


def wanted(options):
    """Which faults were asked for; not all of them need be possible here."""
    return SHORT if options.short else options.faults or list(faults.FAULTS)


def stop(*_):
    raise Stopped


def main():
    options = parse(sys.argv[1:])
    if options.list:
        print("\n".join(f"{name:<26}{needs or ''}" for name, (_, needs) in faults.FAULTS.items()))
        return 0
    reason = None
    if not options.no_spaces and not os.environ.get(spaces.INSIDE):
        reason = spaces.why_not()
        if reason is None:
            spaces.enter()
        print(f"{reason} So there are signal faults only, and no cuts, delays or disks.", flush=True)
    has_spaces = bool(os.environ.get(spaces.INSIDE))
    # Nothing is preloaded for the sake of faults that were not asked for.
    has_clocks = any(faults.FAULTS[name][1] == world.CLOCKS for name in wanted(options))
    if has_clocks and (reason := clocks.why_not()):
        has_clocks = False
        print(f"{reason} So no clock jumps.", flush=True)
    granted = {None, has_spaces and world.SPACES, has_clocks and world.CLOCKS}
    if not any(faults.FAULTS[name][1] in granted for name in wanted(options)):
        print("skipped: none of these faults is possible here", flush=True)
        return 77
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    folder = Path(tempfile.mkdtemp(prefix="dorsal-chaos-"))
    folder.chmod(0o755)
    is_good = False
    try:
        run = Run(options, folder, has_spaces, has_clocks)
        try:
            run.run()
            is_good = run.report()
        except Stopped:
            print("stopped", flush=True)
            is_good = run.report()
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            run.clients.book.ended.set()
            run.world.close()
    finally:
        tidy_up(folder, keeps_logs=options.keep_logs or not is_good)
    return 0 if is_good else 1


def tidy_up(folder, keeps_logs):
    for entry in folder.iterdir():
        if entry.name != "logs" or not keeps_logs:
            shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() else entry.unlink()
    if keeps_logs:
        print(f"the logs are in {folder / 'logs'}", flush=True)
    else:
        folder.rmdir()


if __name__ == "__main__":
    sys.exit(main())
