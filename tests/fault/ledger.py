#!/usr/bin/python3
"""The ledger: an upstream in a process of its own that writes down each request as it comes in, and
so is the judge of what was sent. It outlives every kill of the daemon.

    /WAY/REF/STEP     WAY says how it answers, by -: quick, slow-MS, fail-N (500 to the first N),
                      drop (closes without an answer, always), drop-N (the first N), error-STATUS,
                      gate (409 until the step is opened)
    /_open/REF/STEP   opens a gate
    /_mark            what came before belongs to the life of the daemon that has ended
    /_entries?from=N  what was written down, from number N
    /_forget          forgets all entries (a soak would keep millions)

Each answer has the number of its request, {"n": N}, so that whoever shows the number has used that
answer. Usage: ledger.py; prints the port that it has taken, and ends with its standard input."""

import asyncio
import json
import os
import sys
import time
import urllib.parse


class Ledger:
    def __init__(self):
        self.entries = []
        self.first = 1  # the number of the first entry that is kept
        self.life = 0
        self.seen = {}  # how often each path that counts its requests was asked for
        self.opened = set()

    def next_number(self):
        return self.first + len(self.entries)

    def note(self, method, target, key, body):
        path, _, query = target.partition("?")
        entry = {"n": self.next_number(), "life": self.life, "time": time.monotonic(),
                 "method": method, "path": path, "query": query, "key": key, "body": body,
                 "answer": None}
        self.entries.append(entry)
        return entry

    def forget(self):
        self.first = self.next_number()
        self.entries = []
        self.seen = {}

    def times(self, path):
        self.seen[path] = self.seen.get(path, 0) + 1
        return self.seen[path]

    def answer_to(self, path):
        """(status, delay in seconds); status 0 closes the connection."""
        way, _, place = path[1:].partition("/")
        kind, _, text = way.partition("-")
        number = int(text or 0)
        if kind == "slow":
            return 200, number / 1000
        if kind == "fail":
            return (500 if self.times(path) <= number else 200), 0
        if kind == "drop":
            return (0 if not text or self.times(path) <= number else 200), 0
        if kind == "error":
            return number, 0
        if kind == "gate":
            return (200 if place in self.opened else 409), 0
        return 200, 0


class Connection(asyncio.Protocol):
    """HTTP/1.1 with Content-Length, one request after the other."""

    def __init__(self, ledger):
        self.ledger = ledger
        self.buffer = b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        while True:
            head, found, rest = self.buffer.partition(b"\r\n\r\n")
            if not found:
                return
            length, key = 0, ""
            lines = head.split(b"\r\n")
            for line in lines[1:]:
                name, _, value = line.partition(b":")
                name = name.lower()
                if name == b"content-length":
                    length = int(value)
                elif name == b"idempotency-key":
                    key = value.strip().decode()
            if len(rest) < length:
                return
            self.buffer = rest[length:]
            method, target, _ = lines[0].decode().split(" ", 2)
            self.take(method, target, key, rest[:length].decode())

    def take(self, method, target, key, body):
        if target.startswith("/_"):
            return self.control(target)
        entry = self.ledger.note(method, target, key, body)
        status, delay = self.ledger.answer_to(entry["path"])
        if delay:
            asyncio.get_running_loop().call_later(delay, self.answer, entry, status)
        else:
            self.answer(entry, status)

    def answer(self, entry, status):
        if self.transport.is_closing():
            return
        entry["answer"] = status
        if status == 0:
            return self.transport.abort()
        self.write(status, b'{"n": %d}' % entry["n"])

    def write(self, status, body):
        self.transport.write(b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\n"
                             b"Content-Length: %d\r\n\r\n" % (status, len(body)) + body)

    def control(self, target):
        path, _, query = target.partition("?")
        if path == "/_mark":
            asyncio.get_running_loop().create_task(self.mark())
        elif path == "/_entries":
            start = max(int(urllib.parse.parse_qs(query)["from"][0]) - self.ledger.first, 0)
            self.write(200, json.dumps(self.ledger.entries[start:]).encode())
        elif path == "/_forget":
            self.ledger.forget()
            self.write(200, b"{}")
        elif path.startswith("/_open/"):
            self.ledger.opened.add(path[len("/_open/"):])
            self.write(200, b"{}")
        else:
            self.write(404, b"{}")

    async def mark(self):
        # What the dead one had sent may still lie in this machine's buffers: a connection is taken
        # in one turn and read in the next.
        for _ in range(5):
            await asyncio.sleep(0.001)
        self.ledger.life += 1
        self.write(200, b'{"life": %d}' % self.ledger.life)


async def serve():
    ledger = Ledger()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(ledger), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    # The one who started it holds the other end, however it ends.
    await loop.run_in_executor(None, sys.stdin.buffer.read)
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(serve())
