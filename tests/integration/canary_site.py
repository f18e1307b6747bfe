"""What the canaries are: secrets of every kind, the credentials that hold them, the definitions that
use these, and the daemon with its API, of which every byte is kept."""

import base64
import collections
import http.client
import json
import os
import pathlib
import random
import resource
import subprocess
import threading
import time

from canary_forms import Search, base64_inside, forms_of

ALNUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
TOKEN = ALNUM * 3 + "-._~+/=" * 4
VISIBLE = ALNUM * 2 + "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~" * 2
SPACED = VISIBLE + "     "
TEXT = SPACED + "äéßñłøЖ漢字€🔑" * 3
LENGTHS = (12, 13, 14, 16, 20, 24, 32, 40, 48, 64, 100, 200)


class Canary:
    def __init__(self, number, kind, value, on_the_wire):
        self.number, self.kind, self.value, self.on_the_wire = number, kind, value, on_the_wire

    def __str__(self):
        return f"canary {self.number} ({self.kind}, {len(self.value)} bytes)"


class Canaries:
    """Makes secrets and remembers them; callable from any thread."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.all = []
        self.search = Search()

    def keep(self, kind, value, forms=None, on_the_wire=False):
        """on_the_wire: a third party is sent it, so that its record must hold it."""
        canary = Canary(len(self.all), kind, value, on_the_wire)
        self.all.append(canary)
        self.search.add(canary, forms or forms_of(value))
        return canary

    def text(self, kind, alphabet=TOKEN, on_the_wire=False, encoded=False):
        with self.lock:
            ends = [self.random.choice(ALNUM) for _ in range(2)]
            inner = self.random.choices(alphabet, k=self.random.choice(LENGTHS) - 2)
            value = ends[0] + "".join(inner) + ends[1]
            forms = forms_of(value.encode())
            if encoded:  # RFC 6749 §2.3.1: a client's secret is encoded before it goes into base64
                for name in [form for form, name in forms.items() if name == "percent-encoded"]:
                    for url in (False, True):
                        for form in base64_inside(name, url):
                            forms.setdefault(form, "base64 of percent-encoded")
            self.keep(kind, value.encode(), forms, on_the_wire)
        return value

    def key_file(self, kind, pem):
        lines = [line for line in pem.splitlines() if line and ":" not in line and "--" not in line]
        der = base64.b64decode("".join(lines))
        forms = {**forms_of(pem.encode(), False), **forms_of(der, False)}
        forms.update({line.encode(): "a line" for line in lines if len(line) > 40})
        with self.lock:
            self.keep(kind, pem.encode(), forms)

    def api_key(self, text, on_the_wire=False):
        with self.lock:
            self.keep("our API key", text.partition(".")[2].encode(), on_the_wire=on_the_wire)

    def raw_key(self, kind, value):
        with self.lock:
            self.keep(kind, value)

    def by_kind(self):
        return collections.Counter(canary.kind for canary in self.all)


def openssl(*arguments, stdin=None):
    return subprocess.run(["openssl", *arguments], input=stdin, capture_output=True, check=True,
                          text=True).stdout


class Certificates:
    """An authority of our own, a server's certificate, and clients' with a key each."""

    def __init__(self, folder, clients):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.authority = str(self.folder / "ca.pem")
        self.ca_key = str(self.folder / "ca.key")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-days", "2", "-subj", "/CN=canaries", "-keyout", self.ca_key, "-out", self.authority)
        self.server = self.issue("server", "ec", "subjectAltName=IP:127.0.0.1")
        self.clients = [self.issue(f"client-{i}", "rsa" if i < 2 else "ec", "extendedKeyUsage=clientAuth")
                        for i in range(clients)]

    def issue(self, name, kind, extension):
        """(certificate file, key file)"""
        key, request, certificate, extensions = (
            str(self.folder / f"{name}.{ending}") for ending in ("key", "csr", "pem", "ext"))
        pathlib.Path(extensions).write_text(extension + "\n")
        option = "rsa_keygen_bits:2048" if kind == "rsa" else "ec_paramgen_curve:prime256v1"
        openssl("genpkey", "-algorithm", kind, "-pkeyopt", option, "-out", key)
        openssl("req", "-new", "-key", key, "-subj", f"/CN={name}", "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.authority, "-CAkey", self.ca_key,
                "-CAcreateserial", "-days", "2", "-extfile", extensions, "-out", certificate)
        return certificate, key

    def locked(self, key, passphrase):
        return openssl("pkcs8", "-topk8", "-in", key, "-v2", "aes-256-cbc", "-iter", "1000", "-passout",
                       "stdin", stdin=passphrase + "\n")


WAYS = ("ok", "ok", "plain", "ok", "line", "ok", "forms", "ok", "code", "html", "ok", "away", "mac")


class Credentials:
    """The bodies by which credentials are added and rotated, each with new canaries."""

    def __init__(self, canaries, certificates, plain, tls):
        self.canaries, self.certificates = canaries, certificates
        self.plain, self.tls = plain, tls
        self.makers = {"basic": self.basic, "bearer": self.bearer, "prefix": self.prefix,
                       "header": self.header, "digest": self.digest, "oauth2": self.oauth2,
                       "aws": self.aws, "certificate": self.certificate}

    def body(self, name):
        """What adds the credential NAME, which begins with one of the makers' names."""
        kind, _, number = name.partition("-")
        origin = self.tls if kind == "certificate" else self.plain
        return {"name": name, "origins": [origin], **self.makers[kind](int(number))}

    def value(self, name):
        """What rotates it."""
        members = ("value", "username", "settings", "refreshToken", "subjectToken", "actorToken",
                   "sessionToken", "certificate", "passphrase")
        return {key: value for key, value in self.body(name).items() if key in members}

    def base(self, name):
        return {"certificate": self.tls, "digest": self.plain + "/digest"}.get(name.partition("-")[0], self.plain)

    def alphabet(self, number):
        return (ALNUM, TOKEN, VISIBLE, SPACED, TEXT)[number % 5]

    def basic(self, i):
        return {"kind": "basic", "username": ("ada", "ünal", "o'neill@example.com")[i % 3] + str(i),
                "value": self.canaries.text("basic password", self.alphabet(i), True)}

    def bearer(self, i):
        return {"kind": "bearer", "value": self.canaries.text("bearer token", self.alphabet(i), True)}

    def prefix(self, i):
        return {"kind": "apiKey", "prefix": "Token",
                "value": self.canaries.text("apiKey by prefix", self.alphabet(i), True)}

    def header(self, i):
        return {"kind": "apiKey", "header": "X-Api-Key",
                "value": self.canaries.text("apiKey by header", self.alphabet(i), True)}

    def digest(self, i):
        return {"kind": "digest", "username": f"grace{i}",
                "value": self.canaries.text("digest password", self.alphabet(i))}

    def oauth2(self, i):
        grant = ("client_credentials", "refresh_token", "token_exchange")[i % 3]
        new = self.canaries.text
        body = {"kind": "oauth2", "username": f"client-{i}-{WAYS[i % len(WAYS)]}",
                "value": new("oauth2 client secret", self.alphabet(i % 4), True, encoded=True),
                "settings": {"grant": grant, "tokenUrl": self.plain + "/token",
                             "clientAuthentication": ("basic", "post")[i // 3 % 2]}}
        if grant == "refresh_token":
            body["refreshToken"] = new("oauth2 refresh token", self.alphabet(i % 4), True)
        if grant == "token_exchange":
            body["subjectToken"] = new("oauth2 subject token", self.alphabet(i % 4), True)
            body["actorToken"] = new("oauth2 actor token", self.alphabet(i % 4), True)
        return body

    def aws(self, i):
        body = {"kind": "awsSigV4", "username": f"AKIDEXAMPLE{i}",
                "settings": {"region": "eu-central-1", "service": ("s3", "execute-api")[i % 2]},
                "value": self.canaries.text("awsSigV4 secret key", self.alphabet(i % 3))}
        if i % 2:
            body["sessionToken"] = self.canaries.text("awsSigV4 session token", self.alphabet(i % 3), True)
        return body

    def certificate(self, i):
        files = self.certificates.clients
        certificate, key = files[i % len(files)]
        body = {"kind": "clientCertificate", "certificate": pathlib.Path(certificate).read_text()}
        if i % 3 == 0:
            body["value"] = pathlib.Path(key).read_text()
        else:
            passphrase = self.canaries.text("passphrase", self.alphabet(i))
            body["value"] = self.certificates.locked(key, passphrase)
            # Every third one does not open.
            body["passphrase"] = passphrase if i % 3 == 1 else self.canaries.text("passphrase", self.alphabet(i))
        self.canaries.key_file("private key", body["value"])
        return body


def works(name):
    """Whether a credential that was made under this name is accepted."""
    kind, _, number = name.partition("-")
    if kind == "oauth2":
        return WAYS[int(number) % len(WAYS)] == "ok"
    return kind != "certificate" or int(number) % 3 != 2


GET = {"method": "get"}
# What one instance does with its credential: (path, arguments of the call).
CALLS = [
    ("echo", GET), ("echo", {"method": "post", "body": {"note": "nothing secret"}, "output": "response"}),
    ("text", GET), ("binary", {**GET, "output": "raw"}), ("binary", GET),
    ("headers", {**GET, "output": "response"}), ("fail", GET), ("fail", {"method": "post", "body": "text"}),
    ("failtext", GET), ("forbid", GET), ("refuse", GET),
    ("round", {**GET, "redirect": True, "output": "response"}), ("round", GET),
    ("away", {**GET, "redirect": True}), ("leak", {**GET, "redirect": True}),
    ("leak-away", {**GET, "redirect": True, "output": "response"}), ("leak-user", {**GET, "redirect": True}),
    ("invalid", GET), ("garbage", GET), ("short", GET), ("ok", GET)]


def definition(name, do, **more):
    return {"document": {"dsl": "1.0.3", "namespace": "canary", "name": name, "version": "1.0.0"}, "do": do, **more}


def call(base, path, credential, arguments):
    return {"call": "http", "with": {**arguments, "endpoint": {
        "uri": f"{base}/{path}", "authentication": {"use": credential}}}}


def visiting(name, base):
    """Goes through all calls; what each gave, or its error, is in the output."""
    do = []
    for i, (path, arguments) in enumerate(CALLS):
        step = f"{path}{i}"
        catch = {"as": "error", "do": [{f"{step}Error": {"set": {"caught": "${ $error }"}}}]}
        if path == "fail" and arguments["method"] == "get":
            catch["retry"] = {"delay": {"milliseconds": 1}, "limit": {"attempt": {"count": 2}}}
        do.append({step: {"try": [{f"{step}Call": call(base, path, name, arguments)}], "catch": catch,
                          "export": {"as": "${ $context + {" + json.dumps(step) + ": .} }"}}})
    return definition(name, do, output={"as": "${ $context }"})


def failing(name, base):
    return definition(f"f-{name}", [{"ask": call(base, "fail", name, GET)}])


class Haystacks:
    """All bytes that came out, by place; callable from any thread."""

    def __init__(self):
        self.lock = threading.Lock()
        self.places = collections.defaultdict(list)

    def add(self, place, data, label=""):
        raw = data if isinstance(data, bytes) else data.encode("utf-8", "surrogateescape")
        with self.lock:
            self.places[place].append(b"\n=== " + label.encode() + b"\n" + raw)

    def add_json(self, place, text, label=""):
        """As it is, and what a reader makes of it."""
        self.add(place, text, label)
        strings = []

        def walk(value):
            if isinstance(value, dict):
                for key, member in value.items():
                    strings.append(key)
                    walk(member)
            elif isinstance(value, list):
                for member in value:
                    walk(member)
            elif isinstance(value, str):
                strings.append(value)
        walk(json.loads(text))
        self.add(place + ", decoded", "\n".join(strings).encode("utf-8", "surrogatepass"), label)

    def items(self):
        return [(place, b"".join(parts)) for place, parts in sorted(self.places.items())]


class Daemon:
    """`stepwell serve` in its site's folder, with core dumps allowed by who starts it."""

    def __init__(self, binary, site, *settings):
        arguments = [binary, "serve", "--config", f"{site}/stepwell.yaml", "--listen", "127.0.0.1:0", "--set", "reload.watch=false"]
        for setting in ("egress.allow=127.0.0.0/8", "log.level=debug", *settings):
            arguments += ["--set", setting]
        env = {k: v for k, v in os.environ.items() if not k.startswith("STEPWELL_")}
        self.process = subprocess.Popen(arguments, stderr=subprocess.PIPE, env=env, cwd=site,
                                        preexec_fn=allow_cores)
        self.lines = []
        self.news = threading.Condition()
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        self.address = self.wait_for(b"msg=ready").split(b"address=")[1].split()[0].decode()

    def read(self):
        for line in self.process.stderr:
            with self.news:
                self.lines.append(line)
                self.news.notify_all()
        with self.news:
            self.lines.append(b"")
            self.news.notify_all()

    def wait_for(self, text, begin=0):
        with self.news:
            while True:
                for line in self.lines[begin:]:
                    if text in line:
                        return line
                begin = len(self.lines)
                if self.lines and self.lines[-1] == b"":
                    raise AssertionError("the daemon ended:\n" + b"".join(self.lines[-20:]).decode())
                if not self.news.wait(120):
                    raise AssertionError(f"no {text} in the log")

    def end(self, signal):
        """The status as waitpid tells it."""
        self.process.send_signal(signal)
        _, status = os.waitpid(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.reader.join()
        self.process.stderr.close()
        return status

    def discard(self):
        if self.process.returncode is None:
            self.end(9)

    def log(self):
        return b"".join(self.lines)


def allow_cores():
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except (ValueError, PermissionError):
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


class Api:
    """Calls to a daemon's API; all answers are kept."""

    IDLE = 30  # seconds; the daemon closes a connection that has rested for 75

    def __init__(self, daemon, key, haystacks):
        self.host, port = daemon.address.rsplit(":", 1)
        self.port = int(port)
        self.key, self.haystacks = key, haystacks
        self.local = threading.local()
        self.connections = []

    def close(self):
        for connection in self.connections:
            connection.close()

    def call(self, method, path, body=None, label=None, key=None, headers=None, shows=None):
        """(status, JSON or text). `label` stands for a path that holds a secret; `shows` names the
        member that may show one."""
        connection = getattr(self.local, "connection", None)
        if connection is not None and time.monotonic() - self.local.used > self.IDLE:
            connection.close()
            connection = None
        if connection is None:
            connection = self.local.connection = http.client.HTTPConnection(self.host, self.port, timeout=120)
            self.connections.append(connection)
        given = {"Content-Type": "application/json", "Authorization": f"Api-Key {key or self.key}", **(headers or {})}
        raw = body if body is None or isinstance(body, (bytes, str)) else json.dumps(body)
        try:
            connection.request(method, path, raw, given)
            answer = connection.getresponse()
            text = answer.read()
            self.local.used = time.monotonic()
        except (OSError, http.client.HTTPException):
            self.local.connection = None
            connection.close()
            raise
        label = f"{method} {label or path} {answer.status}"
        self.haystacks.add("API answers", str(answer.headers), label)
        if b"json" not in (answer.getheader("Content-Type") or "").encode():
            self.haystacks.add("metrics" if path == "/metrics" else "API answers", text, label)
            return answer.status, text
        value = json.loads(text)
        shown = text.replace(value[shows].encode(), b"SHOWN") if shows in value else text
        self.haystacks.add_json("API answers", shown, label)
        return answer.status, value
