"""Binary logs and relay logs as files of a server that is down, or goes on writing.

A file is MAGIC bytes, then one event behind the other:
https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_replication_binlog_event.html
"""

import struct

MAGIC, HEADER = 4, 19
GTID = 33
OWN = (4, 15, 35)  # where a file begins and ends: ROTATE, FORMAT_DESCRIPTION, PREVIOUS_GTIDS


def events(data):
    """(type, event) of each that is there as a whole."""
    begin = MAGIC
    while begin + HEADER <= len(data):
        kind, length = data[begin + 4], struct.unpack_from("<I", data, begin + 9)[0]
        if length < HEADER or begin + length > len(data):
            return
        yield kind, data[begin : begin + length]
        begin += length


def gtid_of(event):
    """UUID and number."""
    return event[HEADER + 1 : HEADER + 25]


def files(folder, name):
    """From the oldest to the newest."""
    return sorted(path for path in folder.glob(f"{name}.*") if path.suffix[1:].isdigit())


def transactions(path):
    """(GTID, events) of each, in their order; the last may lack some."""
    found = []
    for kind, event in events(path.read_bytes()):
        if kind == GTID:
            found.append((gtid_of(event), []))
        if found and kind not in OWN:
            found[-1][1].append(event)
    return found


def newest_relay_log(folder):
    """The newest that holds a transaction, its last GTID, and how many events of that it has."""
    for path in reversed(files(folder, "relay")):
        if found := transactions(path):
            gtid, last = found[-1]
            return path, gtid, len(last)
    raise AssertionError(f"no relay log in {folder} holds a transaction")


def ends_with_whole_event(path):
    return path.stat().st_size == MAGIC + sum(len(event) for _, event in events(path.read_bytes()))


def events_after(folder, gtid, count):
    """What the source with that folder would send to who has so many events of that transaction."""
    later = []
    for path in reversed(files(folder, "binlog")):
        found = transactions(path)
        gtids = [each for each, _ in found]
        first = gtids.index(gtid) if gtid in gtids else 0
        here = [event for _, transaction in found[first:] for event in transaction]
        if gtid in gtids:
            return here[count:] + later
        later = here + later
    return []
