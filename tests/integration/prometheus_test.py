#!/usr/bin/python3
"""A real Prometheus scrapes a real daemon and loads the alert rules that ship.
Usage: prometheus_test.py STEPWELL_BINARY SOURCE_FOLDER [unittest arguments]"""

import json
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from daemon_process import Binary, Daemon, environment, reserve_port  # noqa: E402

stepwell = Binary(sys.argv.pop(1))
SOURCES = pathlib.Path(sys.argv.pop(1))

WORK = """
document: {dsl: '1.0.3', namespace: test, name: work, version: '1.0.0'}
do:
- call: {call: http, with: {method: get, endpoint: 'http://127.0.0.1:1/'}}
"""
WAIT = """
document: {dsl: '1.0.3', namespace: test, name: wait, version: '1.0.0'}
do: [{nap: {wait: PT1H}}]
"""

# What interfaces.md asks for: a query and what it has to give (None: anything).
ASKED = {
    'sum(stepwell_instances_started_total{workflow="test/work"})': 1,
    'sum(stepwell_instances_ended_total{workflow="test/work", outcome="faulted"})': 1,
    'sum(stepwell_instances{state="waiting"})': 1,
    'sum(stepwell_instances{state=~"pending|running|suspended"})': 0,
    'count(stepwell_instances)': 4,
    'stepwell_instances_open': 1,
    'stepwell_steps_total{kind="http", outcome="faulted"}': 1,
    'stepwell_steps_total{kind="email", outcome="completed"}': 0,
    'stepwell_step_duration_seconds_count{kind="http"}': 1,
    'stepwell_http_requests_total{class="error"}': 1,
    'count(stepwell_http_requests_total)': 6,
    'stepwell_http_in_flight': 0,
    'stepwell_http_queued': 0,
    'count(stepwell_http_connections_total{reused=~"true|false"})': 2,
    'stepwell_http_sent_bytes_total': None,
    'stepwell_http_received_bytes_total': None,
    'count(stepwell_mails_total{outcome=~"accepted|refused|failed"})': 3,
    'stepwell_retries_total': 0,
    'stepwell_credential_denials_total{reason="credential-revoked"}': 0,
    'stepwell_credentials{state="active"}': 0,
    'stepwell_keys{state="active"}': 1,
    'stepwell_revocations_total{kind="key"}': 0,
    'stepwell_revocation_duration_seconds_count': 0,
    'stepwell_journal_commits_total > 0': None,
    'stepwell_journal_records_total > 0': None,
    'stepwell_journal_commit_seconds_count > 0': None,
    'stepwell_journal_waiting_records': 0,
    'stepwell_worker_queue_length': None,
    'stepwell_workers >= 1': None,
    'stepwell_workers_busy': None,
    'count(stepwell_build_info{version=~".+"})': 1,
}


def program(name):
    path = shutil.which(name)
    if path is None:
        raise AssertionError(f"{name} is missing: tools/setup.sh installs it")
    return path


def wait_until(holds, patience=60):
    end = time.monotonic() + patience
    while True:
        result = holds()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError("waited in vain")
        time.sleep(0.05)


class Scraped(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="stepwell-test.")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.key = stepwell.init(self.folder)
        for name, text in (("work", WORK), ("wait", WAIT)):
            pathlib.Path(self.folder, "definitions", f"{name}.yaml").write_text(text)
        self.daemon = Daemon(stepwell, self.folder)
        self.addCleanup(self.daemon.stop)

    def start(self, log, command):
        with open(log, "w") as out:
            process = subprocess.Popen(command, stdout=out, stderr=out, env=environment(), cwd=self.folder)
        self.addCleanup(self.stop, process)
        return process

    @staticmethod
    def stop(process):
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(60)

    def start_instance(self, workflow, query=""):
        status, answer = self.daemon.call("POST", f"/api/v1/instances{query}", self.key, {"workflow": workflow})
        self.assertEqual(status, 201, answer)

    def ask(self, path, **query):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=60) as answer:
            return json.load(answer)["data"]

    def start_prometheus(self):
        reserved = reserve_port()
        self.addCleanup(reserved.close)
        self.port = reserved.getsockname()[1]
        rules = SOURCES / "packaging/prometheus/alerts.yaml"
        pathlib.Path(self.folder, "prometheus.yml").write_text(json.dumps({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(rules)],
            "scrape_configs": [{"job_name": "stepwell", "static_configs": [{"targets": [self.daemon.address]}]}]}))
        log = pathlib.Path(self.folder, "prometheus.log")
        prometheus = self.start(log, [program("prometheus"), f"--config.file={self.folder}/prometheus.yml",
                                      f"--storage.tsdb.path={self.folder}/tsdb",
                                      f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"])

        def ready():
            if prometheus.poll() is not None:
                raise AssertionError(log.read_text())
            try:
                return urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5).status == 200
            except OSError:
                return False

        wait_until(ready)
        return rules

    def holds(self, query, expected):
        result = self.ask("query", query=query)["result"]
        return bool(result) and (expected is None or float(result[0]["value"][1]) == expected)

    def test_prometheus_scrapes_the_daemon_and_loads_the_rules(self):
        self.start_instance("test/work", "?wait=30s")
        self.start_instance("test/wait")
        rules = self.start_prometheus()
        target = wait_until(lambda: next((t for t in self.ask("targets")["activeTargets"]
                                          if t["health"] == "up"), None))
        self.assertEqual((target["lastError"], target["labels"]["job"]), ("", "stepwell"))
        for query, expected in ASKED.items():
            with self.subTest(query):
                try:
                    wait_until(lambda q=query, e=expected: self.holds(q, e))
                except AssertionError:
                    self.fail(f"{query}: {expected} expected, got {self.ask('query', query=query)['result']}")
        # Every rule is loaded, and each could be evaluated.
        shipped = [line.split("alert: ")[1] for line in rules.read_text().splitlines() if "alert: " in line]
        self.assertGreater(len(shipped), 5)
        loaded = wait_until(lambda: [r for g in self.ask("rules")["groups"] for r in g["rules"]
                                     if all(r["health"] != "unknown" for r in g["rules"])])
        self.assertEqual([r["name"] for r in loaded], shipped)
        self.assertEqual([(r["name"], r.get("lastError")) for r in loaded if r["health"] != "ok"], [])
        # No label that is neither fixed nor a workflow's name.
        series = self.ask("series", **{"match[]": '{__name__=~"stepwell_.*"}'})
        labels = {name for one in series for name in one} - {"__name__", "instance", "job"}
        self.assertLessEqual(labels, {"workflow", "outcome", "state", "kind", "class", "reused", "reason", "le", "pool",
                                      "route", "status", "version", "method", "quantile"}, labels)

    def test_a_daemon_that_is_gone_is_down(self):
        self.start_prometheus()
        wait_until(lambda: self.holds('up{job="stepwell"}', 1))
        self.daemon.stop()
        wait_until(lambda: self.holds('up{job="stepwell"}', 0))
        pending = wait_until(lambda: [a for a in self.ask("alerts")["alerts"]
                                      if a["labels"]["alertname"] == "StepwellDown"])
        self.assertEqual(pending[0]["labels"]["severity"], "critical")


if __name__ == "__main__":
    unittest.main()
