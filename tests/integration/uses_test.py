#!/usr/bin/python3
"""The five uses that every client knows, as the scripts in examples/uses do them by curl on a real
daemon. Usage: uses_test.py STEPWELL_BINARY ROOT [unittest arguments]"""

import http.server
import json
import pathlib
import shutil
import socketserver
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from daemon_process import Binary, Daemon, environment  # noqa: E402

stepwell = Binary(sys.argv.pop(1))
ROOT = pathlib.Path(sys.argv.pop(1)).resolve()
USES = ROOT / "examples/uses"


class Archive(http.server.BaseHTTPRequestHandler):
    """Keeps what it is sent."""

    def do_POST(self):
        if "chunked" in (self.headers.get("Transfer-Encoding") or ""):
            self.send_error(411)
            return
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.headers["Content-Type"], body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Mailbox(socketserver.StreamRequestHandler):
    """As much of SMTP (RFC 5321) as one mail needs."""

    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def handle(self):
        self.say("220 mail.example.com ESMTP")
        mail = {"to": [], "text": ""}
        while True:
            line = self.rfile.readline().decode().strip()
            verb = line.upper()
            if not line or verb == "QUIT":
                if line:
                    self.say("221 bye")
                return
            if verb.startswith("EHLO"):
                self.say("250-mail.example.com")
                self.say("250-8BITMIME")
                self.say("250 SMTPUTF8")
            elif verb.startswith("RCPT"):
                mail["to"].append(line.split("<")[1].split(">")[0])
                self.say("250 ok")
            elif verb == "DATA":
                self.say("354 go on")
                lines = []
                while (text := self.rfile.readline().decode(errors="replace").rstrip("\r\n")) != ".":
                    lines.append(text)
                mail["text"] = "\n".join(lines)
                self.server.got.append(mail)
                mail = {"to": [], "text": ""}
                self.say("250 taken")
            else:
                self.say("250 ok")


class Uses(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="stepwell-uses."))
        cls.servers = [http.server.ThreadingHTTPServer(("127.0.0.1", 0), Archive),
                       socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mailbox)]
        cls.archive, cls.mailbox = cls.servers
        for server in cls.servers:
            server.daemon_threads = True
            server.got = []
            threading.Thread(target=server.serve_forever, daemon=True).start()
        site = cls.folder / "site"
        key = stepwell.init(site)
        for file in (USES / "definitions").glob("*.yaml"):
            shutil.copy(file, site / "definitions")
        made = stepwell("users", "create", "ana", "--role", "viewer", "--offline", "--config", site / "stepwell.yaml")
        assert made.returncode == 0, made.stderr
        cls.daemon = Daemon(
            stepwell, site, "--set", f"email.server=smtp://127.0.0.1:{cls.mailbox.server_address[1]}",
            "--set", "email.from=orders@example.com")
        cls.env = environment(STEPWELL_API_KEY=key, STEPWELL_URL="http://" + cls.daemon.address)

    @classmethod
    def tearDownClass(cls):
        code = cls.daemon.stop()
        for server in cls.servers:
            server.shutdown()
            server.server_close()
        shutil.rmtree(cls.folder, ignore_errors=True)
        assert code == 0, "".join(cls.daemon.log)

    def run_script(self, name, **more):
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            done = subprocess.run([USES / name], cwd=folder, env={**self.env, **more}, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr + "".join(self.daemon.log[-20:]))
        return done.stdout

    @staticmethod
    def values(text):
        """The JSON values and words of an output, one after the other."""
        decoder, found, at = json.JSONDecoder(), [], 0
        while text[at:].strip():
            at += len(text[at:]) - len(text[at:].lstrip())
            try:
                value, at = decoder.raw_decode(text, at)
            except json.JSONDecodeError:
                end = text.find("\n", at)
                value, at = text[at:end], end
            found.append(value)
        return found

    def test_1_a_decision_is_completed_once(self):
        values = self.values(self.run_script("1-decide.sh"))
        self.assertEqual(values[0]["options"], ["approve", "reject"])
        self.assertEqual(values[0]["prompt"], "Order 7 costs 950 EUR")
        self.assertEqual(values[1:4], [400, "step-output-invalid", 200])
        self.assertEqual(values[4], 409)
        self.assertIn(values[5], ("step-completed", "step-not-active", "instance-ended"))
        self.assertEqual(values[-1], {"status": "completed", "output": {"decision": "approve", "by": "admin"}})

    def test_2_a_file_is_uploaded_and_sent_on(self):
        file = self.folder / "photo.pdf"
        content = b"%PDF-1.4\n" + bytes(range(256)) * 4096
        file.write_bytes(content)
        archive = f"http://127.0.0.1:{self.archive.server_port}/inbox"
        values = self.values(self.run_script("2-upload.sh", ARCHIVE=archive, FILE=str(file)))
        self.assertEqual((values[0]["name"], values[0]["size"]), ("photo.pdf", len(content)))
        self.assertEqual(values[1], {"status": "completed", "output": {"archived": values[0]["sha256"], "clerk": "admin"}, "error": None})
        self.assertEqual(values[2], "same")
        (form, parts), (media_type, raw) = self.archive.got
        self.assertTrue(form.startswith("multipart/form-data"))
        self.assertIn(content, parts)
        self.assertIn(b"a door", parts)
        self.assertEqual((media_type, raw), ("application/pdf", content))

    def test_3_an_email_and_a_drop_down_are_changed(self):
        values = self.values(self.run_script("3-update.sh"))
        self.assertEqual(values[0], ["ana", "admin"])
        self.assertEqual(values[1], {"to": ["ana@example.com"], "subject": "Order 17"})
        self.assertEqual(values[2], {"status": "completed", "error": None})
        (mail,) = self.mailbox.got
        self.assertEqual(mail["to"], ["ana@example.com"])
        self.assertIn("Subject: Order 17", mail["text"])
        self.assertIn("admin takes care of it.", mail["text"])

    def test_4_instances_are_stopped(self):
        self.assertEqual(self.values(self.run_script("4-stop.sh")),
                         [{"status": "stopped"}, {"taken": 2, "problems": []}, {"matched": 2}, {"taken": 2, "problems": []}, 0])

    def test_5_instances_are_selected_and_deleted(self):
        values = self.values(self.run_script("5-delete.sh"))
        self.assertEqual(values[:2], [{"matched": 1}, {"taken": 1, "problems": []}])
        self.assertEqual((values[2]["taken"], len(values[2]["problems"])), (0, 1))
        self.assertEqual(values[3:], [{"taken": 1, "problems": []}, 0])

    def test_the_document_shows_what_is_run(self):
        text = (ROOT / "docs/uses.md").read_text()
        scripts = sorted(USES.glob("*.sh"))
        self.assertEqual(len(scripts), 5)
        for script in scripts:
            body = script.read_text().split("set -eu\n")[1]
            self.assertIn(f"`examples/uses/{script.name}`:\n\n```sh\n{body}```\n", text)


if __name__ == "__main__":
    unittest.main()
