"""How each driver's program is built and started.

A program gets what it needs in its environment (see compare.py) and prints one line for each thing that an
application can observe. What must be compiled or installed goes to the folder DORSAL_DRIVERS_BUILD, and is made
anew only when what it is made from has changed.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD = Path(os.environ.get("DORSAL_DRIVERS_BUILD") or HERE.parents[1] / "build/dev/tests/drivers")

PYTHON = "/usr/bin/python3"
MARIADB_JAR = "/usr/share/java/mariadb-java-client.jar"
GO_PACKAGES = "/usr/share/gocode"

# No library may find options of whoever runs the tests, and no toolchain may write to a home folder.
CLEAN = {
    "HOME": "/nonexistent", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC", "PATH": os.environ["PATH"],
    "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1",
}


class Program:
    """One driver: the command of its program, and how the program is made, if it must be."""

    def __init__(self, command, sources=(), build=None, environment=None):
        self.command = command
        self.sources = [HERE / source for source in sources]
        self.build = build
        self.environment = {**CLEAN, **(environment or {})}

    def prepare(self, name):
        """Brings the build folder up to date, and returns the command to run."""
        if self.build is None:
            return self.command
        folder = BUILD / name
        folder.mkdir(parents=True, exist_ok=True)
        with open(BUILD / f"{name}.lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            stamp, wanted = folder / "made-from", self.fingerprint()
            if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
                stamp.unlink(missing_ok=True)
                self.build(folder)
                stamp.write_text(wanted, encoding="utf-8")
        return [str(part).replace("{build}", str(folder)) for part in self.command]

    def fingerprint(self):
        """Of the sources and of this file, which has the commands."""
        total = hashlib.sha256()
        for source in [*self.sources, Path(__file__)]:
            total.update(source.read_bytes() + b"\0")
        return total.hexdigest()


def run_tool(*command, folder, environment):
    if shutil.which(command[0]) is None:
        raise AssertionError(f"{command[0]} is not installed; 'scripts/packages test' installs it")
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=400, check=False,
    )
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))} ends with {done.returncode}\n{done.stdout}")


def build_java(folder):
    run_tool(
        "javac", "-Xlint:all", "-Werror", "-encoding", "UTF-8", "-cp", MARIADB_JAR, "-d", str(folder),
        *[str(source) for source in sorted((HERE / "java").glob("*.java"))],
        folder=folder, environment={},
    )


def build_go(folder):
    """As a package of the folder that Debian's libraries are in: without modules, hence without a network."""
    run_tool(
        "go", "build", "-o", str(folder / "program"), *[str(file) for file in sorted((HERE / "go").glob("*.go"))],
        folder=folder,
        environment={
            "GO111MODULE": "off", "GOPATH": GO_PACKAGES, "GOCACHE": str(folder / "cache"), "GOFLAGS": "",
            "CGO_ENABLED": "0", "GOTOOLCHAIN": "local",
        },
    )


def build_node(folder):
    """The packages of package-lock.json, and nothing else; none of them runs a script on being installed."""
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(HERE / "node" / name, folder / name)
    run_tool("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", folder=folder, environment={})


def python(name):
    return Program([PYTHON, "-B", str(HERE / "python" / name)])


def php(name):
    return Program(["php", "-d", "display_errors=stderr", "-d", "memory_limit=512M", str(HERE / "php" / name)])


def node(name):
    return Program(
        ["node", str(HERE / "node" / name)], ["node/package.json", "node/package-lock.json"], build_node,
        {"DRIVERS_NODE_MODULES": str(BUILD / "node" / "node_modules")},
    )


PROGRAMS = {
    "mysql_client": python("mysql_client.py"),
    "pymysql": python("pymysql_driver.py"),
    "mysqldb": python("mysqldb_driver.py"),
    "sqlalchemy": python("sqlalchemy_orm.py"),
    "django": python("django_orm.py"),
    "perl": Program(["perl", str(HERE / "perl/dbd_mysql.pl")]),
    "php_mysqli": php("mysqli.php"),
    "php_pdo": php("pdo.php"),
    "go": Program(["{build}/program"], ["go/main.go"], build_go),
    "node_mysql2": node("mysql2.js"),
    "node_mariadb": node("mariadb.js"),
    "java": Program(
        ["java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{{build}}:{MARIADB_JAR}", "Main"],
        ["java/Main.java"], build_java,
    ),
}
