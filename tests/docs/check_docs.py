#!/usr/bin/env python3
"""Checks that the documents say what is true. One part a call, so that ctest names what broke.

links          every relative link, and the heading that it points to, exists
problem-codes  every problem code in the sources has its page in docs/errors/, and the reverse
make-targets   every `make TARGET` in the documents is a target of the Makefile
settings       every setting of config/settings_keys.cpp is in docs/operations.md, and the reverse
metrics        the same for the metrics that the sources make
alerts         every rule of packaging/prometheus/alerts.yaml says in docs/operations.md what to do,
               and the reverse
definitions    every ```yaml block with a `document:`, and every example, passes `stepwell validate`
examples       every ```yaml block after a line `<!-- example -->` gives, with the ```json input behind
               it, the ```json output or the ```json problem (its members) behind that
commands       every ```sh block after a line `<!-- run -->` runs in a fresh folder and exits 0; the
               folder has `examples/`, `stepwell` is in PATH, and 127.0.0.1:8080 is a free port
"""
import argparse
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from daemon_process import reserve_port  # noqa: E402

FOLDERS = "base expression config http auth engine steps store api daemon".split()
CODE = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")


def documents(root):
    return [*sorted(root.glob("*.md")), *sorted((root / "docs").rglob("*.md"))]


def without_fences(text):
    return re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)


def blocks(text, language):
    """(line, tagged to run, content) of each fenced block of that language; one that is tagged
    "run on" goes on where the one before it ended."""
    pattern = rf"^(<!-- run(?: on)? -->\n+)?```{language}\n(.*?)^```$"
    for match in re.finditer(pattern, text, flags=re.M | re.S):
        line = text.count("\n", 0, match.start(2)) + 1
        yield line, (match.group(1) or "").strip(" <!->\n"), match.group(2)


def anchor(heading):
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


def anchors(path):
    headings = re.findall(r"^#+ (.*)$", without_fences(path.read_text()), flags=re.M)
    return {anchor(heading) for heading in headings}


def check_links(root, faults):
    count = 0
    for path in documents(root):
        for target in re.findall(r"\]\(([^)\s]+)\)", without_fences(path.read_text())):
            if re.match(r"[a-z]+:", target):
                continue
            count += 1
            name, _, fragment = target.partition("#")
            to = (path.parent / name).resolve() if name else path
            if not to.exists():
                faults.append(f"{path}: the link {target} leads nowhere")
            elif fragment and fragment not in anchors(to):
                faults.append(f"{path}: {target}: no such heading")
    if count == 0:
        faults.append("no relative link was found: the check is broken")


def split_arguments(text):
    """The arguments of a call whose text begins after its opening parenthesis."""
    arguments, depth, start, i, quoted = [], 0, 0, 0, False
    while i < len(text):
        c = text[i]
        if quoted:
            if c == "\\":
                i += 1
            elif c == '"':
                quoted = False
        elif c == '"':
            quoted = True
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            if depth == 0:
                return [*arguments, text[start:i]]
            depth -= 1
        elif c == "," and depth == 0:
            arguments.append(text[start:i])
            start = i + 1
        i += 1
    return []


def makers(source):
    """Functions and lambdas with a parameter `code`: (name, its position, from where it is known)."""
    definition = r"\b(\w+)(?: = \[[^\]]*\])?\(((?:[^()]|\([^()]*\))*)\)"
    for match in re.finditer(definition, source):
        for position, parameter in enumerate(match.group(2).split(",")):
            if re.fullmatch(r"\s*(?:const )?(?:std::string(?:_view)?&?|char\*) code", parameter):
                yield match.group(1), position


def codes_of(source, known):
    found = set()
    for name, position in known:
        for match in re.finditer(rf"\b{name}\(", source):
            arguments = split_arguments(source[match.end() :])
            if position < len(arguments):
                found.update(
                    text
                    for text in re.findall(r'"([^"]*)"', arguments[position])
                    if CODE.fullmatch(text)
                )
    # Verdicts about a status: {code, retryable, only where it is named, advice}.
    found.update(re.findall(r'\{"([a-z-]+)", (?:true|false), (?:true|false),', source))
    return found


def source_codes(root):
    files = [f for folder in FOLDERS for f in sorted((root / folder).glob("*.[ch]*"))]
    sources = {f: re.sub(r"^\s*//.*$", "", f.read_text(), flags=re.M) for f in files}
    shared = [m for f, text in sources.items() if f.suffix == ".h" for m in makers(text)]
    codes = set()
    for file, text in sources.items():
        codes |= codes_of(text, {*shared, *(makers(text) if file.suffix == ".cpp" else ())})
    return codes


def check_problem_codes(root, faults):
    codes = source_codes(root)
    for certain in ("credential-revoked", "outcome-unknown", "http-status", "dns", "disk-full"):
        if certain not in codes:
            faults.append(f"the check does not see the code {certain}: it is broken")
    pages = {p.stem for p in (root / "docs/errors").glob("*.md")} - {"README"}
    index = (root / "docs/errors/README.md").read_text()
    faults += [f"docs/errors/{code}.md is missing" for code in sorted(codes - pages)]
    faults += [f"docs/errors/{page}.md: no source has this code" for page in sorted(pages - codes)]
    faults += [
        f"docs/errors/README.md does not list {page}"
        for page in sorted(pages)
        if f"({page}.md)" not in index
    ]


def check_make_targets(root, faults):
    rules = re.findall(r"^([\w%.-]+(?: [\w%.-]+)*):", (root / "Makefile").read_text(), flags=re.M)
    targets = {target for rule in rules for target in rule.split()}
    named = []
    for path in documents(root):
        text = path.read_text()
        shell = "\n".join(content for _, _, content in blocks(text, "sh"))
        for target in re.findall(r"`make ([\w-]+)[^`]*`", text) + re.findall(
            r"^make ([\w-]+)", shell, flags=re.M
        ):
            named.append(target)
            known = target in targets or any(
                target.startswith(t[:-1]) for t in targets if t.endswith("%")
            )
            if not known and target != "NAME":
                faults.append(f"{path}: the Makefile has no target {target}")
    if "demo" not in named:
        faults.append("`make demo` was not found: the check is broken")


def compare(sources, documented, what, faults):
    if len(sources) < 5:
        faults.append(f"too few {what}s were found in the sources: the check is broken")
    faults += [f"docs/operations.md lacks the {what} {name}" for name in sorted(sources - documented)]
    faults += [f"docs/operations.md: no source has the {what} {name}" for name in sorted(documented - sources)]


def check_settings(root, faults):
    keys = re.findall(r'^ +\{"([\w.]+)",', (root / "config/settings_keys.cpp").read_text(), flags=re.M)
    text = (root / "docs/operations.md").read_text()
    section = text.split("\n## Settings\n")[1].split("\n## ")[0]
    compare(set(keys), set(re.findall(r"^\| `([\w.]+)` ", section, flags=re.M)), "setting", faults)


def check_metrics(root, faults):
    files = [f for folder in FOLDERS for f in (root / folder).glob("*.cpp")]
    pattern = r'"(stepwell_\w+)"'
    made = {name for f in files for name in re.findall(pattern, f.read_text())}
    documented = set(re.findall(r"`(stepwell_\w+)", (root / "docs/operations.md").read_text()))
    compare(made, documented, "metric", faults)


def check_alerts(root, faults):
    rules = (root / "packaging/prometheus/alerts.yaml").read_text()
    ours = set(re.findall(r"- alert: (\w+)", rules))
    told = set(re.findall(r"^\| `(Stepwell\w+)` \|", (root / "docs/operations.md").read_text(), re.M))
    faults += [f"docs/operations.md does not say what to do about {name}" for name in ours - told]
    faults += [f"docs/operations.md: there is no alert {name}" for name in told - ours]
    if not ours:
        faults.append("no alert was found: the check is broken")


def check_definitions(root, faults, stepwell):
    with tempfile.TemporaryDirectory() as folder:
        files = {str(path): path for path in sorted((root / "examples").glob("*.yaml"))}
        for path in documents(root):
            for line, _, content in blocks(path.read_text(), "yaml"):
                if not re.search(r"^document:", content, flags=re.M):
                    continue
                file = Path(folder, f"{path.stem}-{line}.yaml")
                file.write_text(content)
                files[str(file)] = f"{path}:{line}"
        for file, origin in files.items():
            result = subprocess.run(
                [stepwell, "validate", file], capture_output=True, text=True, check=False
            )
            if result.returncode != 0 or result.stderr:
                faults.append(f"{origin}: {result.stderr.strip() or 'not valid'}")
        if len(files) < 6:
            faults.append("too few definitions were found: the check is broken")


SHOP_API = {
    "openapi": "3.0.3",
    "info": {"title": "Pets", "version": "1"},
    "servers": [{"url": "http://pets.example.com"}],
    "paths": {"/pets/{id}": {"get": {
        "operationId": "getPet",
        "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}],
        "responses": {"200": {"description": "a pet"}},
    }}},
}


class Shop(http.server.BaseHTTPRequestHandler):
    """pets.example.com of docs/examples.md."""

    protocol_version = "HTTP/1.1"

    def answer(self, status, value):
        text = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        if self.path == "/pets/7":
            self.answer(200, {"id": 7, "name": "Bello"})
        elif self.path == "/busy":
            self.server.asked += 1
            busy = self.server.asked == 1
            self.answer(503 if busy else 200, {"ready": not busy})
        elif self.path == "/private":
            good = self.headers.get("Authorization") == "Bearer " + TOKEN
            self.answer(200 if good else 401, {"private": good})
        elif self.path == "/openapi.json":
            self.answer(200, SHOP_API)
        else:
            self.answer(404, {})

    def do_POST(self):
        order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        url = urllib.parse.urlsplit(self.path)
        known = url.path == "/orders"
        query = dict(urllib.parse.parse_qsl(url.query))
        self.answer(201 if known else 404, {"order": 1001, **order, **query})

    def log_message(self, *_):
        pass


TOKEN = "shop-token-5f1c"


def examples(path):
    """(line, credential or "", definition, {input, output, problem} as far as they are given)."""
    text = path.read_text()
    pattern = r"^<!-- example(?: credential=(\w+))? -->\n```yaml\n(.*?)^```\n((?:```json \w+\n.*?^```\n?)*)"
    for match in re.finditer(pattern, text, flags=re.M | re.S):
        parts = re.findall(r"^```json (\w+)\n(.*?)^```", match.group(3), flags=re.M | re.S)
        line = text.count("\n", 0, match.start(2)) + 1
        yield line, match.group(1) or "", match.group(2), {k: json.loads(v) for k, v in parts}


def run_example(stepwell, folder, port, credential, definition, given):
    """What is wrong with what it gives; empty where nothing is."""
    file = Path(folder, "example.yaml")
    file.write_text(definition)
    command = [stepwell, "run", file, "--allow-network", "127.0.0.0/8", "--allow-shell", "--allow-script"]
    command += ["--connect-to", f"pets.example.com:80:127.0.0.1:{port}"]
    if "input" in given:
        command += ["--input", json.dumps(given["input"])]
    if credential:
        Path(folder, "token").write_text(TOKEN)
        command += ["--credential", f"{credential}=bearer:@{Path(folder, 'token')}"]
    result = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    if "problem" in given:
        if result.returncode != 1:
            return f"exit code {result.returncode}: {result.stdout}{result.stderr}"
        problem = json.loads(result.stderr)
        wrong = {k: problem.get(k) for k, v in given["problem"].items() if problem.get(k) != v}
        return f"the problem has {wrong}" if wrong else ""
    if result.returncode != 0:
        return f"exit code {result.returncode}: {result.stderr}"
    output = json.loads(result.stdout)
    return "" if output == given["output"] else f"it gives {json.dumps(output)}"


def check_examples(root, faults, stepwell):
    count = 0
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for path in documents(root):
        for line, credential, definition, given in examples(path):
            count += 1
            server.asked = 0
            with tempfile.TemporaryDirectory() as folder:
                wrong = run_example(
                    stepwell, folder, server.server_port, credential, definition, given
                )
            if wrong:
                faults.append(f"{path}:{line}: {wrong}")
    server.shutdown()
    if count < 20:
        faults.append("too few examples were found: the check is broken")


def run_block(root, content, stepwell):
    """Runs the block in a session of its own, which is ended with it."""
    with tempfile.TemporaryDirectory() as folder, reserve_port() as reserved:
        shutil.copytree(root / "examples", Path(folder, "examples"))
        bin_folder = Path(folder, ".bin")
        bin_folder.mkdir()
        (bin_folder / "stepwell").symlink_to(stepwell)
        kept = {k: v for k, v in os.environ.items() if not k.startswith("STEPWELL_")}
        kept["PATH"] = f"{bin_folder}:{kept['PATH']}"
        script = content.replace("127.0.0.1:8080", f"127.0.0.1:{reserved.getsockname()[1]}")
        process = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=folder,
            env=kept,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=240)
            return process.returncode, output
        except subprocess.TimeoutExpired:
            return -1, "it did not end within 240 s"
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()


def check_commands(root, faults, stepwell):
    count = 0
    for path in documents(root):
        scripts = []
        for line, tag, content in blocks(path.read_text(), "sh"):
            if tag == "run":
                scripts.append((line, content))
            elif tag:
                line, begun = scripts.pop()
                scripts.append((line, begun + content))
        for line, content in scripts:
            count += 1
            code, output = run_block(root, content, stepwell)
            if code != 0:
                faults.append(f"{path}:{line}: exit code {code}\n{output}")
    if count == 0:
        faults.append("no block that is tagged to run was found: the check is broken")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part")
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--stepwell")
    arguments = parser.parse_args()
    root, faults = arguments.root.resolve(), []
    if arguments.part == "links":
        check_links(root, faults)
    elif arguments.part == "problem-codes":
        check_problem_codes(root, faults)
    elif arguments.part == "make-targets":
        check_make_targets(root, faults)
    elif arguments.part == "settings":
        check_settings(root, faults)
    elif arguments.part == "metrics":
        check_metrics(root, faults)
    elif arguments.part == "alerts":
        check_alerts(root, faults)
    elif arguments.part == "definitions":
        check_definitions(root, faults, os.path.abspath(arguments.stepwell))
    elif arguments.part == "examples":
        check_examples(root, faults, os.path.abspath(arguments.stepwell))
    elif arguments.part == "commands":
        check_commands(root, faults, os.path.abspath(arguments.stepwell))
    else:
        parser.error(f"no part {arguments.part}")
    print("\n".join(faults) or f"{arguments.part}: ok")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
