"""Third parties that give back what they are sent, in every form and at every place of an answer."""

import asyncio
import base64
import json
import threading
import urllib.parse

# What steps send besides their credential.
UNINTERESTING = {"host", "accept", "accept-encoding", "user-agent", "traceparent", "content-length",
                 "content-type", "idempotency-key", "x-amz-date", "x-amz-content-sha256"}


class Request:
    def __init__(self, head, body):
        lines = head.split(b"\r\n")
        self.method, target, _ = lines[0].decode().split(" ", 2)
        self.path, _, self.query = target.partition("?")
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            self.headers[name.decode().lower()] = value.strip(b" ").decode("utf-8", "replace")
        self.body = body

    def secrets(self):
        """The values that look like ones: whole header lines, and what is in them."""
        found = []
        for name, value in self.headers.items():
            if name in UNINTERESTING:
                continue
            found.append(value)
            scheme, _, rest = value.partition(" ")
            if name != "authorization" or not rest or scheme.lower() == "digest":
                continue
            found.append(rest)
            if scheme.lower() == "basic":
                login = base64.b64decode(rest).decode("utf-8", "replace")
                found += [login, login.partition(":")[2]]
        return found

    def client(self):
        """The id and the secret of a client at the token endpoint, and its form."""
        form = dict(urllib.parse.parse_qsl(self.body.decode()))
        basic = self.headers.get("authorization", "")
        if basic.startswith("Basic "):
            client, _, secret = base64.b64decode(basic[6:]).decode().partition(":")
            return urllib.parse.unquote_plus(client), urllib.parse.unquote_plus(secret), form
        return form.get("client_id", ""), form.get("client_secret", ""), form


def forms(value):
    raw = value.encode()
    quoted = urllib.parse.quote(value, safe="")
    return {"plain": value, "base64": base64.b64encode(raw).decode(),
            "base64url": base64.urlsafe_b64encode(raw).decode().rstrip("="),
            "hex": raw.hex(), "HEX": raw.hex().upper(), "percent": quoted,
            "form": urllib.parse.quote_plus(value), "json": json.dumps(value)[1:-1],
            "jsonWide": json.dumps(value, ensure_ascii=False)[1:-1]}


def echo(request, status=200):
    """Everything in JSON, and JSON within JSON, as gateways log it."""
    seen = {"headers": request.headers, "body": request.body.decode("utf-8", "replace")}
    return {"status": status, "seen": seen, "nested": json.dumps(seen),
            "forms": [forms(value) for value in request.secrets()]}


def respond(status, body=b"", kind="application/json", headers=()):
    if not isinstance(body, bytes):
        body = json.dumps(body, ensure_ascii=status % 2 == 0).encode()
    lines = [f"HTTP/1.1 {status} Answer".encode(), f"Content-Type: {kind}".encode(),
             f"Content-Length: {len(body)}".encode()]
    lines += [name.encode() + b": " + value.encode() for name, value in headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


class Connection(asyncio.Protocol):
    def __init__(self, upstream):
        self.upstream = upstream
        self.received = b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.received += data
        while b"\r\n\r\n" in self.received:
            head, _, rest = self.received.partition(b"\r\n\r\n")
            request = Request(head, b"")
            length = int(request.headers.get("content-length", 0))
            if len(rest) < length:
                return
            request.body, self.received = rest[:length], rest[length:]
            self.upstream.seen.append(head + b"\n" + request.body)
            answer, close = self.upstream.answer(request)
            self.transport.write(answer)
            if close:
                self.transport.close()
                return


class Upstream:
    """An HTTP server on a free port of loopback, on a thread of its own.

    `other` is where its redirects to another origin lead; `tokens` makes new tokens.
    """

    def __init__(self, tls=None, other="", tokens=None):
        self.seen = []
        self.other = other
        self.tokens = tokens
        self.issued = 0
        self.loop = asyncio.new_event_loop()
        self.server = self.loop.run_until_complete(self.loop.create_server(
            lambda: Connection(self), "127.0.0.1", 0, ssl=tls, backlog=512))
        port = self.server.sockets[0].getsockname()[1]
        self.origin = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.server.close()
        self.loop.close()

    def answer(self, request):
        """The bytes, and whether the connection ends after them."""
        path = request.path
        if path.startswith("/digest"):
            if not request.headers.get("authorization", "").startswith("Digest "):
                challenge = 'Digest realm="canaries", qop="auth", algorithm=SHA-256, nonce="n0nce"'
                return respond(401, echo(request), headers=[("WWW-Authenticate", challenge)]), False
            path = path[len("/digest"):]
        if path == "/token":
            return self.token(request), False
        if path in ("/garbage", "/short"):
            return self.broken(path, request), True
        return self.plain_answer(path, request), False

    def plain_answer(self, path, request):
        secrets = request.secrets()
        first = secrets[-1] if secrets else "none"
        text = "\n".join(form for value in secrets for form in forms(value).values())
        if path == "/text":
            return respond(200, text.encode(), "text/plain; charset=utf-8")
        if path == "/binary":
            return respond(200, b"\xff\x00" + text.encode(), "application/octet-stream")
        if path == "/invalid":
            return respond(200, b'{"a": "' + text.replace("\n", " ").encode() + b'" nonsense')
        if path == "/headers":
            echoed = [(f"X-Echo-{i}-{name}", form) for i, value in enumerate(secrets)
                      for name, form in forms(value).items()]
            return respond(200, {"ok": True}, headers=echoed)
        if path == "/fail":
            return respond(500, echo(request, 500))
        if path == "/failtext":
            return respond(502, ("<pre>" + text + "</pre>").encode(), "text/html")
        if path == "/refuse":
            return respond(401, echo(request, 401), headers=[
                ("WWW-Authenticate", f'Bearer error_description="{urllib.parse.quote(first)}"')])
        if path == "/forbid":
            return respond(403, echo(request, 403))
        targets = {"/round": "/echo", "/away": self.other + "/echo",
                   "/leak": "/echo?t=" + urllib.parse.quote(first, safe=""),
                   "/leak-away": self.other + "/echo?t=" + urllib.parse.quote(first, safe=""),
                   "/leak-user": self.other.replace("://", "://u:" + urllib.parse.quote(first, safe="") + "@")}
        if path in targets:
            return respond(307, echo(request), headers=[("Location", targets[path])])
        return respond(200, echo(request))

    def broken(self, path, request):
        secret = (request.secrets() or ["none"])[-1].encode()
        if path == "/garbage":
            return b"HTTP/1.1 " + secret + b"\r\n" + secret + b"\r\n\r\n"
        return b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + secret

    def token(self, request):
        """Tokens for all clients but those whose ids say how they are refused."""
        client, secret, form = request.client()
        way = client.rpartition("-")[2]
        presented = secret or form.get("refresh_token") or form.get("subject_token") or ""
        line = request.headers.get("authorization", "")
        if way == "plain":
            return respond(400, {"error": "invalid_client", "error_description": presented})
        if way == "line":
            return respond(401, {"error": "invalid_client", "error_description": line or presented})
        if way == "forms":
            self.issued += 1
            said = list(forms(presented).values())
            return respond(400, {"error": "invalid_client",
                                 "error_description": said[self.issued % len(said)]})
        if way == "code":
            return respond(503, {"error": presented, "error_description": request.body.decode()})
        if way == "html":
            return respond(500, f"<p>{presented} {line}</p>".encode(), "text/html")
        if way == "away":
            return respond(302, echo(request), headers=[
                ("Location", self.other + "/token?" + urllib.parse.quote(presented))])
        answer = {"access_token": self.tokens("oauth2 access token"), "token_type": "Bearer",
                  "expires_in": 3600, "echo": echo(request)}
        if way == "mac":
            return respond(200, {**answer, "token_type": "mac"})
        if form.get("grant_type") == "refresh_token":
            answer["refresh_token"] = self.tokens("oauth2 refresh token")
        return respond(200, answer)
