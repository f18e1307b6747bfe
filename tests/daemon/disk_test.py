#!/usr/bin/python3
"""The daemon on a disk that fails: what it acknowledges, what it says, how it goes on.
Usage: disk_test.py STEPWELL_BINARY FAIL_AT_LIBRARY [unittest arguments]"""

import http.client
import json
import os
import pathlib
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

STEPWELL = os.path.abspath(sys.argv.pop(1))
FAIL_AT = os.path.abspath(sys.argv.pop(1))
PATIENCE = 30

LISTENS = """
document: {dsl: '1.0.3', namespace: test, name: listens, version: '1.0.0'}
do:
  - hear: {listen: {to: {one: {with: {type: go}}}}}
  - after: {set: {heard: true}}
"""
DOUBLE = """
document: {dsl: '1.0.3', namespace: test, name: double, version: '1.0.0'}
do:
  - double: {set: {n: '${ .n * 2 }'}}
"""


def environment(**more):
    return {**{k: v for k, v in os.environ.items() if not k.startswith("STEPWELL_")}, **more}


class Daemon:
    def __init__(self, case):
        self.process = subprocess.Popen(
            [STEPWELL, "serve", "--config", case.config, "--listen", "127.0.0.1:0"],
            stderr=subprocess.PIPE, text=True,
            env=environment(LD_PRELOAD=FAIL_AT, STEPWELL_FAIL_ON="/data/journal.db",
                            STEPWELL_FAIL_WHILE=case.trouble))
        self.lines = queue.Queue()
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        self.key = case.key
        self.address = self.wait_for("msg=ready").split("address=")[1].split()[0]

    def read(self):
        for line in self.process.stderr:
            self.lines.put(line)
        self.lines.put(None)

    def wait_for(self, text):
        while True:
            line = self.lines.get(timeout=PATIENCE)
            if line is None:
                raise AssertionError(f"the log ended without '{text}'")
            if text in line:
                return line

    def call(self, method, path, body=None, content_type="application/json"):
        host, port = self.address.rsplit(":", 1)
        connection = http.client.HTTPConnection(host, int(port), timeout=PATIENCE)
        headers = {"Content-Type": content_type, "Authorization": f"Api-Key {self.key}"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        json_kind = "json" in (answer.getheader("Content-Type") or "")
        return answer.status, json.loads(text) if json_kind else text, answer.headers

    def start(self, workflow, given=None, wait=""):
        return self.call("POST", "/api/v1/instances" + wait, {"workflow": workflow, "input": given or {}})

    def show(self, instance):
        return self.call("GET", f"/api/v1/instances/{instance}")[1]

    def send(self, kind):
        event = {"specversion": "1.0", "id": "1", "source": "/test", "type": kind}
        return self.call("POST", "/api/v1/events", event, "application/cloudevents+json")[0]

    def until(self, what):
        end = time.monotonic() + PATIENCE
        while not what():
            if time.monotonic() > end:
                raise AssertionError("it does not come to that")
            time.sleep(0.02)

    def ready(self):
        return self.call("GET", "/-/ready")[0]

    def end(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(PATIENCE)
        self.reader.join()
        self.process.stderr.close()
        return code


class Disk(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="stepwell-disk.")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        site = f"{self.folder}/site"
        made = subprocess.run([STEPWELL, "init", site, "-o", "json"], check=True, capture_output=True,
                              text=True, env=environment())
        self.key = json.loads(made.stdout)["key"]
        self.config = f"{site}/stepwell.yaml"
        self.trouble = f"{self.folder}/trouble"
        for name, text in (("listens", LISTENS), ("double", DOUBLE)):
            pathlib.Path(site, "definitions", f"{name}.yaml").write_text(text)

    def serve(self):
        daemon = Daemon(self)
        self.addCleanup(daemon.end, signal.SIGKILL)
        return daemon

    def spoil(self, how):
        fresh = pathlib.Path(self.trouble + ".new")
        fresh.write_text(how)
        fresh.rename(self.trouble)

    def mend(self):
        os.remove(self.trouble)

    def check_held_up(self, how):
        daemon = self.serve()
        before = daemon.start("test/listens")[1]["id"]
        daemon.until(lambda: daemon.show(before)["status"] == "waiting")
        self.assertEqual(daemon.ready(), 200)

        self.spoil(how)
        # The first one finds it out: it is refused, or has to wait where it may be on the disk.
        first = []
        asking = threading.Thread(target=lambda: first.append(daemon.start("test/double", {"n": 3})))
        asking.start()
        self.addCleanup(asking.join)
        daemon.until(lambda: daemon.ready() == 503)
        status, problem, headers = daemon.start("test/double", {"n": 1})
        self.assertEqual((status, problem["reason"]), (503, "journal-failing"))
        self.assertGreater(int(headers["Retry-After"]), 0)
        status, problem, _ = daemon.call("GET", "/-/ready")
        self.assertEqual((status, problem["reason"]), (503, "journal-failing"))
        self.assertEqual(daemon.call("GET", "/-/healthy")[0], 200)
        self.assertIn("\nstepwell_journal_failing 1\n", daemon.call("GET", "/metrics")[1])
        # An event that cannot be recorded is refused, and nobody gets it.
        self.assertEqual(daemon.send("go"), 503)
        self.assertEqual(daemon.show(before)["status"], "waiting")

        self.mend()
        daemon.until(lambda: daemon.ready() == 200)
        self.assertEqual(daemon.send("go"), 202)
        daemon.until(lambda: daemon.show(before)["status"] == "completed")
        asking.join(PATIENCE)
        self.assertIn(first[0][0], (201, 503))
        if first[0][0] == 201:
            daemon.until(lambda: daemon.show(first[0][1]["id"])["status"] == "completed")
        status, instance, _ = daemon.start("test/double", {"n": 4}, "?wait=30s")
        self.assertEqual((status, instance["output"]), (201, {"n": 8}))
        self.assertEqual(daemon.end(), 0)

        daemon = self.serve()
        self.assertEqual(daemon.show(before)["output"], {"heard": True})
        self.assertEqual(daemon.show(instance["id"])["output"], {"n": 8})
        # What was refused is not there, what was acknowledged is.
        items = daemon.call("GET", "/api/v1/instances?workflow=test/double")[1]["items"]
        self.assertEqual([item["status"] for item in items], ["completed"] * (1 + (first[0][0] == 201)))

    def test_a_full_disk_stops_acknowledgements_until_there_is_room(self):
        self.check_held_up("full")

    def test_a_disk_that_refuses_to_write_stops_acknowledgements_until_it_does(self):
        self.check_held_up("broken")

    def test_a_sync_that_fails_ends_the_daemon_and_the_next_start_goes_on(self):
        daemon = self.serve()
        before = daemon.start("test/listens")[1]["id"]
        daemon.until(lambda: daemon.show(before)["status"] == "waiting")
        self.spoil("unsynced")
        with self.assertRaises((ConnectionError, http.client.HTTPException, OSError)):
            status, problem, _ = daemon.start("test/double", {"n": 1})
            self.assertEqual((status, problem["reason"]), (503, "journal-failing"))
            raise ConnectionError
        daemon.wait_for("in doubt")
        self.assertEqual(daemon.process.wait(PATIENCE), 4)
        self.mend()

        daemon = self.serve()
        daemon.until(lambda: daemon.show(before)["status"] == "waiting")
        self.assertEqual(daemon.send("go"), 202)
        daemon.until(lambda: daemon.show(before)["status"] == "completed")
        self.assertEqual(daemon.end(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=1)
