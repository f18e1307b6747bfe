"""The workflows that the crash tests run, and what is known of each: its steps, in which order they
must come, and which of them must not be repeated.

Each step asks the ledger for /WAY/REF/STEP?i=INSTANCE&prev=NUMBERS, where NUMBERS are those of the
answers that it builds on. It keeps its own answer's number under its name in the context, which is
the workflow's output."""

import dataclasses
import json

NAMESPACE = "fault"
HEAD = {"dsl": "1.0.3", "namespace": NAMESPACE, "version": "1.0.0"}
ROUNDS = 5
EVENT = "com.example.fault"


@dataclasses.dataclass(frozen=True)
class Step:
    name: str
    after: tuple = ()
    repeatable: bool = True
    keyed: bool = False  # it carries an Idempotency-Key
    owner: str = "main"  # whose instance runs it: main, or the one that it starts


@dataclasses.dataclass(frozen=True)
class Kind:
    name: str
    steps: tuple
    catches: bool = False  # outcome-unknown is caught: the step's number is "unknown" then
    faults: tuple = ()     # reasons of faults that are meant
    relaxed: bool = False  # may be lost where nothing was sent that must not be repeated
    person: str = None     # its step that waits for a person

    def step(self, name):
        return next(s for s in self.steps if s.name == name)


def uri(step, after, base="$workflow.input.base"):
    """`step` and the elements of `after` are jq's: text within a string, and expressions."""
    prev = "-".join(f"\\({number})" for number in after)
    plain = step.split("\\")[0]
    return (f'${{ "\\({base})/\\($workflow.input.ways.{plain} // "quick")/\\($workflow.input.ref)/{step}'
            f'?i=\\($workflow.id)&prev={prev}" }}')


def call(step, *after, method="get", idempotent=None, export=None):
    """One task; `after` names steps."""
    given = {"method": method, "endpoint": {"uri": uri(step, [f"$context.{a}" for a in after])}}
    if method not in ("get", "delete"):
        given["body"] = {"step": step}
    task = {"call": "http", "with": given,
            "export": {"as": export or f'${{ $context + {{"{step}": .n}} }}'}}
    if idempotent is not None:
        task["metadata"] = {"stepwell": {"idempotent": idempotent}}
    return {step: task}


def post(step, *after, idempotent=None):
    return call(step, *after, method="post", idempotent=idempotent)


def definition(name, tasks, schedule=None, **metadata):
    document = dict(HEAD, name=name)
    if metadata:
        document["metadata"] = {"stepwell": metadata}
    made = {"document": document, "do": tasks, "output": {"as": "${ $context }"}}
    if schedule:
        made["schedule"] = schedule
    return made


def retried(name, task):
    return {name: {"try": [task], "catch": {"retry": {
        "delay": {"milliseconds": 30}, "limit": {"attempt": {"count": 6}}}}}}


def caught(name, task):
    return {name: {"try": [task], "catch": {
        "errors": {"with": {"reason": "outcome-unknown"}},
        "do": [{"note": {"set": {"known": False},
                         "export": {"as": '${ $context + {"b": "unknown"} }'}}}]}}}


def rounds_of(step, count, pause=None, **options):
    """A loop of calls, STEP0 after `a`, then each after the one before."""
    name = f"{step}\\($index)"
    before = f'(if $index == 0 then $context.a else $context["{step}\\($index - 1)"] end)'
    task = call(step, **options)[step]
    task["with"]["endpoint"]["uri"] = uri(name, [before])
    task["export"] = {"as": f'${{ $context + {{("{name}"): .n}} }}'}
    tasks = [{"round": task}]
    if pause:
        tasks.append({"pause": {"wait": {"milliseconds": pause}}})
    return {"rounds": {"for": {"each": "each", "in": f"[range({count})]", "at": "index"}, "do": tasks}}


CHILD_INPUT = ('${ {base: $workflow.input.base, ref: $workflow.input.ref, ways: $workflow.input.ways, '
               'first: $context.a} }')


def child(awaited):
    task = {"await": awaited, "workflow": {"namespace": NAMESPACE, "name": "child", "version": "1.0.0",
                                           "input": CHILD_INPUT}}
    made = {"run": task}
    if awaited:
        made["export"] = {"as": '${ $context + {"ca": .ca, "cb": .cb} }'}
    return {"child": made}


def emit(name, k, of):
    return {name: {"emit": {"event": {"with": {
        "type": EVENT, "data": {"ref": "${ $workflow.input.to }", "k": k, "n": f"${{ $context.{of} }}"}}}}}}


def listening():
    consumed = '([$context.events[].n | tostring] | join("-"))'
    last = call("lb")["lb"]
    last["with"]["endpoint"]["uri"] = uri("lb", [consumed])
    return [call("la"),
            {"wait3": {"listen": {"to": {
                "any": [{"with": {"type": EVENT},
                         "correlate": {"ref": {"from": ".data.ref", "expect": "${ $workflow.input.ref }"}}}],
                "until": "length >= 3"}},
                "export": {"as": '${ $context + {"events": .} }'}}},
            {"lb": last}]


def uri_with_said(said):
    """Of `b`: it tells what the person has said as well."""
    return uri("b", ["$context.a"])[:-3] + f'&said={said}" }}'


def person(name, function, arguments, said):
    """`a`, a step of a person, and `b`, which must not be repeated; `said`: jq's text within a string."""
    last = post("b", "a")["b"]
    last["with"]["endpoint"]["uri"] = uri_with_said("\\($context.said)")
    return [call("a"),
            {name: {"call": function, "with": arguments,
                    "export": {"as": f'${{ $context + {{said: "{said}"}} }}'}}},
            {"b": last}]


DECISION = {"prompt": "${ \"What of \\($workflow.input.ref)?\" }", "options": ["yes", "no"],
            "due": {"milliseconds": 300}}
FORM = {"title": "Damage", "fields": [
    {"name": "note", "kind": "text", "required": True},
    {"name": "tag", "kind": "text", "default": "none"},
    {"name": "photo", "kind": "file"}]}
MAIL = {"server": "smtp://127.0.0.1:9", "from": "fault@example.com", "to": "ana@example.com",
        "subject": "none", "body": "It is kept.", "hold": True}


def loop_steps(step, count, **options):
    return tuple(Step(f"{step}{i}", (f"{step}{i - 1}" if i else "a",), **options) for i in range(count))


SPINS = 60
MARATHON = 250  # so many that snapshots are taken on the way
TURNS = 3

KINDS = {kind.name: kind for kind in (
    Kind("chain", (Step("a"), Step("b", ("a",)), Step("c", ("b",)))),
    Kind("order", (Step("a"), Step("b", ("a",), False, True), Step("c", ("b",)))),
    Kind("first", (Step("a", (), False, True), Step("b", ("a",)))),
    Kind("careful", (Step("a"), Step("b", ("a",), False, True), Step("c", ("b",))), catches=True),
    Kind("posts", (Step("a", (), True, True), Step("b", ("a",), True, True), Step("c", ("b",)))),
    Kind("puts", (Step("a"), Step("b", ("a",)), Step("c", ("b",)))),
    Kind("patient", (Step("a"), Step("b", ("a",), True, True), Step("c", ("b",)))),
    Kind("waiter", (Step("a"), Step("b", ("a",)))),
    Kind("limit", (Step("a"), Step("b", ("a",)))),
    Kind("turns", (Step("a"), Step("b", ("a",)), Step("c", ("b",)))),
    Kind("marathon", (Step("a"),) + loop_steps("m", MARATHON)),
    Kind("fork", (Step("a"), Step("b1", ("a",)), Step("b2", ("b1",)), Step("c1", ("a",)),
                  Step("c2", ("c1",)), Step("d", ("b2", "c2"), False, True))),
    Kind("race", (Step("a"), Step("b", ("a",)), Step("c", ("b",)))),
    Kind("loop", (Step("a"),) + loop_steps("r", ROUNDS, keyed=True)),
    Kind("parent", (Step("a"), Step("ca", ("a",), owner="child"), Step("cb", ("ca",), owner="child"),
                    Step("d", ("cb",)))),
    Kind("spawn", (Step("a"), Step("ca", ("a",), owner="child"), Step("cb", ("ca",), owner="child"),
                   Step("d", ("a",)))),
    Kind("listener", (Step("la"), Step("lb"))),
    Kind("emitter", (Step("ea"), Step("eb", ("ea",)), Step("ec", ("eb",)))),
    Kind("spinner", (Step("a"),) + loop_steps("s", SPINS)),
    Kind("fault", (Step("a"), Step("b", ("a",), False, True), Step("c", ("b",))), faults=("http-status",)),
    Kind("dropped", (Step("a"), Step("b", ("a",), False, True), Step("c", ("b",)))),
    Kind("gate", (Step("a"), Step("b", ("a",)), Step("c", ("b",), False, True)), faults=("http-status",)),
    Kind("relaxed", (Step("a"), Step("b", ("a",), False, True), Step("c", ("b",))), relaxed=True),
    Kind("decided", (Step("a"), Step("b", ("a",), False, True)), person="say"),
    Kind("filled", (Step("a"), Step("b", ("a",), False, True)), person="fill"),
    Kind("mailed", (Step("a"), Step("b", ("a",), False, True)), person="tell"),
)}


def tick(name, schedule, base, method):
    """Starts by itself: its requests go to /quick/NAME/INSTANCE."""
    given = {"method": method,
             "endpoint": {"uri": f'${{ "{base}/quick/{name}/\\($workflow.id)?i=\\($workflow.id)&prev=" }}'}}
    return definition(name, [{"tick": {"call": "http", "with": given}}], schedule)


SCHEDULED = ("tick", "again")


def definitions(base):
    order = [call("a"), post("b", "a"), call("c", "b")]
    made = [
        definition("chain", [call("a"), call("b", "a"), call("c", "b")]),
        definition("order", order),
        definition("fault", order),
        definition("dropped", order),
        definition("first", [post("a"), call("b", "a")]),
        definition("careful", [call("a"), caught("bold", post("b", "a")), call("c", "b")]),
        definition("posts", [post("a", idempotent=True), post("b", "a", idempotent=True), call("c", "b")]),
        definition("puts", [call("a", method="put"), call("b", "a", method="put"),
                            call("c", "b", method="delete")]),
        definition("patient", [retried("tryA", call("a")), retried("tryB", post("b", "a", idempotent=True)),
                               call("c", "b")]),
        definition("waiter", [call("a"), {"pause": {"wait": "${ {milliseconds: $workflow.input.pause} }"}},
                              call("b", "a")]),
        definition("limit", [call("a"), {"try": {"try": [{"long": {
            "wait": "PT5M", "timeout": {"after": "${ {milliseconds: $workflow.input.pause} }"}}}],
            "catch": {"errors": {"with": {"status": 408}}, "do": [call("b", "a")]}}}]),
        definition("turns", [call("a"), call("b", "a"), call("c", "b")], concurrency=TURNS),
        definition("marathon", [call("a"), rounds_of("m", MARATHON)]),
        definition("fork", [call("a"), {"both": {"fork": {"branches": [
            {"left": {"do": [call("b1", "a"), call("b2", "b1")]}},
            {"right": {"do": [call("c1", "a"), call("c2", "c1")]}}]}}}, post("d", "b2", "c2")]),
        definition("race", [call("a"), {"both": {"fork": {"compete": True, "branches": [
            {"left": {"do": [call("b", "a")]}}, {"right": {"wait": "PT5M"}}]}}}, call("c", "b")]),
        definition("loop", [call("a"), rounds_of("r", ROUNDS, method="post", idempotent=True)]),
        definition("child", [
            {"ca": dict(call("ca")["ca"], **{"with": {"method": "get", "endpoint": {
                "uri": uri("ca", ["$workflow.input.first"])}}})},
            call("cb", "ca")]),
        definition("parent", [call("a"), child(True), call("d", "cb")]),
        definition("spawn", [call("a"), child(False), call("d", "a")]),
        definition("listener", listening()),
        definition("emitter", [call("ea"), emit("tell0", 0, "ea"), call("eb", "ea"), emit("tell1", 1, "eb"),
                               emit("tell2", 2, "eb"), call("ec", "eb")]),
        definition("spinner", [call("a"), rounds_of("s", SPINS, pause=15)]),
        definition("gate", [call("a"), call("b", "a"), post("c", "b")]),
        definition("relaxed", order, durability="relaxed"),
        definition("decided", person("say", "decision", DECISION, "\\(.comment).\\(.decision)")),
        definition("filled", person("fill", "form", FORM,
                                    '\\(.note).\\(.tag).\\((.photo.sha256 // "-")[0:8])')),
        definition("mailed", person("tell", "email", MAIL, "\\(.sent)")),
        tick("tick", {"every": {"milliseconds": 400}}, base, "post"),
        tick("again", {"after": {"milliseconds": 300}}, base, "get"),
    ]
    return made


def write(folder, base):
    for made in definitions(base):
        (folder / f"{made['document']['name']}.json").write_text(json.dumps(made, indent=1))
