"""What the checks share: the project's files, C without comments, exemptions, results."""
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("HAYSTAT_CACHE_DIR") or
             Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "haystat")


def project_files(suffixes=None):
    """Paths relative to the root, of tracked files and of new ones that git would not ignore."""
    out = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                         cwd=ROOT, check=True, capture_output=True, text=True).stdout
    names = sorted({name for name in out.split("\0") if name and (ROOT / name).is_file()})
    if suffixes is None:
        return names
    return [name for name in names if name.endswith(tuple(suffixes))]


def read(name):
    return (ROOT / name).read_text(encoding="utf-8", errors="replace")


TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def blank(text):
    """The C text with comments and the insides of literals as spaces; positions are kept."""
    def hide(match):
        token = match.group(0)
        kept = re.sub(r"[^\n]", " ", token)
        return token[0] + kept[1:-1] + token[0] if token[0] in "\"'" else kept
    return TOKEN.sub(hide, text)


class Exemptions:
    """scripts/style-exemptions.txt: `rule path[:symbol] reason`. An unused one is an error."""
    PATH = "scripts/style-exemptions.txt"

    def __init__(self):
        self.rows = {}
        self.used = set()
        self.errors = []
        path = ROOT / self.PATH
        for number, line in enumerate(path.read_text().splitlines() if path.exists() else [], 1):
            words = line.split(None, 2)
            if not words or words[0].startswith("#"):
                continue
            if len(words) < 3:
                self.errors.append(f"{self.PATH}:{number}: wants: rule path[:symbol] reason")
                continue
            self.rows[(words[0], words[1])] = number

    def covers(self, rule, path, symbol=None):
        for where in (path, f"{path}:{symbol}"):
            if (rule, where) in self.rows:
                self.used.add((rule, where))
                return True
        return False

    def unused(self, rules):
        left = [row for row in self.rows if row[0] in rules and row not in self.used]
        return self.errors + [f"{self.PATH}:{self.rows[row]}: unused exemption {row[0]} {row[1]}"
                              for row in left]


def finish(problems):
    """Prints the problems and ends the program as the checks do."""
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)
