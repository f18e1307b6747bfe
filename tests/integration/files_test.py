#!/usr/bin/python3
"""Files through the daemon as a process, with curl as the client: what is handed in, sent on by steps
and downloaded never lies in the daemon's memory as a whole; a kill or a full disk leaves nothing behind.
Usage: files_test.py STEPWELL_BINARY [KILL_AT_LIBRARY FAIL_AT_LIBRARY] [unittest arguments]

STEPWELL_FILE_MIB=100   how large the large file is (for the measurement)"""

import hashlib
import http.server
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from daemon_process import Binary, Daemon  # noqa: E402

stepwell = Binary(sys.argv.pop(1))
LIBRARIES = [os.path.abspath(sys.argv.pop(1)) for _ in range(2)] if sys.argv[1:2] and os.path.exists(sys.argv[1]) else []
MIB = 1024 * 1024
LARGE = int(os.environ.get("STEPWELL_FILE_MIB", 24)) * MIB
SAY = "STEPWELL_FILE_MIB" in os.environ

FORWARDS = """
document: {dsl: '1.0.3', namespace: test, name: forwards, version: '1.0.0'}
do:
  - raw:
      call: http
      with: {method: put, endpoint: '${ .url }', body: '${ .file }', output: raw}
      output: {as: '${ $workflow.input }'}
  - form:
      call: http
      with:
        method: post
        endpoint: '${ .url }'
        headers: {content-type: multipart/form-data}
        body: {note: some text, document: '${ .file }', both: '${ [.file, .file] }'}
"""


MOVED = """
document: {dsl: '1.0.3', namespace: test, name: moved, version: '1.0.0'}
do:
  - send:
      call: http
      with: {method: post, endpoint: '${ .url + "moved" }', body: '${ .file }', redirect: true}
"""


class Upstream(http.server.ThreadingHTTPServer):
    """Hashes what it is sent."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.seen = []
        self.thread = threading.Thread(target=self.serve_forever)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server_port}/"

    def close(self):
        self.shutdown()
        self.thread.join()
        self.server_close()


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def take(self):
        left = int(self.headers["Content-Length"])
        digest, kept = hashlib.sha256(), b""
        while left > 0:
            piece = self.rfile.read(min(left, MIB))
            if not piece:
                return
            left -= len(piece)
            digest.update(piece)
            kept += piece if len(kept) < MIB else b""
        self.server.seen.append({"headers": dict(self.headers), "sha256": digest.hexdigest(), "begin": kept})
        self.send_response(307 if self.path == "/moved" else 200)
        if self.path == "/moved":
            self.send_header("Location", "/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_PUT = do_POST = take

    def log_message(self, *_):
        pass


class Files(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="stepwell-files-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.site = self.folder + "/site"
        self.key = stepwell.init(self.site)
        pathlib.Path(self.site, "definitions", "forwards.yaml").write_text(FORWARDS)
        pathlib.Path(self.site, "definitions", "moved.yaml").write_text(MOVED)
        self.daemon = None

    def serve(self, *arguments, **more):
        self.daemon = Daemon(stepwell, self.site, *arguments, **more)
        self.addCleanup(self.daemon.stop, signal.SIGKILL)
        self.url = f"http://{self.daemon.address}/api/v1"

    def curl(self, path, *arguments):
        """The answer's status, or 0 where there was none, and its body."""
        done = subprocess.run(
            ["curl", "-sS", "-w", "\n%{http_code}", "-H", f"Authorization: Api-Key {self.key}", *arguments,
             self.url + path], capture_output=True, timeout=240)
        body, _, status = done.stdout.rpartition(b"\n")
        status = int(status) if int(status) >= 200 else 0  # "go on" is no answer
        return status, json.loads(body) if body[:1] in b"{[" and body else body

    def make(self, size, name="large.bin"):
        path = pathlib.Path(self.folder, name)
        digest = hashlib.sha256()
        with path.open("wb") as out:
            for _ in range(0, size, MIB):
                piece = os.urandom(min(size, MIB))
                digest.update(piece)
                out.write(piece)
        return str(path), digest.hexdigest()

    def bounded(self, what, work):
        pathlib.Path(f"/proc/{self.daemon.process.pid}/clear_refs").write_text("5")  # the peak begins anew
        before = self.daemon.memory("VmRSS")
        done = work()
        grown = self.daemon.memory("VmHWM") - before
        if SAY:
            print(f"{what}: {LARGE // MIB} MiB, the daemon's memory grew by {grown / MIB:.1f} MiB "
                  f"from {before / MIB:.1f} MiB", flush=True)
        if not self.daemon.keeps_freed_memory():
            self.assertLess(grown, LARGE / 2, what)
        return done

    def contents(self):
        return sorted(p.name for p in pathlib.Path(self.site, "data/files").rglob("*") if p.is_file())

    def test_a_large_file_is_taken_sent_on_and_given_back_piece_by_piece(self):
        upstream = Upstream()
        self.addCleanup(upstream.close)
        path, digest = self.make(LARGE)
        self.serve()
        status, form = self.bounded("upload as a form", lambda: self.curl(
            "/files", "-F", f"anything=@{path};type=application/x-test"))
        self.assertEqual((status, form["sha256"], form["name"]), (201, digest, "large.bin"))
        status, raw = self.bounded("upload as it is", lambda: self.curl(
            "/files?name=large.bin", "-H", "Content-Type: application/x-test", "-T", path, "-X", "POST"))
        self.assertEqual((status, raw["sha256"], raw["size"]), (201, digest, LARGE))
        self.assertEqual(self.contents(), [digest])

        copy = self.folder + "/copy"
        status, _ = self.bounded("download", lambda: self.curl(f"/files/{raw['id']}/content", "-o", copy))
        self.assertEqual(status, 200)
        with open(copy, "rb") as back:
            self.assertEqual(hashlib.file_digest(back, "sha256").hexdigest(), digest)

        value = {"file": raw["id"], "name": raw["name"], "mediaType": raw["mediaType"]}
        status, instance = self.bounded("sending it on four times", lambda: self.curl(
            "/instances?wait=120s", "--json",
            json.dumps({"workflow": "test/forwards", "input": {"url": upstream.url, "file": value}})))
        self.assertEqual((status, instance["status"]), (201, "completed"), instance)
        sent, multipart = upstream.seen
        self.assertEqual((sent["sha256"], sent["headers"]["Content-Type"]), (digest, "application/x-test"))
        self.assertEqual(int(sent["headers"]["Content-Length"]), LARGE)
        self.assertNotIn("Transfer-Encoding", sent["headers"])
        self.assertGreater(int(multipart["headers"]["Content-Length"]), 3 * LARGE)
        self.assertIn(b'name="note"\r\n\r\nsome text\r\n', multipart["begin"])
        self.assertIn(b'name="document"; filename="large.bin"\r\nContent-Type: application/x-test\r\n\r\n',
                      multipart["begin"])
        self.assertEqual(self.daemon.stop(), 0)

    def start(self, workflow, **given):
        return self.curl("/instances?wait=60s", "--json",
                         json.dumps({"workflow": "test/" + workflow, "input": given}))

    def test_a_file_goes_with_its_instance(self):
        upstream = Upstream()
        self.addCleanup(upstream.close)
        path, digest = self.make(MIB)
        self.serve()
        _, file = self.curl("/files", "-F", f"a=@{path}")
        value = {"file": file["id"]}
        status, instance = self.start("moved", url=upstream.url, file=value)
        self.assertEqual((status, instance["status"]), (201, "completed"), instance)
        # Sent twice: the redirect asks for the same once more.
        self.assertEqual([seen["sha256"] for seen in upstream.seen], [digest] * 2)
        self.assertEqual(self.curl("/files/" + file["id"])[1]["instance"], instance["id"])
        self.assertEqual([item["id"] for item in self.curl(f"/files?instance={instance['id']}")[1]["items"]],
                         [file["id"]])
        # No other instance can have it.
        status, problem = self.start("moved", url=upstream.url, file=value)
        self.assertEqual((status, problem["reason"]), (409, "file-in-use"))
        status, problem = self.start("moved", url=upstream.url, file={"file": "f_" + 26 * "0"})
        self.assertEqual((status, problem["reason"]), (404, "file-unknown"))
        self.assertEqual(self.curl(f"/instances/{instance['id']}", "-X", "DELETE")[0], 204)
        self.assertEqual(self.curl("/files/" + file["id"])[0], 404)
        self.assertEqual(self.contents(), [])

    def test_what_was_acknowledged_is_there_after_a_kill(self):
        self.serve()
        path, digest = self.make(MIB)
        status, file = self.curl("/files", "-F", f"a=@{path}")
        self.daemon.stop(signal.SIGKILL)
        self.serve()
        self.assertEqual(self.curl("/files/" + file["id"])[1], file)
        self.assertEqual(self.contents(), [digest])

    @unittest.skipUnless(LIBRARIES, "needs the library that kills")
    def test_a_kill_in_the_middle_leaves_nothing(self):
        path, digest = self.make(MIB)
        for place, call in [("write .new before", 1), ("write .new half", 3), ("sync .new before", 1),
                            ("sync .new after", 1), (f"sync /{digest[:2]} before", 1),
                            (f"sync /{digest[:2]} after", 1), ("write files.db-wal half", 1),
                            ("sync files.db-wal before", 1), ("sync files.db-wal after", 1)]:
            # The first start makes the database, which is not what is meant.
            if self.daemon is None:
                self.serve()
                self.daemon.stop()
            self.serve(LD_PRELOAD=LIBRARIES[0], STEPWELL_KILL_ON=place, STEPWELL_KILL_AT=str(call))
            self.assertEqual(self.curl("/files", "-F", f"a=@{path}")[0], 0, place)
            self.assertEqual(self.daemon.process.wait(60), -signal.SIGKILL, place)
            self.serve()
            listed = self.curl("/files")[1]["items"]
            # A row that was written and not acknowledged counts, and then all of it is there.
            self.assertIn(len(listed), [0, 1] if "files.db-wal" in place else [0], place)
            self.assertEqual(self.contents(), [digest] if listed else [], place)
            for file in listed:
                self.assertEqual(self.curl("/files/" + file["id"], "-X", "DELETE")[0], 204)
            self.assertEqual(self.daemon.stop(), 0)

    @unittest.skipUnless(LIBRARIES, "needs the library that fails")
    def test_a_disk_that_fails_takes_no_file_and_keeps_nothing_of_it(self):
        path, digest = self.make(MIB)
        trouble = self.folder + "/trouble"
        self.serve(LD_PRELOAD=LIBRARIES[1], STEPWELL_FAIL_ON="/data/files", STEPWELL_FAIL_WHILE=trouble)
        for how, reason in [("full", "disk-full"), ("broken", "store-failed"), ("unsynced", "store-failed")]:
            pathlib.Path(trouble).write_text(how)
            status, problem = self.curl("/files", "-F", f"a=@{path}")
            self.assertEqual((status, problem["reason"]), (503, reason), how)
            self.assertEqual(self.contents(), [], how)
            os.remove(trouble)
            self.assertEqual(self.curl("/files")[1]["items"], [], how)
        self.assertEqual(self.curl("/files", "-F", f"a=@{path}")[0], 201)
        self.assertEqual(self.contents(), [digest])

    def test_a_backup_has_the_files_and_a_restore_brings_them_back(self):
        self.serve()
        path, digest = self.make(MIB)
        _, kept = self.curl("/files", "-F", f"a=@{path}")
        made = self.stepwell("backup", self.folder + "/copy")
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertEqual(self.curl("/files/" + kept["id"], "-X", "DELETE")[0], 204)
        _, later = self.curl("/files?name=later", "--data-binary", "later")
        self.daemon.stop()
        restored = self.stepwell("restore", self.folder + "/copy")
        self.assertEqual(restored.returncode, 0, restored.stderr)
        self.serve()
        self.assertEqual(self.curl("/files")[1]["items"], [kept])
        self.assertEqual(self.contents(), [digest])
        found = self.stepwell("doctor", STEPWELL_API_KEY=self.key)
        self.assertIn("1 file that were handed in", found.stdout)
        # One whose content is lost is told of.
        os.remove(f"{self.site}/data/files/{digest[:2]}/{digest}")
        self.assertIn(kept["id"], self.stepwell("doctor", STEPWELL_API_KEY=self.key).stdout)
        self.assertEqual(self.curl(f"/files/{kept['id']}/content")[1]["reason"], "store-damaged")

    def stepwell(self, *arguments, **more):
        return stepwell(*arguments, "--config", self.site + "/stepwell.yaml", **more)


if __name__ == "__main__":
    unittest.main(verbosity=1)
