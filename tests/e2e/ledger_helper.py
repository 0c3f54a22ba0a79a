"""What was acknowledged against what is stored: a ledger, clients that fill it, and the check.

The clients keep a synced ledger of acknowledged ids and send each request that got no answer again,
under the same ids, as a real client would. Used by tests/torture and the fault tests.
"""
import os
import random
import threading
import time

from platform_helper import request, wait_until

TABLES = {
    "searches": "event_id",
    "results": "event_id",
    "errors": "event_id",
    "spans": "concat(trace_id, span_id)",
}
LEVELS = {"1m": 60, "10m": 600, "1h": 3600}
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
    """A few clients that send until they are told to stop; requests without an answer are kept.

    Searches are as old as one of age_ms."""

    def __init__(self, platform, ledger, rng, age_ms=range(90_000)):
        self.platform, self.ledger, self.age_ms = platform, ledger, age_ms
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
                "timestamp": now_ms - self.rng.choice(self.age_ms),
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


def level_difference(platform, level):
    """Minutes are compared whole; of coarser windows those that ended long enough ago to be due."""
    step = LEVELS[level]
    raw_t = f"toStartOfInterval(ts, INTERVAL {step} SECOND)"
    due = "1" if level == "1m" else f"{{}} + INTERVAL {step} + 120 SECOND <= now()"
    raw = platform.sql(
        f"SELECT service, environment, toUnixTimestamp({raw_t}), {CELL} FROM haystat.searches "
        f"WHERE parent_query_id = '' AND {due.format(raw_t)} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    )
    rolled = platform.sql(
        "SELECT service, environment, toUnixTimestamp(t), count, errors, latency_count, "
        f"latency_sum_ms FROM haystat.fast_{level} FINAL WHERE count > 0 AND {due.format('t')} "
        "ORDER BY 1, 2, 3"
    )
    dims = platform.sql(
        "SELECT service, environment, toUnixTimestamp(t), sum(count), sum(errors), "
        f"sum(latency_count), sum(latency_sum_ms) FROM haystat.dim_{level} FINAL "
        f"WHERE dim = 'version' AND count > 0 AND {due.format('t')} GROUP BY 1, 2, 3 "
        "ORDER BY 1, 2, 3"
    )
    if raw == rolled == dims:
        return None
    other = rolled if raw != rolled else dims
    wrong = [(a, b) for a, b in zip(raw, other) if a != b]
    return f"{level}: {len(raw)} cells in raw, {len(other)} rolled up; first difference {wrong[:1]}"


def cell_difference(platform):
    return next(filter(None, (level_difference(platform, level) for level in LEVELS)), None)


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
