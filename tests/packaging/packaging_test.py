#!/usr/bin/env python3
"""What ships beside the program: the unit, alert rules, the dashboard, the Debian package.

packaging_test.py ROOT [FOLDER]: the package in the folder (`make package`) is installed, run and purged in a view of this
machine that is thrown away (an overlay in a mount namespace of its own)."""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from daemon_process import reserve_port  # noqa: E402

ROOT = None
PACKAGE = None
METRIC = re.compile(r"stepwell_[a-z0-9_]+")
EXPOSURE_AT_MOST = 20  # tenths; systemd calls up to 4.9 "OK"


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, **options)


def program(name):
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if path is None:
        raise AssertionError(f"{name} is missing: tools/setup.sh installs it")
    return path


def documented_metrics():
    text = (ROOT / "docs/operations.md").read_text()
    return {name for line in text.splitlines() if line.startswith("| `stepwell_") for name in METRIC.findall(line.split("|")[1])}


def used_metrics(text):
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in METRIC.findall(text)}


class Shipped(unittest.TestCase):
    def test_prometheus_accepts_the_alert_rules(self):
        checked = run(program("promtool"), "check", "rules", str(ROOT / "packaging/prometheus/alerts.yaml"))
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

    def test_each_alert_fires_at_its_cause(self):
        checked = run(program("promtool"), "test", "rules", str(ROOT / "tests/packaging/alerts_test.yaml"))
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        rules = (ROOT / "packaging/prometheus/alerts.yaml").read_text()
        cases = (ROOT / "tests/packaging/alerts_test.yaml").read_text()
        for name in re.findall(r"alert: (\w+)", rules):
            self.assertIn(f"alertname: {name}", cases, "an alert without a test")

    def test_rules_and_dashboard_name_metrics_that_exist(self):
        known = documented_metrics()
        self.assertGreater(len(known), 30)
        rules = "\n".join(re.findall(r"expr: (?:\|\n)?(.*(?:\n +>.*)?)", (ROOT / "packaging/prometheus/alerts.yaml").read_text()))
        dashboard = json.loads((ROOT / "packaging/grafana/dashboard.json").read_text())
        asked = "\n".join(target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", []))
        for text in (rules, asked):
            used = used_metrics(text)
            self.assertTrue(used)
            self.assertEqual(used - known, set())

    def test_prometheus_can_read_each_query_of_the_dashboard(self):
        dashboard = json.loads((ROOT / "packaging/grafana/dashboard.json").read_text())
        exprs = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "queries.yaml"
            rules = [{"record": f"q:{i}", "expr": e.replace("$__rate_interval", "5m").replace("$instance", ".*").replace("$workflow", ".*")} for i, e in enumerate(exprs)]
            path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
            checked = run(program("promtool"), "check", "rules", str(path))
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        places = [tuple(panel["gridPos"][k] for k in "xywh") for panel in dashboard["panels"]]
        for i, (x, y, w, h) in enumerate(places):
            self.assertLessEqual(x + w, 24)
            for x2, y2, w2, h2 in places[:i]:
                self.assertFalse(x < x2 + w2 and x2 < x + w and y < y2 + h2 and y2 < y + h, "panels overlap")

    def test_the_unit_is_hardened(self):
        checked = run(program("systemd-analyze"), "security", "--offline=true", f"--threshold={EXPOSURE_AT_MOST}", "--no-pager",
                      str(ROOT / "packaging/stepwell.service"))
        self.assertEqual(checked.returncode, 0, checked.stdout[-2000:] + checked.stderr)
        unit = (ROOT / "packaging/stepwell.service").read_text()
        for line in ("Type=notify", "WatchdogSec=", "User=stepwell"):
            self.assertIn(line, unit)


INSIDE = r"""
set -eu
export DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin
dpkg -i /package.deb
echo == installed
zcat /usr/share/man/man1/stepwell.1.gz | grep -q '^.TH STEPWELL 1'
bash -euc 'source /usr/share/bash-completion/completions/stepwell; complete -p stepwell'
id stepwell
stat -c '%U %a %n' /etc/stepwell /etc/stepwell/stepwell.yaml /etc/stepwell/secrets/master.key \
  /root/stepwell-first-key.json /var/lib/stepwell /var/lib/stepwell/data
systemd-analyze verify /lib/systemd/system/stepwell.service
export STEPWELL_HTTP_LISTEN=127.0.0.1:$PORT
start() {
  # As the unit would, so far as that goes without systemd.
  : > /tmp/log  # what an earlier one wrote
  runuser -u stepwell -- stepwell serve --config /etc/stepwell/stepwell.yaml 2>/tmp/log &
  daemon=$!
  until grep -q msg=ready /tmp/log; do kill -0 $daemon; sleep 0.05; done
}
stop() { kill -TERM $(pgrep -x -u stepwell stepwell); wait $daemon; }
start
STEPWELL_API_KEY=$(jq -r .key /root/stepwell-first-key.json) STEPWELL_CONFIG=/etc/stepwell/stepwell.yaml \
  stepwell users list
stop
echo == ran
before=$(cat /etc/stepwell/secrets/master.key | sha256sum)
dpkg -i /package.deb
test "$before" = "$(cat /etc/stepwell/secrets/master.key | sha256sum)"
start
stop
echo == upgraded
dpkg -r stepwell
test ! -e /usr/bin/stepwell
test -e /etc/stepwell/secrets/master.key
echo == removed
dpkg -P stepwell
test ! -e /etc/stepwell
test ! -e /var/lib/stepwell
if getent passwd stepwell; then exit 1; fi
test ! -e /root/stepwell-first-key.json
dpkg -L stepwell 2>&1 | grep -q 'not installed'
echo == purged
"""


class Package(unittest.TestCase):
    def setUp(self):
        if PACKAGE is None:
            self.skipTest("no package was given: `make package`")

    def test_it_says_what_it_needs(self):
        fields = run("dpkg-deb", "--field", str(PACKAGE)).stdout
        for field in ("Package: stepwell", "Architecture: ", "libcurl4", "libtbb12", "adduser", "Maintainer: "):
            self.assertIn(field, fields)
        content = run("dpkg-deb", "--contents", str(PACKAGE)).stdout
        for path in ("./usr/bin/stepwell", "./usr/lib/systemd/system/stepwell.service", "./usr/share/stepwell/prometheus/alerts.yaml",
                     "./usr/share/stepwell/grafana/dashboard.json", "./usr/share/doc/stepwell/operations.md", "./usr/share/doc/stepwell/copyright",
                     "./usr/share/man/man1/stepwell.1.gz", "./usr/share/bash-completion/completions/stepwell",
                     "./usr/share/zsh/vendor-completions/_stepwell", "./usr/share/fish/vendor_completions.d/stepwell.fish"):
            self.assertIn(path, content)

    def test_it_installs_runs_upgrades_and_purges_cleanly(self):
        if os.geteuid() != 0:
            self.skipTest("needs root for a mount namespace")
        with tempfile.TemporaryDirectory() as folder:
            base = pathlib.Path(folder)
            for name in ("upper", "work", "view"):
                (base / name).mkdir()
            script = f"""
mount -t tmpfs tmpfs {base}/upper && mkdir {base}/upper/u {base}/upper/w
mount -t overlay overlay -o lowerdir=/,upperdir={base}/upper/u,workdir={base}/upper/w {base}/view || exit 77
mount -t proc proc {base}/view/proc && mount --rbind /dev {base}/view/dev || exit 77
mount -t tmpfs tmpfs {base}/view/tmp
cp {PACKAGE} {base}/view/package.deb
exec chroot {base}/view /bin/bash -c "$INSIDE"
"""
            with reserve_port() as reserved:
                port = str(reserved.getsockname()[1])
                done = run("unshare", "--mount", "--pid", "--fork", "--kill-child", "/bin/bash", "-c", script, env=dict(os.environ, INSIDE=INSIDE, PORT=port), timeout=500)
            if done.returncode == 77 or "unshare failed" in done.stderr:
                self.skipTest("no overlay can be mounted here: " + done.stderr.strip())
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            for step in ("installed", "ran", "upgraded", "removed", "purged"):
                self.assertIn(f"== {step}", done.stdout)
            for line in ("stepwell 700 /var/lib/stepwell/data", "stepwell 600 /etc/stepwell/secrets/master.key", "root 600 /root/stepwell-first-key.json"):
                self.assertIn(line, done.stdout)
            self.assertRegex(done.stdout, r"admin +admin")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("package", type=pathlib.Path, nargs="?")
    arguments, rest = parser.parse_known_args()
    ROOT = arguments.root.resolve()
    if arguments.package:
        PACKAGE = max(arguments.package.resolve().glob("*.deb"), key=lambda path: path.stat().st_mtime)
    unittest.main(argv=[sys.argv[0], *rest])
