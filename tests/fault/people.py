"""People in the load: they complete and change steps, hand in files, rename, stop and delete instances, one and
many at once, and go on after each kill where no answer came."""

import asyncio
import hashlib
import time

import judge
import people_judge
import workflows
from daemon import Down

API = "/api/v1/instances"
FILES = "/api/v1/files"
MERGE = {"Content-Type": "application/merge-patch+json"}
REFUSED = (202, 503)  # it may come about, or not


class People:
    def __init__(self, load):
        self.load, self.rng = load, load.rng
        self.batches = 0
        self.done = 0  # acknowledged completions, changes, files, ends and deletions

    def scenarios(self):
        return {self.deciding: 3, self.filling: 3, self.mailing: 1.5, self.changing: 1.5, self.handing_in: 1,
                self.deleting: 2, self.sweeping: 0.7}

    # --- What they do, until it is known what came of it ---

    async def try_it(self, method, target, body=None, headers=()):
        """(status, answer), or None: it may have been heard."""
        try:
            status, answer = await self.load.call(method, target, body, headers)
        except Down:
            return None, None
        if status in REFUSED:
            await asyncio.sleep(0.05)
            return None, None
        self.done += status < 300
        return status, answer

    async def at_step(self, kind, **given):
        """The case, and whether its step waits for a person."""
        case, view = await self.load.begin(kind, {"a": self.load.way(), "b": self.load.way()}, once=True, **given)
        if view:
            view = await self.load.until(case, lambda seen: seen["openSteps"] or seen["status"] in judge.ENDED)
        if view and not view["openSteps"]:
            case.wrong.append(f"it has not come to its step: {view['status']} {view['error']}")
            view = None
        return case, view

    async def complete(self, case, output, texts):
        """Until the step is completed; `texts` are those that the output may come to."""
        while True:
            case.said.tried += 1
            case.said.may |= texts
            status, answer = await self.try_it("POST", f"{API}/{case.id}/complete-step",
                                               {"step": workflows.KINDS[case.kind].person, "output": output})
            if status is None:
                case.said.cut_off += 1
                continue
            if status == 200:
                if case.said.over and case.said.texts is not None:
                    case.wrong.append("its step was completed twice")
                case.said.texts, case.said.over = texts, True
                self.load.look(case, answer)
                return True
            if status != 409 or answer["reason"] not in ("step-completed", "instance-ended"):
                case.wrong.append(f"the completion of its step was answered {status} {answer}")
            elif answer["reason"] == "instance-ended" and not case.stop_asked:
                case.wrong.append(f"its step was to be completed, and nobody stopped it: {answer}")
            elif answer["reason"] == "step-completed":
                if case.said.tried == 1:
                    case.wrong.append("its step was completed by nobody")
                case.said.over = True
            return False

    async def complete_twice(self, case, *attempts):
        """At once or one after the other; one wins."""
        if self.rng.random() < 0.4:
            won = await asyncio.gather(*(self.complete(case, *each) for each in attempts))
        else:
            won = [await self.complete(case, *each) for each in attempts]
        if sum(won) > 1 or not any(won) and not case.said.cut_off and not case.stop_asked:
            case.wrong.append(f"of {len(won)} completions {sum(won)} were taken")

    async def change(self, case, possible, target, changes, change):
        while True:
            status, answer = await self.try_it("PATCH", f"{API}/{case.id}{target}", changes, MERGE if target else {})
            if status == 200:
                possible.did(change)
                self.load.look(case, answer)
                return
            if status is not None:
                if (status, (answer or {}).get("reason")) != (409, "instance-ended"):
                    case.wrong.append(f"the change {changes} was answered {status} {answer}")
                return
            possible.may(change, self.load.life)
            if self.rng.random() < 0.5:
                return

    async def change_step(self, case, changes, shows):
        await self.change(case, case.step_shows, "/steps/" + workflows.KINDS[case.kind].person, changes, lambda _: shows)
        await self.load.view(case)

    async def upload(self, case):
        # Some have the same content, which lies on the disk once.
        text = "the same " * 60 if self.rng.random() < 0.2 else f"{case.ref} {self.rng.random()} " * self.rng.randint(1, 400)
        once = {"Idempotency-Key": f"file {case.ref}"} if self.rng.random() < 0.5 else {}
        status = None
        while status is None:
            status, answer = await self.try_it("POST", FILES + "?name=photo.txt", text.encode(),
                                               {"Content-Type": "text/plain", **once})
        digest = hashlib.sha256(text.encode()).hexdigest()
        if status != 201 or answer["sha256"] != digest:
            case.wrong.append(f"its file was answered {status} {answer}")
            return None
        case.files.append(people_judge.File(answer["id"], digest))
        return case.files[-1]

    async def look_at_file(self, file):
        status, answer = await self.load.ask("GET", f"{FILES}/{file.id}")
        file.status, file.instance = status, answer["instance"] if status == 200 else None
        if status == 200:
            status, text = await self.load.ask("GET", f"{FILES}/{file.id}/content")
            file.content = hashlib.sha256(text.encode()).hexdigest() if status == 200 else str(text)

    async def delete(self, case, stop):
        case.delete_asked = True
        case.stop_asked = case.stop_asked or stop
        cut_off = False
        while True:
            status, answer = await self.try_it("DELETE", f"{API}/{case.id}" + ("?stop=true" if stop else ""))
            if status == 204 or status == 404 and cut_off:
                case.deleted = time.monotonic()
                return
            if status is not None:
                case.wrong.append(f"its deletion was answered {status} {answer}")
                return
            cut_off = True

    async def is_gone(self, case):
        for method, end, body in (("GET", "", None), ("POST", "/retry", {}), ("GET", "/steps", None)):
            status, answer = await self.load.ask(method, f"{API}/{case.id}{end}", body)
            if status != 404:
                case.wrong.append(f"it was deleted, and {method} {end} is answered {status} {answer}")
        for file in case.files:
            await self.look_at_file(file)
            if file.named and file.status != 404:
                case.wrong.append(f"it was deleted, and its file is answered {file.status}")

    # --- Scenarios ---

    async def deciding(self):
        case, view = await self.at_step("decided")
        if not view:
            return
        said = [({"decision": word, "comment": f"{case.ref}-{n}"}, {f"{case.ref}-{n}.{word}"})
                for n, word in enumerate(self.rng.choices(("yes", "no"), k=2))]
        chance = self.rng.random()
        if chance < 0.1:
            await self.is_listed(case)
        elif chance < 0.25:
            await self.load.stop(case)
            await self.complete(case, *said[0])
            return
        held = self.rng.random() < 0.25 and await self.load.hold(case)
        await self.complete_twice(case, *said)
        if held:
            await asyncio.sleep(self.rng.random() * 0.4)
            await self.load.let_go(case, held)
        await self.load.until_ended(case)
        if self.rng.random() < 0.3:
            await self.complete(case, *said[1])

    async def is_listed(self, case):
        """What waits stands in the list of all steps that do."""
        status, page = await self.load.ask("GET", "/api/v1/tasks?workflow=fault/decided&limit=500")
        if status != 200 or "next" not in page and case.id not in [step["instance"] for step in page["items"]]:
            case.wrong.append(f"its step waits, and is in no list: {status}")

    async def filling(self):
        case, view = await self.at_step("filled")
        if not view:
            return
        case.step_shows = people_judge.Possible("none")
        file = await self.upload(case) if self.rng.random() < 0.7 else None
        for n in range(self.rng.choice((0, 0, 1, 2))):
            tag = f"tag{n}"
            await self.change_step(case, {"fields": {"tag": {"default": tag}}}, tag)

        def note(n, with_file):
            output = {"note": f"{case.ref}-{n}", **({"photo": file.id} if with_file else {})}
            digest = file.sha256[:8] if with_file else "-"
            return output, {f"{case.ref}-{n}.{tag}.{digest}" for tag in case.step_shows.values}
        await self.complete_twice(case, note(0, file is not None), note(1, file is not None and self.rng.random() < 0.5))
        if file:
            file.named = any(text.endswith(file.sha256[:8]) for text in case.said.texts or ())
            await self.look_at_file(file)
        await self.load.until_ended(case)
        if self.rng.random() < 0.3:
            await self.delete(case, False)
            await self.is_gone(case)

    async def mailing(self):
        """It is changed while it is held, and not sent."""
        case, view = await self.at_step("mailed")
        if not view:
            return
        case.step_shows = people_judge.Possible(("none", "ana@example.com"))
        for n in range(self.rng.randint(1, 3)):
            mail = f"{case.ref}-{n}", f"{case.ref}-{n}@example.com"
            await self.change_step(case, {"subject": mail[0], "to": [mail[1]]}, mail)
        held = self.rng.random() < 0.25 and await self.load.hold(case)
        await self.complete(case, {"send": False}, {"false"})
        if held:
            await self.load.let_go(case, held)
        await self.load.until_ended(case)

    def some_labels(self, ref):
        all_of_it = {"name": f"{ref} {self.rng.randint(0, 99)}", "tags": [ref, str(self.rng.randint(0, 9))],
                     "priority": self.rng.choice(("regular", "H", "V")),
                     "deadline": f"20{self.rng.randint(40, 99)}-01-31T12:00:00Z"}
        return {name: all_of_it[name] for name in self.rng.sample(sorted(all_of_it), self.rng.randint(1, 4))}

    async def changing(self):
        """What it is called, while it runs or waits."""
        case, view = await self.load.begin(self.rng.choice(("spinner", "decided")), {"s": "quick"}, once=True,
                                           labels=self.some_labels("new"))
        if not view:
            return
        for n in range(self.rng.randint(1, 5)):
            changes = self.some_labels(f"{case.ref}-{n}")
            await self.change(case, case.labels, "", changes, people_judge.with_changes(changes))
            await asyncio.sleep(self.rng.random() * 0.3)
            await self.load.view(case)
        await self.load.stop(case)
        await self.load.view(case)

    async def handing_in(self):
        """A file that the start names."""
        case = self.load.case("chain")
        file = await self.upload(case)
        if not file:
            return
        case, view = await self.load.begin("chain", once=True, case=case, photo={"file": file.id})
        if not view:
            return
        file.named = True
        await self.look_at_file(file)
        if (file.status, file.instance) != (200, case.id):
            case.wrong.append(f"its file is answered {file.status}, of {file.instance}")
        await self.load.until_ended(case)
        if self.rng.random() < 0.5:
            await self.delete(case, self.rng.random() < 0.5)
            await self.is_gone(case)

    async def deleting(self):
        kind = self.rng.choice(("decided", "chain", "spinner"))
        case, view = await (self.at_step(kind) if kind == "decided" else self.load.begin(kind, once=True))
        if not view:
            return
        if kind == "decided" and self.rng.random() < 0.3:
            status, answer = await self.load.ask("DELETE", f"{API}/{case.id}")
            if (status, (answer or {}).get("reason")) != (409, "instance-open"):
                case.wrong.append(f"it waits, and its deletion was answered {status} {answer}")
        if kind == "chain":
            await self.load.until_ended(case)
        await self.delete(case, kind != "chain")
        await self.is_gone(case)
        await asyncio.sleep(self.rng.random())
        await self.is_gone(case)

    async def sweeping(self):
        """Many at once, by their ids or by what they have in common."""
        tag = f"batch{self.batches}"
        self.batches += 1
        begun = await asyncio.gather(*(self.at_step("decided", labels={"tags": [tag]})
                                       for _ in range(self.rng.randint(2, 6))))
        cases = [case for case, view in begun if view]
        if len(cases) < len(begun):
            return
        status, page = await self.load.ask("GET", f"{API}?tag={tag}")
        if status != 200 or {item["id"] for item in page["items"]} != {case.id for case in cases}:
            cases[0].wrong.append(f"the list of {tag} is answered {status} {page}")
        what = self.rng.choice(("stop", "delete"))
        which = {"tag": tag} if self.rng.random() < 0.5 else {"ids": [case.id for case in cases]}
        await self.do_to_all(what, {**which, **({"stop": True} if what == "delete" else {})}, cases)

    async def do_to_all(self, what, body, cases):
        for case in cases:
            case.stop_asked, case.delete_asked = True, what == "delete"
        cut_off = 0
        while True:
            status, answer = await self.try_it("POST", f"{API}/bulk/{what}", body)
            late = status == 200 and any(problem["status"] == 503 for problem in answer["problems"])
            if status == 200 and not late and not answer["unconfirmed"] and "next" not in answer:
                break
            if status not in (None, 200):
                cases[0].wrong.append(f"bulk {what} was answered {status} {answer}")
                return
            cut_off += 1
        allowed = {"instance-unknown", "instance-ended"} if cut_off else set()
        strange = [problem for problem in answer["problems"] if problem["reason"] not in allowed]
        if strange or not cut_off and answer["taken"] != len(cases):
            cases[0].wrong.append(f"bulk {what} of {len(cases)} was answered {answer}")
        now = time.monotonic()
        for case in cases:
            if what == "delete":
                case.deleted = now
                await self.is_gone(case)
            else:
                case.stopped = now
                view = await self.load.view(case)
                if view and view["status"] != "stopped":
                    case.wrong.append(f"it was stopped with others, and is {view['status']}")

    # --- The end ---

    async def look_at_files(self, cases, views):
        """Of those whose instance is gone the last ones may be deleted a moment after the start."""
        until = time.monotonic() + 15

        async def look(case, file):
            while True:
                await self.look_at_file(file)
                owner = file.instance
                if owner is None or views.get(owner) is not None or time.monotonic() > until:
                    return
                await asyncio.sleep(0.1)
        turn = asyncio.Semaphore(16)

        async def in_turn(case, file):
            async with turn:
                await look(case, file)
        await asyncio.gather(*(in_turn(case, file) for case in cases for file in case.files))

    async def listed_files(self):
        """The hashes of all files that there are."""
        hashes, cursor = [], ""
        while True:
            _, page = await self.load.ask("GET", f"{FILES}?limit=500{cursor}")
            hashes += [item["sha256"] for item in page["items"]]
            if "next" not in page:
                return hashes
            cursor = "&cursor=" + page["next"]
