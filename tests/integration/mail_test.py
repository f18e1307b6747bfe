#!/usr/bin/python3
"""`call: email` of a real daemon to a real mail server. Usage: mail_test.py STEPWELL_BINARY
SOURCE_FOLDER [unittest arguments]"""

import base64
import datetime
import email.utils
import json
import os
import pathlib
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, sys.argv.pop(2) + "/tests/support")
from daemon_process import Binary, Daemon  # noqa: E402
from mail_server import PASSWORD, USER, MailServer  # noqa: E402

stepwell = Binary(sys.argv.pop(1))

SEND = """
document: {dsl: '1.0.3', namespace: test, name: send, version: '1.0.0'}
do:
- send: {call: email, with: WITH}
"""
ALL = """{server: '${ .server }', from: '${ .from }', to: '${ .to }', cc: '${ .cc // [] }',
  bcc: '${ .bcc // [] }', replyTo: '${ .replyTo // [] }', subject: '${ .subject }',
  body: '${ .body }', html: '${ .html }', attachments: '${ .attachments // [] }',
  partial: '${ .partial // false }', authentication: {use: mail}}"""


class Served(Daemon):
    def __init__(self, folder, key, *arguments):
        super().__init__(stepwell, folder, *arguments, allow="127.0.0.0/8,::1/128")
        self.key = key

    def call(self, method, path, body=None, content_type="application/json"):
        return super().call(method, "/api/v1" + path, self.key, body, content_type)

    def run(self, workflow, given):
        status, instance = self.call("POST", "/instances?wait=60s", {"workflow": workflow, "input": given})
        if status not in (200, 201):
            raise AssertionError(instance)
        return instance


class Mails(unittest.TestCase):
    def setUp(self):
        self.server = MailServer()
        self.addCleanup(self.server.close)
        self.folder = tempfile.mkdtemp(prefix="stepwell-test.")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.key = stepwell.init(self.folder)
        self.write("send", SEND.replace("WITH", ALL))
        self.given = {"server": self.server.url, "from": "Stepwell <stepwell@example.com>",
                      "to": ["ana@example.com"], "subject": "Order 17", "body": "Hello Ana"}

    def write(self, name, text):
        pathlib.Path(self.folder, "definitions", f"{name}.yaml").write_text(text)

    def serve(self, *arguments):
        daemon = Served(self.folder, self.key, "--set",
                        f"http.client.caFile={self.server.certificate}", *arguments)
        self.addCleanup(daemon.stop)
        return daemon

    def add_credential(self, daemon, secret=PASSWORD, origins=None, name="mail"):
        status, body = daemon.call("POST", "/credentials", {
            "name": name, "kind": "basic", "username": USER, "value": secret,
            "origins": origins or [self.server.url, self.server.tls_url]})
        self.assertEqual(status, 201, body)

    def test_what_is_written_is_what_arrives(self):
        daemon = self.serve()
        self.add_credential(daemon)
        bytes_ = bytes(range(256)) * 1000
        long = "Grüße an alle, die das lesen wollen, und noch viel mehr 😀 " * 8
        text = "Liebe Ana,\n\n.ein Punkt vorn\n..zwei\n.\nGrüße = \tund Ende \n" + "lang" * 300 + "\n"
        html = "<p>Liebe Ana, <b>Grüße</b></p>\n"
        sent = daemon.run("test/send", {
            **self.given, "to": ["Ana Ortiz <ana@example.com>", {"name": "Jörg, der \"Große\"", "address": "j@example.com"}],
            "cc": "\"Smith, Bob\" <bob@example.com>, carol@example.com", "bcc": ["eve@example.com"],
            "replyTo": "office@example.com", "subject": long, "body": text, "html": html,
            "attachments": [
                {"name": "Rechnung für Ana.pdf", "mediaType": "application/pdf",
                 "content": base64.b64encode(bytes_).decode(), "encoding": "base64"},
                {"name": "notes.txt", "content": "Zeile eins\nZeile zwei ü\n"}]})
        self.assertEqual(sent["status"], "completed", sent["error"])
        output = sent["output"]
        everybody = ["ana@example.com", "j@example.com", "bob@example.com", "carol@example.com",
                     "eve@example.com"]
        self.assertEqual(output["accepted"], everybody)
        self.assertEqual(output["refused"], [])
        self.assertTrue(output["answer"].startswith("250 OK"), output)

        mail = self.server.mails(1)[0]
        self.assertEqual(mail.defects, [])
        self.assertEqual(mail["Return-path"], "<stepwell@example.com>")
        self.assertEqual({a.strip() for a in mail["Envelope-to"].split(",")}, set(everybody))
        self.assertEqual(mail["Message-ID"], output["messageId"])
        self.assertEqual(mail["Subject"], long)
        self.assertEqual([(a.display_name, a.addr_spec) for a in mail["To"].addresses],
                         [("Ana Ortiz", "ana@example.com"), ("Jörg, der \"Große\"", "j@example.com")])
        self.assertEqual([(a.display_name, a.addr_spec) for a in mail["Cc"].addresses],
                         [("Smith, Bob", "bob@example.com"), ("", "carol@example.com")])
        self.assertEqual(mail["Reply-To"], "office@example.com")
        self.assertIsNone(mail["Bcc"])
        self.assertNotIn(b"eve@", self.server.files()[0].read_bytes().split(b"\nSubject:", 1)[1])
        age = datetime.datetime.now(datetime.timezone.utc) - email.utils.parsedate_to_datetime(mail["Date"])
        self.assertLess(abs(age.total_seconds()), 120)

        self.assertEqual(mail.get_body(("plain",)).get_content(), text)
        self.assertEqual(mail.get_body(("html",)).get_content(), html)
        first, second = mail.iter_attachments()
        self.assertEqual((first.get_filename(), first.get_content_type(), first.get_content()),
                         ("Rechnung für Ana.pdf", "application/pdf", bytes_))
        self.assertEqual((second.get_filename(), second.get_content()),
                         ("notes.txt", "Zeile eins\nZeile zwei ü\n"))
        for part in mail.walk():
            self.assertEqual(part.defects, [])

    def test_a_file_that_was_handed_in_is_sent_on(self):
        daemon = self.serve()
        self.add_credential(daemon)
        bytes_ = os.urandom(300_000)
        status, file = daemon.call(
            "POST", "/files", b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x \xc3\xbc.bin\"\r\n"
            b"Content-Type: application/octet-stream\r\n\r\n" + bytes_ + b"\r\n--b--\r\n",
            "multipart/form-data; boundary=b")
        self.assertEqual(status, 201, file)
        file = file.get("items", [file])[0] if isinstance(file, dict) else file[0]
        sent = daemon.run("test/send", {**self.given, "attachments": [file.get("id") or file["file"]]})
        self.assertEqual(sent["status"], "completed", sent["error"])
        attachment = next(self.server.mails(1)[0].iter_attachments())
        self.assertEqual((attachment.get_filename(), attachment.get_content()), ("x ü.bin", bytes_))
        unknown = daemon.run("test/send", {**self.given, "attachments": ["f_" + "0" * 26]})
        self.assertEqual(unknown["error"]["reason"], "file-unknown", unknown)

    def test_the_settings_say_what_a_step_leaves_out(self):
        self.write("short", """
document: {dsl: '1.0.3', namespace: test, name: short, version: '1.0.0'}
do: [{send: {call: email, with: {to: '${ .to }', subject: Hi, html: '<b>x</b>'}}}]
""")
        daemon = self.serve("--set", f"email.server={self.server.tls_url}", "--set",
                            "email.from=Office <office@example.com>", "--set", "email.credential=mail")
        self.add_credential(daemon)
        sent = daemon.run("test/short", {"to": "ana@example.com"})
        self.assertEqual(sent["status"], "completed", sent["error"])
        mail = self.server.mails(1)[0]
        self.assertEqual(mail["From"], "Office <office@example.com>")
        self.assertEqual((mail.get_content_type(), mail.get_content()), ("text/html", "<b>x</b>\n"))
        self.assertIn("tls TLS_", mail["Received"])

    def test_nothing_becomes_a_header_or_a_command(self):
        daemon = self.serve()
        self.add_credential(daemon)
        for change in ({"subject": "x\r\nBcc: eve@example.com"}, {"subject": "x\nX: y"},
                       {"to": ["ana@example.com\r\nRCPT TO:<eve@example.com>"]},
                       {"to": ["ana@example.com>\r\nDATA"]},
                       {"from": "a@example.com\r\nX: y"},
                       {"cc": [{"name": "A\r\nBcc: eve@example.com", "address": "a@example.com"}]},
                       {"attachments": [{"name": "x\r\nX: y", "content": ""}]},
                       {"attachments": [{"name": "x", "mediaType": "text/plain\r\nX: y", "content": ""}]}):
            ended = daemon.run("test/send", {**self.given, **change})
            self.assertEqual(ended["status"], "faulted", change)
            self.assertIn(ended["error"]["reason"], ("mail-invalid", "step-invalid"), change)
        self.assertEqual(self.server.connections(), 0)

    def test_a_refusal_says_whether_it_may_pass(self):
        daemon = self.serve()
        self.add_credential(daemon)
        gone = daemon.run("test/send", {**self.given, "to": ["ana@example.com", "nobody@example.com"]})
        self.assertEqual(gone["error"]["reason"], "smtp-refused", gone)
        self.assertEqual(gone["error"]["smtp"]["stage"], "recipient")
        self.assertEqual([(r["address"], r["code"]) for r in gone["error"]["refused"]],
                         [("nobody@example.com", 550)])
        self.assertEqual((gone["error"]["retryable"], gone["error"]["sent"]), (False, "no"))
        later = daemon.run("test/send", {**self.given, "to": ["later@example.com"]})
        self.assertEqual((later["error"]["reason"], later["error"]["status"], later["error"]["retryable"]),
                         ("smtp-temporary", 503, True), later)
        self.assertEqual(self.server.files(), [])  # to all or to nobody
        some = daemon.run("test/send", {**self.given, "partial": True,
                                        "to": ["ana@example.com", "nobody@example.com"]})
        self.assertEqual((some["status"], some["output"]["accepted"]), ("completed", ["ana@example.com"]), some)
        self.assertEqual(some["output"]["refused"][0]["address"], "nobody@example.com")
        self.assertEqual(self.server.mails(1)[0]["Envelope-to"], "ana@example.com")

    def test_a_retry_policy_repeats_what_may_pass_and_the_mail_stays_the_same(self):
        self.write("again", """
document: {dsl: '1.0.3', namespace: test, name: again, version: '1.0.0'}
do:
- attempt:
    try:
    - send: {call: email, with: %s}
    catch: {retry: {delay: {milliseconds: 10}, limit: {attempt: {count: 3}}}}
""" % ALL.replace("\n", ""))
        daemon = self.serve()
        self.add_credential(daemon)
        later = daemon.run("test/again", {**self.given, "to": "later@example.com"})
        self.assertEqual(later["error"]["reason"], "smtp-temporary")
        # It may write a line of its log after its answer.
        self.server.wait_until(lambda: self.server.log().count("temporarily rejected RCPT") >= 3)
        self.assertEqual(self.server.log().count("temporarily rejected RCPT"), 3, self.server.log())

    def test_a_wrong_password_is_refused_and_three_times_ends_the_credential(self):
        daemon = self.serve()
        self.add_credential(daemon, "wr0ng-passw0rd")
        for _ in range(3):
            error = daemon.run("test/send", self.given)["error"]
            self.assertEqual((error["type"].rsplit("/", 1)[1], error["status"], error["reason"]),
                             ("communication", 401, "rejected-by-upstream"), error)
            self.assertEqual((error["credential"], error["retryable"]), ("mail", False))
        error = daemon.run("test/send", self.given)["error"]
        self.assertEqual((error["status"], error["reason"]), (401, "credential-rejected"))
        self.server.wait_until(lambda: self.server.log().count("authenticator failed") >= 3)
        self.assertEqual(self.server.log().count("authenticator failed"), 3)
        self.assertNotIn("wr0ng-passw0rd", "".join(daemon.log) + json.dumps(error))

    def test_a_revoked_credential_sends_nothing(self):
        daemon = self.serve()
        self.add_credential(daemon)
        self.assertEqual(daemon.run("test/send", self.given)["status"], "completed")
        self.server.mails(1)
        before = self.server.connections()
        status, _ = daemon.call("POST", "/credentials/mail/revoke?force=true", {})
        self.assertIn(status, (200, 204))
        ended = daemon.run("test/send", self.given)
        self.assertEqual((ended["status"], ended["error"]["status"], ended["error"]["reason"]),
                         ("faulted", 401, "credential-revoked"), ended)
        self.assertEqual(ended["error"]["sent"], "no")
        self.assertEqual(self.server.connections(), before)
        self.assertEqual(len(self.server.files()), 1)

    def test_a_credential_goes_to_its_own_server_only(self):
        daemon = self.serve()
        self.add_credential(daemon, origins=["smtp://mail.example.com:587"])
        ended = daemon.run("test/send", self.given)
        self.assertEqual(ended["error"]["reason"], "origin-not-allowed")
        self.assertEqual(self.server.connections(), 0)

    def test_a_certificate_that_is_not_trusted_ends_it_before_the_login(self):
        daemon = Served(self.folder, self.key)
        self.addCleanup(daemon.stop)
        self.add_credential(daemon)
        for url in (self.server.url, self.server.tls_url):
            ended = daemon.run("test/send", {**self.given, "server": url})
            self.assertEqual(ended["error"]["reason"], "tls", ended)
        self.assertEqual(self.server.files(), [])

    def test_run_sends_with_a_credential_of_the_command_line(self):
        file = pathlib.Path(self.folder, "definitions", "send.yaml")
        secret = pathlib.Path(self.folder, "secret")
        secret.write_text(PASSWORD)
        done = stepwell("run", str(file), "--input", json.dumps(self.given), "--allow-network",
                        "127.0.0.0/8", "--allow-network", "::1/128", "--cacert", str(self.server.certificate),
                        "--credential", f"mail=basic:{USER}:@{secret}", "--origin", f"mail={self.server.url}")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["accepted"], ["ana@example.com"])
        self.assertEqual(self.server.mails(1)[0]["Subject"], "Order 17")


if __name__ == "__main__":
    unittest.main()
