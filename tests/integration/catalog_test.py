#!/usr/bin/python3
"""What definitions fetch while they are loaded: functions of catalogs, schemas.
Usage: catalog_test.py STEPWELL_BINARY [unittest arguments]"""

import http.server
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from daemon_process import Binary, Daemon  # noqa: E402

stepwell = Binary(sys.argv.pop(1))
OPEN = ["--allow-network", "127.0.0.0/8"]
HEAD = "document: {dsl: 1.0.0, namespace: test, name: %s, version: 1.0.0}\n"


class Shelf(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.seen.append((self.path, self.headers.get("Authorization")))
        if self.path.startswith("/moved/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/moved"))
            self.send_header("Content-Length", "0")
            return self.end_headers()
        text = self.server.texts.get(self.path)
        private = self.path.startswith("/private/")
        refused = private and self.headers.get("Authorization") != "Bearer tok-0123456789"
        self.send_response(404 if text is None else 401 if refused else 200)
        body = (text or "").encode() if not refused else b""
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return self.wfile.write(body)

    def log_message(self, *arguments):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass  # what is too large is not read to its end


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="stepwell-test."))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.server = Server(("127.0.0.1", 0), Shelf)
        self.server.texts, self.server.seen = {}, []
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.origin = f"http://127.0.0.1:{self.server.server_port}"

    def put(self, path, text):
        self.server.texts[path] = text

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return str(path)

    def stepwell(self, *arguments, stdin=None, **variables):
        done = stepwell(*arguments, stdin=stdin, **variables)
        return done.returncode, done.stdout, done.stderr

    def definition(self, name, catalog="", call="add:1.0.0@c"):
        endpoint = catalog or self.origin
        return (HEAD % name + f"use: {{catalogs: {{c: {{endpoint: {endpoint}}}}}}}\n"
                f"do:\n- t: {{call: '{call}', with: {{n: '${{ .n }}'}}}}\n")


ADD = "/functions/add/1.0.0/function.yaml"


class Commands(Case):
    def test_a_function_of_a_catalog_runs(self):
        self.put(ADD, "do:\n- a: {set: {n: '${ .n + 1 }'}}\n")
        for endpoint in (self.origin, self.origin + "/moved/"):
            file = self.write("a.yaml", self.definition("a", endpoint))
            self.assertEqual(self.stepwell("run", file, "--input", '{"n": 1}', *OPEN), (0, '{\n  "n": 2\n}\n', ""))

    def test_a_catalog_can_be_a_folder(self):
        self.write("catalog" + ADD, "set: {n: '${ .n * 10 }'}\n")
        file = self.write("a.yaml", self.definition("a", "'file:catalog'"))
        self.assertEqual(self.stepwell("run", file, "--input", '{"n": 1}'), (0, '{\n  "n": 10\n}\n', ""))
        elsewhere = self.write("other/a.yaml", self.definition("a", call="add:1.0.0@default"))
        self.assertEqual(self.stepwell("run", elsewhere, "--input", '{"n": 2}', "--catalog",
                                       self.folder / "catalog"), (0, '{\n  "n": 20\n}\n', ""))

    def test_files_outside_of_the_folder_are_not_read(self):
        secret = self.write("outside" + ADD, "set: {n: 1}\n")
        inside = self.folder / "inside"
        inside.mkdir()
        (inside / "link").symlink_to(self.folder / "outside")
        for uri in ("file:../outside", f"file://{self.folder}/outside", "file:%2e%2e/outside", "file:link"):
            file = self.write("inside/a.yaml", self.definition("a", f"'{uri}'"))
            code, _, err = self.stepwell("validate", file)
            self.assertEqual(code, 2, uri)
            self.assertIn("files are read from the definition's own folder", err)
        self.assertTrue(os.path.exists(secret))

    def test_validate_tells_the_faults_there_or_does_not_fetch(self):
        self.put(ADD, "set: {n: '${ .n + }'}\n")
        file = self.write("a.yaml", self.definition("a"))
        code, out, err = self.stepwell("validate", file, *OPEN)
        self.assertEqual((code, out), (2, ""))
        self.assertTrue(err.startswith(f"{self.origin}{ADD}:1:19: error: in the jq expression"), err)
        seen = len(self.server.seen)
        code, out, err = self.stepwell("validate", file, "--offline")
        self.assertEqual((code, out), (0, f"{file}: ok (test/a:1.0.0)\n"))
        self.assertIn(f"warning: the function `add:1.0.0@c` is not fetched, and so not checked: `{self.origin}{ADD}`",
                      err)
        self.assertEqual(len(self.server.seen), seen)

    def test_what_cannot_be_fetched_is_refused(self):
        file = self.write("a.yaml", self.definition("a"))
        code, _, err = self.stepwell("validate", file, *OPEN)
        self.assertEqual(code, 2)
        self.assertIn(f"{file}:4:13: error: the function `add:1.0.0@c` cannot be fetched from `{self.origin}{ADD}`: ",
                      err)
        self.assertIn("404", err)
        code, _, err = self.stepwell("validate", file)
        self.assertEqual(code, 2)
        self.assertIn("egress", err)
        self.put(ADD, "set: {n: " + "1" * 1100000 + "}\n")
        self.assertEqual(self.stepwell("validate", file, *OPEN)[0], 2)

    def test_a_schema_is_fetched(self):
        self.put("/s.json", '{"type": "object", "required": ["n"]}')
        file = self.write("a.yaml", HEAD % "a" + f"input: {{schema: {{resource: {{endpoint: '{self.origin}/s.json'"
                          "}}}\ndo:\n- a: {set: {ok: true}}\n")
        self.assertEqual(self.stepwell("run", file, "--input", '{"n": 1}', *OPEN)[0], 0)
        self.assertEqual(self.stepwell("run", file, "--input", '{}', *OPEN)[0], 1)


class Serving(Case):
    def test_a_reload_takes_what_is_there_or_leaves_all_as_it_was(self):
        site = self.folder / "site"
        key = stepwell.init(site)
        private = self.origin + "/private"
        self.put("/private" + ADD, "set: {n: '${ .n + 1 }'}\n")
        self.write("site/definitions/a.yaml", self.definition(
            "a", f"{{uri: '{private}', authentication: {{use: shelf}}}}"))
        offline = self.stepwell("credentials", "add", "shelf", "--kind", "bearer", "--origin", self.origin, "--value",
                                "-", "--offline", "--config", site / "stepwell.yaml", stdin="tok-0123456789")
        self.assertEqual(offline[0], 0, offline[2])
        daemon = Daemon(stepwell, site)
        self.addCleanup(daemon.stop, signal.SIGKILL)

        def output():
            _, answer = daemon.call("POST", "/api/v1/instances?wait=60s", key, {"workflow": "test/a", "input": {"n": 1}})
            return answer.get("output"), answer.get("digest")
        self.assertEqual(output()[0], {"n": 2})
        self.assertEqual(self.server.seen[-1], ("/private" + ADD, "Bearer tok-0123456789"))
        self.put("/private" + ADD, "set: {n: '${ .n + 100 }'}\n")
        self.assertEqual(output()[0], {"n": 2}, "nothing is fetched when it runs")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for("msg=reloaded")
        self.assertEqual(output()[0], {"n": 101})
        del self.server.texts["/private" + ADD]
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for("reload failed")
        self.assertEqual(output()[0], {"n": 101})
        self.assertEqual(daemon.stop(), 0)
        self.assertIn("msg=stopped", "".join(daemon.log))
        self.assertNotIn("tok-0123456789", "".join(daemon.log))


if __name__ == "__main__":
    unittest.main()
