"""Hosts whose wall clocks jump: what is started there gets wall_clock.cc preloaded, which reads a file of the host's.

Namespaces share the wall clock. libfaketime would not do: it takes every absolute deadline of a timer for a time of
day, also one of the steady clock, so event loops miss timers that are due at once.
"""

import mmap
import os
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

import harness
import spaces

SOURCE = Path(__file__).resolve().parent / "wall_clock.cc"
COMPILER = "g++"


def build(folder):
    """What is to be preloaded."""
    made = Path(folder) / "wall_clock.so"
    spaces.run(COMPILER, "-std=c++20", "-O2", "-fPIC", "-shared", "-Wl,--as-needed", SOURCE, "-o", made)
    made.chmod(0o755)
    return made


def why_not():
    """One sentence when clocks cannot jump here, else None."""
    if harness.IS_SANITIZED:
        return "nothing can be preloaded into a build with sanitizers."
    if not shutil.which(COMPILER):
        return f"there is no program '{COMPILER}' on this machine; scripts/packages build installs it."
    with tempfile.TemporaryDirectory(prefix="dorsal-clock-") as folder:
        clock = Clock(Path(folder) / "clock", build(folder))
        done = spaces.run(harness.BINARY, "--version", check=False, env={**os.environ, **clock.environment})
    if done.returncode == 0:
        return None
    said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    return f"nothing can be preloaded into {harness.BINARY} ({said})."


class Clock:
    """By how much the wall clock of one host is off; whoever runs with its environment sees every change at once."""

    def __init__(self, path, preloaded):
        with open(path, "w+b") as file:
            file.write(bytes(8))
            file.flush()
            self.mapped = mmap.mmap(file.fileno(), 8)
        os.chmod(path, 0o644)
        self.offset = 0
        self.environment = {"LD_PRELOAD": str(preloaded), "DORSAL_CHAOS_CLOCK": str(path)}

    def set(self, seconds):
        self.offset = seconds
        self.mapped[:] = struct.pack("=q", round(seconds * 1_000_000_000))
