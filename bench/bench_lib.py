"""What the benchmarks share: the real program as a process, its CPU time, memory and the load."""
import json
import os
import signal
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

import platform_helper  # noqa: E402

signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers are ended, too

TICKS = os.sysconf("SC_CLK_TCK")
CACHE = Path(os.environ.get("HAYSTAT_CACHE_DIR", Path.home() / ".cache" / "haystat"))
PROGRAM = platform_helper.program()
LOAD = Path(os.environ.get("HAYSTAT_BENCH_BIN", ROOT / "build" / "release")) / "bench_ingest_load"
EVENTS = 500  # of one request of the generator


def cpu_of(pid):
    """(user, system) seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) / TICKS, int(fields[12]) / TICKS


def cpu_of_threads(pid):
    """Seconds (user + system) by name of the thread; names repeat in pools and are summed."""
    seconds = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            text = (task / "stat").read_text()
        except OSError:
            continue  # it ended meanwhile
        name = text[text.index("(") + 1 : text.rindex(")")]
        fields = text.rsplit(")", 1)[1].split()
        seconds[name] = seconds.get(name, 0) + (int(fields[11]) + int(fields[12])) / TICKS
    return seconds


def rss_mb(pid):
    """Resident memory that is the process's own: what it maps of files is counted apart."""
    sizes = {}
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in ("VmRSS", "RssAnon", "RssFile"):
            sizes[name] = int(value.split()[0]) / 1024
    return sizes


def make_key(data):
    """A key with the scope ingest, made as an operator would."""
    done = subprocess.run(
        [PROGRAM, "keys", "create", "--data", str(data), "--name", "bench", "--scopes", "ingest"],
        check=True, capture_output=True, text=True,
    )
    return done.stdout.split()[0]


def load_command(kind, address, key, requests, first, connections, rate=0):
    return [str(LOAD), kind, address, key, str(requests), str(first), str(connections), str(rate)]


def run_load(*args):
    done = subprocess.run(load_command(*args), stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def measured_load(pid, *args):
    """One run of the generator and what it cost the server."""
    user, system = cpu_of(pid)
    figures = run_load(*args)
    user, system = (after - before for after, before in zip(cpu_of(pid), (user, system)))
    figures["user_us"] = user / figures["events"] * 1e6
    figures["system_us"] = system / figures["events"] * 1e6
    figures["per_cpu_second"] = figures["events"] / (user + system)
    return figures


def median(rows, name):
    return statistics.median(row[name] for row in rows)


def machine():
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return f"{os.cpu_count()} CPUs ({model}), load average {os.getloadavg()[0]:.1f} at the start"


def say(text):
    print(text, flush=True)
