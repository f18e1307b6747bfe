"""A campaign of kills: load, a daemon that is killed again and again over the same data directory at
moments and crash points that a seed picks, and the judgement of it all."""

import asyncio
import collections
import dataclasses
import json
import pathlib
import random
import shutil
import signal
import tempfile
import time

import judge
import load
import people_judge
import workflows
from daemon import Daemon, Ledger, Site

# What kill_at.cpp understands: which calls, on what, when; and how many of them there are in a life.
POINTS = (
    ("write journal.db-wal before", 400), ("write journal.db-wal half", 400),
    ("write journal.db-wal after", 400), ("sync journal.db-wal before", 100),
    ("sync journal.db-wal after", 100), ("write journal.db before", 8), ("write journal.db half", 8),
    ("write journal.db after", 8), ("sync journal.db before", 2), ("sync journal.db after", 2),
    ("send upstream before", 200), ("send upstream after", 200),
    ("send client before", 200), ("send client after", 200),
    # What people do: its place in the audit log, and files.
    ("write stepwell.db-wal half", 100), ("sync stepwell.db-wal after", 50),
    ("write files.db-wal before", 60), ("write files.db-wal half", 60), ("sync files.db-wal after", 30),
    ("write .new half", 20), ("sync .new after", 20),
)
ENOUGH_AIMED = 3  # lives with a crash point, of which one at least must reach it
SETTINGS = ("instances.retention=1000000", "shutdown.grace=PT0.2S")


class Campaign:
    def __init__(self, stepwell, seed, kills, kill_at=None, rate=150, life=0.6, settings=(), say=lambda text: None):
        self.stepwell, self.kills, self.kill_at, self.life = stepwell, kills, kill_at, life
        self.settings = (*SETTINGS, *settings)
        self.rng = random.Random(seed)
        self.rate, self.say = rate, say
        self.ends = collections.Counter()   # how lives ended
        self.aimed = 0                      # lives with a crash point
        self.problems = []                  # lives that ended or began otherwise than they should
        self.starts = []                    # seconds until ready
        self.lives = []                     # (from, to, end, at)
        self.figures = {}

    async def run(self, keep=None):
        """The verdict. Where it is bad, all that it is about is written into the folder `keep`."""
        with tempfile.TemporaryDirectory(prefix="stepwell-kill.") as folder:
            self.ledger = Ledger()
            await self.ledger.start()
            self.site = Site(self.stepwell, folder)
            workflows.write(self.site.definitions, self.ledger.base)
            self.load = load.Load(self.ledger, random.Random(self.rng.random()), self.rate)
            starting = asyncio.create_task(self.load.run())
            self.daemon = None
            try:
                while self.killed() < self.kills and not self.problems:
                    await self.one_life()
                    if sum(self.ends.values()) % 50 == 0:
                        self.say(f"{self.killed()} kills, {self.load.acknowledged} acknowledged, "
                                 f"{len(self.load.tasks)} under way")
                return await self.finish(starting, keep)
            finally:
                starting.cancel()
                if self.daemon is not None:
                    await self.daemon.end()
                await self.ledger.stop()

    # --- One life ---

    def killed(self):
        return sum(self.ends.values()) - self.ends["term"]

    def reached(self):
        """Whether a crash point has ended a life."""
        return any(self.ends[point] for point, _ in POINTS)

    def how_to_end(self):
        """(name, environment, seconds)"""
        seconds = self.rng.random() * self.life
        kind = self.rng.choices(("moment", "point", "start", "term"), (10, 10, 2, 1))[0]
        if kind == "point" and self.kill_at is not None:
            point, most = self.rng.choice(POINTS)
            at = int(most ** self.rng.random())  # low numbers more often
            self.aimed += 1
            # A slow machine has more time, so that one is reached.
            longest = 30 if self.aimed >= ENOUGH_AIMED and not self.reached() else self.life * 2
            return point, {"LD_PRELOAD": self.kill_at, "STEPWELL_KILL_ON": point,
                           "STEPWELL_KILL_AT": str(max(at, 1))}, longest
        if kind == "start":
            return kind, {}, seconds / 4
        return "term" if kind == "term" else "moment", {}, seconds

    async def one_life(self):
        name, env, seconds = self.how_to_end()
        self.daemon = daemon = Daemon(self.site, self.settings, **env)
        began = time.monotonic()
        if name == "start":
            await daemon.spawn()
            await asyncio.sleep(seconds)
            await daemon.end()
        elif not await daemon.start():
            if not (env and daemon.code == -signal.SIGKILL):
                self.problem(daemon, "did not come to be ready")
        else:
            self.starts.append(time.monotonic() - began)
            self.load.came(daemon.address, self.site.key, sum(self.ends.values()))
            by_itself = await daemon.ended(seconds)
            if by_itself and not (env and daemon.code == -signal.SIGKILL):
                self.problem(daemon, "ended by itself")
            elif not by_itself:
                code = await daemon.end(signal.SIGTERM if name == "term" else signal.SIGKILL)
                if name == "term" and code != 0:
                    self.problem(daemon, "did not end as it should after SIGTERM")
                name = "moment (point not reached)" if env else name
            self.load.went()
        if daemon.errors:
            self.problem(daemon, "logged errors")
        self.ends[name] += 1
        self.lives.append((began, time.monotonic(), name, env.get("STEPWELL_KILL_AT")))
        await self.ledger.mark()

    def problem(self, daemon, what):
        self.problems.append(f"life {sum(self.ends.values())} {what}; exit code {daemon.code}\n" +
                             "\n".join(list(daemon.log)[-15:]))

    # --- The end ---

    async def finish(self, starting, keep=None):
        """Lets all finish, and judges."""
        self.daemon = Daemon(self.site, self.settings)
        began = time.monotonic()
        if not await self.daemon.start():
            self.problem(self.daemon, "did not come to be ready at the end")
            verdict = judge.Verdict()
        else:
            self.load.came(self.daemon.address, self.site.key, sum(self.ends.values()))
            closing = asyncio.create_task(self.close(starting, keep, began))
            await asyncio.wait({closing, self.daemon.reading}, return_when=asyncio.FIRST_COMPLETED)
            if closing.done():
                verdict = closing.result()
            else:
                closing.cancel()
                self.problem(self.daemon, "ended by itself at the end")
                verdict = judge.Verdict()
        # A campaign in which nothing happened has shown nothing.
        if self.load.acknowledged == 0:
            self.problems.append("nothing was ever acknowledged")
        if self.aimed >= ENOUGH_AIMED and not self.reached():
            self.problems.append(f"of {self.aimed} lives with a crash point none ended by it")
        for text in self.problems:
            verdict.fault("daemon", "", text)
        return verdict

    async def close(self, starting, keep, began):
        """Lets all that was begun come to its end; the verdict."""
        await asyncio.sleep(1)
        starting.cancel()
        late = await self.load.finish(120)
        if late:
            self.problems.append("requests were never answered, or instances never ended, in: " + " ".join(late))
        # Schedules would go on for ever.
        for name in workflows.SCHEDULED:
            (self.site.definitions / f"{name}.json").unlink()
        await self.load.ask("POST", "/-/reload")
        entries, views = [], {}
        while True:  # what runs until it is looked at starts others
            found = await self.ledger.entries()
            if len(found) == len(entries):
                break
            entries = found
            views = await self.load.views(entries, 20)
        lives = sum(self.ends.values())
        await self.load.people.look_at_files(self.load.cases, views)
        verdict = judge.judge(self.load.cases, entries, views, lives)
        people_judge.judge_disk(
            await self.load.people.listed_files(), self.contents(),
            lambda rule, text: verdict.fault(rule, "files", text))
        for name in workflows.SCHEDULED:
            if not any(e["life"] == lives and f"/{name}/" in e["path"] for e in entries):
                verdict.fault("schedule", name, "it does nothing after the last kill")
        if keep is not None and (verdict.faults or self.problems):
            self.write_down(pathlib.Path(keep), entries, views)
        self.figure(entries, views, began)
        return verdict

    def contents(self):
        """The hashes of what lies on the disk."""
        return [path.name for path in (self.site.folder / "data/files").glob("??/*")]

    def write_down(self, folder, entries, views):
        folder.mkdir(parents=True, exist_ok=True)
        for name, what in (("entries", entries), ("views", views), ("lives", self.lives),
                           ("cases", [dataclasses.asdict(case) for case in self.load.cases])):
            (folder / f"{name}.json").write_text(json.dumps(what, indent=1, default=str))
        shutil.copytree(self.site.folder, folder / "site", dirs_exist_ok=True)

    def figure(self, entries, views, began):
        repeated = collections.Counter(e["path"] for e in entries if e["answer"] not in (0, 409, 500))
        self.figures = {
            "kills": self.killed(), "ends": dict(self.ends.most_common()),
            "started": len(self.load.cases), "acknowledged": self.load.acknowledged,
            "acknowledged ends": sum(case.end is not None for case in self.load.cases),
            "acknowledged acts of people": self.load.people.done,
            "deleted": sum(case.deleted is not None for case in self.load.cases),
            "files": sum(len(case.files) for case in self.load.cases),
            "requests": len(entries), "requests repeated": sum(n - 1 for n in repeated.values()),
            "by outcome": dict(collections.Counter(
                (view or {"status": "not there"})["status"] for view in views.values())),
            "outcome-unknown": sum(((view or {}).get("error") or {}).get("reason") == "outcome-unknown"
                                   for view in views.values()) +
                               sum((((view or {}).get("output")) or {}).get("b") == "unknown"
                                   for view in views.values() if isinstance((view or {}).get("output"), dict)),
            "seconds to ready": {"median": round(sorted(self.starts)[len(self.starts) // 2], 3),
                                 "most": round(max(self.starts), 3)} if self.starts else {},
        }
