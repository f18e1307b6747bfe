#!/usr/bin/python3
"""Kills the daemon by SIGKILL at named places of one start that names a file: before the file is
claimed for the instance, between that and its admission, behind it. After each the file goes with
the instance where there is one, and else is free. Usage: claim_test.py STEPWELL_BINARY KILL_AT_LIBRARY"""

import http.client
import os
import pathlib
import signal
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from daemon_process import Binary, Daemon  # noqa: E402

# What kill_at.cpp understands, and which such call of a life; how it ends up: None where nobody knows.
PLACES = (
    ("write files.db-wal before", 1, False), ("write files.db-wal half", 1, False),
    ("sync files.db-wal after", 1, False),
    ("write journal.db-wal before", 1, False), ("write journal.db-wal half", 1, False),
    ("sync journal.db-wal after", 1, None), ("send client before", 1, True),
)
WORKFLOW = """document: {dsl: 1.0.0, namespace: t, name: takes, version: 1.0.0}
do: [{wait: {listen: {to: {one: {with: {type: never}}}}}}]
"""


def check(right, what):
    """A daemon that is left would keep this process."""
    if not right:
        print(what, flush=True)
        os.killpg(0, signal.SIGKILL)


def start(daemon, key, file, once):
    """The answer's status, or None where the daemon died."""
    connection = http.client.HTTPConnection(*daemon.place, timeout=30)
    try:
        connection.request("POST", "/api/v1/instances", f'{{"workflow": "t/takes", "input": {{"file": "{file}"}}}}',
                           {"Authorization": f"Api-Key {key}", "Idempotency-Key": once})
        return connection.getresponse().status
    except (http.client.HTTPException, OSError):
        return None
    finally:
        connection.close()


def instances(daemon, key):
    return {item["id"] for item in daemon.call("GET", "/api/v1/instances?limit=500", key)[1]["items"]}


def main():
    if os.getpgid(0) != os.getpid():
        os.setpgid(0, 0)
    binary = Binary(sys.argv[1])
    kill_at = pathlib.Path(sys.argv[2]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        site = f"{folder}/site"
        key = binary.init(site)
        pathlib.Path(site, "definitions", "takes.yaml").write_text(WORKFLOW)
        daemon = Daemon(binary, site)
        before = instances(daemon, key)
        for index, (place, count, admitted) in enumerate(PLACES):
            file = daemon.call("POST", "/api/v1/files", key, str(index).encode(), "text/plain")[1]["id"]
            daemon.stop()
            # It settles the claims of the life before when it starts, and so has nothing to write the next time.
            Daemon(binary, site).stop()
            daemon = Daemon(binary, site, LD_PRELOAD=str(kill_at), STEPWELL_KILL_ON=place,
                            STEPWELL_KILL_AT=str(count))
            check(start(daemon, key, file, str(index)) is None, f"{place}: the daemon lives")
            check(daemon.stop() == -signal.SIGKILL, f"{place}: it did not end by the place")
            daemon = Daemon(binary, site)
            fresh = instances(daemon, key) - before
            holder = daemon.call("GET", f"/api/v1/files/{file}", key)[1]["instance"]
            check(fresh == ({holder} if holder else set()), f"{place}: {fresh}, and the file goes with {holder}")
            check(admitted is None or bool(holder) == admitted, f"{place}: the file goes with {holder}")
            # Sent again it starts the one instance, which has the file.
            check(start(daemon, key, file, str(index)) == 201, f"{place}: it cannot be sent again")
            fresh = instances(daemon, key) - before
            holder = daemon.call("GET", f"/api/v1/files/{file}", key)[1]["instance"]
            check(fresh == {holder}, f"{place}: sent again: {fresh}, and the file goes with {holder}")
            check(start(daemon, key, file, f"other {index}") == 409, f"{place}: another instance has it as well")
            before |= fresh
        daemon.stop()


if __name__ == "__main__":
    main()
