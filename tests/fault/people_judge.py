"""What is known of what people did to an instance, and the rules for it: what they said, what they changed, the
files that they handed in, and whether it was deleted. Pure, as judge.py is."""

import dataclasses


class Possible:
    """What something may be now: more than one thing where an answer never came. What was seen by a later life than
    the one that was asked holds from then on."""

    def __init__(self, value):
        self.values = {value}
        self.since = None  # the last life that may still change it

    def __repr__(self):
        return f"{sorted(self.values, key=str)}"

    def may(self, change, life):
        self.values |= {change(value) for value in self.values}
        self.since = life

    def did(self, change):
        self.values = {change(value) for value in self.values}
        self.since = None

    def sees(self, value, life):
        """Whether that may be."""
        if value not in self.values:
            return False
        if self.since is None or life > self.since:
            self.values, self.since = {value}, None
        return True


@dataclasses.dataclass
class File:
    """One that was acknowledged."""
    id: str
    sha256: str
    named: bool = False     # by what was acknowledged: it goes with the instance
    status: int = None      # at the end …
    instance: int = None    # … and whose it is then
    content: str = None     # its hash


@dataclasses.dataclass
class Said:
    """What a step that waits for a person was told."""
    tried: int = 0
    cut_off: int = 0
    may: set = dataclasses.field(default_factory=set)  # texts that attempts may have come to
    texts: set = None     # those that the acknowledged attempt may have come to
    over: bool = False    # it is known to be completed, by whomever


def label_of(view):
    return view["name"], tuple(view["tags"]), view["priority"], view["deadline"]


def with_changes(changes):
    """A change of a label, as PATCH has it."""
    def change(label):
        now = dict(zip(("name", "tags", "priority", "deadline"), label))
        now.update(changes)
        return now["name"], tuple(now["tags"]), now["priority"], now["deadline"]
    return change


def shown(step):
    """What can be changed of an open step, as far as the load changes it."""
    if step["kind"] == "form":
        return next(field.get("default") for field in step["fields"] if field["name"] == "tag")
    if step["kind"] == "email":
        to = step["to"]
        return step["subject"], to if isinstance(to, str) else to[0]
    return step["prompt"]


def look(case, kind, view, life):
    """Faults of what is seen of an instance."""
    if case.labels is not None and not case.labels.sees(label_of(view), life):
        case.wrong.append(f"it is labelled {label_of(view)}, and may only be {case.labels}")
    for step in view.get("openSteps", ()):
        if case.said.over and step["step"] == kind.person:
            case.wrong.append(f"its step {kind.person} was completed, and waits again in life {life}")
        if case.step_shows is not None and not case.step_shows.sees(shown(step), life):
            case.wrong.append(f"its step asks for {shown(step)}, and may only ask for {case.step_shows}")


def judge_said(case, kind, view, entries, fault):
    """What a person has said is what the instance goes on with, and only what was said."""
    said = case.said
    may = said.texts if said.texts is not None else said.may
    told = {entry.said for entry in entries}
    if view is not None and view["status"] == "completed":
        told.add((view["output"] or {}).get("said"))
    for text in told - may:
        fault("said", f"it goes on with {text!r}, and was told {sorted(may)}")
    if len(told) > 1:
        fault("said", f"it goes on with {sorted(map(str, told))}")
    if said.tried and not said.over and not case.stop_asked:
        fault("stuck", "nobody knows that its step is completed")


def judge_label(case, view, lives, fault):
    if view is not None and case.labels is not None and not case.labels.sees(label_of(view), lives + 1):
        fault("label", f"it is labelled {label_of(view)}, and may only be {case.labels}")


def judge_files(case, view, fault):
    """They are there as long as the instance is, and gone with it."""
    for file in case.files:
        if view is None and file.status == 404:
            if not file.named and not case.said.cut_off:
                fault("lost", f"its file {file.id} went with it, and nothing had named that")
            continue
        if view is None and (file.named or file.instance is not None):
            fault("left", f"it is deleted, and its file {file.id} is there: {file.status}")
            continue
        if file.status != 200 or file.content != file.sha256:
            fault("lost", f"its file {file.id} is answered {file.status}, content {file.content}")
        elif file.named and file.instance != case.id or file.instance not in (None, case.id):
            fault("file", f"its file {file.id} goes with {file.instance}, named: {file.named}")


def judge(case, kind, view, entries, lives, fault):
    if case.deleted is not None and view is not None:
        fault("changed", f"it was deleted, and is there: {view['status']}")
    if kind.person:
        judge_said(case, kind, view, [e for e in entries if e.step == "b"], fault)
    judge_label(case, view, lives, fault)
    judge_files(case, view, fault)


def judge_disk(listed, contents, fault):
    """`listed`: hashes of the files that there are; `contents`: of what lies on the disk."""
    if set(listed) - set(contents):
        fault("lost", f"of {len(set(listed) - set(contents))} files there is no content")
    if set(contents) - set(listed):
        fault("left", f"{len(set(contents) - set(listed))} contents belong to no file")
