"""The clients: they start instances through the API, watch, stop and suspend them, through all lives
of the daemon, and remember what was acknowledged to them."""

import asyncio
import re
import time

import judge
import people
import people_judge
import workflows
from daemon import Client, Down

API = "/api/v1/instances"
TOP = re.compile(r"/do/(\d+)/")


class Load:
    def __init__(self, ledger, rng, rate=150, most=300):
        self.ledger, self.rng, self.rate, self.most = ledger, rng, rate, most
        self.cases = []
        self.tasks = set()
        self.client = None
        self.up = asyncio.Event()
        self.life = 0
        self.progress = {}
        self.acknowledged = 0
        self.refused = 0
        kinds = {self.plain: 10, self.waiting: 3, self.patient: 2, self.talking: 3, self.from_outside: 1,
                 self.stopping: 1, self.suspending: 1, self.mended: 1, self.long: 0.3}
        self.people = people.People(self)
        kinds.update(self.people.scenarios())
        self.scenarios, self.weights = list(kinds), list(kinds.values())
        self.plain_kinds = ["chain", "order", "order", "first", "first", "careful", "careful", "posts", "puts",
                            "fork", "race", "loop", "parent", "spawn", "fault", "dropped", "relaxed",
                            "turns"]

    # --- The daemon comes and goes ---

    def came(self, address, key, life):
        self.client = Client(address, key)
        self.life = life
        self.up.set()

    def went(self):
        self.up.clear()
        if self.client is not None:
            self.client.close()
        self.client = None

    async def call(self, method, target, body=None, headers=()):
        """Once, to the daemon that is there. Raises Down."""
        await self.up.wait()
        client = self.client
        try:
            return await self.client.call(method, target, body, headers)
        except Down:
            if self.client is client:
                await asyncio.sleep(0.02)  # nobody has noticed yet that it is gone
            raise

    async def ask(self, method, target, body=None, headers=()):
        """What may be asked for again, until it is answered by anything but 503."""
        while True:
            try:
                status, answer = await self.call(method, target, body, headers)
            except Down:
                continue
            if status != 503:
                return status, answer
            await asyncio.sleep(0.05)

    # --- Starting and watching ---

    def case(self, kind, ways=None):
        self.cases.append(judge.Case(f"r{len(self.cases)}", kind, ways or {}))
        return self.cases[-1]

    async def begin(self, kind, ways=None, wait=None, once=None, labels=None, case=None, **given):
        """The case, and the view that was acknowledged; None where no answer came."""
        case = case or self.case(kind, ways)
        ref = case.ref
        body = {"workflow": f"{workflows.NAMESPACE}/{kind}", **(labels or {}),
                "input": {"base": self.ledger.base, "ref": ref, "ways": case.ways, **given}}
        if labels is not None:
            case.labels = people_judge.Possible(people_judge.with_changes(labels)(("", (), "regular", None)))
        target = API + (f"?wait={wait}" if wait else "")
        # Where the same key is sent again, the same instance is meant.
        if once is None:
            once = self.rng.random() < 0.5
        while True:
            try:
                status, view = await self.call("POST", target, body, {"Idempotency-Key": ref} if once else {})
            except Down:
                if once:
                    continue
                return case, None
            if status == 503:
                self.refused += 1
                await asyncio.sleep(0.05)
                continue
            if status != 201:
                case.wrong.append(f"its start was answered {status} {view}")
                return case, None
            case.id = view["id"]
            self.acknowledged += 1
            self.look(case, view)
            return case, view

    def look(self, case, view):
        if "status" not in view:
            case.wrong.append(f"an answer without a status: {view}")
            return
        if workflows.KINDS[case.kind].relaxed:
            return  # what was seen may be taken back
        if view["id"] != case.id:
            case.wrong.append(f"asked for {case.id}, told of {view['id']}")
        people_judge.look(case, workflows.KINDS[case.kind], view, self.life)
        places = [int(TOP.match(step).group(1)) for step in view["activeSteps"] if TOP.match(step)]
        if places:
            if max(places) < self.progress.get(case.ref, 0):
                case.wrong.append(f"was at step {self.progress[case.ref]}, and is at {view['activeSteps']}")
            self.progress[case.ref] = max(places)
        if view["status"] in judge.ENDED:
            end = judge.end_of(view)
            if case.end is not None and case.end != end:
                case.wrong.append(f"its end was {case.end}, and is {end}")
            if case.end is None:
                case.end, case.end_life = end, self.life
            self.progress.pop(case.ref, None)
        elif case.end is not None:
            case.wrong.append(f"its end was {case.end}, and it is {view['status']}")

    async def view(self, case):
        status, view = await self.ask("GET", f"{API}/{case.id}")
        if status != 200:
            if not workflows.KINDS[case.kind].relaxed:
                case.wrong.append(f"acknowledged in an earlier life, answered {status} {view} in life {self.life}")
            return None
        self.look(case, view)
        return view

    async def until(self, case, holds):
        pause = 0.02
        while True:
            view = await self.view(case)
            if view is None or holds(view):
                return view
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.4)

    async def until_ended(self, case):
        return await self.until(case, lambda view: view["status"] in judge.ENDED)

    def way(self):
        return "quick" if self.rng.random() < 0.6 else f"slow-{self.rng.randint(2, 80)}"

    # --- Scenarios ---

    async def plain(self):
        kind = self.rng.choice(self.plain_kinds)
        ways = {step.name.rstrip("0123456789") if kind == "loop" else step.name: self.way()
                for step in workflows.KINDS[kind].steps}
        if kind == "fault":
            ways["b"] = "error-418"
        if kind == "dropped" or kind == "careful" and self.rng.random() < 0.1:
            ways["b"] = "drop"
        case, view = await self.begin(kind, ways, wait=self.rng.choice([None, "5s"]))
        if view:
            await self.until_ended(case)

    async def waiting(self):
        pause = self.rng.randint(30, 400) if self.rng.random() < 0.9 else self.rng.randint(1000, 3000)
        case, view = await self.begin(self.rng.choice(["waiter", "waiter", "limit"]), {"a": self.way(), "b": self.way()}, pause=pause)
        case.pause = pause / 1000
        if view:
            await self.until_ended(case)

    async def long(self):
        case, view = await self.begin("marathon")
        if view:
            await self.until_ended(case)

    async def patient(self):
        ways = {"a": self.rng.choice(["fail-1", "fail-2", "drop-1"]), "b": self.rng.choice(["fail-1", "fail-2"])}
        case, view = await self.begin("patient", ways)
        if view:
            await self.until_ended(case)

    async def listen(self):
        case, view = await self.begin("listener", {"la": self.way()})
        if view:
            await self.until(case, lambda seen: "/do/1/wait3" in seen["activeSteps"]
                             or seen["status"] in judge.ENDED)
        return case, view

    async def talking(self):
        listener, view = await self.listen()
        if not view:
            return
        emitter, view = await self.begin("emitter", {"ea": self.way(), "eb": self.way()}, to=listener.ref)
        if not view:  # it may be there or not
            return await self.stop(listener)
        await self.until_ended(emitter)
        await self.until_ended(listener)

    async def from_outside(self):
        listener, view = await self.listen()
        if not view:
            return
        for k in range(3):
            event = {"specversion": "1.0", "id": f"{listener.ref}-{k}", "source": "/outside",
                     "type": workflows.EVENT, "data": {"ref": listener.ref, "k": k, "n": k}}
            status, answer = await self.tell(listener, event)
            if status != 202:
                listener.wrong.append(f"event {k} was answered {status} {answer}")
        await self.until_ended(listener)

    async def tell(self, listener, event):
        """Until there is an answer. Without one it may have been heard, and is heard again."""
        while True:
            try:
                status, answer = await self.call("POST", "/api/v1/events", event,
                                                 {"Content-Type": "application/cloudevents+json"})
            except Down:
                listener.told_again.append(event["data"]["k"])
                continue
            if status != 503:
                return status, answer
            await asyncio.sleep(0.05)

    async def spin(self):
        case, view = await self.begin("spinner", {"s": "quick"})
        if view:
            await asyncio.sleep(self.rng.random() * 0.4)
        return case, view

    async def stop(self, case):
        case.stop_asked = True
        status, answer = await self.ask("POST", f"{API}/{case.id}/stop")
        if status == 409:  # asked for before, or it was done
            view = await self.view(case)
            if view and view["status"] not in judge.ENDED:
                case.wrong.append(f"its stop was answered {answer}, and it is {view['status']}")
        elif status != 200 or answer["status"] != "stopped":
            case.wrong.append(f"its stop was answered {status} {answer}")
        else:
            case.stopped = time.monotonic()
            self.look(case, answer)

    async def stopping(self):
        case, view = await self.spin()
        if not view:
            return
        await self.stop(case)
        for _ in range(3):
            await asyncio.sleep(0.3)
            await self.view(case)

    async def hold(self, case):
        """Since when it is suspended; None: it is not."""
        status, answer = await self.ask("POST", f"{API}/{case.id}/suspend")
        if status == 409:  # it was done
            return None
        if status != 200 or answer["status"] != "suspended":
            case.wrong.append(f"its suspension was answered {status} {answer}")
            return None
        return time.monotonic()

    async def let_go(self, case, since):
        case.held.append((since, time.monotonic()))
        status, answer = await self.ask("POST", f"{API}/{case.id}/resume")
        if status not in (200, 409):
            case.wrong.append(f"its resumption was answered {status} {answer}")

    async def suspending(self):
        case, view = await self.spin()
        if not view:
            return
        since = await self.hold(case)
        if since is None:
            return await self.until_ended(case)
        for _ in range(self.rng.randint(1, 4)):
            await asyncio.sleep(0.3)
            seen = await self.view(case)
            if seen is not None and seen["status"] != "suspended":
                case.wrong.append(f"it was suspended, and is {seen['status']}")
        await self.let_go(case, since)
        await self.until_ended(case)

    async def mended(self):
        """What failed is mended, and an operator lets it go on."""
        case, view = await self.begin("gate", {"b": "gate", "a": self.way(), "c": self.way()})
        if not view:
            return
        view = await self.until_ended(case)
        if view is None or (view["error"] or {}).get("reason") != "http-status":
            return
        await self.ledger.open(case.ref, "b")
        while True:
            case.end = case.end_life = None
            try:
                status, answer = await self.call("POST", f"{API}/{case.id}/retry")
            except Down:  # it may have been heard, and have failed at another step since
                seen = await self.view(case)
                if seen and (seen["error"] or {}).get("reason") == "http-status":
                    continue
                return seen and await self.until_ended(case)
            if status != 503:
                break
            await asyncio.sleep(0.05)
        if status != 200:
            case.wrong.append(f"its retry was answered {status} {answer}")
        case.retried = status == 200
        await self.until_ended(case)

    # --- All of it ---

    async def run(self):
        """Starts scenarios, as many a second as asked for, until cancelled."""
        while True:
            await self.up.wait()
            # Now and then many at once, so that they share a commit.
            for _ in range(30 if self.rng.random() < 0.01 else 1):
                if len(self.tasks) >= self.most:
                    break
                scenario = self.rng.choices(self.scenarios, self.weights)[0]
                task = asyncio.create_task(scenario())
                self.tasks.add(task)
                task.add_done_callback(self.done)
            await asyncio.sleep(1 / self.rate)

    def done(self, task):
        self.tasks.discard(task)
        if not task.cancelled():
            task.result()  # a mistake of the test itself must not pass by

    async def finish(self, seconds):
        """Waits for all that was begun; the scenarios that do not end."""
        if not self.tasks:
            return []
        _, late = await asyncio.wait(set(self.tasks), timeout=seconds)
        for task in late:
            task.cancel()
        return sorted(task.get_coro().__name__ for task in late)

    async def views(self, entries, seconds):
        """How every instance that is known ends, by id; None for one that is not there."""
        acknowledged = {case.id for case in self.cases if case.id is not None}
        ids = acknowledged | {judge.Entry.of(raw)[1].instance for raw in entries}
        ids.discard(None)

        def waits_for_ever(instance, view):
            """Nobody knows of it, who would tell it what it waits for."""
            return instance not in acknowledged and view["status"] == "waiting" and "/listener:" in view["workflow"]
        views, deadline, turn = {}, time.monotonic() + seconds, asyncio.Semaphore(16)

        async def look(instance):
            async with turn:
                while True:
                    status, view = await self.ask("GET", f"{API}/{instance}")
                    views[instance] = view if status == 200 else None
                    if status != 200 or view["status"] in judge.ENDED or time.monotonic() > deadline \
                            or waits_for_ever(instance, view):
                        return
                    await asyncio.sleep(0.05)
        await asyncio.gather(*(look(instance) for instance in ids))
        return views
