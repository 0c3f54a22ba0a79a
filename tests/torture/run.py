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
from platform_helper import Platform, program, request, wait_until  # noqa: E402

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
TABLES = {
    "searches": "event_id",
    "results": "event_id",
    "errors": "event_id",
    "spans": "concat(trace_id, span_id)",
}
CELL = (
    "count(), countIf(status IN ('error','timeout')), "
    "countIf(latency_ms IS NOT NULL AND status != 'cancelled'), "
    "sum(if(latency_ms IS NOT NULL AND status != 'cancelled', latency_ms, 0))"
)


class Ledger:
    """Ids that were acknowledged, on disk before they count, and ids that were ever sent."""

    def __init__(self, path):
        self.file = open(path, "a", encoding="utf-8")
        self.acked = {table: set() for table in TABLES}
        self.sent = {table: set() for table in TABLES}
        self.lock = threading.Lock()

    def send(self, ids):
        with self.lock:
            for table, id_ in ids:
                self.sent[table].add(id_)

    def ack(self, ids):
        with self.lock:
            for table, id_ in ids:
                self.file.write(f"{table} {id_}\n")
            self.file.flush()
            os.fsync(self.file.fileno())
            for table, id_ in ids:
                self.acked[table].add(id_)


class Load:
    """A few clients that send until they are told to stop; requests without an answer are kept."""

    def __init__(self, platform, ledger, rng):
        self.platform, self.ledger = platform, ledger
        self.rng = random.Random(rng.random())
        self.stop = threading.Event()
        self.unanswered = []
        self.lock = threading.Lock()
        self.serial = f"{self.rng.getrandbits(48):012x}"
        self.count = 0

    def _id(self):
        with self.lock:
            self.count += 1
            return f"{self.serial}-{self.count}"

    def _searches(self):
        ids, events = [], []
        now_ms = int(time.time() * 1000)
        for _ in range(self.rng.randint(1, 120)):
            id_ = self._id()
            status = self.rng.choice(["ok", "ok", "ok", "error", "timeout"])
            event = {
                "event_id": id_,
                "service": self.rng.choice(["web", "api"]),
                "query": f"shoes {self.rng.randint(1, 50)}",
                "query_id": f"q-{id_}",
                "version": self.rng.choice(["v1", "v2"]),
                "timestamp": now_ms - self.rng.randint(0, 90_000),
                "latency_ms": self.rng.randint(1, 1000),
                "status": status,
                "total_hits": self.rng.choice([0, 10]),
            }
            ids.append(("searches", id_))
            if status in ("error", "timeout"):
                event["error"] = {"code": "E1", "message": "failed"}
                ids.append(("errors", id_))
            events.append(event)
        return "/api/v1/telemetry/batch", events, ids, "gateway"

    def _results(self):
        ids, events = [], []
        for _ in range(self.rng.randint(1, 40)):
            id_ = self._id()
            events.append(
                {
                    "event_type": "result",
                    "event_id": id_,
                    "service": "web",
                    "action": "click",
                    "query_id": f"q-{id_}",
                    "objects": [{"id": "p1", "position": 1}],
                }
            )
            ids.append(("results", id_))
        return "/api/v1/telemetry/batch", events, ids, "gateway"

    def _spans(self):
        ids, spans = [], []
        now_ns = time.time_ns()
        trace = f"{self.rng.getrandbits(128) | 1:032x}"
        for _ in range(self.rng.randint(1, 30)):
            span = f"{self.rng.getrandbits(64) | 1:016x}"
            spans.append(
                {
                    "traceId": trace,
                    "spanId": span,
                    "name": "rank",
                    "startTimeUnixNano": str(now_ns),
                    "endTimeUnixNano": str(now_ns + 1_000_000),
                }
            )
            ids.append(("spans", trace + span))
        resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "ranker"}}]}
        body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}
        return "/v1/traces", body, ids, "otlp_http"

    def _send(self, item):
        path, body, ids, listener = item
        status, _ = request(self.platform.url(path, listener), body, timeout=5, method="POST")
        if status in (200, 202):
            self.ledger.ack(ids)
            return True
        return False

    def _run(self):
        makers = [self._searches, self._searches, self._results, self._spans]
        while not self.stop.is_set():
            item = self.rng.choice(makers)()
            self.ledger.send(item[2])
            if not self._send(item):
                with self.lock:
                    self.unanswered.append(item)
                time.sleep(0.02)
            elif self.rng.random() < 0.1:
                self._send(item)  # a client that did not see the answer

    def start(self, clients=3):
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def finish(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(30)

    def resend(self):
        deadline = time.monotonic() + 60
        while self.unanswered:
            assert time.monotonic() < deadline, "requests stay without an answer"
            if self._send(self.unanswered[0]):
                self.unanswered.pop(0)
            else:
                time.sleep(0.1)


def check_table(platform, ledger, table, key):
    rows = platform.sql(f"SELECT {key} FROM haystat.{table}")
    stored = {row[0] for row in rows}
    problems = []
    lost = ledger.acked[table] - stored
    strange = stored - ledger.sent[table]
    if lost:
        problems.append(f"{table}: {len(lost)} acknowledged are lost, e.g. {sorted(lost)[:3]}")
    if len(rows) != len(stored):
        problems.append(f"{table}: {len(rows) - len(stored)} are double")
    if strange:
        problems.append(f"{table}: {len(strange)} were never sent")
    return problems


def cell_difference(platform):
    raw = platform.sql(
        "SELECT service, environment, toUnixTimestamp(toStartOfMinute(ts)), " + CELL +
        " FROM haystat.searches WHERE parent_query_id = '' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    )
    rolled = platform.sql(
        "SELECT service, environment, toUnixTimestamp(t), count, errors, latency_count, "
        "latency_sum_ms FROM haystat.fast_1m FINAL WHERE count > 0 ORDER BY 1, 2, 3"
    )
    dims = platform.sql(
        "SELECT service, environment, toUnixTimestamp(t), sum(count), sum(errors), "
        "sum(latency_count), sum(latency_sum_ms) FROM haystat.dim_1m FINAL "
        "WHERE dim = 'version' AND count > 0 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    )
    if raw == rolled == dims:
        return None
    other = rolled if raw != rolled else dims
    wrong = [(a, b) for a, b in zip(raw, other) if a != b]
    return f"{len(raw)} cells in raw, {len(other)} rolled up; first difference {wrong[:1]}"


def check(platform, ledger):
    """The differences between ledger and store; [] when there is none."""
    platform.wait_loaded(120)
    problems = []
    for table, key in TABLES.items():
        problems += check_table(platform, ledger, table, key)
    by_query = platform.sql(
        "SELECT count(), uniqExact(query_id), (SELECT count() FROM haystat.searches) "
        "FROM haystat.search_by_query"
    )[0]
    if len(set(by_query)) != 1:
        problems.append(f"search_by_query: rows, distinct, searches are {by_query}")
    spans = platform.sql(
        "SELECT (SELECT sum(spans) FROM haystat.trace_by_id), (SELECT count() FROM haystat.spans)"
    )[0]
    if spans[0] != spans[1]:
        problems.append(f"trace_by_id counts {spans[0]} spans of {spans[1]}")
    try:
        wait_until(lambda: cell_difference(platform) is None, 60, "cells")
    except AssertionError:
        problems.append(f"rollup: {cell_difference(platform)}")
    return problems


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
