"""`haystat simulate` against a real `haystat serve`: what the metrics must be is what they are."""
import json
import subprocess
import time

import pytest

from platform_helper import Platform, program, request, wait_until

QPS = 500
SECONDS = 20
FRESH_S = 2.0
PERCENTILES = {"p50": 1, "p90": 2, "p95": 3, "p99": 4}  # places in quantiles(0.5, …) of the rollup


def simulate(platform, *words, check=True):
    command = [str(program()), "simulate", "--data", str(platform.data), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    if check:
        assert done.returncode == 0, done.stdout + done.stderr
    return done


def health(platform, *words):
    command = [str(program()), "health", "--data", str(platform.data), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)


def probe_freshness(platform, seconds):
    """Seconds from an event's acknowledgement until metrics/summary counts it, many times."""
    ages = []
    end = time.monotonic() + seconds
    path = "/api/v1/metrics/summary?from=now-1h&service=probe"
    while time.monotonic() < end:
        sent = len(ages) + 1
        status, _ = platform.post(
            "/api/v1/telemetry/event",
            {"event_id": f"probe-{sent}", "service": "probe", "version": "1", "query": "x",
             "latency_ms": 1},
        )
        assert status in (200, 202)
        accepted = time.monotonic()
        wait_until(lambda: platform.get_json(path)["total"]["executions"] == sent, 60,
                   f"probe {sent} in the summary")
        ages.append(time.monotonic() - accepted)
    return sorted(ages)


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    platform = Platform(tmp_path_factory.mktemp("simulate"), **{"rollup.debounce": "1s"})
    platform.start()
    yield platform
    platform.stop()


@pytest.fixture(scope="module")
def run(platform):
    """One run with its truth, everything loaded and rolled up; and how fresh data was meanwhile."""
    truth_file = platform.data / "truth.json"
    words = [str(program()), "simulate", "--data", str(platform.data), "--qps", str(QPS)]
    words += ["--duration", str(SECONDS), "--scenario", "error_spike", "--truth", str(truth_file)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        ages = probe_freshness(platform, SECONDS - 1)
        output = process.communicate(timeout=120)[0]
        assert process.returncode == 0, output
    platform.wait_loaded()
    truth = json.loads(truth_file.read_text())
    rolled_up(platform, truth["totals"]["executions"])
    return {"truth": truth, "ages": ages, "output": output, "file": truth_file}


def rolled_up(platform, executions):
    """Both families: a window's cells of the second are written after those of the first."""
    for table, more in (("fast_1m", ""), ("dim_1m", " AND dim = 'version'")):
        question = f"SELECT sum(count) FROM haystat.{table} FINAL WHERE service != 'probe'{more}"
        wait_until(lambda: platform.sql(question) == [[str(executions)]], 60, f"{table} rolled up")


def counts(part):
    names = ["executions", "errors", "timeouts", "partials", "cancelled", "answered"]
    names += ["zero_results", "latency_count"]
    return [str(part[name]) for name in names]


CELLS = (
    "sum(count), sum(errors), sum(timeouts), sum(partials), sum(cancelled), sum(searches), "
    "sum(zero_results), sum(latency_count)"
)


def test_run__is_acknowledged_as_a_whole(run):
    sent = run["truth"]["sent"]
    assert run["truth"]["complete"] is True
    assert sent["events_acknowledged"] == sent["searches"] + sent["actions"]
    assert sent["spans_acknowledged"] == sent["spans"] > 0
    assert abs(sent["searches"] - QPS * SECONDS) < 5 * (QPS * SECONDS) ** 0.5
    assert "unanswered 0" in run["output"]


def test_rollup__has_exactly_what_was_sent_by_service(platform, run):
    rows = platform.sql(
        f"SELECT service, {CELLS} FROM haystat.fast_1m FINAL WHERE service != 'probe' "
        "GROUP BY service HAVING sum(count) > 0 ORDER BY service"
    )
    services = sorted(run["truth"]["services"], key=lambda service: service["service"])
    assert rows == [[service["service"], *counts(service)] for service in services]


def test_rollup__has_exactly_what_was_sent_by_version(platform, run):
    rows = platform.sql(
        f"SELECT service, value, {CELLS} FROM haystat.dim_1m FINAL WHERE service != 'probe' "
        "AND dim = 'version' GROUP BY service, value HAVING sum(count) > 0 ORDER BY 1, 2"
    )
    expected = [
        [service["service"], version["version"], *counts(version)]
        for service in run["truth"]["services"]
        for version in service["versions"]
    ]
    assert rows == sorted(expected, key=lambda row: row[:2])


def test_rollup__has_exactly_what_was_sent_a_minute(platform, run):
    rows = platform.sql(
        "SELECT service, value, toUnixTimestamp(t), count, errors, timeouts, searches, "
        "zero_results "
        "FROM haystat.dim_1m FINAL WHERE service != 'probe' AND dim = 'version' AND count > 0 "
        "ORDER BY 1, 2, 3"
    )
    columns = ["t", "executions", "errors", "timeouts", "answered", "zero_results"]
    expected = [
        [group["service"], group["version"], *map(str, values)]
        for group in run["truth"]["minutes"]
        for values in zip(*(group[name] for name in columns), strict=True)
    ]
    assert rows == sorted(expected, key=lambda row: (row[0], row[1], int(row[2])))


def test_raw__has_each_event_once_and_spans_are_not_counted(platform, run):
    sent = run["truth"]["sent"]
    raw = platform.sql(
        "SELECT source, count(), uniqExact(event_id), uniqExact(trace_id) FROM haystat.searches "
        "WHERE service != 'probe' GROUP BY source ORDER BY source"
    )
    assert raw == [[source] + [str(sent["searches"])] * 3 for source in ("native", "span")]
    results = platform.sql("SELECT count(), uniqExact(event_id) FROM haystat.results")
    assert results == [[str(sent["actions"])] * 2]
    spans = platform.sql("SELECT count(), uniqExact(span_id) FROM haystat.spans")
    assert spans == [[str(sent["spans"])] * 2]
    joined = platform.sql(
        "SELECT count() FROM haystat.searches AS n INNER JOIN haystat.searches AS s "
        "ON n.query_id = s.query_id AND n.trace_id = s.trace_id AND n.span_id = s.span_id "
        "WHERE n.source = 'native' AND s.source = 'span'"
    )
    assert joined == [[str(sent["searches"])]]


def test_percentiles__lie_within_one_percent_of_the_exact_ones(platform, run):
    rows = platform.sql(
        "SELECT service, arrayStringConcat(quantilesBFloat16WeightedMerge(0.5, 0.9, 0.95, 0.99)"
        "(latency), ' ') FROM haystat.fast_1m FINAL WHERE service != 'probe' AND count > 0 "
        "GROUP BY service"
    )
    shown = {service: [float(value) for value in values.split()] for service, values in rows}
    outside = []
    for service in run["truth"]["services"]:
        for name, place in PERCENTILES.items():
            value = shown[service["service"]][place - 1]
            bounds = service["latency_ms"][name]
            if not bounds["low"] * 0.99 <= value <= bounds["high"] * 1.01:
                outside.append((service["service"], name, value, bounds))
    assert outside == []


def test_truth__agrees_with_exact_quantiles_of_raw(platform, run):
    rows = platform.sql(
        "SELECT service, arraySort(groupArray(latency_ms)) FROM haystat.searches "
        "WHERE source = 'native' AND status != 'cancelled' AND service != 'probe' GROUP BY service"
    )
    stored = {service: json.loads(values) for service, values in rows}
    for service in run["truth"]["services"]:
        values = stored[service["service"]]
        for name, q in {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}.items():
            rank = -int(-(q * len(values)) // 1)
            assert service["latency_ms"][name]["exact"] == pytest.approx(values[rank - 1]), name


def test_cause__is_where_the_errors_are(platform, run):
    (cause,) = run["truth"]["causes"]
    rate = (
        "SELECT round(countIf(status = 'error') / count(), 3) FROM haystat.searches WHERE "
        f"source = 'native' AND service = '{cause['service']}' "
        f"AND ts + toIntervalMicrosecond(toInt64(latency_ms * 1000)) {{}} "
        f"BETWEEN parseDateTime64BestEffort('{cause['start']}', 6) "
        f"AND parseDateTime64BestEffort('{cause['end']}', 6) "
        f"AND version {{}} '{cause['version']}'"
    )
    during = float(platform.sql(rate.format("", "="))[0][0])
    assert during == pytest.approx(cause["size"], abs=0.1)
    for elsewhere in (("NOT", "="), ("", "!=")):
        assert float(platform.sql(rate.format(*elsewhere))[0][0]) < 0.03


@pytest.mark.perf
def test_freshness__is_two_seconds(run):
    ages = run["ages"]
    p99 = ages[min(len(ages) - 1, int(len(ages) * 0.99))]
    print(f"freshness: {len(ages)} probes, median {ages[len(ages) // 2]:.2f} s, p99 {p99:.2f} s")
    assert p99 <= FRESH_S


def test_run__under_the_same_name_adds_nothing(platform, run):
    before = platform.sql("SELECT count() FROM haystat.searches WHERE service != 'probe'")
    words = ["--qps", 200, "--duration", 2, "--otlp", "none", "--run", "twice", "--seed", 7]
    simulate(platform, *words)
    platform.wait_loaded()
    once = platform.sql("SELECT count() FROM haystat.searches WHERE service != 'probe'")
    simulate(platform, *words)
    platform.wait_loaded()
    twice = platform.sql("SELECT count() FROM haystat.searches WHERE service != 'probe'")
    assert int(once[0][0]) > int(before[0][0])
    assert once == twice


def test_backfill__keeps_its_timestamps(platform, run):
    truth_file = platform.data / "backfill.json"
    simulate(platform, "--backfill", "2h", "--qps", 1, "--truth", truth_file, "--run", "past")
    platform.wait_loaded()
    truth = json.loads(truth_file.read_text())
    assert truth["complete"] is True
    assert truth["sent"]["searches"] > 2600  # 7,200 × 0.4, what the daily cycle leaves at 04:00
    rows = platform.sql(
        "SELECT count(), countIf(time_adjusted != ''), "
        "dateDiff('minute', min(ts), max(ts)) >= 115 FROM haystat.searches "
        "WHERE imported AND source = 'native'"
    )
    assert rows == [[str(truth["sent"]["searches"]), "0", "1"]]


def test_key__is_asked_for_and_told_when_missing(tmp_path):
    platform = Platform(tmp_path / "keys", **{"auth.mode": "keys"}).start()
    try:
        done = simulate(platform, "--qps", 50, "--duration", 1, check=False)
        assert done.returncode == 3
        assert "401" in done.stdout and "NOT everything was acknowledged" in done.stdout
        key = (platform.data / "secrets" / "admin.key").read_text().strip()
        simulate(platform, "--qps", 50, "--duration", 1, "--key", key)
    finally:
        platform.stop()


def test_nothing_there__is_said_at_once(tmp_path):
    started = time.monotonic()
    words = [str(program()), "simulate", "--data", str(tmp_path), "--target", "http://127.0.0.1:1"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "nothing answers" in done.stderr
    assert time.monotonic() - started < 10


def test_health__says_what_is_up(platform, run, tmp_path):
    done = health(platform)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "store      ready" in done.stdout and "events to load" in done.stdout
    nobody = subprocess.run(
        [str(program()), "health", "--data", str(tmp_path)],
        capture_output=True, text=True, timeout=60, check=False,
    )
    assert nobody.returncode == 1
    assert "nothing runs" in nobody.stderr


def test_check_metrics__says_equal_or_what_differs(platform, tmp_path):
    """With its own platform: the summary counts everything of a service in those minutes."""
    if request(platform.url("/api/v1/metrics/summary"))[0] == 404:
        pytest.skip("this build has no metrics/summary")
    own = Platform(tmp_path / "own").start()
    try:
        simulate(own, "--qps", 200, "--duration", 3)
        equal = health(own, "--metrics")
        assert equal.returncode == 0, equal.stdout + equal.stderr
        assert "what was sent is stored" in equal.stdout
        (truth_file,) = (own.data / "simulated").glob("*.json")
        truth = json.loads(truth_file.read_text())
        truth["services"][0]["versions"][0]["errors"] += 1
        truth_file.write_text(json.dumps(truth))
        differs = health(own, "--metrics", "--wait", 0)
        assert differs.returncode == 3
        assert "errors is" in differs.stdout
    finally:
        own.stop()
