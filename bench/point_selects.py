"""What a forwarder costs a query: point selects directly, through HAProxy, MySQL Router and Dorsal."""

import contextlib

from rig import FIGURES, Target, cell, in_turns, print_table, ratios

TITLE = "point selects"
BASE = "HAProxy, TCP"
WIDTHS = (18, 16, 16, 18)
DIGITS = (0, 2, 2, 1)
NAMES = ("queries/s", "p50 ms", "p99 ms", "CPU us/query")


def options(parser):
    parser.add_argument("--threads", type=int, default=8, help="connections with one query at a time each (8)")


def run(rig, chosen):
    with contextlib.ExitStack() as stack:
        targets = [
            Target("direct", rig.primary_port),
            stack.enter_context(rig.haproxy()),
            stack.enter_context(rig.router()),
            rig.dorsal("Dorsal, primary", "primary"),
            rig.dorsal("Dorsal, splitting"),
        ]
        targets = [target for target in targets if target is not None]
        for target in targets:
            rig.know_the_user(target.port)
        results = {}
        for mode, title in (("disable", "text"), ("auto", "prepared statements")):
            results[title] = measure(rig, chosen, targets, mode, f"{TITLE}, {title}")
        return results


def measure(rig, chosen, targets, mode, title):
    prepared = f"--db-ps-mode={mode}"
    for target in targets:
        rig.measure(target, 1, chosen.threads, prepared)  # to warm up
    samples = {target.name: [] for target in targets}
    for target in in_turns(targets, chosen.rounds, title):
        samples[target.name].append(rig.measure(target, chosen.seconds, chosen.threads, prepared))
    figures = {
        name: {figure: ratios(runs, samples[BASE], figure) for figure in FIGURES} for name, runs in samples.items()
    }
    return {"figures": figures, "errors": sum(run.errors for runs in samples.values() for run in runs)}


def show(results):
    for title, result in results.items():
        rows = [
            (name, [cell(*row[figure], digits) for figure, digits in zip(FIGURES, DIGITS)])
            for name, row in result["figures"].items()
        ]
        print_table(f"{TITLE}, {title}; in brackets the ratio to HAProxy", list(zip(NAMES, WIDTHS)), rows)
        if result["errors"]:
            print(f"{result['errors']} errors were met")
