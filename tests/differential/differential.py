#!/usr/bin/env python3
"""Plays random sequences of statements and commands against a server and against the proxy, and compares.

Any difference in rows, column metadata, warnings, status flags, errors or what the session has become is a failure,
but for what comparison.CLAIMS lists. What fails is made short and printed, with both answers.

A run with --port direct talks to the cluster's primary past the proxy: what fails there is a fault of the test.
"""

import argparse
import random
import shutil
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

import answers
import comparison
import harness
import known_differences
import wire
from generator import Generator
from shrinking import shrink, simplify
from steps import Step, load
from world import SHARING, World, reference_cluster

FIXED_SEEDS = (1, 2, 3, 4, 5)
STEPS = 150
PLAIN = wire.MODERN | wire.MULTI_STATEMENTS


def simpler(step):
    """Lists of steps that could stand for this one."""
    if step.kind == "together":
        yield step.get("steps")
        if len(step.get("steps")) > 2:
            for i in range(len(step.get("steps"))):
                rest = step.get("steps")[:i] + step.get("steps")[i + 1 :]
                yield [Step(step.client, "together", steps=rest)]
    if step.kind == "connect":
        plain = {"capabilities": PLAIN, "charset": 255, "database": "differential"}
        if step.what != plain:
            yield [Step(step.client, "connect", **plain)]
            for name in ("tls", "attributes", "database"):
                if name in step.what:
                    yield [Step(step.client, "connect", **{k: v for k, v in step.what.items() if k != name})]
            yield [Step(step.client, "connect", **{**step.what, "charset": 255})]
            yield [Step(step.client, "connect", **{**step.what, "capabilities": PLAIN})]
    if "attributes" in step.what and step.kind != "connect":
        yield [Step(step.client, step.kind, **{k: v for k, v in step.what.items() if k != "attributes"})]


class Fuzzer:
    def __init__(self, world, options):
        self.world, self.options = world, options
        self.known = known_differences.Active(options.port, options.also)
        world.excuses = self.known.excuses
        self.steps_played = 0
        self.shortened = set()  # signatures of failures, each of which is made short once only

    def run(self, seed):
        """True when both sides agree, however connections are shared."""
        steps = Generator(seed, self.known).generate(self.options.steps)
        return all([self.run_sharing(seed, steps, sharing) for sharing in self.world.sharing])

    def run_sharing(self, seed, steps, sharing):
        started = time.monotonic()
        self.world.use(sharing)
        failure = self.world.play(steps)
        if failure is None:
            self.steps_played += len(steps)
            print(f"seed {seed}, {sharing}: {len(steps)} steps agree, {time.monotonic() - started:.1f} s", flush=True)
            return True
        self.report(seed, sharing, steps, failure)
        return False

    def report(self, seed, sharing, steps, failure):
        print(f"\nseed {seed}, {sharing}, fails at step {failure.index}: {failure.step!r}")
        print("\n".join(comparison.render(failure.differences)), flush=True)
        shortest, last = self.shorten(steps[: failure.index + 1], failure)
        print(f"\nThe shortest run that shows it, {len(shortest)} of {len(steps)} steps:\n")
        for step in shortest:
            print(f"{step!r},")
        print(f"\nIts step {last.index} is {last.step!r}")
        for name, answer in zip(("directly", "by proxy"), last.answers):
            print(f"\nAnswer {name}:")
            for one in answer:
                print("\n".join(f"  {line}" for line in answers.render(one)))
        print("\nWhat differs:")
        print("\n".join(comparison.render(last.differences)))
        print(f"\nAgain: ./dev differential --seed {seed} --port {self.options.port}"
              f" --steps {self.options.steps} --sharing {sharing}\n", flush=True)

    def shorten(self, steps, failure):
        wanted = comparison.signature(failure.step, failure.differences)
        found = [failure]

        def fails(part):
            again = self.world.play(part)
            if again is None or comparison.signature(again.step, again.differences) != wanted:
                return False
            found[0] = again
            return True

        if self.options.no_shrinking or wanted in self.shortened:
            return steps, failure
        self.shortened.add(wanted)
        if not fails(steps):
            print("It did not fail when it was played again; what follows is the whole run.")
            return steps, failure
        shortest = simplify(shrink(steps, fails, lambda step: step.kind == "connect"), fails, simpler)
        fails(shortest)
        return shortest, found[0]


def play_file(world, options):
    """Plays the steps of a file, and shows where the answers differ first."""
    steps = load(options.play)
    world.excuses = known_differences.Active(options.port, options.also).excuses
    fine = True
    for sharing in world.sharing:
        world.use(sharing)
        failure = world.play(steps)
        if failure is None:
            print(f"{sharing}: {len(steps)} steps agree")
            continue
        fine = False
        print(f"{sharing}: step {failure.index}: {failure.step!r}")
        print("\n".join(comparison.render(failure.differences, most=100)))
    return fine


def differs(world, steps):
    """Whether they do, in one way of sharing connections at least."""
    for sharing in world.sharing:
        world.use(sharing)
        if world.play(list(steps)) is not None:
            return True
    return False


def check_known(world, port):
    """Whether each known difference is still one."""
    fine = True
    for known in known_differences.KNOWN:
        if port not in known.ports:
            continue
        world.excuses = known_differences.Active(port, [known.name]).excuses
        if differs(world, known.steps):
            print(f"{known.name} still differs: {known.reason}")
        else:
            fine = False
            print(f"{known.name} differs no longer: take it from known_differences.py")
    return fine


def seeds_of(options):
    """Endless, unless the options say where it ends."""
    if options.seed is not None:
        yield options.seed
        return
    yield from FIXED_SEEDS[: options.seeds]
    left = None if options.seeds is None else max(options.seeds - len(FIXED_SEEDS), 0)
    while left is None or left > 0:
        yield random.SystemRandom().randrange(1 << 32)
        left = None if left is None else left - 1


def fuzz(world, options):
    fuzzer = Fuzzer(world, options)
    failed, played, started = [], 0, time.monotonic()
    for seed in seeds_of(options):
        if options.minutes and time.monotonic() > started + options.minutes * 60:
            break
        played += 1
        if not fuzzer.run(seed):
            failed.append(seed)
            if not options.go_on:
                break
    print(f"{played} runs by port {options.port} in {time.monotonic() - started:.0f} s:"
          f" {fuzzer.steps_played} steps agree; these seeds fail: {failed or 'none'}")
    return not failed


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, help="play this one alone")
    parser.add_argument("--seeds", type=int, help="how many; the first ones are always the same")
    parser.add_argument("--minutes", type=float, help="stop after so long")
    parser.add_argument("--port", choices=("split", "primary", "direct"), default="split")
    parser.add_argument("--steps", type=int, default=STEPS, help="of each run")
    parser.add_argument("--sharing", choices=list(SHARING), help="only this; swapping: another connection wherever allowed")
    parser.add_argument("--go-on", action="store_true", help="after a failure")
    parser.add_argument("--no-shrinking", action="store_true")
    parser.add_argument("--also", action="append", default=[], metavar="NAME", help="draw this known difference too")
    parser.add_argument("--known", action="store_true", help="check that each known difference still is one")
    parser.add_argument("--play", metavar="FILE", help="play the steps of this file, one expression in each line")
    parser.add_argument("--reference", metavar="FOLDER:BASE", help="a cluster of one node that runs already")
    options = parser.parse_args(arguments)
    if options.seed is None and options.seeds is None and options.minutes is None:
        options.seeds = 20
    return options


def open_world(stack, options):
    folder = harness.temporary_folder()
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    cluster = stack.enter_context(harness.running_cluster())
    if options.reference:
        path, _, base = options.reference.rpartition(":")
        reference = harness.Cluster(path, int(base))
    else:
        reference = reference_cluster(folder)
        stack.callback(reference.destroy)
    return World(reference, cluster, options.port, [options.sharing] if options.sharing else list(SHARING))


def main(arguments):
    options = parse(arguments)
    with ExitStack() as stack:
        world = open_world(stack, options)
        crashes = world.cluster.crashes
        before = len(crashes())
        with world:
            if options.play:
                fine = play_file(world, options)
            elif options.known:
                fine = check_known(world, options.port)
            else:
                fine = fuzz(world, options)
        # The proxy has ended by now, and what sanitizers find at the end is in its output.
        crashes = crashes()[before:]
        if not fine or crashes:
            print(world.proxies_said(), *crashes, sep="\n", file=sys.stderr)
    return 0 if fine and not crashes else 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))  # takes away what was started
    sys.exit(main(sys.argv[1:]))
