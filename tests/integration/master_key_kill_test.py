#!/usr/bin/python3
"""The rotation of the master key, killed at every call that changes a file or puts it on disk: the
store opens with the same settings each time, every value is there, and a repetition completes.
Usage: master_key_kill_test.py STEPWELL_BINARY KILL_AT_LIBRARY [unittest arguments]"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

STEPWELL = os.path.abspath(sys.argv.pop(1))
KILL_AT = os.path.abspath(sys.argv.pop(1))
CREDENTIALS = 3


def stepwell(*arguments, stdin=None, **environment):
    env = {k: v for k, v in os.environ.items() if not k.startswith("STEPWELL_")}
    env.update(environment)
    return subprocess.run([STEPWELL, *arguments], input=stdin, capture_output=True, text=True,
                          env=env, timeout=60)


class Kill(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.site = pathlib.Path(self.folder, "site")
        self.done(stepwell("init", str(self.site)))
        for i in range(CREDENTIALS):
            self.done(stepwell("credentials", "add", f"c{i}", "--kind", "bearer", "--origin",
                               "https://crm.example.com", "--value", "-", "--offline",
                               "--config", str(self.site / "stepwell.yaml"), stdin=f"token-{i}"))

    def done(self, process):
        self.assertEqual(process.returncode, 0, process.stderr)
        return process.stdout

    def fresh_copy(self, name):
        copy = pathlib.Path(self.folder, name)
        shutil.copytree(self.site, copy)
        return copy

    def rotate(self, site, **environment):
        return stepwell("master-key", "rotate", "--offline", "--config",
                        str(site / "stepwell.yaml"), **environment)

    def check_whole(self, site):
        config = str(site / "stepwell.yaml")
        # Opening unseals every value and checks the seal over all rows.
        listed = self.done(stepwell("credentials", "list", "--offline", "--config", config))
        for i in range(CREDENTIALS):
            self.assertIn(f"c{i}", listed)
        self.done(stepwell("audit", "verify", "--offline", "--config", config))

    def test_survives_a_kill_at_every_step(self):
        count = pathlib.Path(self.folder, "count")
        whole = self.fresh_copy("whole")
        old_key = (whole / "secrets/master.key").read_bytes()
        self.done(self.rotate(whole, LD_PRELOAD=KILL_AT, STEPWELL_KILL_COUNT=str(count)))
        self.assertNotEqual((whole / "secrets/master.key").read_bytes(), old_key)
        self.check_whole(whole)
        total = int(count.read_text())
        self.assertGreater(total, 5)

        killed = 0
        for step in range(1, total + 1):
            with self.subTest(step=step):
                site = self.fresh_copy(f"step-{step}")
                process = self.rotate(site, LD_PRELOAD=KILL_AT, STEPWELL_KILL_AT=str(step))
                killed += process.returncode == -9
                self.check_whole(site)
                self.done(self.rotate(site))
                self.check_whole(site)
                key = site / "secrets/master.key"
                self.assertNotEqual(key.read_bytes(), old_key)
                self.assertEqual(key.stat().st_mode & 0o777, 0o600)
                left = sorted(p.name for p in key.parent.iterdir())
                self.assertEqual(left, ["master.key"])
                shutil.rmtree(site)
        # The number of calls differs a little from run to run at most.
        self.assertGreaterEqual(killed, total - 3)


if __name__ == "__main__":
    unittest.main()
