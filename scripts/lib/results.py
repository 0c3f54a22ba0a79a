"""Counts what ran: cmocka programs behind ctest, pytest, and the lines that checks write."""
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

CMOCKA = re.compile(r"^\[ (?: *)(RUN|OK|FAILED|SKIPPED|ERROR) *\] (\S+)$", re.MULTILINE)


class Results:
    """(outcome, name) of everything that ran; outcome is passed, failed or skipped."""

    def __init__(self):
        self.rows = []

    def add(self, outcome, name):
        self.rows.append((outcome, name))

    def count(self, outcome):
        return sum(1 for row in self.rows if row[0] == outcome)

    def names(self, outcome):
        return [name for kind, name in self.rows if kind == outcome]

    def add_lines(self, path):
        """Lines `outcome<TAB>name`, as scripts/check and scripts/run-fuzz write them."""
        for line in Path(path).read_text().splitlines():
            outcome, _, name = line.partition("\t")
            self.add(outcome, name)

    def add_ctest(self, path, prefix):
        """ctest's JUnit file; each cmocka test inside a program counts by itself."""
        for case in ElementTree.parse(path).getroot().iter("testcase"):
            program = case.get("name")
            text = case.findtext("system-out") or ""
            tests = cmocka_tests(text)
            crashed = case.get("status") == "fail" and "failed" not in tests.values()
            if crashed:
                self.add("failed", f"{prefix} {program}")
            elif not tests:
                outcome = "skipped" if case.find("skipped") is not None else "passed"
                self.add(outcome, f"{prefix} {program}")
            for name, outcome in tests.items():
                self.add(outcome, f"{prefix} {program} {name}")

    def add_pytest(self, path, prefix):
        for case in ElementTree.parse(path).getroot().iter("testcase"):
            outcome = "passed"
            if case.find("failure") is not None or case.find("error") is not None:
                outcome = "failed"
            elif case.find("skipped") is not None:
                outcome = "skipped"
            self.add(outcome, f"{prefix} {case.get('classname')}.{case.get('name')}")


def cmocka_tests(text):
    """Test → outcome. One that started and reported nothing took its program down: failed."""
    tests = {}
    words = {"OK": "passed", "FAILED": "failed", "ERROR": "failed", "SKIPPED": "skipped"}
    for word, name in CMOCKA.findall(text):
        if word == "RUN":
            tests[name] = "failed"
        elif name in tests:
            tests[name] = words[word]
    return tests
