#!/usr/bin/python3
"""The HTTP server of a real daemon: what is malformed, what is encrypted, what lasts, and many at a
time. Usage: server_test.py STEPWELL_BINARY [unittest arguments]

With STEPWELL_CONNECTIONS=10000 the measurement of idle connections takes that many."""

import itertools
import json
import os
import pathlib
import resource
import selectors
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from daemon_process import Binary, Daemon, environment  # noqa: E402

stepwell = Binary(sys.argv.pop(1))
IDLE = int(os.environ.get("STEPWELL_CONNECTIONS", "2000"))
MANY = 1000

WAITING = """
document: {dsl: '1.0.3', namespace: test, name: waiting, version: '1.0.0'}
do:
  - first: {set: {a: 1}}
  - one: {listen: {to: {one: {with: {type: test.one}}}}}
  - between: {set: {b: 2}}
  - two: {listen: {to: {one: {with: {type: test.two}}}}}
  - last: {set: {c: 3}}
"""

SINGLE = """
document: {dsl: '1.0.3', namespace: test, name: single, version: '1.0.0'}
do:
  - one: {listen: {to: {one: {with: {type: test.one}}}}}
"""


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


class Many:
    """Many connections, of which each sends something and then reads up to a mark."""

    def __init__(self, address, count, request):
        self.sockets = [socket.create_connection(address, timeout=60) for _ in range(count)]
        self.text = {}
        for each in self.sockets:
            self.text[each] = b""
            each.sendall(request)
            each.setblocking(False)

    def read_until(self, mark, seconds=60):
        """Until every one has it."""
        end = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            for each in self.sockets:
                if mark not in self.text[each]:
                    selector.register(each, selectors.EVENT_READ)
            while selector.get_map():
                if time.monotonic() > end:
                    raise AssertionError(f"{len(selector.get_map())} did not get {mark}")
                for key, _ in selector.select(1):
                    piece = key.fileobj.recv(65536)
                    self.text[key.fileobj] += piece
                    if mark in self.text[key.fileobj] or not piece:
                        selector.unregister(key.fileobj)

    def texts(self):
        return [self.text[each].decode() for each in self.sockets]

    def close(self):
        for each in self.sockets:
            each.close()


def events_of(text):
    """(id, name, data) of each whole event in a stream's text."""
    events, identity, name = [], None, None
    for line in text.replace("\r\n", "\n").split("\n"):
        if line.startswith("id: "):
            identity = line[4:]
        elif line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            events.append((identity, name, json.loads(line[6:])))
    return events


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="stepwell-test.")
        self.addCleanup(shutil.rmtree, self.folder)
        self.key = stepwell.init(self.folder)
        pathlib.Path(self.folder, "definitions", "waiting.yaml").write_text(WAITING)
        pathlib.Path(self.folder, "definitions", "single.yaml").write_text(SINGLE)
        self.daemon = None

    def serve(self, *arguments):
        self.daemon = Daemon(stepwell, self.folder, "--set", "reload.watch=false", "--set",
                             "http.maxConnections=100000", *arguments)
        self.addCleanup(self.daemon.stop)
        return self.daemon

    def request(self, method, path, body=None, key=True, headers=""):
        data = b"" if body is None else json.dumps(body).encode()
        text = f"{method} {path} HTTP/1.1\r\nHost: h\r\n{headers}"
        if key:
            text += f"Authorization: Api-Key {self.key}\r\n"
        if body is not None:
            text += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n"
        return text.encode() + b"\r\n" + data

    def call(self, method, path, body=None):
        return self.daemon.call(method, path, self.key, body)

    def start(self):
        status, instance = self.call("POST", "/api/v1/instances", {"workflow": "test/waiting"})
        self.assertEqual(status, 201, instance)
        return instance["id"]

    def publish(self, kind, number=1):
        event = {"specversion": "1.0", "id": f"{kind}-{number}", "source": "/test", "type": kind}
        status, answer = self.daemon.call("POST", "/api/v1/events", self.key, event, "application/cloudevents+json")
        self.assertLess(status, 300, answer)

    def until(self, holds):
        for _ in range(600):
            if holds():
                return
            time.sleep(0.05)
        self.fail("it did not come about")

    def stream(self, instance, last=None):
        connection = socket.create_connection(self.daemon.place, timeout=30)
        headers = f"Last-Event-ID: {last}\r\n" if last else ""
        connection.sendall(self.request("GET", f"/api/v1/instances/{instance}/events", headers=headers))
        return connection

    @staticmethod
    def read_until(connection, mark):
        text = b""
        while mark not in text:
            piece = connection.recv(65536)
            if not piece:
                break
            text += piece
        return text.decode()


class Malformed(Case):
    def test_what_is_malformed_is_refused_and_hurts_nobody(self):
        self.serve()
        good = self.request("GET", "/-/healthy", key=False)
        post = f"POST /api/v1/instances HTTP/1.1\r\nHost: h\r\nAuthorization: Api-Key {self.key}\r\n"
        cases = {
            "hello": (b"hello\r\n\r\n", 400),
            "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
            "two hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
            "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
            "length and chunks": (
                (post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /").encode(), 400),
            "two lengths": ((post + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab").encode(), 400),
            "chunked twice": ((post + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n").encode(), 400),
            "chunked and more": (
                (post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n").encode(), 400),
            "chunked by tab": ((post + "Transfer-Encoding:\tchunked\x0b\r\n\r\n0\r\n\r\n").encode(), 400),
            "chunk size with sign": ((post + "Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n").encode(), 400),
            "chunk size that overflows": (
                (post + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n").encode(), 400),
            "folded header": (b"GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n", 404),
            "space in a name": (b"GET / HTTP/1.1\r\nHost: h\r\nA b: c\r\n\r\n", 400),
            "NUL in a value": (b"GET / HTTP/1.1\r\nHost: h\r\nA: b\x00c\r\n\r\n", 400),
            "NUL in the target": (b"GET /a\x00b HTTP/1.1\r\nHost: h\r\n\r\n", 400),
            "dot segment": (b"GET /api/v1/../metrics HTTP/1.1\r\nHost: h\r\n\r\n", 400),
            "encoded dot segment": (b"GET /api/v1/%2e%2E/metrics HTTP/1.1\r\nHost: h\r\n\r\n", 400),
            "encoded slash": (b"GET /api%2fv1/instances HTTP/1.1\r\nHost: h\r\n\r\n", 400),
            "encoded NUL": (b"GET /api/v1/keys/%00 HTTP/1.1\r\nHost: h\r\n\r\n", 400),
            "encoded twice": (b"GET /%252e%252e/metrics HTTP/1.1\r\nHost: h\r\n\r\n", 404),
            "backslash": (b"GET /api\\v1 HTTP/1.1\r\nHost: h\r\n\r\n", 400),
            "fragment": (b"GET /metrics#x HTTP/1.1\r\nHost: h\r\n\r\n", 400),
            "two slashes": (b"GET //metrics HTTP/1.1\r\nHost: h\r\n\r\n", 404),
            "absolute form": (b"GET http://h/-/healthy HTTP/1.1\r\nHost: h\r\n\r\n", 200),
            "authority form": (b"CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", 400),
            "asterisk form": (b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 400),
            "long target": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 414),
            "long headers": (b"GET / HTTP/1.1\r\nHost: h\r\nA: " + b"a" * 70000 + b"\r\n\r\n", 431),
            "many headers": (b"GET / HTTP/1.1\r\nHost: h\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
            "long body": ((post + "Content-Length: 99999999\r\n\r\n").encode(), 413),
        }
        for name, (text, status) in cases.items():
            with self.subTest(name), socket.create_connection(self.daemon.place, timeout=30) as wire:
                wire.sendall(text)
                answer = self.read_until(wire, b"\r\n\r\n")
                self.assertTrue(answer.startswith(f"HTTP/1.1 {status} "), answer)
        with socket.create_connection(self.daemon.place, timeout=30) as wire:
            wire.sendall(good * 50)  # a client that does not wait for answers
            text = b""
            while text.count(b"healthy\n") < 50:
                text += wire.recv(65536)
        self.assertEqual(self.daemon.stop(), 0)


class Lasting(Case):
    def test_a_stream_goes_on_over_a_lost_connection_and_kill_9(self):
        self.serve()
        instance = self.start()
        seen = []
        with self.stream(instance) as wire:
            seen += events_of(self.read_until(wire, b'"waiting"}'))
        self.assertEqual([data.get("event", data.get("status")) for _, _, data in seen],
                         ["started", "completed", "started", "waiting"])
        with self.stream(instance, seen[1][0]) as wire:  # the last two once more
            again = events_of(self.read_until(wire, b'"waiting"}'))
        self.assertEqual(again, seen[2:])
        self.publish("test.one")
        with self.stream(instance, seen[-1][0]) as wire:
            seen += events_of(self.read_until(wire, b'"name":"two","kind":"listen","attempt":1}\n\n'))
        self.daemon.stop(signal.SIGKILL)
        self.serve()
        with self.stream(instance, seen[-1][0]) as wire:
            self.read_until(wire, b"retry:")
            self.publish("test.two")
            seen += events_of(self.read_until(wire, b"0\r\n\r\n"))
        with self.stream(instance) as wire:
            whole = events_of(self.read_until(wire, b"0\r\n\r\n"))
        self.assertEqual(seen, whole)
        self.assertEqual(whole[-1][2]["status"], "completed")
        numbers = [int(identity) for identity, _, _ in whole]
        self.assertEqual(numbers, sorted(set(numbers)))
        status, _ = self.call("GET", f"/api/v1/instances/{instance}/events?lastEventId={numbers[-1]}")
        self.assertEqual(status, 204)
        _, steps = self.call("GET", f"/api/v1/instances/{instance}/steps")
        self.assertEqual([(step["name"], step["status"]) for step in steps["items"]],
                         [(name, "completed") for name in ("first", "one", "between", "two", "last")])

    def test_a_thousand_watch_and_get_the_same_and_none_holds_the_daemon_up(self):
        self.serve()
        instance = self.start()
        watchers = Many(self.daemon.place, MANY,
                        self.request("GET", f"/api/v1/instances/{instance}/events"))
        self.addCleanup(watchers.close)
        watchers.read_until(b'"waiting"}')
        self.publish("test.one")
        watchers.read_until(b'"name":"two"')
        self.publish("test.two")
        watchers.read_until(b"0\r\n\r\n")
        first = events_of(watchers.texts()[0])
        self.assertEqual(first[-1][2]["status"], "completed")
        for text in watchers.texts():
            self.assertEqual(events_of(text), first)
        other = Many(self.daemon.place, 100,
                     self.request("GET", f"/api/v1/instances/{self.start()}/events"))
        self.addCleanup(other.close)
        other.read_until(b'"waiting"}')
        begun = time.monotonic()
        self.assertEqual(self.daemon.stop(), 0)
        self.assertLess(time.monotonic() - begun, 20)

    def test_a_thousand_wait_for_their_instances(self):
        self.serve()
        waiting = Many(self.daemon.place, MANY,
                       self.request("POST", "/api/v1/instances?wait=5m", {"workflow": "test/single"}))
        self.addCleanup(waiting.close)
        for _ in range(600):
            _, page = self.call("GET", "/metrics")
            open_instances = [line for line in page.splitlines() if line.startswith("stepwell_instances_open ")]
            if open_instances and float(open_instances[0].split()[1]) >= MANY:
                break
            time.sleep(0.1)
        self.assertEqual(self.call("GET", "/-/healthy")[0], 200)
        for number in range(20):  # the last ones may not listen yet when the first event comes
            self.publish("test.one", number)
            try:
                waiting.read_until(b'"status":"completed"', seconds=3)
                break
            except AssertionError:
                pass
        waiting.read_until(b'"status":"completed"')


class Waiting(Case):
    """For the end of instances, each with a connection of its own."""

    WAIT = "/api/v1/instances?wait=60s"

    def open_connections(self):
        _, page = self.call("GET", "/metrics")
        return max(float(line.split()[1]) for line in page.splitlines()
                   if line.startswith("stepwell_api_open_connections "))

    def open_instances(self):
        _, page = self.call("GET", "/metrics")
        return max(float(line.split()[1]) for line in page.splitlines()
                   if line.startswith("stepwell_instances_open "))

    def test_those_who_go_make_room(self):
        self.serve()
        waiting = Many(self.daemon.place, 100, self.request("POST", self.WAIT, {"workflow": "test/single"}))
        self.until(lambda: self.open_instances() == 100)
        self.assertGreaterEqual(self.open_connections(), 100)
        waiting.close()
        self.until(lambda: self.open_connections() <= 1)  # the one that asks
        numbers = itertools.count()  # the last ones may not listen yet when the first event comes
        self.until(lambda: self.publish("test.one", next(numbers)) or self.open_instances() == 0)

    def test_a_connection_waits_again_and_again_and_keeps_what_comes_ahead(self):
        self.serve()
        numbers = itertools.count()
        with socket.create_connection(self.daemon.place, timeout=30) as wire:
            for ahead in (0, 1, 2, 50, 300):
                wire.sendall(self.request("POST", self.WAIT, {"workflow": "test/single"}))
                self.until(lambda: self.open_instances() == 1)
                wire.sendall(self.request("GET", "/-/healthy", key=False) * ahead)
                wire.sendall(self.request("GET", "/nothing"))
                # It may not listen yet when the event comes.
                self.until(lambda: self.publish("test.one", next(numbers)) or self.open_instances() == 0)
                answers = self.read_until(wire, b"route-unknown")
                while not answers.endswith("}\n"):
                    answers += self.read_until(wire, b"}\n")
                self.assertTrue(answers.startswith("HTTP/1.1 201 "), answers)
                self.assertIn('"status":"completed"', answers)
                self.assertEqual(answers.count("\r\n\r\nhealthy\n"), ahead)

    def test_the_time_ends_and_the_connection_goes_on(self):
        self.serve()
        with socket.create_connection(self.daemon.place, timeout=30) as wire:
            for limit in ("0ms", "1ms", "50ms", "1s", "0ms"):
                wire.sendall(self.request("POST", f"/api/v1/instances?wait={limit}", {"workflow": "test/single"}))
                answer = self.read_until(wire, b"}\n")
                self.assertTrue(answer.startswith("HTTP/1.1 201 "), answer)
                self.assertRegex(answer, '"status":"(running|waiting)"')


class Idle(Case):
    def test_idle_connections_cost_little(self):
        self.serve()
        # What serves at all is there before it is measured.
        warm = Many(self.daemon.place, 50, self.request("GET", "/-/healthy", key=False))
        warm.read_until(b"healthy\n")
        before = self.daemon.memory()
        idle = Many(self.daemon.place, IDLE, self.request("GET", "/-/healthy", key=False))
        self.addCleanup(idle.close)
        idle.read_until(b"healthy\n")
        each = (self.daemon.memory() - before) / IDLE
        print(f"{IDLE} idle connections: {each:.0f} bytes each", file=sys.stderr)
        begun = time.monotonic()
        self.assertEqual(self.call("GET", "/-/healthy")[0], 200)
        self.assertLess(time.monotonic() - begun, 30)
        if not self.daemon.keeps_freed_memory():
            self.assertLess(each, 16 * 1024)
        for wire in (idle.sockets[0], idle.sockets[-1]):
            wire.setblocking(True)
            wire.sendall(self.request("GET", "/-/healthy", key=False))
            self.assertIn("healthy", self.read_until(wire, b"healthy\n"))
        warm.close()


class Encrypted(Case):
    def setUp(self):
        super().setUp()
        self.tls = pathlib.Path(self.folder, "tls")
        self.tls.mkdir()
        self.certificate("one")
        self.install("one")

    def certificate(self, name):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-keyout", f"{self.tls}/{name}.key", "-out", f"{self.tls}/{name}.pem", "-days", "2",
                "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1")

    def install(self, certificate, key=None):
        shutil.copy(self.tls / f"{certificate}.pem", self.tls / "certificate.pem")
        shutil.copy(self.tls / f"{key or certificate}.key", self.tls / "key.pem")
        os.chmod(self.tls / "key.pem", 0o600)

    def connect(self, *trusted):
        context = ssl.create_default_context()
        for name in trusted:
            context.load_verify_locations(f"{self.tls}/{name}.pem")
        return context.wrap_socket(socket.create_connection(self.daemon.place, timeout=30),
                                   server_hostname="127.0.0.1")

    def healthy(self, wire):
        wire.sendall(self.request("GET", "/-/healthy", key=False))
        return "healthy" in self.read_until(wire, b"healthy\n")

    def test_idle_connections_cost_little_over_tls(self):
        count = IDLE if "STEPWELL_CONNECTIONS" in os.environ else 200
        daemon = self.serve("--set", f"http.tls.certificate={self.tls}/certificate.pem",
                            "--set", f"http.tls.key={self.tls}/key.pem")
        context = ssl.create_default_context()
        context.load_verify_locations(f"{self.tls}/one.pem")
        idle = []

        def open_some(number):
            for _ in range(number):
                wire = context.wrap_socket(socket.create_connection(daemon.place, timeout=60),
                                           server_hostname="127.0.0.1")
                idle.append(wire)
                self.assertTrue(self.healthy(wire))

        self.addCleanup(lambda: [wire.close() for wire in idle])
        open_some(50)  # what serves at all is there before it is measured
        before = daemon.memory()
        open_some(count)
        each = (daemon.memory() - before) / count
        print(f"{count} idle connections over TLS: {each:.0f} bytes each", file=sys.stderr)
        if not daemon.keeps_freed_memory():
            self.assertLess(each, 96 * 1024)
        self.assertTrue(self.healthy(idle[0]))
        self.assertTrue(self.healthy(idle[-1]))

    def name_of(self, wire):
        return dict(field[0] for field in wire.getpeercert()["subject"])["commonName"]

    def test_the_certificate_is_renewed_without_cutting_anybody(self):
        daemon = self.serve("--set", f"http.tls.certificate={self.tls}/certificate.pem",
                            "--set", f"http.tls.key={self.tls}/key.pem")
        with self.connect("one") as before:
            self.assertTrue(self.healthy(before))
            self.certificate("two")
            self.install("two", key="one")
            daemon.process.send_signal(signal.SIGHUP)
            self.assertIn("tls-invalid", daemon.wait_for("reload failed"))
            with self.connect("one") as still:
                self.assertEqual(self.name_of(still), "one")
                still.sendall(self.request("GET", "/metrics", key=False))
                self.assertIn("stepwell_api_certificate_last_reload_successful 0",
                              self.read_until(still, b"certificate_last_reload_successful 0"))
            self.install("two")
            daemon.process.send_signal(signal.SIGHUP)
            daemon.wait_for("msg=reloaded")
            with self.connect("two") as after:
                self.assertEqual(self.name_of(after), "two")
                self.assertTrue(self.healthy(after))
            self.assertTrue(self.healthy(before))
        with self.assertRaises(ssl.SSLError):
            self.connect("one")

    def test_whoever_waits_keeps_what_is_sent_ahead_and_makes_room_by_going(self):
        daemon = self.serve("--set", f"http.tls.certificate={self.tls}/certificate.pem",
                            "--set", f"http.tls.key={self.tls}/key.pem")

        def gauge(name):
            with self.connect("one") as asking:
                asking.sendall(self.request("GET", "/metrics", key=False, headers="Connection: close\r\n"))
                page = self.read_until(asking, b"\nnothing more")
            return max(float(line.split()[1]) for line in page.splitlines() if line.startswith(name + " "))

        def until(holds):
            for _ in range(600):
                if holds():
                    return
                time.sleep(0.05)
            self.fail("it did not come about")

        with self.connect("one") as wire:
            for ahead in (0, 1, 60, 300):
                # In one record, of which the server has more than it has asked for.
                wire.sendall(self.request("POST", "/api/v1/instances?wait=50ms", {"workflow": "test/single"})
                             + self.request("GET", "/-/healthy", key=False) * ahead
                             + self.request("GET", "/nothing", key=False))
                answers = self.read_until(wire, b"route-unknown")
                while not answers.endswith("}\n"):
                    answers += self.read_until(wire, b"}\n")
                self.assertTrue(answers.startswith("HTTP/1.1 201 "), answers)
                self.assertEqual(answers.count("\r\n\r\nhealthy\n"), ahead)
            wire.sendall(self.request("POST", "/api/v1/instances?wait=60s", {"workflow": "test/single"}))
            until(lambda: gauge("stepwell_instances_open") == 5)
            until(lambda: gauge("stepwell_api_open_connections") == 2)
        until(lambda: gauge("stepwell_api_open_connections") == 1)
        self.assertEqual(daemon.stop(), 0)

    def test_commands_reach_it_with_the_authority_that_they_are_told(self):
        self.serve("--set", f"http.tls.certificate={self.tls}/certificate.pem",
                   "--set", f"http.tls.key={self.tls}/key.pem")
        command = ["workflows", "list", "--server", "https://" + self.daemon.address, "-o", "json"]
        done = stepwell(*command, "--cacert", f"{self.tls}/one.pem", STEPWELL_API_KEY=self.key)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("waiting", done.stdout)
        self.assertEqual(stepwell(*command, STEPWELL_API_KEY=self.key).returncode, 3)

    def test_commands_show_a_certificate_to_a_daemon_that_asks_for_one(self):
        self.certificate("client")
        self.certificate("stranger")
        daemon = self.serve("--set", f"http.tls.certificate={self.tls}/certificate.pem",
                            "--set", f"http.tls.key={self.tls}/key.pem",
                            "--set", f"http.tls.clientCa={self.tls}/client.pem")
        tls = str(self.tls)
        trust = ["--server", "https://" + daemon.address, "--cacert", f"{tls}/one.pem"]
        shown = ["--cert", f"{tls}/client.pem", "--key", f"{tls}/client.key"]
        both = self.tls / "both.pem"
        both.write_text((self.tls / "client.pem").read_text() + (self.tls / "client.key").read_text())
        openssl("ec", "-in", f"{tls}/client.key", "-aes256", "-passout", "pass:hush", "-out", f"{tls}/locked.key")
        listing = ["workflows", "list", "-o", "json", *trust]

        def run(*arguments, **more):
            return stepwell(*arguments, STEPWELL_API_KEY=self.key, **more)

        locked = ["--cert", f"{tls}/client.pem", "--key", f"{tls}/locked.key"]
        for code, command, more in [
                (0, [*listing, *shown], {}),
                (0, [*listing, "--cert", str(both)], {}),
                (0, listing, {"STEPWELL_CERT": f"{tls}/client.pem", "STEPWELL_CERT_KEY": f"{tls}/client.key"}),
                (0, [*listing, *locked], {"STEPWELL_CERT_PASSPHRASE": "hush"}),
                (3, [*listing, *locked], {}),
                (3, listing, {}),
                (3, [*listing, "--cert", f"{tls}/stranger.pem", "--key", f"{tls}/stranger.key"], {}),
                (2, [*listing, "--key", f"{tls}/client.key"], {}),
                (2, [*listing, "--cert", f"{tls}/nothing.pem"], {}),
                (0, ["keys", "list", *trust, *shown], {}),
                (0, ["users", "list", *trust, *shown], {}),
                (0, ["credentials", "list", *trust, *shown], {}),
                (0, ["audit", "list", *trust, *shown], {}),
                (0, ["schedules", "list", *trust, *shown], {}),
                (0, ["tasks", "list", *trust, *shown], {}),
                (0, ["instances", "list", *trust, *shown], {}),
                (0, ["files", "upload", f"{tls}/one.pem", *trust, *shown], {})]:
            done = run(*command, **more)
            self.assertEqual(done.returncode, code, (command, done.stdout, done.stderr))
            self.assertNotIn("PRIVATE", done.stdout + done.stderr)
            if code == 3:
                self.assertIn("cannot reach the daemon", done.stderr)

    def test_whoever_watches_all_instances_hears_of_each(self):
        daemon = self.serve()
        watching = subprocess.Popen([stepwell.path, "instances", "watch", "--workflow", "test/waiting", "-o", "json",
                                     "--server", daemon.address],
                                    stdout=subprocess.PIPE, text=True, env=environment(STEPWELL_API_KEY=self.key))
        self.addCleanup(watching.wait)
        self.addCleanup(watching.stdout.close)
        self.addCleanup(watching.kill)
        while "\nstepwell_api_event_streams 1\n" not in daemon.call("GET", "/metrics")[1]:
            self.assertIsNone(watching.poll())
        status, instance = daemon.call("POST", "/api/v1/instances", self.key, {"workflow": "test/waiting"})
        self.assertEqual(status, 201)
        path = f"/api/v1/instances/{instance['id']}"
        daemon.call("PATCH", path, self.key, {"name": "mine"})
        daemon.call("POST", path + "/stop", self.key)
        seen = []
        while not seen or seen[-1]["data"]["status"] != "stopped":
            seen.append(json.loads(watching.stdout.readline()))
        self.assertEqual({event["data"]["id"] for event in seen}, {instance["id"]})
        self.assertIn("changed", [event["event"] for event in seen])
        self.assertEqual(seen[-1]["data"]["name"], "mine")


if __name__ == "__main__":
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    unittest.main()
