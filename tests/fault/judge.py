"""Judges a run: what the clients were told, what the ledger was sent, and how it all ended must fit.
Pure: it is tested with made-up ledgers in judge_test.py.

Lives are those of the daemon: an entry's `life` says which of them sent it."""

import collections
import dataclasses
import urllib.parse

import people_judge
import workflows

ENDED = ("completed", "faulted", "stopped")
# What the ledger needs to see a request that was sent before an answer reached the client.
UNDER_WAY = 1.0
# How late a timer may be, the times without a daemon included.
LATE = 15.0


@dataclasses.dataclass
class Case:
    """One instance that a client asked for."""
    ref: str
    kind: str
    ways: dict = dataclasses.field(default_factory=dict)
    id: int = None       # what the 201 said; None: the answer never came
    end: dict = None     # the end as it was first seen
    end_life: int = None  # when that was
    pause: float = None  # seconds that a waiter waits
    stopped: float = None   # when a stop was acknowledged
    stop_asked: bool = False
    retried: bool = False   # its retry was acknowledged, and what failed has been mended
    told_again: list = dataclasses.field(default_factory=list)  # events that may have come twice
    held: list = dataclasses.field(default_factory=list)  # (from, to): suspended, as was acknowledged
    deleted: float = None   # when that was acknowledged
    delete_asked: bool = False
    said: people_judge.Said = dataclasses.field(default_factory=people_judge.Said)
    labels: people_judge.Possible = None      # name, tags, priority and deadline
    step_shows: people_judge.Possible = None  # what its step asks for
    files: list = dataclasses.field(default_factory=list)
    wrong: list = dataclasses.field(default_factory=list)  # what the client itself found


def end_of(view):
    """What must not change once it was acknowledged."""
    error = view.get("error") or {}
    return {"status": view["status"], "output": view.get("output"), "reason": error.get("reason"),
            "detail": error.get("detail"), "where": error.get("instance")}


def number(text):
    return int(text) if text.isdigit() else None


@dataclasses.dataclass
class Entry:
    n: int
    life: int
    time: float
    method: str
    key: str
    answer: int
    instance: int
    prev: str
    step: str
    said: str = ""

    @classmethod
    def of(cls, raw):
        query = dict(urllib.parse.parse_qsl(raw["query"], keep_blank_values=True))
        _, _, ref, step = raw["path"].split("/", 3)
        return ref, cls(raw["n"], raw["life"], raw["time"], raw["method"], raw["key"], raw["answer"],
                        number(query.get("i", "")), query.get("prev", ""), step, query.get("said", ""))


class Verdict:
    def __init__(self):
        self.faults = []
        self.counts = collections.Counter()

    def fault(self, rule, ref, text):
        self.counts[rule] += 1
        self.faults.append(f"{rule}: {ref}: {text}")


class OneCase:
    """The rules for one instance and what it started."""

    def __init__(self, case, entries, views, lives, verdict):
        self.case = case
        self.kind = workflows.KINDS[case.kind]
        self.entries = collections.defaultdict(list)
        for entry in entries:
            self.entries[entry.step].append(entry)
        self.all = entries
        self.views = views
        self.lives = lives
        self.verdict = verdict

    def fault(self, rule, text):
        self.verdict.fault(rule, f"{self.case.kind} {self.case.ref} ({self.case.id})", text)

    def judge(self):
        for text in self.case.wrong:
            self.fault("seen", text)
        known = {step.name for step in self.kind.steps}
        for name in self.entries.keys() - known:
            self.fault("stranger", f"nobody asks for a step {name}")
        for step in self.kind.steps:
            if self.entries[step.name]:
                self.judge_sent(step)
        self.judge_owners()
        if self.kind.relaxed:
            return self.judge_relaxed()
        self.judge_held()
        self.judge_children()
        view = self.judge_there()
        people_judge.judge(self.case, self.kind, view, self.all, self.lives, self.fault)
        if view is not None:
            self.judge_end(view)

    def judge_relaxed(self):
        """Results may be taken back; but what must not be repeated is not, and nothing hangs."""
        view = self.judge_there()
        if view is not None and view["status"] not in ENDED:
            self.fault("stuck", f"it is {view['status']} at {view.get('activeSteps')}")
        posts = [e.n for step in self.kind.steps if not step.repeatable for e in self.entries[step.name]]
        for step in self.kind.steps:
            before = [e.n for e in self.entries[step.name] if not step.after]
            if posts and before and max(before) > posts[0]:
                self.fault("earlier", f"{step.name} was sent again after what must not be repeated")

    # --- What was sent ---

    def judge_sent(self, step):
        entries = self.entries[step.name]
        if not step.repeatable and len(entries) > 1:
            self.fault("repeated", f"{step.name} must not be repeated, and was sent {len(entries)} times: "
                       f"{[(e.n, e.life) for e in entries]}")
        if self.kind.relaxed:
            return
        counted = [e for e in entries if e.answer not in (0, 409, 500)]
        for one, two in zip(counted, counted[1:]):
            if one.life >= two.life:
                self.fault("twice", f"{step.name} was sent twice ({one.n}, {two.n}) by life {one.life}")
        keys = {e.key for e in entries}
        if step.keyed and (len(keys) > 1 or "" in keys):
            self.fault("key", f"{step.name} has the keys {sorted(keys)}")
        for entry in entries:
            self.judge_order(step, entry)
        if len({e.prev for e in entries}) > 1:
            self.fault("changed", f"{step.name} was sent after {sorted({e.prev for e in entries})}")

    def judge_order(self, step, entry):
        """It comes after what it builds on, and says whose answers it has used."""
        used = entry.prev.split("-") if step.after else []
        if step.after and len(used) != len(step.after):
            self.fault("order", f"{step.name} ({entry.n}) builds on {entry.prev!r}, and not on {step.after}")
            return
        for name, text in zip(step.after, used):
            if self.kind.catches and text == "unknown":
                continue
            if number(text) not in self.issued(name):
                self.fault("order", f"{step.name} ({entry.n}) builds on {name} = {text}, which is none of "
                           f"{sorted(self.issued(name))}")
            later = [e.n for e in self.entries[name] if e.n > entry.n]
            if later:
                self.fault("earlier", f"{name} was sent again ({later}) after {step.name} ({entry.n})")

    def issued(self, name):
        return {e.n for e in self.entries[name] if e.answer == 200}

    def judge_owners(self):
        owners = collections.defaultdict(set)
        for step in self.kind.steps:
            owners[step.owner] |= {e.instance for e in self.entries[step.name]}
        seen = set()
        for owner, ids in owners.items():
            if len(ids) > 1:
                self.fault("many", f"{owner} ran in several instances: {sorted(ids)}")
            if ids & seen:
                self.fault("many", f"{owner} ran in an instance of another: {sorted(ids & seen)}")
            seen |= ids
        if self.case.id is not None and owners["main"] - {self.case.id}:
            self.fault("many", f"it was told to be {self.case.id}, and ran as {sorted(owners['main'])}")

    def judge_held(self):
        spans = list(self.case.held)
        spans += [(when, float("inf")) for when in (self.case.stopped, self.case.deleted) if when is not None]
        for since, until in spans:
            late = [e.n for e in self.all if since + UNDER_WAY < e.time < until]
            if late:
                self.fault("held", f"sent {late} while it was stopped or suspended")

    # --- How it ended ---

    def judge_children(self):
        for step in self.kind.steps:
            for entry in self.entries[step.name] if step.owner != "main" else []:
                view = self.views.get(entry.instance)
                if view is None or view["status"] not in ENDED:
                    self.fault("lost" if view is None else "stuck", f"its {step.owner} {entry.instance}: {view}")
                    return

    def judge_there(self):
        """The instance's view at the end, where it must be there or is."""
        own = [e for step in self.kind.steps if step.owner == "main" for e in self.entries[step.name]]
        instance = self.case.id if self.case.id is not None else next((e.instance for e in own), None)
        view = self.views.get(instance)
        if view is not None or self.case.delete_asked:
            return view
        # An answer that was built upon, and a request that must not be repeated, are durable first.
        bound = [s.name for s in self.kind.steps if self.entries[s.name] and
                 not (s.repeatable and (not s.after or self.kind.relaxed))]
        if self.case.id is not None and not self.kind.relaxed:
            self.fault("lost", "it was acknowledged, and is not there")
        elif bound:
            self.fault("lost", f"it has sent {bound}, and is not there")
        return None

    def judge_end(self, view):
        if view["status"] not in ENDED:
            # Nobody knew of a listener that was not acknowledged, and told it anything.
            if self.case.kind == "listener" and self.case.id is None and view["status"] == "waiting":
                return
            self.fault("stuck", f"it is {view['status']} at {view.get('activeSteps')}")
            return
        now = end_of(view)
        if self.case.end is not None and now != self.case.end:
            self.fault("changed", f"its end was {self.case.end}, and is {now}")
        if self.case.stopped is not None and view["status"] != "stopped":
            self.fault("changed", f"it was stopped, and is {view['status']}")
        judge = {"completed": self.judge_completed, "faulted": self.judge_faulted,
                 "stopped": self.judge_stopped}[view["status"]]
        judge(view)
        self.judge_timer()

    def judge_completed(self, view):
        output = view["output"] or {}
        for step in self.kind.steps:
            if step.owner != "main" and step.name not in output:
                continue  # not awaited
            used = output.get(step.name)
            if used == "unknown" and self.kind.catches:
                self.judge_unknown(step)
            elif used not in self.issued(step.name):
                self.fault("result", f"{step.name} is {used} in its output, and the ledger has answered "
                           f"{sorted(self.issued(step.name))}")
            self.judge_used(step.name, used)
        if self.case.kind == "listener":
            self.judge_events(output)
        if self.case.ways.get("b") == "drop" and not self.kind.catches:
            self.fault("result", "it completed, though its POST was never answered")

    def judge_used(self, name, used):
        """What follows was built on the same answer."""
        for step in self.kind.steps:
            if name not in step.after:
                continue
            for entry in self.entries[step.name]:
                texts = entry.prev.split("-")
                place = step.after.index(name)
                if place < len(texts) and texts[place] != str(used):
                    self.fault("result", f"{step.name} ({entry.n}) builds on {name} = {texts[place]}, and the "
                               f"output has {used}")

    def judge_unknown(self, step):
        """Nobody knows what has become of it: only where a life ended meanwhile, or the wire broke."""
        told = self.lives if self.case.end_life is None else self.case.end_life
        for entry in self.entries[step.name]:
            if entry.life >= told and entry.answer != 0:
                self.fault("made-up", f"{step.name} ({entry.n}) is taken for unknown, and its daemon lives")
        if self.lives == 0 and not self.entries[step.name]:
            self.fault("made-up", f"{step.name} is taken for unknown, and nothing was ended")

    def judge_faulted(self, view):
        error = view["error"] or {}
        failed = next((s for s in self.kind.steps if f"/{s.name}" in (error.get("instance") or "")[-4:]), None)
        if error.get("reason") in self.kind.faults and not self.case.retried:
            return
        if error.get("reason") != "outcome-unknown" or failed is None or failed.repeatable:
            self.fault("faulted", f"{error}")
            return
        if self.kind.catches:
            self.fault("faulted", f"outcome-unknown was not caught: {error}")
        self.judge_unknown(failed)
        for step in self.kind.steps:
            if failed.name in step.after and self.entries[step.name]:
                self.fault("order", f"{step.name} was sent, though {failed.name} before it is unknown")

    def judge_stopped(self, _):
        if not self.case.stop_asked:
            self.fault("stopped", "nobody asked for that")

    def judge_timer(self):
        if self.case.pause is None or not self.entries["a"] or not self.entries["b"]:
            return
        used = number(self.entries["b"][0].prev)
        begun = next((e.time for e in self.entries["a"] if e.n == used), None)
        if begun is None:
            return
        waited = self.entries["b"][0].time - begun
        if waited < self.case.pause - 0.002:
            self.fault("timer", f"waited {waited:.3f} s instead of {self.case.pause} s")
        if waited > self.case.pause + LATE:
            self.fault("timer", f"waited {waited:.3f} s instead of {self.case.pause} s: from the beginning again?")

    def judge_events(self, output):
        got = [(e or {}).get("k") for e in output.get("events") or []]
        meant = [k for k in range(3) for _ in range(1 + self.case.told_again.count(k))]
        # Each at least once, up to the third that came.
        ways = ([k for k, times in enumerate((a, b, c)) for _ in range(times)][:3]
                for a in range(1, meant.count(0) + 1) for b in range(1, meant.count(1) + 1)
                for c in range(1, meant.count(2) + 1))
        if got not in ways:
            self.fault("events", f"it consumed {got} instead of 0, 1, 2")


def judge_scheduled(entries, views, verdict):
    """What started by itself: each instance has sent its one request, and is there if it was a POST."""
    by_instance = collections.defaultdict(list)
    for entry in entries:
        by_instance[entry.instance].append(entry)
    for instance, sent in by_instance.items():
        posts = [e for e in sent if e.method == "POST"]
        if len(posts) > 1:
            verdict.fault("repeated", f"scheduled {instance}", f"its POST was sent {len(posts)} times")
        if posts and views.get(instance) is None:
            verdict.fault("lost", f"scheduled {instance}", "it has sent its POST, and is not there")
        if any(one.life >= two.life for one, two in zip(sent, sent[1:])):
            verdict.fault("twice", f"scheduled {instance}", "it sent its request twice in one life")
        view = views.get(instance)
        if view is not None and view["status"] not in ENDED:
            verdict.fault("stuck", f"scheduled {instance}", f"it is {view['status']}")
    return by_instance


def judge_turns(cases, by_ref, verdict):
    """Of a workflow with `concurrency` no more instances are under way than that: each is at least
    from its first request to its last."""
    changes = []
    for case in cases:
        entries = by_ref.get(case.ref, [])
        if case.kind == "turns" and case.end is not None and entries:
            changes += [(entries[0].n, 1), (entries[-1].n, -1)]
    running = 0
    for n, change in sorted(changes):
        running += change
        if running > workflows.TURNS:
            verdict.fault("turns", f"request {n}", f"{running} instances run instead of {workflows.TURNS}")


def judge(cases, raw_entries, views, lives):
    """`views`: how instances are at the end, by id; `lives`: the number of the daemon's last life."""
    verdict = Verdict()
    by_ref = collections.defaultdict(list)
    for raw in raw_entries:
        ref, entry = Entry.of(raw)
        by_ref[ref].append(entry)
    for name in workflows.SCHEDULED:
        judge_scheduled(by_ref.pop(name, []), views, verdict)
    keys = collections.defaultdict(set)
    for ref, entries in by_ref.items():
        for entry in entries:
            if entry.key:
                keys[entry.key].add((ref, entry.step))
    for key, used in keys.items():
        if len(used) > 1:
            verdict.fault("key", key, f"is used by several steps: {sorted(used)}")
    ids = collections.Counter(case.id for case in cases if case.id is not None)
    for instance, times in ids.items():
        if times > 1:
            verdict.fault("many", str(instance), "the id was given to several instances")
    judge_turns(cases, by_ref, verdict)
    for case in cases:
        OneCase(case, by_ref.pop(case.ref, []), views, lives, verdict).judge()
    for ref in by_ref:
        verdict.fault("stranger", ref, "nobody has started this")
    return verdict
