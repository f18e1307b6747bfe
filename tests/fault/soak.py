#!/usr/bin/python3
"""A soak: a daemon at 70 % of its peak, with an upstream that answers 503, closes connections and is
slow now and then, and with kills in the first half of the time. Samples the daemon's memory, threads
and file descriptors (without established connections, which come and go with the load and have a
limit of their own), and says whether they stay flat: of each life the beginning is left out, and one
slope is fitted to what remains. Usage: soak.py STEPWELL_BINARY [MINUTES]; exits 1 unless all is flat
and nothing was lost. STEPWELL_SOAK_CSV=FILE: keeps all samples there."""

import asyncio
import collections
import json
import os
import pathlib
import random
import socket
import subprocess
import sys
import tempfile
import time

import workflows
from daemon import Client, Daemon, Down, Site, environment

SHARE = 0.7       # of the peak
CALLS = 8         # of one instance
IN_FLIGHT = 64    # when the peak is measured; afterwards twice as many at most
KILLS = 5
WARM_UP = 0.3     # of the second half, and of each life before it
RETENTION = 5_000  # finished instances: what is kept is level soon
YOUNG = (2, 8)    # seconds: acknowledged so long ago, an instance is looked for
LOOKED_FOR = 10   # at a time
LEAST_COMPLETED = 0.95  # of what was begun and was not cut off by a kill
# How much the fitted line may rise over the time that it is fitted to.
MOST_MEMORY, MOST_SHARE, MOST_FILES, MOST_THREADS = 6 * 1024, 0.05, 6, 1
MOST_CONNECTIONS = 8 * IN_FLIGHT  # at once: both sides' of twice as many as are begun at a time

NGINX = """
worker_processes 1; daemon off; pid %(folder)s/pid; error_log %(folder)s/log crit;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 1000000; client_body_temp_path %(folder)s/b; proxy_temp_path %(folder)s/p;
  fastcgi_temp_path %(folder)s/f; uwsgi_temp_path %(folder)s/u; scgi_temp_path %(folder)s/s;
  split_clients $request_id $fate { 2%% error; 1%% gone; * well; }
  server {
    listen 127.0.0.1:%(port)d backlog=1024; default_type application/json;
    if ($fate = error) { return 503; }
    if ($fate = gone) { return 444; }
    location / { return 200 '{"n": 1, "filler": "%(filler)s"}'; }
  }
}
"""


def bulk(base):
    """Calls, each with a retry; a pause; and the sum of what was answered."""
    get = {"get": {"call": "http", "with": {"method": "get", "endpoint": {"uri": base + "/x"}},
                   "export": {"as": "${ ($context // 0) + .n }"}}}
    retry = {"delay": {"milliseconds": 20}, "limit": {"attempt": {"count": 10}}}
    rounds = {"rounds": {"for": {"each": "each", "in": f"[range({CALLS})]"},
                         "do": [{"again": {"try": [get], "catch": {"retry": retry}}},
                                {"pause": {"if": "$each == 3", "wait": {"milliseconds": 100}}}]}}
    return workflows.definition("bulk", [rounds], retention={"count": RETENTION})


class Upstream:
    def __init__(self, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        path = pathlib.Path(folder, "nginx")
        path.mkdir()
        (path / "conf").write_text(NGINX % {"folder": path, "port": port, "filler": "x" * 170})
        self.process = subprocess.Popen(["nginx", "-p", str(path), "-c", str(path / "conf")],
                                        env=environment(PATH=os.environ["PATH"] + ":/usr/sbin"))
        self.base = f"http://127.0.0.1:{port}"

    def stop(self):
        self.process.terminate()
        self.process.wait()


def descriptors(pid):
    """Of the process: established connections, which come and go with the load, and all others. A connection
    whose other side has gone is among the others."""
    established = set()
    for name in ("tcp", "tcp6"):
        for line in pathlib.Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "01":
                established.add(f"socket:[{fields[9]}]")
    connections = others = 0
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            connected = os.readlink(f"/proc/{pid}/fd/{name}") in established
        except FileNotFoundError:
            continue
        connections, others = connections + connected, others + (not connected)
    return connections, others


def sample(pid):
    status = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
                  if ":" in line)
    connections, others = descriptors(pid)
    return {"KiB": int(status["RssAnon"].split()[0]), "files": others, "connections": connections,
            "threads": int(status["Threads"])}


def slope(samples, what):
    """Of `what` a second, one for all lives, each with a level of its own (least squares)."""
    above = below = 0.0
    for life in {s["life"] for s in samples}:
        mine = [s for s in samples if s["life"] == life]
        time_mean = sum(s["time"] for s in mine) / len(mine)
        mean = sum(s[what] for s in mine) / len(mine)
        above += sum((s["time"] - time_mean) * (s[what] - mean) for s in mine)
        below += sum((s["time"] - time_mean) ** 2 for s in mine)
    return above / below if below else 0.0


class Soak:
    def __init__(self, stepwell, seconds):
        self.stepwell, self.seconds = stepwell, seconds
        self.outcomes = collections.Counter()
        self.samples = []
        self.life = 0
        self.open = {}  # acknowledged, and not known to have ended: when, and how many were sent before
        self.sent = self.looked_for = 0
        self.faults = []

    async def live(self):
        self.daemon = Daemon(self.site, ("shutdown.grace=PT0.2S",))
        if not await self.daemon.start():
            raise SystemExit("the daemon did not come to be ready:\n" + "\n".join(self.daemon.log))
        self.life += 1
        self.born = time.monotonic()
        self.client = Client(self.daemon.address, self.site.key)

    async def one(self):
        """One instance, from its start to its end."""
        client = self.client
        body = {"workflow": "fault/bulk", "input": {}}
        try:
            self.sent += 1
            status, view = await client.call("POST", "/api/v1/instances", body)
            if status != 201:
                self.outcomes[f"answered {status}"] += 1
                return
            self.open[view["id"]] = time.monotonic(), self.sent
            self.sent += 1
            status, view = await client.call("POST", "/api/v1/instances?wait=30s", body)
            self.outcomes[view.get("status", f"answered {status}")] += 1
        except Down as down:
            if isinstance(down.__cause__, ConnectionRefusedError):
                self.sent -= 1
            self.outcomes["cut off by a kill"] += 1
            await asyncio.sleep(0.05)

    async def loops(self, seconds):
        """As fast as it goes; instances a second."""
        until = time.monotonic() + seconds
        before = sum(self.outcomes.values())

        async def loop():
            while time.monotonic() < until:
                await self.one()
        await asyncio.gather(*(loop() for _ in range(IN_FLIGHT)))
        return (sum(self.outcomes.values()) - before) / seconds

    async def paced(self, rate):
        """So many a second, in steps of 10 ms; those that cannot be begun are counted."""
        tasks, due, debt = set(), time.monotonic(), 0.0
        while True:
            due = max(due + 0.01, time.monotonic() - 1)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            debt += rate * 0.01
            while debt >= 1:
                debt -= 1
                if len(tasks) >= 2 * IN_FLIGHT:
                    self.outcomes["not begun"] += 1
                    continue
                task = asyncio.create_task(self.one())
                tasks.add(task)
                task.add_done_callback(tasks.discard)

    async def settle(self):
        """Those that were acknowledged are asked for, the older ones: they must have ended."""
        for instance, (since, _) in list(self.open.items()):
            if time.monotonic() - since < 20:
                break
            try:
                status, view = await self.client.call("GET", f"/api/v1/instances/{instance}")
            except Down:
                return
            del self.open[instance]
            # Forgotten ones have ended, and so many others after them.
            if status == 200 and view["status"] not in ("completed", "faulted"):
                self.faults.append(f"instance {instance} is {view['status']} after 20 s")

    async def look_for_young(self):
        """Some that were acknowledged a moment ago, perhaps by an earlier life, are all there. Where so many
        were sent since that it may have been deleted, nothing follows from a 404."""
        now = time.monotonic()
        young = [(instance, sent) for instance, (since, sent) in self.open.items() if YOUNG[0] < now - since < YOUNG[1]]
        for instance, sent in random.sample(young, min(LOOKED_FOR, len(young))):
            try:
                status, answer = await self.client.call("GET", f"/api/v1/instances/{instance}")
            except Down:
                return
            if self.sent - sent + 4 * IN_FLIGHT > RETENTION:
                continue
            self.looked_for += 1
            if status != 200:
                self.faults.append(f"instance {instance} was acknowledged, and is answered {status} {answer}")

    async def watch(self, seconds, kill_after):
        until = time.monotonic() + seconds
        next_kill = time.monotonic() + kill_after if kill_after else float("inf")
        pause = max(1.0, self.seconds / 600)
        while time.monotonic() < until:
            await asyncio.sleep(pause)
            if self.daemon.code is not None:
                raise SystemExit("the daemon ended:\n" + "\n".join(self.daemon.log))
            self.samples.append({"life": self.life, "time": time.monotonic(), "age": time.monotonic() - self.born,
                                 **sample(self.daemon.pid)})
            # Some of them: all would be a load of its own.
            self.open = dict(list(self.open.items())[-5000:])
            await self.look_for_young()
            if random.random() < 0.2:
                await self.settle()
            if time.monotonic() >= next_kill:
                await self.daemon.end()
                self.client.close()
                await self.live()
                await self.look_for_young()
                next_kill += kill_after

    async def run(self):
        with tempfile.TemporaryDirectory(prefix="stepwell-soak.") as folder:
            self.site = Site(self.stepwell, folder)
            upstream = Upstream(folder)
            (self.site.definitions / "bulk.json").write_text(json.dumps(bulk(upstream.base)))
            load = self.daemon = None
            try:
                await self.live()
                peak = await self.loops(min(20, self.seconds / 10))
                rate = SHARE * peak
                print(f"peak: {peak:.0f} starts/s of 2 instances of {CALLS} calls; soaking at {rate:.0f}/s", flush=True)
                self.outcomes.clear()
                load = asyncio.create_task(self.paced(rate))
                half = self.seconds / 2
                await self.watch(half, half / (KILLS + 0.5))
                await self.daemon.end()
                self.client.close()
                await self.live()
                await self.watch(half, None)
                load.cancel()
                await asyncio.sleep(2)
                self.sizes = {p.name: p.stat().st_size // 1024 for p in (self.site.folder / "data").iterdir()}
                self.client.close()
                return self.verdict(await self.left_over())
            finally:
                if load is not None:
                    load.cancel()
                if self.daemon is not None:
                    await self.daemon.end()
                upstream.stop()

    async def left_over(self):
        """Once the load has gone: the line of /metrics that tells of open instances. Connections must have gone."""
        for _ in range(30):
            _, metrics = await self.client.call("GET", "/metrics")
            values = dict(line.rsplit(" ", 1) for line in metrics.splitlines() if not line.startswith("#"))
            if float(values["stepwell_api_open_connections"]) <= 1:  # the one that asks
                break
            await asyncio.sleep(1)
        else:
            self.faults.append(f"connections stay open: {values['stepwell_api_open_connections']}")
        return [f"stepwell_instances_open {values['stepwell_instances_open']}"]

    def verdict(self, left):
        longest = self.samples[-1]["age"]
        kept = [s for s in self.samples
                if s["age"] > WARM_UP * (longest if s["life"] == self.life else max(
                    other["age"] for other in self.samples if other["life"] == s["life"]))]
        last = [s for s in kept if s["life"] == self.life]
        span = last[-1]["time"] - last[0]["time"]
        flat = True
        for what, most in (("KiB", MOST_MEMORY), ("files", MOST_FILES), ("threads", MOST_THREADS)):
            values = [s[what] for s in last]
            mean = sum(values) / len(values)
            rise = slope(last, what) * span
            limit = max(most, MOST_SHARE * mean) if what == "KiB" else most
            good = rise <= limit
            flat = flat and good
            print(f"{what:8} {min(values)} to {max(values)}, mean {mean:.0f}; rises by {rise:.1f} in {span:.0f} s "
                  f"({slope(last, what) * 60:.2f} a minute; over all lives {slope(kept, what) * 60:.2f}); "
                  f"{'flat' if good else f'NOT FLAT: more than {limit:.0f}'}")
        most = max(s["connections"] for s in self.samples)
        print(f"connections: {most} at most at once")
        if most > MOST_CONNECTIONS:
            self.faults.append(f"{most} connections at once, of {MOST_CONNECTIONS} at most")
        print("data/, KiB:", self.sizes)
        print("outcomes:", dict(self.outcomes), *left)
        begun = sum(self.outcomes.values()) - self.outcomes["cut off by a kill"]
        share = self.outcomes["completed"] / max(begun, 1)
        print(f"{share:.1%} of what was not cut off completed; {self.looked_for} young ones were looked for")
        if share < LEAST_COMPLETED:
            self.faults.append(f"only {share:.1%} completed, of at least {LEAST_COMPLETED:.0%}")
        if self.looked_for == 0:
            self.faults.append("no acknowledged instance was ever looked for")
        for fault in self.faults[:10]:
            print(fault)
        if left and float(left[0].split()[1]) > 0:
            print("instances do not end:", left[0])
            flat = False
        print(f"verdict: {'flat' if flat and not self.faults else 'NOT flat'} after {self.life} lives")
        return flat and not self.faults


def main():
    soak = Soak(os.path.abspath(sys.argv[1]), 60 * float(sys.argv[2] if len(sys.argv) > 2 else 30))
    flat = asyncio.run(soak.run())
    if "STEPWELL_SOAK_CSV" in os.environ:
        lines = ["life,age,KiB,files,connections,threads"]
        lines += [f"{s['life']},{s['age']:.1f},{s['KiB']},{s['files']},{s['connections']},{s['threads']}"
                  for s in soak.samples]
        pathlib.Path(os.environ["STEPWELL_SOAK_CSV"]).write_text("\n".join(lines) + "\n")
    return 0 if flat else 1


if __name__ == "__main__":
    sys.exit(main())
