"""Kills the program at each kill point and at random, and compares what it acknowledged with what
it stored: nothing lost, nothing double, each rollup cell equal to raw (docs/torture.md).

The client keeps a synced ledger of acknowledged ids and sends each request that got no answer
again, under the same ids, as a real client would. Progress is kept outside the tree, keyed by a
hash of src/, sql/ and the build files, so that a run goes on over several sittings.
"""
import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
from ledger_helper import Ledger, Load, check  # noqa: E402
from platform_helper import Platform, program, wait_until  # noqa: E402

KILL_POINTS = [
    "stream_before_fsync",
    "stream_after_fsync",
    "stream_before_done",
    "stream_roll",
    "engine_intent_written",
    "engine_mid_insert",
    "engine_after_insert",
    "engine_loaded_committed",
    "engine_rollup",
    "engine_release",
]
PASSES_MAX = {"stream_roll": 2, "engine_rollup": 3}  # of a life; for others 6
NOT_REACHED = "program (point not reached)"
FAILURES_MAX = 5  # after which a run ends
OPTIONS = {
    "engine.takeover_check": "1s",
    "engine.sync": "1s",
    "engine.batch_time": "100ms",
    "rollup.debounce": "1s",
    "stream.segment_bytes": "1MiB",
    "log.level": "info",
}


def run_round(platform, ledger, rng, point):
    """One life and death of the program with work in flight, then a check."""
    nth = rng.randint(1, PASSES_MAX.get(point, 6))
    env = {"HAYSTAT_KILL": f"{point}:{nth}"} if point != "random" else {}
    load = Load(platform, ledger, rng)
    try:
        platform.start(env)
    except AssertionError:
        if platform.process is None or platform.process.poll() is None:
            raise
        platform.process = None  # the kill point lay before ready
    killed = "program"
    if platform.process is not None:
        load.start()
        killed = end_life(platform, rng, point)
        load.finish()
    if platform.process is None:
        platform.start()
    else:
        wait_until(lambda: platform.get("/readyz")[0] == 200, 60, "ready after the store's end")
    load.resend()
    problems = check(platform, ledger)
    platform.stop()
    return problems, {"killed": killed, "events": load.count}


def end_life(platform, rng, point):
    """Kills, or waits for the kill point; returns what died."""
    if point == "random":
        time.sleep(rng.uniform(0.1, 2.0))
        if rng.random() < 0.5:
            os.kill(platform.store_pid(), signal.SIGKILL)
            time.sleep(rng.uniform(0, 0.5))
            return "store"
        platform.kill()
        return "program"
    deadline = time.monotonic() + 8
    while platform.process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    reached = platform.process.poll() is not None
    platform.kill()
    return "program" if reached else NOT_REACHED


def tree_hash():
    digest = hashlib.sha256()
    for pattern in ("src/**/*.[ch]", "sql/*.sql", "cmake/*.cmake", "CMakeLists.txt"):
        for path in sorted(ROOT.glob(pattern)):
            digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def progress_file():
    base = Path(os.environ.get("HAYSTAT_CACHE_DIR") or
                Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "haystat")
    folder = base / "torture"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{tree_hash()}.json"


class Progress:
    """Rounds that were done and are under way, by kill point; several campaigns share it."""

    def __init__(self, path, wanted, fresh):
        self.path, self.wanted = path, wanted
        self.done = json.loads(path.read_text()) if path.exists() and not fresh else {}
        self.under_way = dict.fromkeys(wanted, 0)
        self.missed = dict.fromkeys(wanted, 0)  # the kill point was not passed
        self.failed = 0
        self.lock = threading.Lock()

    def choose(self, rng):
        with self.lock:
            left = [point for point, n in self.wanted.items()
                    if self.done.get(point, 0) + self.under_way[point] < n
                    and self.missed[point] < 3 + n]
            if not left:
                return None
            point = rng.choice(left)
            self.under_way[point] += 1
            return point

    def end(self, point, result):
        """result: done, missed or failed."""
        with self.lock:
            self.under_way[point] -= 1
            if result == "missed":
                self.missed[point] += 1
            elif result == "failed":
                self.failed += 1
            else:
                self.done[point] = self.done.get(point, 0) + 1
                self.path.write_text(json.dumps(self.done))

    def report(self):
        """Prints what was done; whether all of it was."""
        for point, n in self.wanted.items():
            missed = f", {self.missed[point]} did not reach it" if self.missed[point] else ""
            print(f"{point:28} {self.done.get(point, 0):4} of {n} rounds{missed}")
        done = sum(min(self.done.get(point, 0), n) for point, n in self.wanted.items())
        print(f"torture: {done} passed, {self.failed} failed")


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30, help="rounds of each kill point")
    parser.add_argument("--random", type=int, default=300, help="rounds with random kills")
    parser.add_argument("--point", action="append", help="only this kill point (or random)")
    parser.add_argument("--jobs", type=int, default=1, help="programs that run beside each other")
    parser.add_argument("--minutes", type=float, default=0, help="stop after this time; 0: never")
    parser.add_argument("--fresh", action="store_true", help="forget earlier progress")
    parser.add_argument("--seed", type=int, default=None)
    return parser.parse_args()


def main():
    args = parse()
    wanted = {point: args.rounds for point in KILL_POINTS}
    wanted["random"] = args.random
    if args.point:
        wanted = {point: n for point, n in wanted.items() if point in args.point}
    until = time.monotonic() + args.minutes * 60 if args.minutes else float("inf")
    progress = Progress(progress_file(), wanted, args.fresh)
    seeds = random.Random(args.seed)

    def campaigns(rng):
        while campaign(rng, progress, until):
            pass

    jobs = [threading.Thread(target=campaigns, args=(random.Random(seeds.random()),))
            for _ in range(args.jobs)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    progress.report()
    return 1 if progress.failed else 0


def campaign(rng, progress, until, rounds=12):
    """Some rounds over one data folder, so that recoveries pile up; whether more are wanted."""
    folder = Path(tempfile.mkdtemp(prefix="haystat-torture-"))
    binary = program("HAYSTAT_DEBUG_BIN", "build/debug/haystat")
    platform = Platform(folder / "data", binary=binary, **OPTIONS)
    ledger = Ledger(folder / "ledger")
    for _ in range(rounds):
        point = progress.choose(rng) if time.monotonic() < until else None
        if not point:
            break
        start = time.monotonic()
        try:
            problems, facts = run_round(platform, ledger, rng, point)
        except AssertionError as error:
            problems, facts = [str(error)], {}
        took = time.monotonic() - start
        print(f"{point:28} {took:5.1f} s {facts} {'ok' if not problems else problems}", flush=True)
        if problems:
            progress.end(point, "failed")
            platform.kill()
            print(f"kept: {folder}", flush=True)
            return progress.failed < FAILURES_MAX
        progress.end(point, "missed" if facts["killed"] == NOT_REACHED else "done")
    platform.kill()
    shutil.rmtree(folder)
    return point is not None


if __name__ == "__main__":
    sys.exit(main())
