#!/usr/bin/python3
"""The command line as people have it: at a terminal, completed by their shell, in the manual; and
what it says to a daemon. Usage: cli_test.py STEPWELL_BINARY ROOT [unittest arguments]"""

import fcntl
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
import daemon_process  # noqa: E402
from daemon_process import Binary, Daemon, Upstream  # noqa: E402

BINARY = Binary(sys.argv.pop(1))
ROOT = pathlib.Path(sys.argv.pop(1)).resolve()
TERMINAL = {"TERM": "xterm", "LC_ALL": "C.UTF-8", "NO_COLOR": None, "COLUMNS": None}

HELLO = """
document: {dsl: '1.0.3', namespace: test, name: NAME, version: '1.0.0'}
do:
  - greet: {set: {greeting: hello}}
"""
FETCH = """
document: {dsl: '1.0.3', namespace: test, name: fetch, version: '1.0.0'}
do:
  - first: {set: {a: 1}}
  - fetch: {call: http, with: {method: get, endpoint: {uri: '${ $workflow.input.url }'}}}
"""
WAIT = """
document: {dsl: '1.0.3', namespace: test, name: wait, version: '1.0.0'}
do:
  - rest: {wait: PT1H}
"""


def environment(**more):
    return daemon_process.environment(**{**TERMINAL, **more})


def stepwell(*arguments, stdin=None, **more):
    return BINARY(*arguments, stdin=stdin, **{**TERMINAL, **more})


class AtATerminal:
    """A command with a terminal of so many columns on all of its streams, or on standard error only."""

    def __init__(self, *arguments, columns=80, only_err=False, **more):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.process = subprocess.Popen(
            [BINARY.path, *arguments], env=environment(**more), start_new_session=True,
            stdin=subprocess.DEVNULL if only_err else slave, stdout=subprocess.PIPE if only_err else slave, stderr=slave)
        os.close(slave)
        self.text = ""

    def read_until(self, wanted):
        while wanted not in self.text:
            ready, _, _ = select.select([self.master], [], [], 60)
            if not ready:
                raise AssertionError(f"no {wanted!r} in {self.text!r}")
            try:
                piece = os.read(self.master, 65536)
            except OSError:  # EIO: nobody has the terminal any more
                piece = b""
            if not piece:
                raise AssertionError(f"no {wanted!r} in {self.text!r}")
            self.text += piece.decode()
        return self.text

    def type(self, text):
        os.write(self.master, text.encode())

    def end(self):
        """All that it has written, and its exit code."""
        while True:
            try:
                piece = os.read(self.master, 65536)
            except OSError:
                piece = b""
            if not piece:
                break
            self.text += piece.decode(errors="replace")
        os.close(self.master)
        self.out = self.process.stdout.read().decode() if self.process.stdout else ""
        if self.process.stdout:
            self.process.stdout.close()
        return self.text, self.process.wait(60)


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="stepwell-cli."))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return str(path)


class Progress(Case):
    def test_a_terminal_shows_the_steps_while_they_run(self):
        server = Upstream()
        self.addCleanup(server.close)
        file = self.write("fetch.yaml", FETCH)
        given = json.dumps({"url": server.origin + "/hold"})
        run = AtATerminal("run", file, "--input", given, "--allow-network", "127.0.0.0/8", only_err=True)
        run.read_until("running    fetch")
        self.assertIn("completed  first", run.text)
        self.assertIn("\x1b[", run.text, "lines are written over")
        server.held.set()
        text, code = run.end()
        self.assertEqual((code, json.loads(run.out)), (0, {"ok": True}))
        last = text[text.rindex("\x1b[J"):]
        self.assertRegex(last, r"completed  first .*\r\n.*completed  fetch")
        self.assertNotIn("running", last)

    def test_elsewhere_nothing_is_shown(self):
        file = self.write("hello.yaml", HELLO)
        done = stepwell("run", file)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        traced = AtATerminal("run", file, "--trace", "-", only_err=True)
        text, code = traced.end()
        self.assertEqual((text, code), ("", 0), "the trace takes its place")
        dumb = AtATerminal("run", file, only_err=True, TERM="dumb")
        self.assertEqual(dumb.end(), ("", 0))

    def test_colours_follow_the_terminal_and_what_is_asked_for(self):
        file = self.write("hello.yaml", HELLO)
        coloured, _ = AtATerminal("run", file, only_err=True).end()
        self.assertIn("\x1b[32mcompleted", coloured)
        for arguments, more in ((("--color", "never"), {}), ((), {"NO_COLOR": "1"})):
            plain, _ = AtATerminal("run", file, *arguments, only_err=True, **more).end()
            self.assertIn("completed", plain)
            self.assertNotIn("\x1b[32m", plain)


class Shells(Case):
    def script(self, shell):
        done = stepwell("completion", shell)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return self.write("completion." + shell, done.stdout)

    def in_path(self, **more):
        """stepwell as a command, beside those of the shell."""
        (self.folder / "bin").mkdir(exist_ok=True)
        link = self.folder / "bin/stepwell"
        if not link.exists():
            link.symlink_to(BINARY.path)
        return environment(PATH=f"{self.folder}/bin:{os.environ['PATH']}", HOME=str(self.folder), **more)

    def bash(self, *words):
        quoted = " ".join(f"'{w}'" for w in words)
        done = subprocess.run(
            ["bash", "--norc", "-euc", f"source {self.script('bash')}\nCOMP_WORDS=({quoted}) COMP_CWORD={len(words) - 1}\n"
             "_stepwell\nprintf '%s\\n' \"${COMPREPLY[@]}\""],
            capture_output=True, text=True, cwd=self.folder, env=self.in_path(), timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.split()

    def zsh(self, *words):
        quoted = " ".join(f"'{w}'" for w in words)
        done = subprocess.run(
            ["zsh", "-fc", "compdef() { }\n_files() { print FILES }\ncompadd() { shift; print -l -- $@ }\n"
             "_describe() { [[ $1 == -o ]] && shift; print -l -- ${${(P)2}%%:*} }\n"
             f"source {self.script('zsh')}\nwords=({quoted}); CURRENT={len(words)}\n_stepwell"],
            capture_output=True, text=True, env=self.in_path(), timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.split()

    def fish(self, *words):
        done = subprocess.run(
            ["fish", "--no-config", "-c", f"source {self.script('fish')}; complete -C '{' '.join(words)}'"],
            capture_output=True, text=True, env=self.in_path(), timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [line.split("\t")[0] for line in done.stdout.splitlines()]

    def test_each_shell_completes_commands_options_and_words(self):
        for complete in (self.bash, self.zsh, self.fish):
            with self.subTest(complete.__name__):
                self.assertIn("instances", complete("stepwell", ""))
                self.assertIn("revoke", complete("stepwell", "keys", ""))
                self.assertNotIn("instances", complete("stepwell", "keys", ""))
                options = complete("stepwell", "credentials", "add", "crm", "--")
                for option in ("--kind", "--value-file", "--output"):
                    self.assertIn(option, options)
                self.assertIn("oauth2", complete("stepwell", "credentials", "add", "crm", "--kind", ""))
                self.assertIn("yaml", complete("stepwell", "keys", "list", "-o", ""))

    def test_bash_narrows_down_to_what_was_typed(self):
        self.assertEqual(self.bash("stepwell", "inst"), ["instances"])
        self.assertEqual(self.bash("stepwell", "keys", "set"), ["set-expiry"])
        self.assertEqual(self.bash("stepwell", "users", "set-role", "ana", "--role", "=", "op"), ["operator"])
        self.write("a b.yaml", "")
        done = subprocess.run(["bash", "--norc", "-ic", f"source {self.script('bash')}; complete -p stepwell"], capture_output=True,
                              text=True, env=self.in_path(), timeout=60)
        self.assertIn("-F _stepwell stepwell", done.stdout)

    def test_the_manual_has_no_faults(self):
        page = self.write("stepwell.1", stepwell("manual").stdout)
        lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], capture_output=True, text=True, timeout=60)
        faults = [line for line in lint.stdout.splitlines() if "missing date" not in line]
        self.assertEqual(faults, [])
        shown = subprocess.run(["mandoc", "-T", "utf8", page], capture_output=True, text=True, timeout=60).stdout
        plain = re.sub(".\b", "", shown)
        for text in ("stepwell instances complete-step", "EXIT STATUS", "--value-file", "NO_COLOR"):
            self.assertIn(text, plain)

    def test_the_document_says_what_the_help_says(self):
        made = stepwell("manual", "--format", "markdown").stdout
        self.assertEqual((ROOT / "docs/cli.md").read_text(), made,
                         "make it anew: stepwell manual --format markdown > docs/cli.md")


class Help(Case):
    def test_each_command_has_an_example_that_can_be_read(self):
        text = stepwell("manual", "--format", "markdown").stdout
        sections = re.split(r"^##+ (stepwell .*)$", text, flags=re.M)[1:]
        self.assertGreater(len(sections), 140)
        examples = 0
        for path, section in zip(sections[::2], sections[1::2]):
            if section.rstrip().endswith("COMMAND\n```") or " COMMAND\n```" in section:
                continue  # those below it have theirs
            self.assertIn("```sh\n", section, f"{path} has no example")
            part = section.split("```sh\n")[1].split("```")[0].replace("\\\n", " ")
            part = re.sub(r"\n {4,}", " ", part)  # what goes on in the next line
            lines = [line for line in part.splitlines() if "stepwell" in line]
            self.assertTrue(lines, path)
            self.check(lines[0])
            examples += 1
        self.assertGreater(examples, 60)
        help_text = stepwell("keys", "create", "--help").stdout
        self.assertIn("Examples:\n  stepwell keys create ci", help_text)

    def check(self, line):
        """Its words are understood: what is missed is the site, the daemon or the file, not the grammar."""
        call = line.replace("$(date +%F)", "x")[line.index("stepwell"):].split("&&")[0].split("|")[0].split("<")[0].split(" > ")[0].rstrip(")")
        words = subprocess.run(["bash", "-c", "printf '%s\\0' " + call], capture_output=True, text=True).stdout
        words = words.split("\0")[1:-1]
        self.assertTrue(words, line)
        if words[0] in ("serve", "init", "manual", "completion", "eval") or (words[0] == "events"):
            words.append("--help")
        done = subprocess.run([BINARY.path, *words], input="", capture_output=True, text=True, cwd=self.folder,
                              env=environment(STEPWELL_CONFIG=str(self.folder / "none.yaml")), timeout=60)
        self.assertNotIn("Run with --help", done.stderr, line)
        self.assertNotIn("(usage)", done.stderr, line)


class Served(Daemon):
    """A daemon with a site of its own, and commands that are told of it."""

    def __init__(self, folder):
        self.site = folder / "site"
        self.definitions = self.site / "definitions"
        key = BINARY.init(self.site)
        super().__init__(BINARY, self.site)
        self.env = {"STEPWELL_CONFIG": str(self.site / "stepwell.yaml"), "STEPWELL_API_KEY": key}

    def command(self, *arguments, **more):
        return stepwell(*arguments, **{**self.env, **more})

    def json(self, *arguments):
        done = self.command(*arguments, "-o", "json")
        if done.returncode != 0:
            raise AssertionError(f"{arguments}: {done.stderr}")
        return json.loads(done.stdout)


class WithDaemon(Case):
    def setUp(self):
        super().setUp()
        self.daemon = Served(self.folder)
        self.addCleanup(self.daemon.stop)

    def define(self, text, name):
        """As editors do: beside, and then in its place."""
        beside = self.folder / "new"
        beside.write_text(text)
        beside.rename(self.daemon.definitions / name)

    def names(self):
        return [item["name"] for item in self.daemon.json("workflows", "list")["items"]]

    def test_the_definitions_folder_is_watched(self):
        self.define(HELLO.replace("NAME", "one"), "one.yaml")
        self.daemon.wait_for("msg=reloaded")
        self.assertEqual(self.names(), ["one"])
        self.define("document: {", "two.yaml")
        self.daemon.wait_for("reload failed")
        self.assertEqual(self.names(), ["one"], "all or nothing")
        self.define(HELLO.replace("NAME", "two"), "two.yaml")
        self.daemon.wait_for("msg=reloaded")
        self.assertEqual(sorted(self.names()), ["one", "two"])
        (self.daemon.definitions / "one.yaml").unlink()
        self.daemon.wait_for("msg=reloaded")
        self.assertEqual(self.names(), ["two"])
        self.daemon.process.send_signal(signal.SIGHUP)
        self.daemon.wait_for("msg=reloaded")
        self.assertEqual(self.daemon.stop(), 0)
        self.assertFalse([line for line in self.daemon.log if "panic" in line])

    def test_bulk_operations_ask_at_a_terminal_and_show_how_far_they_are(self):
        self.define(WAIT, "wait.yaml")
        self.daemon.wait_for("msg=reloaded")
        for _ in range(3):
            self.daemon.json("instances", "start", "test/wait")
        asked = AtATerminal("instances", "stop", "--workflow", "test/wait", **self.daemon.env)
        asked.read_until("This will stop 3 instances. Go on? [y/N]")
        asked.type("n\n")
        text, code = asked.end()
        self.assertEqual(code, 1, text)
        self.assertIn("nothing was done", text)
        dry = self.daemon.command("instances", "stop", "--workflow", "test/wait", "--dry-run")
        self.assertEqual(dry.returncode, 0, dry.stderr)
        self.assertIn("would stop 3 instances", dry.stderr)
        self.assertEqual(len(self.daemon.json("instances", "list", "--open")["items"]), 3)
        asked = AtATerminal("instances", "stop", "--workflow", "test/wait", **self.daemon.env)
        asked.read_until("[y/N]")
        asked.type("y\n")
        text, code = asked.end()
        self.assertEqual(code, 0, text)
        self.assertIn("stop: 3 of 3", text)
        self.assertIn("taken: 3", text)
        self.assertEqual(self.daemon.json("instances", "list", "--open")["items"], [])

    def test_tables_fit_the_terminal_and_are_whole_elsewhere(self):
        name = "a-workflow-with-a-name-that-is-long-for-a-narrow-terminal"
        self.define(HELLO.replace("NAME", name), "long.yaml")
        self.daemon.wait_for("msg=reloaded")
        narrow, code = AtATerminal("workflows", "list", columns=60, **self.daemon.env).end()
        self.assertEqual(code, 0, narrow)
        lines = re.sub(r"\x1b\[[0-9;]*m", "", narrow).splitlines()
        self.assertTrue(all(len(line) <= 60 for line in lines), narrow)
        self.assertIn("…", narrow)
        self.assertIn(name, self.daemon.command("workflows", "list").stdout)
        self.assertIn(f"name: {name}", self.daemon.command("workflows", "list", "-o", "yaml").stdout)

    def test_a_daemon_is_reached_without_settings_and_told_what_is_wrong(self):
        server = {"STEPWELL_CONFIG": str(self.folder / "none.yaml"), "STEPWELL_SERVER": f"http://{self.daemon.address}"}
        self.assertEqual(self.daemon.command("users", "list", **server).returncode, 0)
        self.assertEqual(self.daemon.command("users", "list", "--server", "http://127.0.0.1:9").returncode, 3)
        self.assertEqual(self.daemon.command("users", "list", STEPWELL_API_KEY="").returncode, 2)
        self.assertEqual(self.daemon.command("users", "show", "nobody").returncode, 1)
        self.assertEqual(self.daemon.command("users", "list", "--offline").returncode, 1, "the daemon has it locked")

    def test_a_shell_completes_what_the_daemon_knows(self):
        self.define(HELLO.replace("NAME", "one"), "one.yaml")
        self.daemon.wait_for("msg=reloaded")
        for kind, expected in (("WORKFLOW", "test/one\n"), ("USER", "admin\n"), ("CREDENTIAL", "")):
            self.assertEqual(self.daemon.command("complete-names", kind).stdout, expected)
        (key,) = self.daemon.command("complete-names", "KEY").stdout.split()
        self.assertRegex(key, r"^sw_[a-z0-9]{12}$")
        self.assertNotIn(key + ".", self.daemon.command("complete-names", "KEY").stdout)
        silent = self.daemon.command("complete-names", "USER", STEPWELL_API_KEY="sw_x.y")
        self.assertEqual((silent.returncode, silent.stdout, silent.stderr), (0, "", ""))


if __name__ == "__main__":
    unittest.main()
