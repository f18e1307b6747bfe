#!/usr/bin/python3
"""The judge of the crash tests, held against made-up ledgers: it lets a faultless run pass, and finds
each fault that it is there to find."""

import unittest

import judge
import people_judge
import workflows


class Made:
    """A run of one instance that did all it should, in the life 1 of 2; tests spoil it."""

    def __init__(self, kind, **case):
        self.case = judge.Case("r0", kind, id=case.pop("id", 7), **case)
        self.entries = []
        self.lives = 2
        self.clock = 100.0
        self.output = {}
        if workflows.KINDS[kind].person:
            self.output["said"] = "yes"
            self.case.said = people_judge.Said(tried=1, may={"yes", "no"}, texts={"yes"}, over=True)
        for step in workflows.KINDS[kind].steps:
            instance = 7 if step.owner == "main" else 8
            prev = "-".join(str(self.output[name]) for name in step.after)
            said = "yes" if step.name == "b" and workflows.KINDS[kind].person else ""
            self.send(step.name, prev, key=f"key-{step.name}" if step.keyed else "", instance=instance, said=said)
            self.output[step.name] = self.entries[-1]["n"]
        self.views = {7: {"status": "completed", "output": self.output, "error": None, "activeSteps": []}}
        if any(e["query"].startswith("i=8") for e in self.entries):
            self.views[8] = {"status": "completed", "output": {}, "error": None, "activeSteps": []}

    def send(self, step, prev="", life=1, key="", instance=7, answer=200, method="GET", ref="r0", said=""):
        self.clock += 0.01
        self.entries.append({"n": len(self.entries) + 1, "life": life, "time": self.clock, "method": method,
                             "path": f"/quick/{ref}/{step}", "query": f"i={instance}&prev={prev}&said={said}", "key": key,
                             "body": "", "answer": answer})

    def of(self, step):
        return [e for e in self.entries if e["path"].endswith("/" + step)]

    def keep(self, *steps):
        """What was sent after these did not happen."""
        self.entries = [e for e in self.entries if e["path"].rsplit("/", 1)[1] in steps]

    def faulted(self, where, reason="outcome-unknown", **more):
        self.views[7] = {"status": "faulted", "output": None, "activeSteps": [],
                         "error": {"reason": reason, "instance": where, "detail": ""}, **more}

    def rules(self):
        return sorted(judge.judge([self.case], self.entries, self.views, self.lives).counts)


class Judge(unittest.TestCase):
    def finds(self, made, *rules):
        self.assertEqual(made.rules(), sorted(rules))

    def test_lets_faultless_runs_pass(self):
        for kind in workflows.KINDS:
            with self.subTest(kind):
                made = Made(kind)
                made.output["events"] = [{"k": k} for k in range(3)]
                self.finds(made)

    def test_lets_pass_what_a_crash_may_cause(self):
        made = Made("chain")  # the step in flight was sent again, and the second answer used
        made.keep("a")
        made.send("a", life=2)
        made.send("b", "2", life=2)
        made.send("c", "3", life=2)
        made.output.update(a=2, b=3, c=4)
        self.finds(made)
        made = Made("order")  # a POST of which nobody knows
        made.keep("a", "b")
        made.faulted("/do/1/b")
        self.finds(made)
        made.keep("a")  # and one that was not even sent
        self.finds(made)
        made = Made("careful")
        made.keep("a", "b")
        made.send("c", "unknown", life=2)
        made.output.update(b="unknown", c=3)
        self.finds(made)
        made = Made("chain", id=None)  # not acknowledged, and its first request may be repeated
        made.keep("a")
        made.views = {}
        self.finds(made)
        made = Made("relaxed")
        made.keep("a")
        made.views = {}
        self.finds(made)

    def test_finds_what_was_lost(self):
        made = Made("chain")
        made.views = {}
        self.finds(made, "lost")
        made = Made("chain", id=None)  # the first answer was built upon
        made.views = {}
        self.finds(made, "lost")
        made = Made("first", id=None)  # a POST is durable as started before it is sent
        made.keep("a")
        made.views = {}
        self.finds(made, "lost")
        made = Made("spawn")
        made.views.pop(8)
        self.finds(made, "lost")
        made = Made("relaxed")
        made.views = {}
        self.finds(made, "lost")

    def test_finds_what_does_not_end(self):
        made = Made("waiter")
        made.views[7]["status"] = "waiting"
        self.finds(made, "stuck")
        made = Made("parent")
        made.views[8]["status"] = "running"
        self.finds(made, "stuck")

        made = Made("listener")
        made.views[7]["status"] = "waiting"
        self.finds(made, "stuck")
        made.case.id = None  # nobody knew of it, and told it anything
        self.finds(made)

    def test_finds_forbidden_repeats(self):
        made = Made("order")
        made.send("b", "1", life=2, key="key-b")
        self.finds(made, "earlier", "repeated")
        made = Made("order")
        made.keep("a", "b")
        made.send("b", "1", life=2, key="key-b")
        made.faulted("/do/1/b")
        self.finds(made, "made-up", "repeated")

    def test_finds_what_not_even_relaxed_durability_may_do(self):
        made = Made("relaxed")
        made.send("b", "1", life=2, key="key-b")
        self.finds(made, "repeated")
        made = Made("relaxed")
        made.send("a", life=2)
        self.finds(made, "earlier")
        made = Made("relaxed")
        made.views[7]["status"] = "running"
        self.finds(made, "stuck")
        made = Made("relaxed")  # its last result was taken back
        made.case.end = judge.end_of(made.views[7])
        made.faulted("/do/1/b")
        self.finds(made)

    def test_finds_a_second_request_in_one_life(self):
        made = Made("chain")
        made.keep("a", "b")
        made.send("b", "1")
        made.send("c", "3")
        made.output.update(b=3, c=4)
        self.finds(made, "twice")

    def test_finds_an_earlier_step_that_is_repeated(self):
        made = Made("chain")
        made.send("a", life=2)
        self.finds(made, "earlier")

    def test_finds_answers_that_were_taken_back(self):
        made = Made("chain")  # b was built on the answer 1, and the output has another
        made.entries.insert(1, dict(made.entries[0], n=9))
        made.entries[1]["n"], made.entries[1]["life"] = 2, 2
        for n, entry in enumerate(made.entries, 1):
            entry["n"] = n
        made.output.update(a=2, b=3, c=4)
        made.of("c")[0]["query"] = "i=7&prev=3"
        self.finds(made, "result")
        made = Made("chain")
        made.keep("a", "b")
        made.send("b", "7", life=2)
        self.finds(made, "changed", "order", "result")

    def test_finds_results_that_nobody_gave(self):
        made = Made("chain")
        made.output["c"] = 99
        self.finds(made, "result")
        made = Made("chain")
        del made.output["b"]
        self.finds(made, "result")
        made = Made("dropped", ways={"b": "drop"})
        self.finds(made, "result")

    def test_finds_faults_that_nothing_has_caused(self):
        made = Made("order")
        made.keep("a", "b")
        made.lives = 1  # the daemon that has sent it lives
        made.faulted("/do/1/b")
        self.finds(made, "made-up")
        made.lives, made.case.end_life = 2, 1  # or lived when that was told
        self.finds(made, "made-up")
        made = Made("chain")
        made.faulted("/do/1/b")  # a GET is repeated, and not given up
        self.finds(made, "faulted")
        made = Made("chain")
        made.faulted("/do/1/b", "expression-failed")
        self.finds(made, "faulted")
        made = Made("careful")
        made.keep("a", "b")
        made.faulted("/do/1/bold/try/0/b")
        self.finds(made, "faulted")
        made = Made("gate", retried=True)
        made.faulted("/do/1/b", "http-status")
        self.finds(made, "faulted")
        made = Made("order")
        made.faulted("/do/1/b")  # but c was sent
        self.finds(made, "order")

    def test_finds_ends_that_change(self):
        made = Made("chain")
        made.case.end = dict(judge.end_of(made.views[7]), output={"a": 1})
        self.finds(made, "changed")
        made = Made("spinner", stop_asked=True, stopped=200.0)
        self.finds(made, "changed")
        made.views[7]["status"] = "stopped"
        self.finds(made)
        made.case.stop_asked = False
        self.finds(made, "stopped")

    def test_finds_requests_of_what_was_stopped_or_suspended(self):
        made = Made("spinner", stop_asked=True, stopped=0.0)
        made.views[7]["status"] = "stopped"
        self.finds(made, "held")
        made = Made("spinner", held=[(99.0, 100.5)])
        self.finds(made, "held")
        made = Made("spinner", held=[(99.5, 100.4)])  # on its way when it was suspended
        self.finds(made)

    def test_finds_keys_that_differ_or_are_shared(self):
        made = Made("posts")
        made.keep("a")
        made.send("a", life=2, key="other")
        made.send("b", "2", life=2, key="key-b")
        made.send("c", "3", life=2)
        made.output.update(a=2, b=3, c=4)
        self.finds(made, "key")
        made = Made("posts")
        made.of("b")[0]["key"] = "key-a"
        self.finds(made, "key")
        made = Made("posts")
        made.of("b")[0]["key"] = ""
        self.finds(made, "key")

    def test_finds_instances_that_are_several(self):
        made = Made("chain")
        made.of("c")[0]["query"] = "i=9&prev=2"
        self.finds(made, "many")
        made = Made("parent")
        made.of("cb")[0]["query"] = "i=9&prev=2"
        made.views[9] = made.views[8]
        self.finds(made, "many")
        made = Made("chain")
        made.case.id = 6
        made.views[6] = made.views[7]
        self.finds(made, "many")

    def test_finds_timers_that_are_early_or_begin_again(self):
        made = Made("waiter", pause=1.0)
        self.finds(made, "timer")
        made.of("b")[0]["time"] += 1.0
        self.finds(made)
        made.of("b")[0]["time"] += 100.0
        self.finds(made, "timer")

    def test_finds_events_that_are_lost_doubled_or_in_another_order(self):
        for got in ([0, 1], [0, 0, 1], [1, 0, 2], []):
            made = Made("listener")
            made.output["events"] = [{"k": k} for k in got]
            self.finds(made, "events")
        made.case.told_again = [0]
        made.output["events"] = [{"k": k} for k in (0, 0, 1)]
        self.finds(made)
        made.output["events"] = [{"k": k} for k in (0, 1, 1)]
        self.finds(made, "events")

    def test_finds_more_instances_than_have_a_turn(self):
        made = Made("turns")
        cases, views = [], {}
        made.entries = []
        for step, prev in (("a", ()), ("b", ("a",)), ("c", ("b",))):
            for i in range(4):
                before = [e["n"] for e in made.entries if e["path"].startswith(f"/quick/r{i}/")]
                made.send(step, "-".join(map(str, before[-1:])) if prev else "", instance=i + 1, ref=f"r{i}")
        for i in range(4):
            sent = {e["path"][-1]: e["n"] for e in made.entries if f"/r{i}/" in e["path"]}
            views[i + 1] = {"status": "completed", "output": sent, "error": None, "activeSteps": []}
            cases.append(judge.Case(f"r{i}", "turns", id=i + 1, end=judge.end_of(views[i + 1])))
        self.assertEqual(dict(judge.judge(cases, made.entries, views, 2).counts), {"turns": 1})
        made.entries = [e for e in made.entries if "/r3/" not in e["path"]]
        self.assertEqual(dict(judge.judge(cases[:3], made.entries, views, 2).counts), {})

    def test_finds_what_schedules_do_twice_or_lose(self):
        made = Made("chain")
        made.send("7", instance=50, method="POST", ref="tick")
        made.views[50] = {"status": "completed", "output": {}, "error": None, "activeSteps": []}
        self.finds(made)
        made.send("7", instance=50, method="POST", ref="tick", life=2)
        self.finds(made, "repeated")
        made.entries.pop()
        made.views.pop(50)
        self.finds(made, "lost")

    def test_finds_what_nobody_has_asked_for_and_what_the_client_saw(self):
        made = Made("chain")
        made.send("z")
        self.finds(made, "stranger")
        made = Made("chain")
        made.send("a", ref="r9")
        self.finds(made, "stranger")
        made = Made("chain")
        made.case.wrong.append("it was at step 2, and is at step 1")
        self.finds(made, "seen")


class OfPeople(unittest.TestCase):
    def finds(self, made, *rules):
        self.assertEqual(made.rules(), sorted(rules))

    def test_finds_what_nobody_said_and_what_was_taken_back(self):
        made = Made("decided")
        made.case.said.texts = {"no"}  # that was acknowledged
        self.finds(made, "said")
        made.case.said.texts = None  # it was cut off, and either may have been heard
        self.finds(made)
        made.case.said.may = {"no"}
        self.finds(made, "said")
        made = Made("decided")
        made.output["said"] = "no"
        self.finds(made, "said")
        made = Made("decided")
        made.case.said.over = False
        self.finds(made, "stuck")

    def test_finds_a_step_that_waits_again_and_asks_for_something_else(self):
        made = Made("decided")
        made.case.step_shows = people_judge.Possible("Go?")
        kind = workflows.KINDS["decided"]
        view = {"openSteps": [{"step": "say", "kind": "decision", "prompt": "Stop?"}]}
        people_judge.look(made.case, kind, view, 3)
        self.assertEqual(len(made.case.wrong), 2, made.case.wrong)
        made = Made("decided")
        made.case.said.over = False
        people_judge.look(made.case, kind, view, 3)
        self.assertEqual(made.case.wrong, [])

    def test_finds_labels_that_are_lost(self):
        made = Made("chain", labels=people_judge.Possible(("a", (), "regular", None)))
        made.views[7].update(name="a", tags=[], priority="regular", deadline=None)
        self.finds(made)
        made.case.labels.did(people_judge.with_changes({"name": "b", "tags": ["t"]}))
        self.finds(made, "label")
        made.views[7].update(name="b")  # one half of it
        self.finds(made, "label")
        made.views[7].update(tags=["t"])
        self.finds(made)

    def test_what_is_unsure_is_one_or_the_other_and_stays_so(self):
        label = people_judge.Possible(1)
        label.may(lambda _: 2, 5)
        self.assertTrue(label.sees(1, 5))
        self.assertTrue(label.sees(2, 5))  # a moment later
        self.assertTrue(label.sees(1, 6))  # who might have changed it is gone
        self.assertFalse(label.sees(2, 6))

    def test_finds_the_deleted_and_their_files(self):
        made = Made("decided", deleted=200.0, delete_asked=True, stop_asked=True)
        self.finds(made, "changed")
        made.views = {}
        self.finds(made)
        made.case.files = [people_judge.File("f_1", "hash", named=True, status=404)]
        self.finds(made)
        made.case.files[0].status = 200
        self.finds(made, "left")
        made.case.files[0] = people_judge.File("f_1", "hash", status=200, content="hash")  # nobody took it
        self.finds(made)
        made.case.files[0].status = 404
        self.finds(made, "lost")
        made.case.said.cut_off = 1  # by what may have been heard
        self.finds(made)
        made = Made("spinner", deleted=0.0, delete_asked=True, stop_asked=True)
        made.views = {}
        self.finds(made, "held")

    def test_finds_files_that_are_lost_or_others(self):
        made = Made("filled")
        good = {"named": True, "status": 200, "instance": 7, "content": "hash"}
        for spoilt, rule in (({}, None), ({"status": 404}, "lost"), ({"content": "other"}, "lost"),
                             ({"instance": None}, "file"), ({"instance": 8}, "file"),
                             ({"named": False, "instance": None}, None), ({"named": False, "instance": 8}, "file")):
            with self.subTest(spoilt):
                made.case.files = [people_judge.File("f_1", "hash", **{**good, **spoilt})]
                self.finds(made, *([rule] if rule else []))
        found = []
        people_judge.judge_disk(["a", "b"], ["b", "c"], lambda rule, _: found.append(rule))
        self.assertEqual(found, ["lost", "left"])


if __name__ == "__main__":
    unittest.main()
