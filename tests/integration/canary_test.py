#!/usr/bin/python3
"""Secrets of every kind go through everything that a daemon does, and none turns up where it does not
belong. STEPWELL_CANARIES says how many (default 1000), STEPWELL_CANARY_SEED repeats a choice.
Usage: canary_test.py STEPWELL_BINARY [unittest arguments]"""

import collections
import concurrent.futures
import http.client
import json
import os
import pathlib
import resource
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True  # the source tree stays as it is

from canary_faults import faulty_bodies, faulty_definition
from canary_site import (CALLS, TOKEN, Api, Canaries, Certificates, Credentials, Daemon,
                         Haystacks, allow_cores, definition, failing, visiting, works)
from canary_upstream import Upstream, forms

STEPWELL = os.path.abspath(sys.argv.pop(1))
COUNT = int(os.environ.get("STEPWELL_CANARIES", "1000"))
SEED = int(os.environ.get("STEPWELL_CANARY_SEED", int.from_bytes(os.urandom(4), "big")))
# How many credentials of each kind, of a thousand canaries; an oauth2 has several.
SHARES = {"basic": .12, "bearer": .12, "prefix": .08, "header": .08, "digest": .08, "oauth2": .09, "aws": .06}
API_KEYS = .06
CERTIFICATES = 12
THREADS = 12
NEVER_SENT = {"digest password", "awsSigV4 secret key", "passphrase", "private key", "master key",
              "in a bad request", "given to a bad command"}


class Canary(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="stepwell-canary.")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.site = pathlib.Path(self.folder, "site")
        self.config = str(self.site / "stepwell.yaml")
        self.canaries = Canaries(SEED)
        self.haystacks = Haystacks()
        self.pool = concurrent.futures.ThreadPoolExecutor(THREADS)
        self.addCleanup(self.pool.shutdown)
        certificates = Certificates(self.folder + "/certificates", 4)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificates.server)
        context.load_verify_locations(certificates.authority)
        context.verify_mode = ssl.CERT_REQUIRED
        self.other = self.upstream()
        new_token = lambda kind: self.canaries.text(kind, TOKEN)
        self.plain = self.upstream(other=self.other.origin, tokens=new_token)
        self.tls = self.upstream(tls=context, other=self.other.origin)
        self.settings = [f"http.client.caFile={certificates.authority}"]
        self.credentials = Credentials(self.canaries, certificates, self.plain.origin, self.tls.origin)
        self.names = [f"{kind}-{i}" for kind, share in SHARES.items() for i in range(max(6, round(COUNT * share)))]
        self.names += [f"certificate-{i}" for i in range(CERTIFICATES)]
        self.bodies = {}
        self.logs = 0
        self.make_site()

    def upstream(self, **arguments):
        upstream = Upstream(**arguments)
        self.addCleanup(upstream.close)
        return upstream

    # ---- the site ----

    def make_site(self):
        made = self.command("init", str(self.site), "-o", "json", record=False)
        self.key = json.loads(made.stdout)["key"]
        self.canaries.api_key(self.key)
        self.haystacks.add("command output", made.stdout.replace(self.key, "SHOWN") + made.stderr, "init")
        self.note_master_key()
        self.put("mirror", definition("mirror", [{"show": {"set": "${ . }"}}]))
        self.put("raising", definition("raising", [{"fall": {"raise": {"error": {
            "type": "https://example.com/e", "status": 418, "title": "${ .v }", "detail": "${ .v }"}}}}]))
        for i, name in enumerate(self.names):
            self.put(name, visiting(name, self.credentials.base(name)))
            if i % 5 == 0:
                self.put("f-" + name, failing(name, self.credentials.base(name)))

    def note_master_key(self):
        self.canaries.raw_key("master key", (self.site / "secrets/master.key").read_bytes())

    def put(self, name, value):
        path = self.site / "definitions" / f"{name}.json"
        path.write_text(json.dumps(value))
        return path

    def serve(self):
        self.daemon = Daemon(STEPWELL, str(self.site), *self.settings)
        self.addCleanup(self.daemon.discard)
        self.api = Api(self.daemon, self.key, self.haystacks)
        self.addCleanup(self.api.close)

    def end(self, how):
        status = self.daemon.end(how)
        self.haystacks.add("log", self.daemon.log(), f"daemon {self.logs}")
        self.logs += 1
        return status

    def command(self, *arguments, stdin=None, record=True, key=None):
        """A command as a person gives it, in the site's folder."""
        env = {k: v for k, v in os.environ.items() if not k.startswith("STEPWELL_")}
        env["STEPWELL_API_KEY"] = key or getattr(self, "key", "")
        env["STEPWELL_CONFIG"] = self.config
        done = subprocess.run([STEPWELL, *arguments], input=stdin, capture_output=True, text=True,
                              env=env, timeout=120)
        if record:
            self.haystacks.add("command output", done.stdout + done.stderr, " ".join(arguments[:2]))
        return done

    def each(self, work, items):
        return list(self.pool.map(work, items))

    # ---- what is done with the canaries ----

    def add(self, name):
        self.bodies[name] = self.credentials.body(name)
        status, answer = self.api.call("POST", "/api/v1/credentials", self.bodies[name])
        self.assertEqual(status, 201, (name, answer))

    def start(self, workflow, **more):
        """The instance as it ended; nothing where the daemon was killed meanwhile."""
        try:
            status, instance = self.api.call("POST", "/api/v1/instances?wait=120s",
                                             {"workflow": "canary/" + workflow, **more})
            self.assertEqual(status, 201, instance)
            return self.api.call("GET", f"/api/v1/instances/{instance['id']}")[1]
        except (OSError, http.client.HTTPException):
            return None

    def visit(self, names):
        for name, instance in zip(names, self.each(self.start, names)):
            self.assertEqual(instance["status"], "completed", name)
            last = instance["output"][f"{CALLS[-1][0]}{len(CALLS) - 1}"]
            self.assertEqual("caught" not in last, works(name), (name, last))

    def make_keys(self):
        self.api.call("POST", "/api/v1/users", {"name": "robot", "role": "operator"})
        self.api.call("POST", "/api/v1/users", {"name": "guest", "role": "viewer"})
        self.keys = []
        for i in range(max(8, round(COUNT * API_KEYS))):
            status, made = self.api.call("POST", "/api/v1/keys", {
                "name": f"key {i}", "user": ("robot", "guest", "admin")[i % 3]}, shows="key")
            self.assertEqual(status, 201, made)
            self.canaries.api_key(made["key"], on_the_wire=i < 6)
            self.keys.append(made["key"])
        for i, key in enumerate(self.keys[:6]):  # credentials that hold keys of ours
            name = f"linked-{i}"
            self.put(name, visiting(name, self.plain.origin))
            place = {"kind": "bearer"} if i % 2 else {"kind": "apiKey", "prefix": "Api-Key"}
            status, answer = self.api.call("POST", "/api/v1/credentials", {
                "name": name, "origins": [self.plain.origin], "value": key, **place})
            self.assertEqual((status, answer.get("linkedKey")), (201, key.split(".")[0]))

    def use_keys(self, key):
        for given in (key, key[:-1] + ("a" if key[-1] != "a" else "b")):
            self.api.call("GET", "/api/v1/workflows", key=given)
            self.api.call("POST", "/api/v1/keys", {"name": given, "user": given}, key=given)
        self.api.call("GET", "/api/v1/workflows", headers={"Authorization": key})
        self.api.call("GET", "/api/v1/workflows", headers={"Authorization": f"Basic {key}"})
        # A person takes the key for its id.
        for method, tail in (("GET", ""), ("GET", "/usage"), ("DELETE", ""), ("POST", "/revoke")):
            self.api.call(method, f"/api/v1/keys/{key}{tail}", label="/api/v1/keys/KEY" + tail)
        self.start("mirror", input={"key": key}, name=key, tags=[key])

    def bad_requests(self):
        for i, body in enumerate(faulty_bodies(self.canaries, self.plain.origin)):
            status, answer = self.api.call("POST", "/api/v1/credentials", body)
            self.assertGreaterEqual(status, 400, (i, answer))
            self.api.call("POST", "/api/v1/credentials/bearer-1/rotate", body)
            self.api.call("PATCH", "/api/v1/credentials/bearer-1", body)
            self.api.call("POST", "/api/v1/credentials", body, key=self.keys[0])  # of an operator
            self.api.call("POST", "/api/v1/credentials", body, key="sw_aaaaaaaaaaaa.nonsense")
            self.api.call("POST", "/api/v1/credential", body)
            self.api.call("PUT", "/api/v1/credentials", body)
            self.api.call("POST", "/api/v1/users", body)
            self.api.call("POST", "/api/v1/instances", body)
            self.api.call("POST", "/api/v1/credentials/bearer-1/test", body)
        for name in self.names[::9]:
            value = self.bodies[name]["value"]
            if "PRIVATE KEY" in value:
                continue
            escaped = forms(value)["percent"]
            self.api.call("GET", f"/api/v1/credentials/{escaped}", label="/api/v1/credentials/SECRET")
            # What is refused is in the audit log, with its target.
            for method, tail in (("POST", "/revoke"), ("POST", "/rotate"), ("DELETE", "")):
                for key in (self.key, self.keys[0]):
                    self.api.call(method, f"/api/v1/credentials/{escaped}{tail}", {}, key=key,
                                  label="/api/v1/credentials/SECRET" + tail)
            self.api.call("PATCH", f"/api/v1/users/{escaped}", {"role": "admin"}, label="/api/v1/users/SECRET")
            self.api.call("GET", f"/api/v1/workflows?key={escaped}", label="/api/v1/workflows?key=SECRET")
            self.api.call("POST", f"/api/v1/credentials?value={escaped}", {}, label="?value=SECRET")
            if ":" not in value:  # which would end the name, and so cut the value before it is masked
                self.api.call("POST", "/api/v1/instances", {"workflow": value})
            self.api.call("GET", "/api/v1/workflows", headers={"Authorization": "Bearer " + escaped})
            self.api.call("POST", f"/api/v1/credentials/{name}/test",
                          {"url": f"{self.plain.origin}/echo?key={escaped}"})

    def mirror(self, name):
        """Known values that come in as data are masked when they go out."""
        value = self.bodies[name]["value"]
        self.start("mirror", input={"v": forms(value), "list": list(forms(value).values())})
        if len(value.encode()) <= 200:
            self.start("mirror", input={}, name=value, tags=[value])
        self.start("raising", input={"v": value})

    def look_at(self, name):
        self.api.call("GET", f"/api/v1/credentials/{name}")
        self.api.call("GET", f"/api/v1/credentials/{name}/usage")
        self.api.call("POST", f"/api/v1/credentials/{name}/test", {"url": self.credentials.base(name) + "/refuse"}
                      if name.endswith("7") else None)

    def look_at_everything(self):
        for path in ("credentials", "keys", "users", "workflows", "audit/verify"):
            self.assertEqual(self.api.call("GET", "/api/v1/" + path)[0], 200, path)
        for path in ("/metrics", "/-/ready", "/-/healthy", "/nonsense"):
            self.api.call("GET", path)
        cursor = ""
        while cursor is not None:
            page = self.api.call("GET", "/api/v1/audit?limit=500" + (f"&cursor={cursor}" if cursor else ""))[1]
            cursor = page.get("next")

    def rotate(self, name):
        value = self.credentials.value(name)
        status, answer = self.api.call("POST", f"/api/v1/credentials/{name}/rotate", value)
        self.assertEqual(status, 200, (name, answer))
        self.bodies[name] = {**self.bodies[name], **value}

    def refused_definitions(self):
        """Files that hold a stored value, good and broken ones; all of them are refused."""
        paths = []
        values = [self.bodies[name]["value"] for name in self.names[::25]]
        values = [value for value in values if "PRIVATE KEY" not in value]
        for i, value in enumerate([*values, *self.keys[6:9]]):
            path = self.site / "definitions" / f"bad-{i}.yaml"
            path.write_text(faulty_definition(i, value, self.plain.origin))
            paths.append(path)
        begin = len(self.daemon.lines)
        self.daemon.process.send_signal(signal.SIGHUP)
        failed = self.daemon.wait_for(b"reload failed", begin)
        refused = [path for path in paths if any(path.name.encode() in line and b"holds a secret" in line
                                                 for line in self.daemon.lines[begin:])]
        self.assertEqual(refused, paths, failed)
        self.api.call("POST", "/-/reload")
        for path in paths:
            path.unlink()
        self.reload()

    def reload(self):
        begin = len(self.daemon.lines)
        self.daemon.process.send_signal(signal.SIGHUP)
        self.daemon.wait_for(b"msg=reloaded", begin)

    def commands(self):
        """What people type, right and wrong."""
        given = pathlib.Path(self.folder, "given")
        given.mkdir()
        new = lambda: self.canaries.text("given to a bad command", TOKEN)
        origin = ["--origin", self.plain.origin]
        for i, arguments in enumerate((
                ["--kind", "nonsense", *origin], ["--kind", "bearer", "--origin", "nonsense"], ["--kind", "bearer"],
                ["--kind", "basic", *origin], ["--kind", "apiKey", *origin], ["--kind", "oauth2", *origin],
                ["--kind", "bearer", *origin, "--nonsense"], ["--kind", "bearer", *origin, "--expires", "nonsense"])):
            file = given / f"{i}"
            file.write_text(new() + "\n")
            bad = self.command("credentials", "add", "bearer-0", *arguments, "--value", "-", stdin=new())
            self.assertNotEqual(bad.returncode, 0)
            self.assertNotEqual(self.command("credentials", "add", "bad", *arguments, "--value", new()).returncode, 0)
            self.command("credentials", "add", "bearer-0", *arguments, "--value-file", str(file))
        for arguments in (["rotate", "bearer-2", "--value", "-"], ["rotate", "no-such", "--value", "-"]):
            self.command("credentials", *arguments, stdin=new() + "\nsecond line\n")
        for arguments in (["credentials", "list"], ["keys", "list"], ["users", "list"], ["audit", "list"],
                          ["audit", "verify"], ["audit", "list", "-o", "json"], ["doctor"], ["nonsense"],
                          ["credentials", "show", "bearer-0"], ["credentials", "test", "header-0", "-o", "json"],
                          ["credentials", "usage", "basic-0"], ["credentials", "delete", "bearer-0"],
                          ["check-config"], ["validate", str(self.site / "definitions")],
                          ["serve"], ["credentials", "list", "--offline"]):
            self.command(*arguments)
        self.command("keys", "list", key=self.keys[7][:-2])
        self.command("keys", "list", key=new())
        for verb in ("show", "revoke", "assign", "delete"):
            self.command("keys", verb, self.keys[7])
        self.command("instances", "start", "canary/bearer-0", "--input", "{}", "--wait", "30s")
        self.run_alone(given, new)

    def run_alone(self, given, new):
        """`stepwell run` with a credential from a file, and a trace."""
        for i, shape in enumerate(("bearer:%s", "basic:ada:%s", "apiKey:Token:%s", "header:X-Api-Key:%s")):
            secret = self.canaries.text("given to stepwell run", TOKEN, True)
            file, trace = given / f"run-{i}", given / f"trace-{i}"
            file.write_text(secret)
            for name, make in (("alone", visiting), ("down", failing)):
                source = given / f"{name}.json"
                source.write_text(json.dumps(make("alone", self.plain.origin)))
                self.command("run", str(source), "--allow-network", "127.0.0.0/8", "--trace", str(trace),
                             "--origin", f"alone={self.plain.origin}", "--credential", "alone=" + shape % f"@{file}")
                self.haystacks.add("trace", trace.read_bytes(), shape)
                self.command("run", str(source), "--allow-network", "127.0.0.0/8",
                             "--origin", "alone=https://example.com", "--credential", "alone=" + shape % f"@{file}")
            self.command("run", str(source), "--credential", "alone=" + shape % new())

    def check_process(self):
        pid = self.daemon.process.pid
        limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
        self.assertRegex(limits, r"Max core file size +0 +0 ")
        for name in ("cmdline", "environ", "coredump_filter"):
            try:
                self.haystacks.add("process", pathlib.Path(f"/proc/{pid}/{name}").read_bytes(), name)
            except PermissionError:
                pass  # nobody may look: better still

    def kill_under_load(self, how, names):
        """Ends the daemon while instances run; how many there were to be, and the status."""
        running = [self.pool.submit(self.start, name) for name in names]
        for done, _ in zip(concurrent.futures.as_completed(running), names[:len(names) // 3]):
            done.result()
        status = self.end(how)
        ended = [future.result() for future in running]
        self.assertIn(None, ended)
        return status

    def crash(self, names):
        """Dies of a fault, with core dumps allowed as far as whoever runs it can."""
        try:
            resource.prlimit(self.daemon.process.pid, resource.RLIMIT_CORE,
                             (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        except PermissionError:
            pass
        status = self.kill_under_load(signal.SIGSEGV, names)
        self.assertEqual(os.WTERMSIG(status), signal.SIGSEGV)
        self.assertFalse(os.WCOREDUMP(status), "the daemon left a core file")

    def end_credentials(self, name):
        number = int(name.partition("-")[2])
        verb = ("revoke", "disable", "delete", "set-expiry")[number % 4]
        if verb == "delete":
            self.api.call("DELETE", f"/api/v1/credentials/{name}?force=true")
        elif verb == "set-expiry":
            self.api.call("PATCH", f"/api/v1/credentials/{name}", {"expiresAt": "2020-01-01T00:00:00Z"})
        else:
            self.api.call("POST", f"/api/v1/credentials/{name}/{verb}?force=true" if verb == "revoke"
                          else f"/api/v1/credentials/{name}/{verb}")

    def drive(self):
        self.serve()
        self.make_keys()
        self.each(self.add, self.names)
        self.reload()
        self.check_process()
        linked = [f"linked-{i}" for i in range(6)]
        self.visit(self.names + linked)
        self.each(self.start, ["f-" + name for name in self.names[::5]])
        self.each(self.mirror, self.names[::4])
        self.each(self.use_keys, self.keys)
        self.bad_requests()
        self.refused_definitions()
        self.each(self.look_at, self.names)
        self.look_at_everything()
        self.commands()

        self.each(self.rotate, self.names[::3])
        self.kill_under_load(signal.SIGKILL, self.names[::3])
        self.serve()
        self.visit(self.names[::3] + linked)
        rotated = self.api.call("POST", "/api/v1/master-key/rotate")
        self.assertEqual(rotated[0], 200, rotated)
        self.note_master_key()
        self.crash(self.names[1::5])
        self.serve()
        self.each(self.end_credentials, self.names[2::5])
        for key in self.keys[::4]:
            self.api.call("POST", f"/api/v1/keys/{key.split('.')[0]}/revoke?force=true")
            self.api.call("GET", "/api/v1/workflows", key=key)
        self.each(self.start, self.names[2::10] + linked)
        self.look_at_everything()
        self.assertEqual(self.end(signal.SIGTERM), 0)
        self.assertEqual(self.command("master-key", "rotate", "--offline").returncode, 0)
        self.note_master_key()
        self.command("credentials", "list", "--offline", "-o", "json")
        self.assertEqual(self.command("audit", "verify", "--offline").returncode, 0)

    # ---- the search ----

    def gather_site(self):
        for path in sorted(self.site.rglob("*")):
            self.assertFalse(path.name.startswith("core"), path)
            if path.is_file() and path != self.site / "secrets/master.key":
                self.haystacks.add(f"site/{path.relative_to(self.site).parts[0]}", path.read_bytes(), path.name)

    def check_the_search(self):
        """Every form of every canary is found where it was put."""
        search = self.canaries.search
        filler = self.canaries.random.randbytes(7 * len(search.forms))
        planted = bytearray()
        for i, form in enumerate(search.forms):
            planted += form + filler[7 * i:7 * i + 1 + i % 7]
        self.assertEqual(set(search.forms_in(bytes(planted))), set(search.forms))
        self.assertEqual(search.forms_in(filler), {})

    def check_the_wire(self):
        """Third parties were sent what they were to be sent, and nothing else."""
        def seen(*upstreams):
            record = b"\n".join(head for upstream in upstreams for head in upstream.seen)
            return {one.canary: str(one) for one in self.canaries.search.find("the wire", record)}
        sent = seen(self.plain, self.tls)
        self.assertGreater(len(self.tls.seen), 0)
        self.assertGreater(len(self.other.seen), 0)
        with self.subTest("what is to be sent is sent"):
            self.assertEqual([str(c) for c in self.canaries.all if c.on_the_wire and c not in sent], [])
        with self.subTest("what is never to be sent is not"):
            self.assertEqual([where for c, where in sent.items() if c.kind in NEVER_SENT], [])
        with self.subTest("nothing is sent to an origin that is not allowed"):
            self.assertEqual(list(seen(self.other).values()), [])

    def core_dumps_happen_here(self):
        """Whether a crash of an ordinary process leaves a core file in its folder."""
        folder = pathlib.Path(self.folder, "control")
        folder.mkdir()
        subprocess.run([sys.executable, "-c", "import os; os.abort()"], cwd=folder, preexec_fn=allow_cores)
        return any(folder.iterdir())

    def test_none_turns_up_where_it_does_not_belong(self):
        self.drive()
        self.gather_site()
        self.check_the_search()
        self.check_the_wire()
        found, size = [], 0
        items = self.haystacks.items()
        for place, haystack in items:
            size += len(haystack)
            found += self.canaries.search.find(place, haystack)
        kinds = self.canaries.by_kind()
        self.assertGreaterEqual(len(self.canaries.all), COUNT)
        print(f"canaries: {len(self.canaries.all)} secrets, {len(self.canaries.search.forms)} forms, {size} bytes "
              f"searched in {len(items)} places: {len(found)} found")
        print("  of " + ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())))
        print("  core files of other processes: "
              + ("written" if self.core_dumps_happen_here() else "not written here"))
        kept = os.environ.get("STEPWELL_CANARY_FINDINGS")
        if kept and found:
            pathlib.Path(kept).write_text("\n".join(map(str, found)))
        summary = collections.Counter((one.canary.kind, one.form, one.place) for one in found)
        self.assertFalse(found, f"seed {SEED}:\n" + "\n".join(map(str, summary.most_common())) + "\n"
                         + "\n".join(map(str, found[:20])))


if __name__ == "__main__":
    unittest.main(verbosity=1)
