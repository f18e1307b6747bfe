"""The forms in which a secret may turn up again, and a search for all of them at once."""

import base64
import json
import re
import sys
import urllib.parse

FRAGMENT = 12  # bytes of a secret that must not turn up alone, where something cut it


def base64_inside(value, url=False):
    """What the base64 of any longer text that holds the value has in it, by the three alignments."""
    for skipped in range(3):
        encoded = base64.b64encode(bytes(skipped) + value)
        core = encoded[-(-8 * skipped // 6):8 * (skipped + len(value)) // 6]
        yield core.translate(bytes.maketrans(b"+/", b"-_")) if url else core


def lower_percent(text):
    return re.sub("%[0-9A-F]{2}", lambda found: found.group().lower(), text)


def upper_units(text):
    return re.sub(r"\\u[0-9a-f]{4}", lambda found: "\\u" + found.group()[2:].upper(), text)


def units(text):
    raw = text.encode("utf-16-be")
    return "".join(f"\\u{raw[i:i + 2].hex()}" for i in range(0, len(raw), 2))


def percent_forms(value):
    """As different libraries do it: which characters they leave alone, and the case of the digits."""
    for text in (urllib.parse.quote(value, safe=""), urllib.parse.quote(value, safe="/"),
                 urllib.parse.quote(value, safe="!*'()"), urllib.parse.quote_plus(value),
                 "".join(f"%{byte:02X}" for byte in value)):
        yield text
        yield lower_percent(text)


def json_forms(text):
    """The inside of a JSON string, as different libraries write it."""
    wide = json.dumps(text, ensure_ascii=False)[1:-1]
    ascii_only = json.dumps(text)[1:-1]
    html_safe = "".join(f"\\u{ord(c):04x}" if c in "<>&'+\"`" else json.dumps(c)[1:-1] for c in text)
    for form in (wide, ascii_only, html_safe, units(text)):
        for slashed in (form, form.replace("/", "\\/")):
            yield slashed
            yield upper_units(slashed)


def forms_of(value, fragments=True):
    """{form: its name} of a secret given as bytes; fragments where its ends are random, too."""
    forms = {value: "plain"}

    def add(name, form):
        forms.setdefault(form.encode() if isinstance(form, str) else form, name)
    for url in (False, True):
        for i, form in enumerate(base64_inside(value, url)):
            add(f"base64{'url' if url else ''} at {i}", form)
    add("hex", value.hex())
    add("HEX", value.hex().upper())
    for form in percent_forms(value):
        add("percent-encoded", form)
    try:
        for form in json_forms(value.decode()):
            add("JSON-escaped", form)
    except UnicodeDecodeError:
        pass  # a raw key
    if fragments:
        add("its beginning", value[:FRAGMENT])
        add("its end", value[-FRAGMENT:])
    return forms


class Found:
    def __init__(self, canary, form, place, context):
        self.canary, self.form, self.place, self.context = canary, form, place, context

    def __str__(self):
        return f"{self.canary} as {self.form} in {self.place}: …{self.context!r}…"


class Search:
    """All forms of all canaries, found in one pass over the bytes.

    Any text of at least 11 bytes covers one of the 8-byte words that begin at multiples of 4, so of
    each form the words at its first four offsets are known, and only where one of these stands is
    looked at closely.
    """

    WORD, STRIDE = 8, 4

    def __init__(self):
        self.forms = {}  # form: [(canary, the form's name)]
        self.words = {}  # word as a number: [(form, the word's offset in it)]

    def add(self, canary, forms):
        for form, name in forms.items():
            if len(form) < self.WORD + self.STRIDE - 1:
                raise ValueError(f"{canary}: a form of {len(form)} bytes is too short to be found")
            owners = self.forms.setdefault(form, [])
            owners.append((canary, name))
            if len(owners) > 1:
                continue
            for offset in range(self.STRIDE):
                word = int.from_bytes(form[offset:offset + self.WORD], sys.byteorder)
                self.words.setdefault(word, []).append((form, offset))

    def forms_in(self, haystack):
        """{form: where it stands first} of those that stand in the bytes."""
        present = {}
        words = self.words
        for shift in range(0, self.WORD, self.STRIDE):
            whole = (len(haystack) - shift) // self.WORD * self.WORD
            view = memoryview(haystack)[shift:shift + max(whole, 0)].cast("Q")
            for at in [i for i, word in enumerate(view) if word in words]:
                for form, offset in words[view[at]]:
                    begin = at * self.WORD + shift - offset
                    if begin >= 0 and haystack.startswith(form, begin):
                        present[form] = min(begin, present.get(form, begin))
        return present

    def find(self, place, haystack):
        found = []
        for form, at in self.forms_in(haystack).items():
            context = haystack[max(0, at - 80):at + len(form) + 40]
            found += [Found(canary, name, place, context) for canary, name in self.forms[form]]
        return found
