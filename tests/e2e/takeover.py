"""Where the time goes in which nobody can write: the steps of a change of primary, as agents log them."""

import datetime
import re

LINE = re.compile(r"^(\S+Z?) \S+ agent node=(\S+) .*rule=(\S+)")

# The rules whose first use ends a part of the time; what begins it is the last write before.
FAILOVER = (
    ("noticed", ("hand_over", "begin_election")), ("promised, applied", ("lead_as_elected",)),
    ("source forgotten", ("forget_source",)), ("opened", ("open_for_writes",)),
)
SWITCHOVER = (
    ("held", ("close_for_switchover",)), ("drained", ("elect_for_switchover",)),
    ("promised, applied", ("lead_as_elected",)), ("source forgotten", ("forget_source",)), ("opened", ("open_for_writes",)),
)
FIRST_WRITE = "first write"


def moment(text):
    return datetime.datetime.fromisoformat(text).timestamp()


def steps(logs, since):
    """When which rule was first acted on, by any node, since then; by the wall clock, in seconds."""
    first = {}
    for log in logs:
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
            match = LINE.match(line)
            if match and moment(match[1]) >= since:
                first[match[3]] = min(moment(match[1]), first.get(match[3], float("inf")))
    return first


def lengths(parts, at, before, after):
    """In seconds, of each part and of the first write; `before` and `after` are the writes around it all."""
    ends = [before]
    for _, rules in parts:
        end = min((at[rule] for rule in rules if rule in at), default=ends[-1])
        ends.append(min(max(end, ends[-1]), after))
    ends.append(after)
    return [end - begin for begin, end in zip(ends, ends[1:])]
