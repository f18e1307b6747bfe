#!/usr/bin/python3
"""The daemon and the commands as processes: started, spoken to over their real API, signalled and
killed. Usage: daemon_test.py STEPWELL_BINARY [unittest arguments]"""

import concurrent.futures
import hashlib
import http.server
import json
import os
import pathlib
import select
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from daemon_process import Binary, Daemon, Upstream  # noqa: E402

stepwell = Binary(sys.argv.pop(1))

GET = """
document: {dsl: '1.0.3', namespace: test, name: get, version: '1.0.0'}
do:
  - fetch:
      call: http
      with:
        method: get
        endpoint: {uri: '${ .url }', authentication: {use: crm}}
"""
PLAIN = """
document: {dsl: '1.0.3', namespace: test, name: plain, version: '1.0.0'}
do:
  - fetch: {call: http, with: {method: get, endpoint: {uri: '${ .url }'}}}
"""


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="stepwell-test.")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def write(self, name, text):
        path = pathlib.Path(self.folder, name)
        path.write_text(text)
        return str(path)


class Commands(Case):
    def test_run_prints_the_output_and_the_trace(self):
        file = self.write("a.yaml", "document: {dsl: '1.0.3', namespace: t, name: a, version: '1.0.0'}\n"
                          "do:\n- one: {set: {x: '${ .n + 1 }'}}\n- two: {if: 'false', set: {x: 0}}\n")
        trace = f"{self.folder}/trace"
        done = stepwell("run", file, "--input", '{"n": 1}', "--trace", trace)
        self.assertEqual((done.returncode, json.loads(done.stdout), done.stderr), (0, {"x": 2}, ""))
        events = [json.loads(line) for line in pathlib.Path(trace).read_text().splitlines()]
        self.assertEqual([(e["event"], e["name"], e["reference"]) for e in events],
                         [("started", "one", "/do/0/one"), ("completed", "one", "/do/0/one"),
                          ("skipped", "two", "/do/1/two")])

    def test_run_takes_input_from_file_and_standard_input(self):
        file = self.write("a.yaml", "document: {dsl: '1.0.3', namespace: t, name: a, version: '1.0.0'}\n"
                          "do: [{one: {set: {y: '${ .x }'}}}]\n")
        given = self.write("in.json", '{"x": [1, 2]}')
        self.assertEqual(json.loads(stepwell("run", file, "--input", "@" + given).stdout), {"y": [1, 2]})
        self.assertEqual(json.loads(stepwell("run", file, "--input", "-", stdin='{"x": 3}').stdout), {"y": 3})
        bad = stepwell("run", file, "--input", "{")
        self.assertEqual(bad.returncode, 2)
        self.assertIn("invalid JSON", bad.stderr)

    def test_a_fault_is_a_problem_object_and_exit_1(self):
        file = self.write("a.yaml", "document: {dsl: '1.0.3', namespace: t, name: a, version: '1.0.0'}\n"
                          "do: [{one: {raise: {error: {type: 'https://example.com/e', status: 418, title: Tea}}}}]\n")
        done = stepwell("run", file)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        problem = json.loads(done.stderr)
        self.assertEqual((problem["status"], problem["title"], problem["instance"]), (418, "Tea", "/do/0/one"))

    def test_run_refuses_an_input_that_the_schema_refuses(self):
        file = self.write("a.yaml", "document: {dsl: '1.0.3', namespace: t, name: a, version: '1.0.0'}\n"
                          "input: {schema: {document: {required: [n]}}}\n"
                          "do: [{one: {set: {x: '${ .n }'}}}]\n")
        done = stepwell("run", file, "--input", '{"m": 1}')
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        problem = json.loads(done.stderr)
        self.assertEqual((problem["status"], problem["reason"], problem["instance"]),
                         (400, "schema-violation", "/input/schema"))
        self.assertEqual(stepwell("run", file, "--input", '{"n": 1}').returncode, 0)

    def test_loopback_is_closed_unless_it_is_opened(self):
        upstream = Upstream()
        self.addCleanup(upstream.close)
        file = self.write("p.yaml", PLAIN)
        given = json.dumps({"url": upstream.origin + "/x"})
        closed = stepwell("run", file, "--input", given)
        self.assertEqual((closed.returncode, json.loads(closed.stderr)["reason"]), (1, "egress-denied"))
        self.assertEqual(upstream.seen, [])
        opened = stepwell("run", file, "--input", given, "--allow-network", "127.0.0.0/8")
        self.assertEqual(opened.returncode, 0, opened.stderr)

    def test_credentials_of_run_come_from_files_and_go_where_they_may(self):
        upstream = Upstream()
        self.addCleanup(upstream.close)
        file = self.write("g.yaml", GET)
        self.write("token", "tok-0123456789\n")
        base = ["run", file, "--input", json.dumps({"url": upstream.origin + "/x"}), "--allow-network",
                "127.0.0.0/8", "--credential", f"crm=bearer:@{self.folder}/token"]
        refused = stepwell(*base, "--origin", "crm=https://crm.example.com")
        self.assertEqual(json.loads(refused.stderr)["reason"], "origin-not-allowed")
        done = stepwell(*base, "--origin", f"crm={upstream.origin}")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([h["Authorization"] for _, h in upstream.seen], ["Bearer tok-0123456789"])
        shown = stepwell("run", file, "--credential", "crm=bearer:tok-0123456789")
        self.assertEqual(shown.returncode, 2)
        self.assertNotIn("tok-0123456789", shown.stderr)

    def test_run_reaches_another_host_as_told_and_trusts_what_it_is_given(self):
        certificate, private = f"{self.folder}/cert.pem", f"{self.folder}/key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-days", "2", "-subj", "/CN=petstore.example.com", "-addext",
                        "subjectAltName=DNS:petstore.example.com", "-keyout", private, "-out", certificate],
                       check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, private)
        upstream = Upstream(context)
        self.addCleanup(upstream.close)
        file = self.write("p.yaml", PLAIN)
        base = ["run", file, "--input", '{"url": "https://petstore.example.com/pet/1"}', "--allow-network",
                "127.0.0.0/8", "--connect-to", f"petstore.example.com:443:127.0.0.1:{upstream.server_port}"]
        trusted = stepwell(*base, "--cacert", certificate)
        self.assertEqual((trusted.returncode, trusted.stderr), (0, ""))
        self.assertEqual(upstream.seen[0][1]["Host"], "petstore.example.com")
        distrusted = stepwell(*base)
        self.assertEqual((distrusted.returncode, json.loads(distrusted.stderr)["reason"]), (1, "tls"))

    def test_bad_definitions_exit_2_with_their_place(self):
        head = "document: {dsl: '1.0.3', namespace: t, name: a, version: '1.0.0'}\n"
        bomb = head + "x0: &x0 [a,a,a,a,a,a,a,a,a,a]\n" + "".join(
            f"x{i}: &x{i} [{','.join(['*x' + str(i - 1)] * 10)}]\n" for i in range(1, 10)) + "do: []\n"
        for name, text, words in [
                ("no YAML", head + "do: [}", ":2:"),
                ("unknown keyword", head + "do: [{a: {sett: {x: 1}}}]\n", "did you mean"),
                ("wrong type", head + "do: {a: 1}\n", ":2:5: error:"),
                ("jq syntax", head + "do: [{a: {set: {x: '${ .a | }'}}}]\n", ":2:"),
                ("unknown then", head + "do:\n- first: {set: {x: 1}, then: secnd}\n- second: {set: {x: 1}}\n", "second"),
                ("alias bomb", bomb, "100000"),
                ("nesting", head + "do: " + "[" * 1_000_000, "64"),
                ("binary", "\x01\x02\x03", "error:")]:
            with self.subTest(name):
                file = self.write("bad.yaml", text)
                for command in ("validate", "run"):
                    done = stepwell(command, file)
                    self.assertEqual(done.returncode, 2, done.stderr)
                    self.assertTrue(done.stderr.startswith(file + ":"), done.stderr[:200])
                    self.assertIn(words, done.stderr)

    def test_run_starts_processes_only_where_it_is_told_to(self):
        file = self.write("a.yaml", "document: {dsl: '1.0.3', namespace: t, name: a, version: '1.0.0'}\n"
                          "do: [{one: {run: {shell: {command: 'echo \"$1\"; env', arguments: ['${ .x }']}}}}]\n")
        off = stepwell("run", file, "--input", '{"x": "a b"}')
        self.assertEqual((off.returncode, json.loads(off.stderr)["reason"]), (1, "step-unavailable"))
        on = stepwell("run", file, "--input", '{"x": "a b"}', "--allow-shell", STEPWELL_X="not for children")
        self.assertEqual(on.returncode, 0, on.stderr)
        self.assertTrue(json.loads(on.stdout).startswith("a b\n"))
        self.assertNotIn("not for children", on.stdout)

    def test_run_runs_the_workflows_beside_it_and_waits_for_all_of_them(self):
        head = "document: {dsl: '1.0.3', namespace: t, name: %s, version: '1.0.0'}\n"
        child = "run: {workflow: {namespace: t, name: child, version: latest, input: {n: '${ .n }'}}"
        parent = self.write("parent.yaml", head % "parent" + "do:\n- first: {" + child + ", await: false}}\n"
                            "- second: {" + child + "}}\n")
        os.mkdir(self.folder + "/more")
        self.write("more/child.yaml", head % "child" + "do:\n- a: {wait: PT0.1S}\n- b: {set: {m: '${ .n * 2 }'}}\n")
        done = stepwell("run", parent, "--with", self.folder + "/more", "--with", parent, "--input", '{"n": 4}')
        self.assertEqual((done.returncode, json.loads(done.stdout), done.stderr), (0, {"m": 8}, ""))
        alone = stepwell("run", parent, "--input", '{"n": 4}')
        problem = json.loads(alone.stderr)
        self.assertEqual((alone.returncode, problem["reason"], problem["instance"]),
                         (1, "workflow-unknown", "/do/0/first"))
        self.write("more/bad.yaml", "do: []\n")
        self.assertEqual(stepwell("run", parent, "--with", self.folder + "/more").returncode, 2)

    def test_usage_errors_exit_2(self):
        for arguments in ([], ["nonsense"], ["run"], ["run", "/nowhere.yaml"], ["serve", "--config", "/nowhere.yaml"]):
            with self.subTest(arguments):
                self.assertEqual(stepwell(*arguments).returncode, 2)

    def test_without_a_daemon_commands_exit_3(self):
        stepwell("init", self.folder + "/site")
        done = stepwell("keys", "list", "--config", self.folder + "/site/stepwell.yaml", STEPWELL_API_KEY="sw_x.y")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("--offline", done.stderr)


class Serving(Case):
    def setUp(self):
        super().setUp()
        self.site = self.folder + "/site"
        made = stepwell("init", self.site, "-o", "json")
        self.assertEqual(made.returncode, 0, made.stderr)
        self.key = json.loads(made.stdout)["key"]
        self.config = self.site + "/stepwell.yaml"
        pathlib.Path(self.site, "definitions", "get.yaml").write_text(GET)
        pathlib.Path(self.site, "definitions", "plain.yaml").write_text(PLAIN)
        self.upstream = Upstream()
        self.addCleanup(self.upstream.close)

    def serve(self, *arguments):
        daemon = Daemon(stepwell, self.site, "--set", "reload.watch=false", *arguments)
        self.addCleanup(daemon.stop, signal.SIGKILL)
        return daemon

    def admin(self, *arguments, stdin=None):
        done = stepwell(*arguments, "--config", self.config, stdin=stdin, STEPWELL_API_KEY=self.key)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def add_credential(self, *arguments):
        self.admin("credentials", "add", "crm", "--kind", "bearer", "--origin", self.upstream.origin,
                   "--value", "-", *arguments, stdin="tok-0123456789")

    def run_instance(self, daemon, path="/x", workflow="test/get"):
        status, instance = daemon.call("POST", "/api/v1/instances?wait=60s", self.key,
                                       {"workflow": workflow, "input": {"url": self.upstream.origin + path}})
        self.assertEqual(status, 201, instance)
        return instance

    def test_an_instance_runs_with_a_stored_credential(self):
        daemon = self.serve()
        self.add_credential()
        instance = self.run_instance(daemon)
        self.assertEqual((instance["status"], instance["output"]), ("completed", {"ok": True}))
        self.assertEqual(self.upstream.seen[0][1]["Authorization"], "Bearer tok-0123456789")
        status, again = daemon.call("GET", f"/api/v1/instances/{instance['id']}", self.key)
        self.assertEqual((status, again["status"]), (200, "completed"))
        self.assertEqual(daemon.stop(), 0)
        self.assertNotIn("tok-0123456789", "".join(daemon.log))

    def test_expressions_that_never_end_fault_their_instances_and_nothing_else(self):
        hostile = ["def f: f; f", "[range(1e12)]", "def f: [f]; f", "def f: 1 + f; f", '"x" * 1e9 | length',
                   "[limit(1e9; repeat(1))]", "last(repeat(1))", "reduce range(20000) as $i (0; [.])",
                   '("a" * 40 + "!") | test("(a+)+$")', "[[range(100)] | combinations(9)]",
                   'reduce range(64) as $i ("x"; . + .)', "until(false; .)"]
        for i, expression in enumerate(hostile):
            pathlib.Path(self.site, "definitions", f"hostile{i}.yaml").write_text(
                f"document: {{dsl: '1.0.3', namespace: test, name: hostile{i}, version: '1.0.0'}}\n"
                f"do:\n- grow:\n    set:\n      x: |\n        ${{ {expression} }}\n")
        daemon = self.serve("--set", "engine.workers=2", "--set", "expressions.maxCpu=PT0.1S",
                            "--set", "expressions.maxMemory=16MiB")

        def start(name):
            return daemon.call("POST", "/api/v1/instances?wait=60s", self.key,
                               {"workflow": f"test/{name}", "input": {"url": self.upstream.origin + "/x"}})[1]

        began = time.monotonic()
        names = [f"hostile{i}" for i in range(len(hostile))]
        with concurrent.futures.ThreadPoolExecutor(16) as callers:
            ended = list(callers.map(start, names * 2 + ["plain"] * 4))
        self.assertLess(time.monotonic() - began, 45)
        for instance, expression in zip(ended, hostile * 2):
            with self.subTest(expression):
                self.assertEqual(instance["status"], "faulted", instance)
                error = instance["error"]
                self.assertTrue(error["type"].endswith("/errors/expression"), error)
                self.assertIn(error["reason"], ("expression-budget", "expression-failed"))
                self.assertEqual((error["status"], error["instance"]), (400, "/do/0/grow"))
        self.assertEqual([i["status"] for i in ended[-4:]], ["completed"] * 4)
        self.assertEqual(self.run_instance(daemon, workflow="test/plain")["status"], "completed")

    def test_a_revocation_holds_at_once_and_through_kill_9(self):
        daemon = self.serve()
        self.add_credential()
        self.assertEqual(self.run_instance(daemon)["status"], "completed")
        self.admin("credentials", "revoke", "crm", "--force")
        for _ in range(2):
            instance = self.run_instance(daemon)
            self.assertEqual((instance["status"], instance["error"]["reason"]), ("faulted", "credential-revoked"))
            self.assertEqual(instance["error"]["sent"], "no")
            daemon.stop(signal.SIGKILL)
            daemon = self.serve()
        self.assertEqual(len(self.upstream.seen), 1)

    def test_rotation_takes_effect_without_a_restart(self):
        daemon = self.serve()
        self.add_credential()
        self.run_instance(daemon)
        self.admin("credentials", "rotate", "crm", "--value", "-", stdin="tok-rotated-99")
        self.run_instance(daemon)
        self.assertEqual([h["Authorization"] for _, h in self.upstream.seen],
                         ["Bearer tok-0123456789", "Bearer tok-rotated-99"])

    def test_the_option_config_wins_over_the_environment(self):
        with tempfile.TemporaryDirectory() as other:
            self.assertEqual(stepwell("init", f"{other}/site").returncode, 0)
            here, there = f"{self.site}/stepwell.yaml", f"{other}/site/stepwell.yaml"
            made = stepwell("users", "create", "bob", "--role", "viewer", "--offline",
                            "--config", there, STEPWELL_CONFIG=here)
            self.assertEqual(made.returncode, 0, made.stderr)
            users = lambda config: stepwell("users", "list", "--offline", "--config", config).stdout
            self.assertIn("bob", users(there))
            self.assertNotIn("bob", users(here))
            checked = stepwell("check-config", "--config", there, STEPWELL_CONFIG="/nowhere.yaml")
            self.assertEqual(checked.returncode, 0, checked.stderr)

    def test_a_key_opens_the_api_until_it_is_revoked(self):
        daemon = self.serve()
        path = "/api/v1/workflows"
        self.assertEqual(daemon.call("GET", path)[0], 401)
        self.assertEqual(daemon.call("GET", path, "sw_aaaaaaaaaaaa.bbbb")[0], 401)
        self.assertEqual(daemon.call("GET", path, self.key)[0], 200)
        made = json.loads(self.admin("keys", "create", "ci", "--user", "admin", "-o", "json"))
        second = made["key"]
        self.assertEqual(daemon.call("GET", path, second)[0], 200)
        self.admin("keys", "revoke", second.split(".")[0])
        status, problem = daemon.call("GET", path, second)
        self.assertEqual((status, problem["reason"]), (401, "key-revoked"))

    def test_sighup_takes_over_a_good_set_and_refuses_a_bad_one_whole(self):
        daemon = self.serve()
        definitions = pathlib.Path(self.site, "definitions")
        (definitions / "new.yaml").write_text(PLAIN.replace("name: plain", "name: fresh"))
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for("msg=reloaded")
        self.assertEqual(self.run_instance(daemon, workflow="test/fresh")["status"], "completed")
        (definitions / "new.yaml").write_text(PLAIN.replace("name: plain", "name: newer"))
        (definitions / "bad.yaml").write_text("document: {dsl: '1.0.3'}\n")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for("reload failed")
        names = [w["name"] for w in daemon.call("GET", "/api/v1/workflows", self.key)[1]["items"]]
        self.assertEqual(sorted(names), ["fresh", "get", "plain"])
        metrics = daemon.call("GET", "/metrics")[1]
        self.assertIn("stepwell_last_reload_successful 0", metrics)
        self.assertIn('stepwell_reloads_total{outcome="failed"} 1', metrics)

    def test_sigterm_does_not_wait_for_a_reload_that_fetches(self):
        daemon = self.serve()
        pathlib.Path(self.site, "definitions", "far.yaml").write_text(
            PLAIN.replace("name: plain", "name: far").split("do:")[0]
            + f"do: [{{far: {{call: '{self.upstream.origin}/hold'}}}}]\n")
        daemon.process.send_signal(signal.SIGHUP)
        self.assertTrue(self.upstream.arrived.wait(60))
        daemon.process.send_signal(signal.SIGTERM)
        daemon.wait_for("msg=stopping")
        self.assertFalse([line for line in daemon.log if "reload failed" in line])
        self.upstream.held.set()
        self.assertEqual(daemon.stop(), 0)

    def test_schedules_start_instances_until_a_reload_takes_them_away(self):
        definitions = pathlib.Path(self.site, "definitions")
        (definitions / "tick.yaml").write_text(
            PLAIN.replace("name: plain", "name: tick").replace("${ .url }", self.upstream.origin + "/tick")
            + "schedule: {every: {milliseconds: 50}}\n")
        (definitions / "door.yaml").write_text(
            PLAIN.replace("name: plain", "name: door").replace("${ .url }", "${ .[0].url }")
            + "schedule: {on: {one: {with: {type: door.opened}}}}\n")
        daemon = self.serve()

        paths = self.paths

        def schedules():
            return {s["workflow"]: s for s in daemon.call("GET", "/api/v1/schedules", self.key)[1]["items"]}

        wait_until = self.wait_until
        wait_until(lambda: paths().count("/tick") >= 3)
        before = schedules()
        self.assertEqual(sorted(before), ["test/door:1.0.0", "test/tick:1.0.0"])
        self.assertEqual((before["test/tick:1.0.0"]["kind"], before["test/tick:1.0.0"]["refused"]), ("every", 0))
        event = {"specversion": "1.0", "id": "1", "source": "/s", "type": "door.opened",
                 "data": {"url": self.upstream.origin + "/ada"}}
        status, _ = daemon.call("POST", "/api/v1/events", self.key, event,
                                content_type="application/cloudevents+json")
        self.assertEqual(status, 202)
        wait_until(lambda: "/ada" in paths())
        # What is unchanged goes on, what is gone stops.
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for("msg=reloaded")
        self.assertGreaterEqual(schedules()["test/tick:1.0.0"]["started"], before["test/tick:1.0.0"]["started"])
        (definitions / "tick.yaml").unlink()
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for("msg=reloaded")
        self.assertEqual(list(schedules()), ["test/door:1.0.0"])
        self.assertIn("stepwell_schedules 1", daemon.call("GET", "/metrics")[1])

        def started():
            metrics = daemon.call("GET", "/metrics")[1]
            return float(metrics.split('starts_total{kind="every",outcome="started"} ')[1].split()[0])
        wait_until(lambda: paths().count("/tick") == started())
        self.assertEqual(daemon.stop(), 0)

    def test_processes_are_off_unless_the_settings_switch_them_on_and_end_with_the_daemon(self):
        fifo = f"{self.folder}/fifo"
        os.mkfifo(fifo)
        pathlib.Path(self.site, "definitions", "process.yaml").write_text(
            "document: {dsl: '1.0.3', namespace: test, name: process, version: '1.0.0'}\n"
            "do: [{it: {run: {shell: {command: '" + f"echo $$ > {fifo}; exec sleep 1000" + "'}}}}]\n")
        off = self.serve()
        instance = self.run_instance(off, workflow="test/process")
        self.assertEqual((instance["status"], instance["error"]["reason"]), ("faulted", "step-unavailable"))
        self.assertEqual(off.stop(), 0)
        warning = [line for line in off.log if "setting=run.shell" in line]
        self.assertEqual(len(warning), 1, off.log)
        self.assertIn("workflow=test/process:1.0.0", warning[0])
        for how in (signal.SIGTERM, signal.SIGKILL):
            with self.subTest(how):
                daemon = self.serve("--set", "run.shell=true", "--set", "shutdown.grace=PT0S")
                daemon.call("POST", "/api/v1/instances", self.key, {"workflow": "test/process", "input": {}})
                process = int(pathlib.Path(fifo).read_text())
                _, metrics = daemon.call("GET", "/metrics")
                self.assertIn('stepwell_processes_running{kind="shell"} 1', metrics)
                try:
                    watch = os.pidfd_open(process)
                    daemon.stop(how)
                    self.assertTrue(select.select([watch], [], [], 20)[0], "the process lives on")
                finally:
                    os.close(watch)
        self.assertFalse([line for line in daemon.log if "setting=run.shell" in line])

    def test_sigterm_lets_running_instances_finish(self):
        daemon = self.serve()
        _, instance = daemon.call("POST", "/api/v1/instances", self.key,
                                  {"workflow": "test/plain", "input": {"url": self.upstream.origin + "/hold"}})
        self.assertTrue(self.upstream.arrived.wait(60))
        daemon.process.send_signal(signal.SIGTERM)
        daemon.wait_for("msg=stopping")
        status, problem = daemon.call("GET", "/-/ready")
        self.assertEqual((status, problem["reason"]), (503, "not-ready"))
        self.upstream.held.set()
        self.assertIn("drained=true", daemon.wait_for("msg=stopped"))
        self.assertEqual(daemon.stop(), 0)

    def started(self, daemon, name, tasks, path="/hold"):
        """An instance of a workflow with these tasks; with a path: once its request is there."""
        file = pathlib.Path(self.site, "definitions", f"{name}.yaml")
        file.write_text(f"document: {{dsl: '1.0.3', namespace: test, name: {name}, version: '1.0.0'}}\n{tasks}")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for("msg=reloaded")
        status, instance = daemon.call("POST", "/api/v1/instances", self.key, {
            "workflow": f"test/{name}", "input": {"url": self.upstream.origin}})
        self.assertEqual(status, 201, instance)
        if path:
            self.assertTrue(self.upstream.arrived.wait(60))
        return f"/api/v1/instances/{instance['id']}"

    def wait_until(self, holds):
        deadline = time.monotonic() + 60
        while not holds():
            self.assertLess(time.monotonic(), deadline, self.upstream.seen)
            time.sleep(0.02)

    def ended(self, daemon, instance):
        self.wait_until(lambda: daemon.call("GET", instance, self.key)[1]["status"] in ("completed", "faulted"))
        return daemon.call("GET", instance, self.key)[1]

    def paths(self):
        return [path for path, _ in self.upstream.seen]

    def test_a_result_within_the_grace_is_kept_and_the_next_step_belongs_to_the_next_start(self):
        for method in ("post", "get"):
            with self.subTest(method):
                self.upstream.held.clear()
                self.upstream.arrived.clear()
                self.upstream.seen.clear()
                daemon = self.serve("--set", "shutdown.grace=PT1H")
                instance = self.started(daemon, "chain", f"""do:
- first: {{call: http, with: {{method: {method}, endpoint: {{uri: '${{ .url + "/hold" }}'}}}}}}
- then: {{call: http, with: {{method: get, endpoint: '{self.upstream.origin}/after'}}}}
""")
                daemon.process.send_signal(signal.SIGTERM)
                daemon.wait_for("msg=stopping")
                self.upstream.held.set()
                self.assertIn("drained=true", daemon.wait_for("msg=stopped"))
                self.assertEqual(daemon.stop(), 0)
                self.assertEqual(self.paths(), ["/hold"])
                daemon = self.serve()
                ended = self.ended(daemon, instance)
                self.assertEqual((ended["status"], ended["output"]), ("completed", {"ok": True}))
                self.assertEqual(self.paths(), ["/hold", "/after"])
                self.assertEqual(daemon.stop(), 0)

    def test_a_post_that_is_cut_off_is_unknown_and_not_sent_again(self):
        daemon = self.serve("--set", "shutdown.grace=PT0.1S")
        instance = self.started(daemon, "once", """do:
- careful:
    try:
      - send: {call: http, with: {method: post, endpoint: {uri: '${ .url + "/hold" }'}}}
    catch:
      as: problem
      do: [{said: {set: {reason: '${ $problem.reason }'}}}]
""")
        self.assertEqual(daemon.stop(), 0)
        self.assertIn("stepsInFlight=1 drained=false", "".join(daemon.log))
        daemon = self.serve()
        ended = self.ended(daemon, instance)
        self.assertEqual((ended["status"], ended["output"]), ("completed", {"reason": "outcome-unknown"}))
        self.assertEqual(self.paths(), ["/hold"])
        self.assertEqual(daemon.stop(), 0)

    def test_a_suspended_instance_keeps_the_result_of_the_step_that_is_held_at_sigterm(self):
        daemon = self.serve("--set", "shutdown.grace=PT1H")
        instance = self.started(daemon, "pair", f"""do:
- first: {{call: http, with: {{method: post, endpoint: {{uri: '${{ .url + "/hold" }}'}}}}}}
- then: {{call: http, with: {{method: get, endpoint: '{self.upstream.origin}/after'}}}}
""")
        status, _ = daemon.call("POST", instance + "/suspend", self.key)
        self.assertLess(status, 300)
        daemon.process.send_signal(signal.SIGTERM)
        daemon.wait_for("msg=stopping")
        self.upstream.held.set()
        self.assertIn("drained=true", daemon.wait_for("msg=stopped"))
        self.assertEqual(daemon.stop(), 0)
        daemon = self.serve()
        self.assertEqual(daemon.call("GET", instance, self.key)[1]["status"], "suspended")
        self.assertEqual(self.paths(), ["/hold"])
        status, _ = daemon.call("POST", instance + "/resume", self.key)
        self.assertLess(status, 300)
        self.assertEqual(self.ended(daemon, instance)["status"], "completed")
        self.assertEqual(self.paths(), ["/hold", "/after"])
        self.assertEqual(daemon.stop(), 0)

    def test_sigterm_waits_for_no_timer_event_or_child(self):
        """With a grace of an hour: it would else be killed by this test's own patience."""
        daemon = self.serve("--set", "shutdown.grace=PT1H")
        sleeps = self.started(daemon, "sleeps", "do: [{nap: {wait: PT1H}}, {last: {set: {x: 1}}}]\n", None)
        hears = self.started(daemon, "hears", "do: [{hear: {listen: {to: {one: {with: {type: go}}}}}}]\n", None)
        parent = self.started(daemon, "parent", "do: [{c: {run: {workflow: {namespace: test, name: hears, "
                              "version: latest}}}}]\n", None)
        self.wait_until(lambda: len(daemon.call("GET", "/api/v1/instances?status=waiting", self.key)[1]["items"]) == 3)
        began = time.monotonic()
        self.assertEqual(daemon.stop(), 0)
        self.assertLess(time.monotonic() - began, 30)
        self.assertIn("drained=true", "".join(daemon.log))
        daemon = self.serve()
        self.assertEqual(daemon.call("GET", sleeps, self.key)[1]["activeSteps"], ["/do/0/nap"])
        event = {"specversion": "1.0", "id": "1", "source": "/s", "type": "go", "data": 5}
        status, _ = daemon.call("POST", "/api/v1/events", self.key, event,
                                content_type="application/cloudevents+json")
        self.assertEqual(status, 202)
        for instance in (hears, parent):
            ended = self.ended(daemon, instance)
            self.assertEqual((ended["status"], ended["output"]), ("completed", [5]))
        self.assertEqual(daemon.call("GET", sleeps, self.key)[1]["status"], "waiting")
        self.assertEqual(daemon.stop(), 0)

    def test_sigterm_ends_what_does_not_finish_in_time(self):
        daemon = self.serve("--set", "shutdown.grace=PT0.1S")
        daemon.call("POST", "/api/v1/instances", self.key,
                    {"workflow": "test/plain", "input": {"url": self.upstream.origin + "/hold"}})
        self.assertTrue(self.upstream.arrived.wait(60))
        self.assertEqual(daemon.stop(), 0)
        self.assertIn("drained=false", "".join(daemon.log))

    def test_events_go_to_the_sink_and_the_last_ones_before_the_daemon_goes(self):
        events = []
        done = threading.Event()

        class Sink(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                if not events:
                    done.wait(30)  # so that something is left when the daemon is told to stop
                events.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        sink = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink)
        threading.Thread(target=sink.serve_forever, daemon=True).start()
        self.addCleanup(sink.server_close)
        self.addCleanup(sink.shutdown)
        pathlib.Path(self.site, "definitions", "family.yaml").write_text(
            "document: {dsl: '1.0.3', namespace: test, name: family, version: '1.0.0'}\n"
            "do:\n- child: {if: '.deep', run: {workflow: {namespace: test, name: family, version: latest}}}\n")
        daemon = self.serve("--set", f"events.sink.url=http://127.0.0.1:{sink.server_port}/",
                            "--set", "events.sink.types=io.serverlessworkflow.workflow.completed.v1")
        _, instance = daemon.call("POST", "/api/v1/instances?wait=60s", self.key,
                                  {"workflow": "test/family", "input": {"deep": True}})
        self.assertEqual((instance["status"], instance["parent"]), ("completed", None))
        daemon.process.send_signal(signal.SIGTERM)
        daemon.wait_for("msg=stopping")
        done.set()
        self.assertEqual(daemon.stop(), 0)
        sources = [event["source"].rsplit("/", 1) for event in events]
        self.assertEqual([source[0] for source in sources], ["/test/family"] * 2)
        self.assertIn(str(instance["id"]), [source[1] for source in sources])

    def test_a_wrong_master_key_starts_nothing_and_changes_nothing(self):
        daemon = self.serve()
        self.add_credential()
        self.assertEqual(daemon.stop(), 0)
        key_file = pathlib.Path(self.site, "secrets", "master.key")
        key_file.write_bytes(os.urandom(32))

        def fingerprint():
            return {p.name: hashlib.sha256(p.read_bytes()).hexdigest()
                    for p in pathlib.Path(self.site, "data").rglob("*") if p.name != "lock" and p.is_file()}
        before = fingerprint()
        done = stepwell("serve", "--config", self.config, "--listen", "127.0.0.1:0")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("master-key-wrong", done.stderr)
        self.assertEqual(fingerprint(), before)
        key_file.chmod(0o644)
        self.assertIn("master-key-mode", stepwell("serve", "--config", self.config).stderr)

    def test_a_second_daemon_on_the_same_data_is_refused(self):
        self.serve()
        done = stepwell("serve", "--config", self.config, "--listen", "127.0.0.1:0")
        self.assertEqual(done.returncode, 1)
        self.assertIn("data-directory-locked", done.stderr)

    def test_an_unknown_setting_is_refused_with_its_place(self):
        path = pathlib.Path(self.config)
        path.write_text(path.read_text() + "\nhtpp: {listen: x}\n")
        done = stepwell("serve", "--config", self.config)
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r"stepwell\.yaml:\d+:\d+: error: .*did you mean")

    def test_all_metrics_pass_promtool(self):
        promtool = shutil.which("promtool")
        if promtool is None:
            self.skipTest("promtool is not installed")
        daemon = self.serve()
        self.add_credential()
        self.run_instance(daemon)
        metrics = daemon.call("GET", "/metrics")[1]
        checked = subprocess.run([promtool, "check", "metrics"], input=metrics, capture_output=True, text=True)
        self.assertEqual((checked.returncode, checked.stdout + checked.stderr), (0, ""))
        self.assertIn('stepwell_instances_ended_total{outcome="completed",workflow="test/get"} 1', metrics)


if __name__ == "__main__":
    unittest.main(verbosity=1)
