"""Where the proxy is known to differ from the server, and why. Every line of this list is a debt or a law of nature.

A difference explains lines of a program's output, in chapters of a name: lines of the server's that `server`
matches, and lines of the proxy's that `proxy` matches, from their beginning. Keep both narrow. One that no line
needs any more fails the test: it is mended, or was never true.
"""

import re
from dataclasses import dataclass

SHARED = "a server connection serves many clients, so it tells its own name to the server and not one client's"
DEBT = "not done: "


@dataclass(frozen=True)
class Difference:
    why: str
    chapter: str
    server: str
    proxy: str
    programs: str = ".*"
    where: str = ".*"
    always: bool = True  # False: it shows or not, as connections happen to be given out

    def concerns(self, program, where):
        return re.fullmatch(self.programs, program) is not None and re.fullmatch(self.where, where) is not None

    def explains(self, sign, chapter, line):
        if re.fullmatch(self.chapter, chapter) is None:
            return False
        return re.match({"-": self.server, "+": self.proxy}[sign], line) is not None


def explaining(differences, sign, chapter, line):
    """The first that explains the line; None when none does."""
    return next((difference for difference in differences if difference.explains(sign, chapter, line)), None)


SWAPPED = "swapped connections"
SCRIPTED = "(?!sqlalchemy|django).*"  # programs that run the scripts
ANSWER = "    (?!error|ERROR)"
ATTRIBUTE = r"_client_\w+|_server_host|_os|_platform|_pid|_thread|program_name|colour|long"

DIFFERENCES = (
    Difference(
        why=SHARED,
        chapter=r"== script names_of_clients.*|== connecting",
        server=rf"    (row .(bytes )?['\"]({ATTRIBUTE})['\"]|column|rows?(count)? )",
        proxy=r"    (row .(bytes )?['\"](_client_name|program_name)['\"], .*dorsal|column|rows?(count)? )",
        programs="(?!mysql_client|sqlalchemy|django).*",
    ),
    Difference(
        why=DEBT + "@@pseudo_thread_id has the number that the server gave, of which the client knows nothing",
        chapter="== the connection's number and who is there",
        server=r"also as.*: yes",
        proxy=r"also as.*: no",
        programs="pymysql|mysqldb",
    ),
    Difference(
        why=DEBT + "when a connection goes to another session, its number of warnings, the rows of SHOW WARNINGS and "
        "what FOUND_ROWS(), ROW_COUNT() and LAST_INSERT_ID() say stay with the session that it is taken from, but "
        "not what GET DIAGNOSTICS reads, and not ROW_COUNT() or @@warning_count beside other columns",
        chapter="== script diagnostics.*",
        server=ANSWER,
        proxy=ANSWER,
        programs=SCRIPTED,
        where=SWAPPED,
    ),
    Difference(
        why="a server makes the type of a parameter of the executions that one connection has seen, and on another "
        "there were none",
        chapter="== (prepared statements|parameters)",
        server=r"    (column|row)|with \[",
        proxy=r"    (column|row)|with \[",
        programs="go|node_.*|java",
        where=SWAPPED,
        always=False,
    ),
)
