#!/usr/bin/env python3
"""The cluster that most test modules share.

    shared.py start    starts it in the folder $DORSAL_E2E_SHARED
    shared.py stop     stops it and checks that nothing is left of it

When whoever called `start` ends without `stop`, as an interrupted CTest does, a watcher stops the cluster.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import harness
import processes

FOLDER = Path(os.environ["DORSAL_E2E_SHARED"])


def remove_leftovers():
    cluster = harness.shared_cluster()
    if cluster is not None:
        processes.kill_marked(cluster.mark)
    shutil.rmtree(FOLDER, ignore_errors=True)


def start():
    remove_leftovers()
    FOLDER.mkdir(parents=True)
    base = harness.free_port_base()
    (FOLDER / "port-base").write_text(f"{base}\n", encoding="utf-8")
    caller = os.getppid()
    subprocess.Popen(
        [sys.executable, "-B", __file__, "watch", str(caller), str(processes.start_time(caller)), str(base)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )
    started = time.monotonic()
    cluster = harness.shared_cluster()
    cluster.up(timeout=300)
    # What modules kill comes back in its role; fail-over has clusters of its own.
    cluster.run("pause", "--dir", cluster.dir, "--reason", "tests")
    print(f"a cluster on ports {base} and up, after {time.monotonic() - started:.1f} s")


def stop():
    cluster = harness.shared_cluster()
    if cluster is None:
        return
    crashes = cluster.crashes()
    pids = cluster.pids()
    try:
        cluster.destroy()
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)
    assert not crashes, crashes
    assert pids, "nothing ran that could be stopped"
    left = [pid for pid in pids if processes.is_running(pid)]
    assert not left, f"processes {left} still run"
    taken = [cluster.base + i for i in range(harness.PORTS_OF_A_CLUSTER) if not processes.is_free(cluster.base + i)]
    assert not taken, f"ports {taken} are still taken"
    print("no process, no port and no file is left of the shared cluster")


def is_mine(base):
    """False once the cluster is stopped, also when another has been started in its place."""
    file = FOLDER / "port-base"
    return file.exists() and file.read_text(encoding="utf-8").strip() == base


def watch(caller, started, base):
    """Ends with the cluster, and ends the cluster with its caller."""
    while processes.is_running(caller) and processes.start_time(caller) == started:
        if not is_mine(base):
            return
        time.sleep(1)
    if is_mine(base):
        remove_leftovers()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["start"]:
            start()
        case ["stop"]:
            stop()
        case ["watch", caller, started, base]:
            watch(int(caller), int(started), base)
        case _:
            sys.exit(__doc__)
