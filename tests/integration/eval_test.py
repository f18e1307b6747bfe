#!/usr/bin/python3
"""`stepwell eval` as a process: by its own expectations, and beside the real jq command (1.6 in
Debian 12) where that is installed. Usage: eval_test.py STEPWELL_BINARY [unittest arguments]"""

import itertools
import os
import pathlib
import select
import shutil
import subprocess
import sys
import tempfile
import unittest

STEPWELL = os.path.abspath(sys.argv.pop(1))
JQ = shutil.which("jq")


def run(command, stdin):
    data = stdin if isinstance(stdin, bytes) else stdin.encode()
    result = subprocess.run(command, input=data, capture_output=True, timeout=60, check=False)
    return result.returncode, result.stdout, result.stderr.decode()


def evaluate(*arguments, stdin=""):
    code, out, err = run([STEPWELL, "eval", *arguments], stdin)
    return code, out.decode(), err


INPUTS = {
    "nothing": "",
    "a number": "1",
    "texts side by side": '1 2\n[3]{"a":4}"x"[]',
    "scalars": 'null\ntrue\nfalse\n-0.5\n"é😀\\u0001\\u007f\\t\\"\\\\/"\n',
    "an object": '{"b":[1,{"c":null}],"a":{"z":{},"y":[]},"é":"ü"}\n',
    "lines": "one\ntwo \n\nthree",
    "bad UTF-8 in a text": b'"a\xff\xc3z"',
}
PROGRAMS = [".", ".[]?", "empty", ".,.", '"x\\(.)"', "[.]", "{a: .}", "type", 'error("no")', "$v",
            "$ARGS.named", "tojson", "null,1", "1,false"]
OPTIONS = [
    (), ("-c",), ("-r",), ("-j",), ("-n",), ("-s",), ("-R",), ("-S",), ("-a",), ("-e",), ("--tab",),
    ("--indent", "0"), ("--indent", "1"), ("--indent", "7"), ("-cr",), ("-ns",), ("-Rs",), ("-nR",),
    ("-cS",), ("-cs",), ("-Rr",), ("-nrj",), ("-ce",), ("-sS", "--tab"),
    ("--compact-output",), ("--raw-output",), ("--join-output",), ("--null-input",), ("--slurp",),
    ("--raw-input",), ("--sort-keys",), ("--ascii-output",), ("--exit-status",),
]
ARGUMENTS = ("--arg", "v", "a 'b' \\u0041 é", "--argjson", "w", '{"n": [1, -2.5]}')

# jq's exit codes in the terms of daemon/exit_code.h: no output, 4, and a failure, 5, are 1.
EXIT_CODES = {0: 0, 1: 1, 2: 2, 3: 2, 4: 1, 5: 1}


@unittest.skipUnless(JQ, "jq is not installed")
class BesideJq(unittest.TestCase):
    def compare(self, options, program, stdin):
        arguments = [*options, *ARGUMENTS, program]
        jq = run([JQ, *arguments], stdin)
        ours = run([STEPWELL, "eval", *arguments], stdin)
        case = f"{arguments} on {stdin!r}: jq's {jq}, ours {ours}"
        self.assertEqual(ours[1], jq[1], case)
        self.assertEqual(bool(ours[2]), bool(jq[2]), case)
        if not self.code_of_jq_1_6_differs(options, stdin, jq):
            self.assertEqual(ours[0], EXIT_CODES[jq[0]], case)

    @staticmethod
    def code_of_jq_1_6_differs(options, stdin, jq):
        """1.6 forgets all but the last input, may exit with 4 or 0 after bad JSON, and with 0 where
        -e sees no input at all."""
        one = stdin in (INPUTS["a number"], INPUTS["an object"])
        exit_status = any(o in ("-e", "-ce", "--exit-status") for o in options)
        return "parse error" in jq[2] or (exit_status and not one)

    def test_every_option_on_every_input(self):
        for options, stdin in itertools.product(OPTIONS, INPUTS.values()):
            self.compare(options, ".", stdin)

    def test_every_program_on_every_input(self):
        for program, stdin in itertools.product(PROGRAMS, INPUTS.values()):
            self.compare(("-c",), program, stdin)

    def test_every_option_with_every_program(self):
        stdin = INPUTS["texts side by side"]
        short = [options for options in OPTIONS if not options or len(options[0]) <= 3]
        for options, program in itertools.product(short, PROGRAMS):
            self.compare(options, program, stdin)


class Outputs(unittest.TestCase):
    def expect(self, arguments, stdin, out, code=0, err=""):
        self.assertEqual(evaluate(*arguments, stdin=stdin), (code, out, err), arguments)

    def test_prints_each_output_as_jq_does(self):
        value = '{"b":[1,[],{}],"a":"é\\u007f\\u001f"}'
        for arguments, out in [
            ([], '{\n  "b": [\n    1,\n    [],\n    {}\n  ],\n  "a": "é\\u007f\\u001f"\n}\n'),
            (["-c"], '{"b":[1,[],{}],"a":"é\\u007f\\u001f"}\n'),
            (["-cS"], '{"a":"é\\u007f\\u001f","b":[1,[],{}]}\n'),
            (["-ca"], '{"b":[1,[],{}],"a":"\\u00e9\\u007f\\u001f"}\n'),
            (["--tab"], '{\n\t"b": [\n\t\t1,\n\t\t[],\n\t\t{}\n\t],\n\t"a": "é\\u007f\\u001f"\n}\n'),
            (["--indent", "0"], '{"b":[1,[],{}],"a":"é\\u007f\\u001f"}\n'),
        ]:
            self.expect([*arguments, "."], value, out)
        self.expect(["-r", ".,[.]"], '"é\\n"', 'é\n\n[\n  "é\\n"\n]\n')
        self.expect(["-j", ".,1"], '"a"', "a1")
        self.expect(["-ra", "."], '"a\\n"', '"a\\n"\n')  # jq 1.6 may crash here; 1.8 does this
        self.expect(["-ca", "."], '"😀"', '"\\ud83d\\ude00"\n')

    def test_reads_what_the_options_say(self):
        self.expect(["-c", "."], '1[2]{"a":3}"b" null', '1\n[2]\n{"a":3}\n"b"\nnull\n')
        self.expect(["-cs", "."], "1 2", "[1,2]\n")
        self.expect(["-cs", "."], "", "[]\n")
        self.expect(["-c", "."], "", "")
        self.expect(["-R", "."], "a\n\nb", '"a"\n""\n"b"\n')
        self.expect(["-Rs", "."], "a\nb\n", '"a\\nb\\n"\n')
        self.expect(["-n", "."], "not json", "null\n")
        self.expect(["-c", "."], "\ufeff[1]", "[1]\n")

    def test_arguments_are_variables(self):
        self.expect(["-nc", "--arg", "a", "1", "--argjson", "b", "-5", "--arg", "c", "[x,y]",
                     "--argjson", "d", "{}", "[$a,$b,$c,$d]"], "", '["1",-5,"[x,y]",{}]\n')
        self.expect(["-nc", "$ARGS", "--arg", "a", "--b"], "",
                    '{"positional":[],"named":{"a":"--b"}}\n')
        self.expect(["-n", "--arg", "a", "1", "--arg", "a", "2", "$a"], "", '"1"\n')
        self.expect(["-n", "--argjson", "a", "{", "$a"], "", "", 2,
                    "stepwell eval: --argjson a: invalid JSON at byte 1: Missing a name for object "
                    "member.\n")

    def test_expressions_that_look_like_something_else(self):
        for expression, out in [("{}", "{}\n"), ("[]", "[]\n"), ("[1,2]", "[1,2]\n"), ("", "null\n"),
                                ('{"a":1}', '{"a":1}\n'), ("[[1],[2]]", "[[1],[2]]\n")]:
            self.expect(["-nc", expression], "", out)
        self.expect(["-n", "--", "-1"], "", "-1\n")

    def test_the_expression_can_come_from_a_file(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "p.jq")
            file.write_text("# what it does\n.a\n| . + 1 # more\n")
            self.expect(["-f", str(file)], '{"a":1}', "2\n")
            file.write_text(".a\n| é\n")
            self.expect(["-f", str(file)], "", "", 2,
                        f"{file}:2:3: error: {self.fault_of('é')}\n  | é\n    ^\n")
            code, _, err = evaluate("-f", f"{folder}/none")
            self.assertEqual(code, 2)
            self.assertIn("cannot be read", err)
            code, _, _ = evaluate("-f", str(file), ".")
            self.assertEqual(code, 2)

    def fault_of(self, expression):
        err = evaluate("-n", expression)[2]
        return err.splitlines()[0].split(": error: ")[1]

    def test_long_whole_numbers_keep_their_digits(self):
        for number in ["9007199254740993", "123456789012345678901234567890", "0.1000000000000000055"]:
            self.expect(["."], number, number + "\n")


class Errors(unittest.TestCase):
    def test_goes_on_after_an_input_that_fails(self):
        code, out, err = evaluate("-c", ".a", stdin='{"a":1}\n2\n\n3 {"a":4}\n')
        self.assertEqual((code, out), (1, "1\n4\n"))
        lines = err.splitlines()
        self.assertEqual(len(lines), 2, err)
        self.assertTrue(lines[0].startswith("stepwell: error (at <stdin>:2): Cannot index number"))
        self.assertTrue(lines[1].startswith("stepwell: error (at <stdin>:4): Cannot index number"))

    def test_keeps_the_outputs_before_the_failure(self):
        self.assertEqual(evaluate("-n", '1, error("no"), 2'),
                         (1, "1\n", "stepwell: error (at <unknown>): no\n"))

    def test_shows_where_the_syntax_is_wrong(self):
        for expression, err in [
            (".a | {", "<expression>:1:7: error: expected an object's key but found the end of the "
                       "expression\n  .a | {\n        ^\n"),
            ('"é😀" + nowhere', "<expression>:1:8: error: nowhere/0 is not defined\n"
                             '  "é😀" + nowhere\n         ^\n'),
            (".a\n\t| nowhere\n| .b", "<expression>:2:4: error: nowhere/0 is not defined\n"
                                   "  \t| nowhere\n  \t  ^\n"),
        ]:
            self.assertEqual(evaluate("-n", expression), (2, "", err))

    def test_shows_a_part_of_a_long_line(self):
        code, _, err = evaluate("-n", "1+" * 200 + "nowhere" + "+1" * 200)
        self.assertEqual(code, 2)
        _, line, caret = err.splitlines()
        self.assertLess(len(line), 130)
        self.assertTrue(line[caret.index("^"):].startswith("nowhere"))

    def test_says_where_the_json_is_wrong(self):
        for stdin, place, out in [("[1,}", "1:4", ""), ('1\n"é" [é]', "2:6", '1\n"é"\n'),
                                  ("[1,\n 2", "2:3", ""), ("nulltrue", "1:5", ""),
                                  ("1x", "1:2", ""), ('{"a":1}}', "1:8", '{"a":1}\n'),
                                  ("[" * 20000, "1:10001", ""), ("[1 2]", "1:4", ""),
                                  ('"a\nb"', "1:3", ""), ("tru", "1:4", "")]:
            code, printed, err = evaluate("-c", ".", stdin=stdin)
            self.assertEqual((code, printed), (2, out), stdin[:20])
            self.assertTrue(err.startswith(f"<stdin>:{place}: error: invalid JSON: "), err)

    def test_the_exit_code_tells_about_the_last_output(self):
        for expression, code in [("1", 0), ("null", 1), ("false", 1), ("1,null", 1), ("null,1", 0),
                                 ("empty", 1), ("0", 0), ('""', 0)]:
            self.assertEqual(evaluate("-ne", expression)[0], code, expression)
            self.assertEqual(evaluate("-n", expression)[0], 0, expression)

    def test_wrong_usage(self):
        for arguments in [[], ["--indent", "8", "."], ["-n", "1", "2"], ["--unknown", "."],
                          ["-n", "--max-cpu", "soon", "1"], ["-n", "--max-cpu", "0s", "1"],
                          ["-n", "--max-memory", "64 apples", "1"], ["-n", "--arg", "a"]]:
            code, out, err = evaluate(*arguments)
            self.assertEqual((code, out), (2, ""), arguments)
            self.assertNotEqual(err, "")


class Bounds(unittest.TestCase):
    def test_an_evaluation_ends_at_its_budget_and_the_next_begins(self):
        for options, expression, what in [
            (["--max-cpu", "50ms"], "if . == 1 then def f: f; f else . end", "50 ms of CPU time"),
            (["--max-memory", "1MiB"], "if . == 1 then [range(1e9)] else . end", "1048576 bytes"),
            (["--max-outputs", "3"], "if . == 1 then range(9) else . end", "more than 3 outputs"),
            (["--max-depth", "9"], "if . == 1 then reduce range(99) as $i (.; [.]) else . end",
             "deeper than 9 levels"),
        ]:
            code, out, err = evaluate("-c", *options, expression, stdin="1 2")
            self.assertEqual(code, 1)
            self.assertEqual(out.splitlines()[-1], "2")
            self.assertIn("stepwell: error (at <stdin>:1): the expression was ended", err)
            self.assertIn(what, err)

    def test_has_no_way_out_of_the_expression(self):
        for expression in ["$ENV", "input", "inputs", "halt", 'include "a"; .', "$__prog_args"]:
            self.assertEqual(evaluate("-n", expression)[0], 2, expression)
        self.assertEqual(evaluate("-nc", "env")[1], "{}\n")


class Streams(unittest.TestCase):
    def test_each_output_is_there_before_the_next_input(self):
        process = subprocess.Popen([STEPWELL, "eval", "-c", ".a"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE)
        try:
            for text, out in [(b'{"a":1}', b"1\n"), (b' {"a":"x"}\n', b'"x"\n'),
                              (b'{"a":[', b""), (b"2]}", b"[2]\n")]:
                process.stdin.write(text)
                process.stdin.flush()
                if out:
                    self.assertTrue(select.select([process.stdout], [], [], 30)[0], text)
                    self.assertEqual(os.read(process.stdout.fileno(), 100), out)
            process.stdin.close()
            self.assertEqual(process.wait(timeout=30), 0)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    def test_many_small_texts_take_no_memory(self):
        text = b'{"a": [1, 2, 3], "b": "some text"}\n'
        limited = f"ulimit -v 300000; exec {STEPWELL} "
        if subprocess.run(["bash", "-c", limited + "--version"], capture_output=True).returncode:
            self.skipTest("a sanitizer's build takes more address space than the limit")
        command = limited + "eval -c 'select(.c)'"
        process = subprocess.Popen(["bash", "-c", command], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(40):
            process.stdin.write(text * 5_000)
        out, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, out, err), (0, b"", b""))


if __name__ == "__main__":
    unittest.main()
