"""Metrics out of all levels of the rollups, from minutes to six hours, against the raw rows: every
count, every percentile to the last bit as the store computes it over raw rows, every code."""
import json
import random
import subprocess
import time
from datetime import datetime

import pytest

from platform_helper import Platform, program, wait_until

EVENTS, BATCH, DAY_S = 6000, 500, 86400
LEVELS = ("1m", "10m", "1h", "6h")

# Columns of a group over raw rows, by the definitions of docs/metrics.md.
RAW = """
SELECT {keys} count(), countIf(failed), sumIf(ms, timed),
  quantilesBFloat16WeightedIf(0.5, 0.9, 0.95, 0.99)(ms, w, timed),
  quantilesBFloat16WeightedIf(0.05, 0.25, 0.5, 0.75, 0.95)(
    result_scores[1], w, length(result_scores) > 0),
  toJSONString(sumMapIf(map(error_code::String, 1), failed))
FROM (SELECT *, status IN ('error', 'timeout') AS failed, ifNull(latency_ms, 0) AS ms,
        latency_ms IS NOT NULL AND status != 'cancelled' AS timed, toUInt64(sample_weight) AS w
      FROM haystat.searches WHERE ts >= toDateTime64({start}, 6) AND ts < toDateTime64({end}, 6)
        AND {filter})
{group} FORMAT JSONCompactEachRow
"""


def make_event(rand, number, end_s):
    failed = rand.random() < 0.05
    event = {
        "event_id": f"level-{number}",
        "timestamp": int((end_s - rand.choice([0, 3 * DAY_S]) - rand.random() * 4 * 3600) * 1000),
        "service": rand.choice(["web", "app"]),
        "environment": rand.choice(["production", "staging"]),
        "version": rand.choice(["1", "2", "3"]),
        "query": "x",
        "latency_ms": round(rand.lognormvariate(3, 1), 3),
        "sample_weight": rand.choice([1, 1, 1, 4]),
        "total_hits": rand.choice([0, 5, 100]),
        "status": "error" if failed else rand.choice(["ok", "ok", "ok", "cancelled"]),
        "results": [{"id": "a", "position": 1, "score": round(rand.gauss(0, 20), 3)}],
    }
    if failed:
        event["error"] = {"code": rand.choice(["full", "late"])}
    return event


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """A platform with four hours that ended seven hours ago, and as many three days before, rolled
    up at all levels."""
    data = tmp_path_factory.mktemp("levels")
    key = subprocess.run(
        [program(), "keys", "create", "--data", str(data), "--name", "t", "--scopes",
         "ingest,import,read"], check=True, capture_output=True, text=True).stdout.split()[0]
    platform = Platform(data, **{"rollup.debounce": "0"}).start()
    rand, end_s = random.Random(7), time.time() - 7 * 3600
    for first in range(0, EVENTS, BATCH):
        events = [make_event(rand, n, end_s) for n in range(first, first + BATCH)]
        status, body = platform.post("/api/v1/telemetry/batch?import=1", events,
                                     {"Authorization": f"Bearer {key}"})
        assert status in (200, 202), body
    platform.wait_loaded()
    rolled = "SELECT sum(count) FROM haystat.{} FINAL {}"
    for level in LEVELS:
        for family, only in (("fast", ""), ("dim", "WHERE dim = 'version'")):
            question = rolled.format(f"{family}_{level}", only)
            wait_until(lambda: platform.sql(question) == [[str(EVENTS)]], 120, f"{family}_{level}")
    status = lambda: platform.get_json("/api/v1/status")["engine"]["rollup"]  # noqa: E731
    wait_until(lambda: status()["dirty_windows"] == 0, 120, "nothing dirty")
    yield platform, int(end_s)
    platform.stop()


def seconds(text):
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


def raw_groups(platform, answer, keys, only):
    """The same groups over raw rows: by key, the rest of the columns."""
    query = RAW.format(
        keys="".join(f"{key}::String," for key in keys), start=seconds(answer["from"]),
        end=seconds(answer["to"]), filter=only,
        group=f"GROUP BY {', '.join(keys)}" if keys else "")
    rows = [json.loads("\t".join(line)) for line in platform.sql(query)]
    return {tuple(row[: len(keys)]): row[len(keys):] for row in rows}


CASES = {
    "four days by six hours": (4 * DAY_S, "&step=6h", "service", "1"),
    "in one, merged by the store": (3 * DAY_S + 7200, "&series=0", "service,environment", "1"),
    "a month, automatic": (30 * DAY_S, "", "service", "1"),
    "by version and hours": (4 * DAY_S, "&step=1h", "service,version", "1"),
    "a version": (4 * DAY_S, "&step=12h&filter=version:eq:2", "environment", "version = '2'"),
    "minutes": (3 * 3600, "&step=60s", "service", "1"),
    "everything in one group": (DAY_S, "", "", "1"),
    "raw rows": (DAY_S, "", "status", "1"),
}


@pytest.mark.parametrize("case", CASES)
def test_metrics__are_those_of_the_raw_rows(history, case):
    platform, end_s = history
    span_s, more, group_by, only = CASES[case]
    keys = [key for key in group_by.split(",") if key]
    path = f"from={end_s - span_s}&to={end_s}&group_by={group_by}{more}"
    summary, errors, relevance = (
        platform.get_json(f"/api/v1/metrics/{name}?{path}")
        for name in ("summary", "errors", "relevance"))
    expected = raw_groups(platform, summary, keys, only)
    assert {tuple(group["key"].values()) for group in summary["groups"]} == set(expected)
    for name, answer in (("summary", summary), ("errors", errors), ("relevance", relevance)):
        assert answer["total"]["count"] == sum(int(row[0]) for row in expected.values()), name
    for group, failing, judged in zip(summary["groups"], errors["groups"], relevance["groups"]):
        count, failed, total_ms, latency, score, codes = expected[tuple(group["key"].values())]
        assert group["count"] == int(count) and group["errors"] == int(failed)
        assert [group[f"p{p}_ms"] for p in (50, 90, 95, 99)] == latency
        assert (group["mean_ms"] or 0) * group["latency_count"] == pytest.approx(total_ms)
        assert [judged["score"][f"p{p}"] for p in (5, 25, 50, 75, 95)] == score
        assert failing["by_code"] == {k: int(v) for k, v in json.loads(codes).items()}
        if "series" in group:
            assert sum(group["series"]["count"]) == int(count)
