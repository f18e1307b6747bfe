#!/usr/bin/python3
"""Kills the daemon by SIGKILL before each call of its first start that changes a file or puts it on
disk, until it is ready: nothing that it leaves may pass for a damaged installation. Usage:
first_start_test.py STEPWELL_BINARY KILL_AT_LIBRARY"""

import itertools
import pathlib
import shutil
import signal
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from daemon_process import Binary, Daemon  # noqa: E402

BINARY = Binary(sys.argv[1])
KILL_AT = str(pathlib.Path(sys.argv[2]).resolve())
# journal.db and files.db are made by it: at least so many calls.
CALLS = 20


def killed(site, call):
    """Whether it ended there, not yet ready."""
    try:
        Daemon(BINARY, site, LD_PRELOAD=KILL_AT, STEPWELL_KILL_AT=str(call)).stop(signal.SIGKILL)
    except AssertionError:
        return True
    return False


class FirstStart(unittest.TestCase):
    def test_may_be_killed_at_any_step(self):
        with tempfile.TemporaryDirectory() as folder:
            fresh = f"{folder}/fresh"
            key = BINARY.init(fresh)
            calls = 0
            for call in itertools.count(1):
                site = f"{folder}/{call}"
                shutil.copytree(fresh, site)
                calls = call
                if not killed(site, call):
                    break
                daemon = Daemon(BINARY, site)
                self.assertEqual(daemon.call("GET", "/api/v1/instances", key)[0], 200, call)
                self.assertEqual(daemon.stop(), 0, call)
                # What was begun under another name is gone.
                self.assertEqual([str(left) for left in pathlib.Path(site).rglob("*.new*")], [], call)
                shutil.rmtree(site)
            self.assertGreater(calls, CALLS)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
