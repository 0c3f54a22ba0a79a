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
    env = {"HAYSTAT_KILL": f"{point}:{rng.randint(1, 6)}"} if point != "random" else {}
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
    return "program" if reached else "program (point not reached)"


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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30, help="rounds of each kill point")
    parser.add_argument("--random", type=int, default=300, help="rounds with random kills")
    parser.add_argument("--point", action="append", help="only this kill point (or random)")
    parser.add_argument("--minutes", type=float, default=0, help="stop after this time; 0: never")
    parser.add_argument("--fresh", action="store_true", help="forget earlier progress")
    parser.add_argument("--seed", type=int, default=None)
    args = parser.parse_args()
    path = progress_file()
    progress = json.loads(path.read_text()) if path.exists() and not args.fresh else {}
    rng = random.Random(args.seed)
    wanted = {point: args.rounds for point in KILL_POINTS}
    wanted["random"] = args.random
    if args.point:
        wanted = {point: n for point, n in wanted.items() if point in args.point}
    until = time.monotonic() + args.minutes * 60 if args.minutes else float("inf")
    failures = 0
    while time.monotonic() < until:
        left = [point for point, n in wanted.items() if progress.get(point, 0) < n]
        if not left:
            break
        failures += campaign(rng, wanted, progress, path, until)
    for point, n in wanted.items():
        print(f"{point:28} {progress.get(point, 0):4} of {n} rounds")
    done = sum(min(progress.get(point, 0), n) for point, n in wanted.items())
    print(f"torture: {done} passed, {failures} failed")
    return 1 if failures else 0


def campaign(rng, wanted, progress, path, until, rounds=12):
    """Some rounds over one data folder, so that recoveries pile up."""
    folder = Path(tempfile.mkdtemp(prefix="haystat-torture-"))
    binary = program("HAYSTAT_DEBUG_BIN", "build/debug/haystat")
    platform = Platform(folder / "data", binary=binary, **OPTIONS)
    ledger = Ledger(folder / "ledger")
    for _ in range(rounds):
        left = [point for point, n in wanted.items() if progress.get(point, 0) < n]
        if not left or time.monotonic() > until:
            break
        point = rng.choice(left)
        start = time.monotonic()
        try:
            problems, facts = run_round(platform, ledger, rng, point)
        except AssertionError as error:
            problems, facts = [str(error)], {}
        took = time.monotonic() - start
        print(f"{point:28} {took:5.1f} s {facts} {'ok' if not problems else problems}", flush=True)
        if problems:
            platform.kill()
            print(f"kept: {folder}", flush=True)
            return 1
        progress[point] = progress.get(point, 0) + 1
        path.write_text(json.dumps(progress))
    platform.kill()
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
