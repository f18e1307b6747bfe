"""The binary as processes, for tests: commands, a site, a daemon with its log and its API, and an
upstream that it may send to."""

import http.client
import http.server
import json
import os
import pathlib
import signal
import socket
import subprocess
import threading

PATIENCE = 120  # seconds, for what a test waits for


def environment(**more):
    """This process's, without what is meant for Stepwell; None stands for nothing."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("STEPWELL_")}
    env.update(more)
    return {name: value for name, value in env.items() if value is not None}


class Binary:
    """Called, it runs a command to its end."""

    def __init__(self, path):
        self.path = os.path.abspath(path)

    def __call__(self, *arguments, stdin=None, **more):
        return subprocess.run([self.path, *map(str, arguments)], input=stdin, capture_output=True, text=True,
                              env=environment(**more), timeout=PATIENCE)

    def init(self, folder):
        """The key of the site that it makes there; its settings are FOLDER/stepwell.yaml."""
        made = self("init", folder, "-o", "json")
        if made.returncode != 0:
            raise AssertionError(made.stderr)
        return json.loads(made.stdout)["key"]

    def serve(self, folder, *arguments, allow="127.0.0.0/8"):
        """The command that serves a site on a free port."""
        return [self.path, "serve", "--config", f"{folder}/stepwell.yaml", "--listen", "127.0.0.1:0", "--set",
                f"egress.allow={allow}", *map(str, arguments)]


def reserve_port():
    """A socket that has a port of loopback, which nobody else is given; a server can listen there all
    the same, since it sets SO_REUSEADDR as well, for as long as this one does not."""
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    return holder


def address_of(line):
    """What the line of the log says that tells of readiness; else None."""
    return line.split("address=")[1].split()[0] if "msg=ready" in line else None


class Daemon:
    """Ready when the constructor returns."""

    def __init__(self, binary, folder, *arguments, allow="127.0.0.0/8", **more):
        self.log = []
        self.looked_at = 0  # lines
        self.over = False
        self.news = threading.Condition()  # guards all of them
        self.process = subprocess.Popen(binary.serve(folder, *arguments, allow=allow), stderr=subprocess.PIPE,
                                        text=True, errors="replace", env=environment(**more))
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        try:
            self.address = address_of(self.wait_for("msg=ready"))
        except AssertionError:
            self.stop(signal.SIGKILL)
            raise
        host, port = self.address.rsplit(":", 1)
        self.place = host, int(port)

    def read(self):
        with self.process.stderr as lines:
            for line in lines:
                with self.news:
                    self.log.append(line)
                    self.news.notify_all()
        with self.news:
            self.over = True
            self.news.notify_all()

    def wait_for(self, text):
        """The next line that has it, behind the one that was waited for last."""
        def found():
            while self.looked_at < len(self.log):
                self.looked_at += 1
                if text in self.log[self.looked_at - 1]:
                    return self.log[self.looked_at - 1]
            return self.over
        with self.news:
            line = self.news.wait_for(found, PATIENCE)
            if isinstance(line, str):
                return line
            raise AssertionError(f"no '{text}' in the log:\n" + "".join(self.log))

    def call(self, method, path, key=None, body=None, content_type="application/json"):
        """(status, body): JSON where it is JSON."""
        connection = http.client.HTTPConnection(*self.place, timeout=60)
        headers = {"Content-Type": content_type}
        if key:
            headers["Authorization"] = f"Api-Key {key}"
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        kind = answer.getheader("Content-Type") or ""
        return answer.status, json.loads(text) if "json" in kind and text else text

    def keeps_freed_memory(self):
        """AddressSanitizer does, so that what the process takes says nothing."""
        return "libasan" in pathlib.Path(f"/proc/{self.process.pid}/maps").read_text()

    def memory(self, what="VmRSS"):
        """In bytes, of what /proc tells."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(what + ":"):
                return int(line.split()[1]) * 1024
        raise AssertionError(f"no {what}")

    def stop(self, how=signal.SIGTERM):
        """Its exit code; the log is complete then."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(60)
        self.reader.join()
        return code


class Upstream(http.server.ThreadingHTTPServer):
    """Answers JSON; holds requests to /hold until released; remembers what it was sent."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, tls=None):
        super().__init__(("127.0.0.1", 0), Answer)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.seen = []
        self.held = threading.Event()
        self.arrived = threading.Event()
        self.thread = threading.Thread(target=self.serve_forever)
        self.thread.start()
        self.origin = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_):
        pass  # a client that was cut off is no news here

    def close(self):
        self.held.set()
        self.shutdown()
        self.thread.join()
        self.server_close()


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.seen.append((self.path, dict(self.headers)))
        if self.path == "/hold":
            self.server.arrived.set()
            self.server.held.wait()
        body = b'{"ok": true}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def log_message(self, *_):
        pass
