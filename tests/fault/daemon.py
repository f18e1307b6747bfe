"""A site, its daemon in one life after the other, and a client of its API (asyncio)."""

import asyncio
import collections
import json
import pathlib
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from daemon_process import Binary, address_of, environment  # noqa: E402

MOST_START = 60  # seconds until a daemon is ready
HERE = pathlib.Path(__file__).parent


class Down(Exception):
    """No answer: the daemon is not there, or went away before it had answered."""


class Client:
    """HTTP/1.1 with Content-Length over kept connections; one request at a time on each."""

    def __init__(self, address, key=None):
        host, port = address.rsplit(":", 1)
        self.host, self.port, self.key = host, int(port), key
        self.idle = []

    async def call(self, method, target, body=None, headers=()):
        """(status, body): JSON where it is JSON."""
        try:
            return await self.exchange(method, target, body, headers)
        except (OSError, EOFError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise Down(f"{method} {target}: {error!r}") from error

    async def exchange(self, method, target, body, headers):
        reader, writer = self.idle.pop() if self.idle else await asyncio.open_connection(
            self.host, self.port, limit=1 << 26)
        try:
            text = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
            lines = [f"{method} {target} HTTP/1.1", f"Host: {self.host}", f"Content-Length: {len(text)}"]
            if self.key:
                lines.append(f"Authorization: Api-Key {self.key}")
            sent = dict(headers)
            if body is not None:
                sent.setdefault("Content-Type", "application/json")
            lines += [f"{name}: {value}" for name, value in sent.items()]
            writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + text)
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            given = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
            length = int(given.get("content-length", 0))
            answer = await reader.readexactly(length) if length else b""
        except BaseException:
            writer.close()
            raise
        if given.get("connection", "").lower() == "close":
            writer.close()
        else:
            self.idle.append((reader, writer))
        kind = given.get("content-type", "")
        return int(head[0].split()[1]), json.loads(answer) if "json" in kind and answer else answer.decode()

    def close(self):
        for _, writer in self.idle:
            writer.close()
        self.idle = []


class Ledger:
    """The process that judges; see ledger.py."""

    async def start(self):
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, str(HERE / "ledger.py"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = int(await self.process.stdout.readline())
        self.base = f"http://127.0.0.1:{self.port}"
        self.client = Client(f"127.0.0.1:{self.port}")

    async def mark(self):
        return (await self.client.call("GET", "/_mark"))[1]["life"]

    async def open(self, ref, step):
        await self.client.call("GET", f"/_open/{ref}/{step}")

    async def entries(self, first=1):
        return (await self.client.call("GET", f"/_entries?from={first}"))[1]

    async def forget(self):
        await self.client.call("GET", "/_forget")

    async def stop(self):
        self.client.close()
        self.process.stdin.close()
        await self.process.wait()


class Site:
    """A folder made by `stepwell init`, with definitions."""

    def __init__(self, stepwell, folder):
        self.stepwell = Binary(stepwell)
        self.folder = pathlib.Path(folder, "site")
        self.key = self.stepwell.init(self.folder)
        self.definitions = self.folder / "definitions"


class Daemon:
    """One life of the daemon."""

    def __init__(self, site, settings=(), **env):
        self.site = site
        self.settings = settings
        self.env = env
        self.log = collections.deque(maxlen=200)
        self.errors = []
        self.address = None

    async def start(self):
        """Whether it came to be ready; False where it ended before (see `code`)."""
        await self.spawn()
        try:
            return await asyncio.wait_for(asyncio.shield(self.ready), MOST_START)
        except asyncio.TimeoutError:
            return False

    async def spawn(self):
        settings = [f"--set={setting}" for setting in self.settings]
        self.process = await asyncio.create_subprocess_exec(
            *self.site.stepwell.serve(self.site.folder, *settings), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment(**self.env))
        self.ready = asyncio.get_running_loop().create_future()
        self.reading = asyncio.create_task(self.read())

    async def read(self):
        async for line in self.process.stderr:
            text = line.decode("utf-8", "replace").rstrip()
            self.log.append(text)
            if "level=error" in text:
                self.errors.append(text)
            if address_of(text) and not self.ready.done():
                self.address = address_of(text)
                self.ready.set_result(True)
        await self.process.wait()
        if not self.ready.done():
            self.ready.set_result(False)

    @property
    def pid(self):
        return self.process.pid

    @property
    def code(self):
        return self.process.returncode

    async def ended(self, timeout=None):
        """Whether it ended by itself in this time."""
        try:
            await asyncio.wait_for(asyncio.shield(self.reading), timeout)
            return True
        except asyncio.TimeoutError:
            return False

    async def end(self, how=signal.SIGKILL):
        if self.process.returncode is None:
            try:
                self.process.send_signal(how)
            except ProcessLookupError:
                pass
        await self.reading
        return self.process.returncode
