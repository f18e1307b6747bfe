#!/usr/bin/python3
"""What authors use before anything runs: `stepwell graph` and `stepwell validate --output json`.
Usage: authoring_test.py STEPWELL_BINARY SOURCE_FOLDER [unittest arguments]"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

STEPWELL = os.path.abspath(sys.argv.pop(1))
SOURCE = pathlib.Path(sys.argv.pop(1)).resolve()
CONFORMANCE = pathlib.Path(
    os.environ.get("STEPWELL_CONFORMANCE", SOURCE.parent / "shared" / "conformance"))
SVG = "{http://www.w3.org/2000/svg}"

HEAD = "document: {dsl: 1.0.0, namespace: test, name: sample, version: 1.0.0}\n"
GOOD = HEAD + "do:\n  - greet: {set: {greeting: hello}}\n"
WARNED = HEAD + "do:\n  - greet: {set: {greeting: 'Hello ${ .name }'}}\n"
WRONG = HEAD + "do:\n  - greet: {set: {a: '${ .a + }'}, tehn: end}\n"


def stepwell(*arguments):
    result = subprocess.run([STEPWELL, *map(str, arguments)], capture_output=True, text=True,
                            timeout=60, check=False)
    return result.returncode, result.stdout, result.stderr


class Folder(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return str(path)


class Graph(Folder):
    def draw(self, file):
        """Both notations; gives the picture's texts."""
        code, out, err = stepwell("graph", file)
        self.assertEqual(code, 0, err)
        self.assertRegex(out, r'^---\ntitle: ".*"\n---\n%% \S+\nflowchart TB\n')
        code, out, err = stepwell("graph", file, "--format", "svg")
        self.assertEqual(code, 0, err)
        root = ElementTree.fromstring(out.encode())
        self.assertEqual(root.tag, SVG + "svg")
        return [element.text for element in root.iter(SVG + "text")]

    def test_draws_every_example(self):
        files = sorted((SOURCE / "examples").glob("*.yaml"))
        self.assertGreaterEqual(len(files), 7)
        for file in files:
            texts = self.draw(file)
            self.assertIn("start", texts)
            self.assertIn("end", texts)

    def test_draws_every_official_example_that_loads(self):
        if not (CONFORMANCE / "examples").is_dir():
            self.skipTest(f"no official examples at {CONFORMANCE}; set STEPWELL_CONFORMANCE")
        drawn = 0
        for file in sorted((CONFORMANCE / "examples").glob("*.yaml")):
            if stepwell("validate", "--offline", file)[0] == 0:
                self.draw(file)
                drawn += 1
        self.assertGreaterEqual(drawn, 18)

    def test_names_of_any_kind_come_through(self):
        name = "\"<a href='x'>&amp;</a>\" [größe] {日本} #1; `x` \\n --> end %% -- |y|"
        file = self.write("a.json", json.dumps({
            "document": {"dsl": "1.0.0", "namespace": "t", "name": "n", "version": "1.0.0",
                         "title": name + "\x01"},
            "do": [{name: {"wait": "PT1S"}}]}))
        code, out, err = stepwell("graph", file, "--format", "svg")
        self.assertEqual(code, 0, err)
        root = ElementTree.fromstring(out.encode())
        titles = [element.text for element in root.iter(SVG + "title")]
        self.assertEqual(titles[0], name + "\ufffd")
        self.assertTrue(titles[1].startswith(name + " (/do/0/"), titles)
        code, out, err = stepwell("graph", file)
        self.assertEqual(code, 0, err)
        self.assertEqual(json.loads(out.splitlines()[1].removeprefix("title: ")), name + "\x01")
        label = out.splitlines()[7].strip()
        self.assertTrue(label.startswith('n3{{"') and label.endswith('"}}'), label)
        self.assertEqual(label.count('"'), 2, label)

    def test_draws_what_the_documents_show(self):
        text = (SOURCE / "docs" / "definitions.md").read_text()
        shown = text.split("```mermaid\n")[1].split("```\n")[0]
        self.assertEqual(stepwell("graph", SOURCE / "examples" / "loop.yaml")[1], shown)

    def test_writes_into_a_file(self):
        file = self.write("a.yaml", GOOD)
        out = self.folder / "a.svg"
        self.assertEqual(stepwell("graph", file, "-f", "svg", "-o", out), (0, "", ""))
        self.assertEqual(out.read_text(), stepwell("graph", file, "-f", "svg")[1])
        code, _, err = stepwell("graph", file, "-o", self.folder / "none" / "a.svg")
        self.assertEqual((code, err), (2, f"stepwell graph: {self.folder}/none/a.svg cannot be "
                                          "written\n"))

    def test_tells_the_faults_instead_of_drawing_what_is_wrong(self):
        file = self.write("a.yaml", WRONG)
        code, out, err = stepwell("graph", file)
        self.assertEqual((code, out), (2, ""))
        self.assertEqual(err, stepwell("validate", file)[2])
        self.assertEqual(stepwell("graph", self.write("b.yaml", GOOD), "--format", "png")[0], 2)


class Validate(Folder):
    def faults(self, code, *arguments):
        got, out, err = stepwell("validate", *arguments, "--output", "json")
        self.assertEqual((got, err), (code, ""))
        return json.loads(out)

    def test_an_empty_list_where_there_is_nothing_to_say(self):
        self.assertEqual(self.faults(0, self.write("a.yaml", GOOD)), [])

    def test_an_object_for_each_fault(self):
        file = self.write("a.yaml", WRONG)
        self.assertEqual(self.faults(2, file), [
            {"file": file, "line": 3, "column": 31, "severity": "error",
             "message": "in the jq expression: expected an expression but found the end of the "
                        "expression", "reference": "/do/0/greet/set/a"},
            {"file": file, "line": 3, "column": 36, "severity": "error",
             "message": "unknown keyword `tehn`", "reference": "/do/0/greet/tehn",
             "hint": "did you mean `then`?"},
        ])

    def test_warnings_leave_the_exit_code(self):
        file = self.write("a.yaml", WARNED)
        self.assertEqual(self.faults(0, file), [
            {"file": file, "line": 3, "column": 29, "severity": "warning",
             "message": "this is literal text: in strict mode a string is an expression only where "
                        "the whole of it is `${ … }`", "reference": "/do/0/greet/set/greeting",
             "hint": "write `${ \"Hello \\(.name)\" }`"},
        ])

    def test_one_document_for_all_files(self):
        self.write("a.yaml", WARNED)
        self.write("b.yaml", GOOD)
        self.write("c.yaml", WRONG)
        missing = str(self.folder / "none.yaml")
        faults = self.faults(2, str(self.folder), missing)
        self.assertEqual([pathlib.Path(fault["file"]).name for fault in faults],
                         ["a.yaml", "c.yaml", "c.yaml", "none.yaml"])
        self.assertEqual(faults[-1], {"file": missing, "line": 0, "column": 0, "severity": "error",
                                      "message": "the file cannot be read", "reference": ""})

    def test_the_text_says_the_same(self):
        file = self.write("a.yaml", WRONG)
        lines = []
        for fault in self.faults(2, file):
            lines.append(f"{fault['file']}:{fault['line']}:{fault['column']}: {fault['severity']}: "
                         f"{fault['message']}")
        text = stepwell("validate", file)[2].splitlines()
        self.assertEqual(len(text), len(lines))
        for long, short in zip(text, lines):
            self.assertTrue(long.startswith(short), long)

    def test_other_forms_are_refused(self):
        file = self.write("a.yaml", GOOD)
        self.assertEqual(stepwell("validate", file, "--output", "xml")[0], 2)
        self.assertEqual(stepwell("validate", file, "-o", "text")[:2],
                         (0, f"{file}: ok (test/sample:1.0.0)\n"))


if __name__ == "__main__":
    unittest.main()
