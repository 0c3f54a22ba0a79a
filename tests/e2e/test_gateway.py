"""The gateway's answers about a small known set of searches, exactly."""
import gzip
import json
import math
import re
import urllib.parse
from collections import Counter
from datetime import datetime, timedelta, timezone

import pytest
import requests
from backports import zstd

import gateway_data as data
from client_helper import attributes, send, traces
from platform_helper import Platform, program, wait_until

KINDS = ("latency", "relevance", "errors", "summary")
START_NS = 1_000_000_000


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    if not program().exists():
        pytest.skip("the program is not built")
    platform = Platform(tmp_path_factory.mktemp("gateway") / "data").start()
    minute = data.first_minute()
    try:
        # Before anything is in the tables.
        empty = {path: platform.get(path) for path in EMPTY_PATHS}
        events = data.searches(minute)
        for body in (events, data.children(minute), events[:10]):
            answer = send(platform, "/api/v1/telemetry/batch", body)
            assert answer.status_code == 202 and answer.json()["rejected"] == 0, answer.text
        assert send(platform, "/v1/traces", spans(minute)).status_code == 200
        platform.wait_loaded()
        world = World(platform, minute, events, empty)
        wait_until(lambda: world.ask("summary", group_by="version")["total"]["count"] >=
                   data.EVENTS and world.ask("summary")["total"]["count"] >= data.EVENTS,
                   60, "the rollups")
        yield world
        assert platform.stop() == 0
    finally:
        platform.kill()


EMPTY_PATHS = ["/api/v1/queries/top", "/api/v1/queries/top?by=p95&filter=status:eq:ok",
               "/api/v1/applications", "/api/v1/status", "/api/v1/anomalies",
               *(f"/api/v1/metrics/{kind}" for kind in KINDS),
               *(f"/api/v1/metrics/{kind}?group_by=status,attributes.tier" for kind in KINDS)]


class World:
    def __init__(self, platform, minute, events, empty):
        self.platform = platform
        self.minute = minute
        self.events = events
        self.empty = empty

    def path(self, kind, **params):
        params = {"from": self.minute, "to": self.minute + 60 * data.MINUTES, "series": 0, **params}
        return f"/api/v1/metrics/{kind}?{urllib.parse.urlencode(params, doseq=True)}"

    def ask(self, kind, **params):
        return self.platform.get_json(self.path(kind, **params))

    def top(self, **params):
        params = {"from": self.minute, "to": self.minute + 60 * data.MINUTES, **params}
        return self.platform.get_json("/api/v1/queries/top?" + urllib.parse.urlencode(params))


def spans(minute):
    start = minute * START_NS
    root, child = "b7ad6b7169203331", "00f067aa0ba902b7"
    return traces([
        {"traceId": data.TRACE_ID, "spanId": root, "name": "GET /find", "kind": 2,
         "startTimeUnixNano": str(start + 5), "endTimeUnixNano": str(start + 25_000_005),
         "traceState": "a=b",
         "attributes": [{"key": "http.route", "value": {"stringValue": "/x"}}]},
        {"traceId": data.TRACE_ID, "spanId": child, "parentSpanId": root, "name": "rank", "kind": 1,
         "startTimeUnixNano": str(start + 1_000_000), "endTimeUnixNano": str(start + 3_000_000),
         "status": {"code": 2, "message": "too slow"},
         "events": [{"timeUnixNano": str(start + 2_000_000), "name": "retry"}],
         "links": [{"traceId": "1" * 32, "spanId": "2" * 16}]},
    ], {"service.name": "tracer", "service.version": "7", "deployment.environment.name": "prod"})


# ---- metrics


def check_rate(rate, hits, of):
    assert (rate["numerator"], rate["denominator"]) == (hits, of)
    if of == 0:
        assert rate["value"] is rate["low"] is rate["high"] is None and rate["reason"]
        return
    low, high = data.wilson(hits, of)
    assert rate["value"] == pytest.approx(hits / of)
    assert (rate["low"], rate["high"]) == (pytest.approx(low), pytest.approx(high))
    assert rate["definition"]


def check_group(kind, group, events):
    assert group["count"] == len(events)
    assert group["weighted_count"] == sum(map(data.weight_of, events))
    if kind in ("latency", "summary"):
        for name, value in data.latency(events).items():
            assert group[name] == (pytest.approx(value) if name == "mean_ms" else value), name
    if kind in ("relevance", "summary"):
        check_rate(group["zero_results"], *data.zero_results(events))
    if kind == "relevance":
        for name, value in data.scores(events).items():
            assert group["score"][name] == (pytest.approx(value) if name == "mean" else value), name
        assert group["score"]["definition"]
    if kind in ("errors", "summary"):
        check_rate(group["error_rate"], sum(map(data.failed, events)), len(events))
    if kind == "errors":
        assert {name: group[name] for name in data.errors(events)} == data.errors(events)
        assert group["by_code"] == data.codes(events)


def value_of(event, name):
    if name.startswith("attributes."):
        return event["attributes"].get(name.split(".", 1)[1], "")
    if name == "error_code":
        return event.get("error", {}).get("code", "")
    return data.status_of(event) if name == "status" else event.get(name, "")


def check_answer(world, kind, group_by, events, **params):
    answer = world.ask(kind, group_by=",".join(group_by), **params)
    groups = {}
    for event in events:
        groups.setdefault(tuple(value_of(event, name) for name in group_by), []).append(event)
    shown = {tuple(group["key"][name] for name in group_by): group for group in answer["groups"]}
    assert set(shown) == set(groups)
    assert len(shown) == len(answer["groups"])
    for key, of_group in groups.items():
        check_group(kind, shown[key], of_group)
    check_group(kind, answer["total"], events)
    return answer


GROUPINGS = [([], "fast"), (["service"], "fast"), (["service", "environment"], "fast"),
             (["version"], "dim"), (["service", "version"], "dim"),
             (["status"], "raw"), (["version", "attributes.tier"], "raw"),
             (["error_code", "service", "environment"], "raw"), (["query"], "raw")]


@pytest.mark.parametrize("group_by,table", GROUPINGS, ids=lambda word: str(word))
@pytest.mark.parametrize("kind", KINDS)
def test_metrics__are_exact_for_each_grouping(world, kind, group_by, table):
    answer = check_answer(world, kind, group_by, world.events)
    assert answer["table"] == table
    assert answer["group_by"] == group_by


FILTERS = [
    (["version:eq:2.0"], "dim", lambda e: e["version"] == "2.0"),
    (["version:ne:2.0"], "dim", lambda e: e["version"] != "2.0"),
    (["service:in:web,nobody"], "fast", lambda e: e["service"] == "web"),
    (["environment:ne:prod"], "fast", lambda e: e["environment"] == "test"),
    (["status:eq:error"], "raw", lambda e: data.status_of(e) == "error"),
    (["status:in:timeout,cancelled"], "raw",
     lambda e: data.status_of(e) in ("timeout", "cancelled")),
    (["attributes.tier:eq:gold", "version:eq:1.0"], "raw",
     lambda e: e["attributes"]["tier"] == "gold" and e["version"] == "1.0"),
    (["query:in:red shoes,tea pot"], "raw", lambda e: e["query"] in ("red shoes", "tea pot")),
    (["error_code:eq:E503"], "raw", lambda e: value_of(e, "error_code") == "E503"),
    ([f"attributes.odd:eq:{data.ODD}"], "raw", lambda e: "odd" in e["attributes"]),
    (["attributes.odd:ne:"], "raw", lambda e: "odd" in e["attributes"]),
    (["version:eq:9.9"], "dim", lambda e: False),
    (["status:eq:x", "version:eq:9.9"], "raw", lambda e: False),
]


@pytest.mark.parametrize("filters,table,keep", FILTERS, ids=lambda word: str(word)[:40])
def test_filters__are_exact_on_each_table(world, filters, table, keep):
    kept = [event for event in world.events if keep(event)]
    answer = check_answer(world, "summary", ["service"], kept, filter=filters)
    assert answer["table"] == table


def test_service_and_environment__restrict_and_repeat(world):
    kept = [event for event in world.events if event["environment"] == "prod"]
    check_answer(world, "summary", ["service"], kept, service=["web", "api"], environment="prod")
    kept = [event for event in world.events if event["service"] == "web"]
    check_answer(world, "latency", ["version"], kept, service="web")


def test_experiments__count_a_search_in_each_of_its_groups_and_once_in_all(world):
    answer = world.ask("summary", group_by="experiment")
    pairs = Counter(f"{one['id']}:{one['variant']}" for event in world.events
                    for one in event.get("experiments", []))
    counts = {group["key"]["experiment"]: group["count"] for group in answer["groups"]}
    assert counts == pairs
    assert answer["total"]["count"] == data.EVENTS < sum(pairs.values()) + data.EVENTS


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("extra", [{}, {"filter": "attributes.tier:ne:x"}, {"group_by": "version"}],
                         ids=["fast", "raw", "dim"])
def test_series__has_each_minute_with_its_own_values(world, kind, extra):
    answer = world.ask(kind, step="1m", series=1, **extra)
    key = answer["group_by"][0]
    for group in answer["groups"]:
        series = group["series"]
        assert series["t"] == [world.minute + 60 * i for i in range(data.MINUTES)]
        for i in range(data.MINUTES):
            point = {name: values[i] for name, values in series.items()}
            inside = [event for event in world.events if event[key] == group["key"][key] and
                      world.minute + 60 * i <= event["timestamp"] < world.minute + 60 * (i + 1)]
            check_point(kind, point, inside)


def check_point(kind, point, events):
    assert point["count"] == len(events)
    expected = {}
    if kind in ("latency", "summary"):
        expected.update({name: value for name, value in data.latency(events).items()
                         if name in point})
        assert "p95_ms" in expected
    if kind in ("errors", "summary"):
        expected["errors"] = sum(map(data.failed, events))
        expected["error_rate"] = expected["errors"] / len(events) if events else None
    if kind == "errors":
        expected.update(data.errors(events))
    if kind in ("relevance", "summary"):
        zero, of = data.zero_results(events)
        expected.update(zero_results=zero, searches=of, zero_results_rate=zero / of if of else None)
    if kind == "relevance":
        scores = data.scores(events)
        expected.update(scored=scores["n"], score_p50=scores["p50"], score_mean=scores["mean"])
    assert {name: point[name] for name in expected} == pytest.approx(expected)


def epoch(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


@pytest.mark.parametrize("extra,unit", [
    ({"series": 0}, 60), ({"series": 1}, 60), ({"series": 1, "step": "10m"}, 600),
    ({"series": 1, "step": "1h"}, 3600), ({"series": 0, "step": "1h"}, 60),
    ({"series": 1, "step": "7m"}, 420)])
@pytest.mark.parametrize("filters", [[], ["status:ne:none"]], ids=["rollups", "raw"])
def test_range__snaps_outward_and_says_so(world, extra, unit, filters):
    begin, end = world.minute + 61, world.minute + 119
    answer = world.ask("summary", **{"from": begin, "to": end, "filter": filters, **extra})
    low, high = begin // unit * unit, -(-end // unit) * unit
    assert (epoch(answer["from"]), epoch(answer["to"])) == (low, high)
    inside = [event for event in world.events if low <= event["timestamp"] < high]
    assert answer["total"]["count"] == len(inside)
    if extra["series"]:
        assert answer["step_s"] == unit
        counts = [sum(group["series"]["count"]) for group in answer["groups"]]
        assert sum(counts) == len(inside)


@pytest.mark.parametrize("hours", [2, 26, 24 * 60])
@pytest.mark.parametrize("group_by", ["service", "version"])
def test_long_ranges__count_the_same_whatever_levels_they_are_read_from(world, hours, group_by):
    end = world.minute + 60 * data.MINUTES
    answer = world.ask("summary", **{"from": end - 3600 * hours, "to": end, "group_by": group_by})
    check_group("summary", answer["total"], world.events)
    series = world.ask("errors", **{"from": end - 3600 * hours, "to": end, "series": 1,
                                    "group_by": group_by})
    counts = [sum(group["series"]["count"]) for group in series["groups"]]
    assert sum(counts) == data.EVENTS


def test_times__mean_the_same_in_each_form(world):
    zone = timezone(timedelta(hours=1))
    texts = [world.minute, world.minute * 1000,
             datetime.fromtimestamp(world.minute, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
             datetime.fromtimestamp(world.minute, zone).isoformat()]
    answers = [world.ask("summary", **{"from": text}) for text in texts]
    assert all(answer == answers[0] for answer in answers)
    # As typed, '+' of the zone not escaped.
    raw = world.path("summary").replace(f"from={world.minute}", f"from={texts[3]}")
    assert world.platform.get_json(raw) == answers[0]


def test_ranges__that_reach_back_to_the_floors_of_the_rollups_are_answered(world):
    """Each from around the place where minutes end, with a step that does not divide the hour."""
    floor = (data.first_minute() + 1800) // 3600 * 3600 + 3600 - 30 * 86400
    seen = Counter()
    for begin in range(floor - 120, floor + 420, 60):
        for extra in ({"step": "7m", "series": 1}, {"filter": "status:eq:ok"}):
            query = {"from": begin, "to": begin + 7200, **extra}
            status, body = world.platform.get(world.path("summary", **query))
            seen[status] += 1
            assert status in (200, 400), body
    assert seen[200]
    assert world.platform.get("/healthz")[0] == 200


BAD = [
    ("from=soon", "from=soon", "RFC 3339"),
    ("from=now&to=now-1h", "from=", "is not before"),
    ("from=now-500d", "from=", "400 days"),
    ("step=45s", "step=45s", "multiple of 60 s"),
    ("step=1m&from=now-40d", "step=60s", "600 s"),
    ("step=1m&from=now-20d", "step=60s", "limit 11000"),
    ("group_by=colour", "group_by=colour", "no known key"),
    ("filter=version=2", "filter=version=2", "key:op:value"),
    ("filter=status:eq:ok&from=now-31d", "from", "retention.searches = 30 days"),
    ("limit=5", "limit", "no parameter of this endpoint"),
]


@pytest.mark.parametrize("query,begins,rule", BAD, ids=[case[0] for case in BAD])
def test_bad_parameters__are_problems_that_name_them(world, query, begins, rule):
    status, body = world.platform.get(f"/api/v1/metrics/latency?{query}")
    problem = json.loads(body)
    assert (status, problem["code"]) == (400, "invalid_parameter")
    assert problem["detail"].startswith(begins) and rule in problem["detail"], problem


@pytest.mark.parametrize("path", EMPTY_PATHS)
def test_nothing_there__is_an_empty_answer(world, path):
    status, body = world.empty[path]
    assert status == 200, body
    answer = json.loads(body)
    for name in ("queries", "groups", "applications", "anomalies"):
        assert answer.get(name, []) == []
    if "total" in answer:
        assert answer["total"]["count"] == 0


# ---- top queries


def top_oracle(by, events):
    rows = {}
    for query in {event["query"] for event in events}:
        of = [event for event in events if event["query"] == query]
        zero, searches = data.zero_results(of)
        row = {"query": query, "count": len(of), "errors": sum(map(data.failed, of)),
               "searches": searches, "zero_results": zero, "p95_ms": data.latency(of)["p95_ms"]}
        if row["p95_ms" if by == "p95" else by]:
            rows[query] = row
    return rows


@pytest.mark.parametrize("by", ["count", "zero_results", "errors", "p95"])
@pytest.mark.parametrize("limit", [2, 500])
def test_top__pages_hold_each_query_once_in_order(world, by, limit):
    pages = [world.top(by=by, limit=limit)]
    while pages[-1]["next_cursor"]:
        assert len(pages[-1]["queries"]) == limit
        assert len(pages) <= len(data.QUERIES)
        pages.append(world.top(by=by, limit=limit, cursor=pages[-1]["next_cursor"]))
    rows = [row for page in pages for row in page["queries"]]
    assert len({row["fingerprint"] for row in rows}) == len(rows)
    shown = {row["query"]: {k: v for k, v in row.items() if k != "fingerprint"} for row in rows}
    assert shown == top_oracle(by, world.events)
    order = [row["p95_ms" if by == "p95" else by] for row in rows]
    assert order == sorted(order, reverse=True)
    assert all(page["by"] == by and page["from"] == pages[0]["from"] for page in pages)


def test_top__is_filtered(world):
    kept = [event for event in world.events
            if event["service"] == "web" and event["version"] == "2.0"]
    rows = world.top(service="web", filter="version:eq:2.0")["queries"]
    assert {row["query"]: row["count"] for row in rows} == Counter(e["query"] for e in kept)
    assert world.top(service="nobody")["queries"] == []
    assert world.top(service="nobody", by="p95")["next_cursor"] is None


def test_top__cursor_of_another_question_is_refused(world):
    cursor = world.top(by="count", limit=1)["next_cursor"]
    for query in (f"by=errors&cursor={cursor}", f"by=count&service=a&cursor={cursor}",
                  "cursor=abc", f"by=count&cursor={cursor[:-4]}"):
        status, body = world.platform.get(f"/api/v1/queries/top?{query}")
        assert status == 400, query
        assert json.loads(body)["detail"].startswith("cursor"), body


# ---- traces, applications, anomalies


def test_trace__has_its_spans_as_stored_and_its_searches(world):
    trace = world.platform.get_json(f"/api/v1/traces/{data.TRACE_ID.upper()}")
    assert (trace["trace_id"], trace["truncated"]) == (data.TRACE_ID, False)
    root, child = trace["spans"]
    assert (root["span_id"], root["parent_span_id"]) == ("b7ad6b7169203331", "")
    assert (root["service"], root["version"], root["environment"]) == ("tracer", "7", "prod")
    assert (root["name"], root["duration_ns"]) == ("GET /find", 25_000_000)
    assert root["trace_state"] == "a=b"
    assert epoch(root["start"]) == pytest.approx(world.minute)
    assert root["attributes"]["http.route"] == "/x"
    assert child["parent_span_id"] == root["span_id"]
    assert child["status_message"] == "too slow"
    assert [event["name"] for event in child["events"]] == ["retry"]
    assert len(child["links"]) == 1 and root["links"] == root["events"] == []
    (found,) = trace["searches"]
    assert (found["event_id"], found["service"], found["latency_ms"]) == ("gateway-11", "web", 12)


def test_trace__that_nobody_sent_is_not_found(world):
    for trace_id, status, code in [("1" * 32, 404, "unknown_trace"), ("1" * 31, 400,
                                   "invalid_parameter"), ("g" * 32, 400, "invalid_parameter")]:
        got, body = world.platform.get(f"/api/v1/traces/{trace_id}")
        problem = json.loads(body)
        assert (got, problem["code"]) == (status, code)
        assert trace_id in problem["detail"]


def test_trace__that_is_larger_than_an_answer_may_be_says_so(world):
    """Stored are 12 MB of bytes that take six times as many in JSON."""
    trace_id = "ab" * 16
    big = {f"a{i}": "\x01" * 60000 for i in range(10)}
    for part in range(3):
        body = traces([{"traceId": trace_id, "spanId": f"{7 * part + i + 1:016x}", "name": "big",
                        "startTimeUnixNano": str(world.minute * START_NS),
                        "endTimeUnixNano": str(world.minute * START_NS + 1),
                        "attributes": attributes(big)} for i in range(7)], {"service.name": "big"})
        answer = send(world.platform, "/v1/traces", gzip.compress(json.dumps(body).encode(), 1),
                      {"Content-Encoding": "gzip"})
        assert answer.status_code == 200, answer.text
    world.platform.wait_loaded()
    status, body = world.platform.get(f"/api/v1/traces/{trace_id}")
    problem = json.loads(body)
    assert (status, problem["code"]) == (422, "too_large")
    assert "larger than 67108864 bytes" in problem["detail"]


def test_anomalies__are_none_where_no_minute_was_odd(world):
    assert world.platform.get_json("/api/v1/anomalies") == {"anomalies": [], "next_cursor": None}


def test_applications__say_what_they_sent_and_what_counts(world):
    answer = world.platform.get_json("/api/v1/applications")
    assert answer["truncated"] is False
    found = {one.pop("application"): one for one in answer["applications"]}
    for name in ("api", "web"):
        sent = {key: found[name][key] for key in ("counted", "set", "seen")}
        assert sent == {"counted": "native", "set": False, "seen": ["native"]}


# ---- status and metrics of the process


def test_status__has_what_an_operator_needs(world):
    send(world.platform, "/api/v1/telemetry/event", {"service": "api"})  # refused: no query
    status = world.platform.get_json("/api/v1/status")
    assert status["stream"]["queue_bytes"] >= 0
    assert status["stream"]["disk_free_bytes"] > status["stream"]["disk_free_min_bytes"] >= 0
    assert status["stream"]["refusing"] is False
    loader = status["engine"]["loader"]
    parts = {part["topic"]: part for part in loader["partitions"]}
    for part in parts.values():
        assert 0 <= part["durable"] <= part["loaded"] <= part["end"]
        assert part["lag"] == part["end"] - part["loaded"]
    assert parts["search.events"]["loaded"] >= data.EVENTS
    assert loader["dedup_window_s"] >= 0
    assert loader["repeated"]["search.events"] == 10  # sent twice by the fixture
    assert loader["dead_letters"] == {}
    refused = status["ingest"]["refused"]
    assert sum(count for reason, count in refused.items() if "missing_field" in reason) >= 1
    assert sum(status["ingest"]["accepted"].values()) >= data.EVENTS
    assert 0 <= status["data"]["searches"]["age_s"] < 3600
    assert status["store"]["phase"] == "ready"


def test_status__knows_the_newest_row_of_a_table_that_was_silent_for_hours(world):
    world.platform.sql("INSERT INTO haystat.results (tenant, ts, received) "
                       "SELECT 'default', now() - 9000, now() - INTERVAL ago SECOND FROM "
                       "(SELECT arrayJoin([7200, 7300, 100000]) AS ago)")
    found = wait_until(lambda: world.platform.get_json("/api/v1/status")["data"]["results"], 5, "")
    assert 7200 <= found["age_s"] < 7260


SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",), "gauge": ("",)}


def parse_labels(text):
    labels, at = {}, 0
    while at < len(text):
        match = LABEL.match(text, at)
        assert match, text
        assert match[1] not in labels
        labels[match[1]] = match[2]
        at = match.end()
    return labels


def parse_metrics(text):
    """{family: {"type", "samples": {(name, labels): value}}}; strict about format 0.0.4."""
    families, current = {}, None
    assert text.endswith("\n")
    for line in text[:-1].split("\n"):
        head = re.fullmatch(r"# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)", line)
        if head and head[1] == "HELP":
            assert head[2] not in families, f"{head[2]} stands in two places"
            current = families.setdefault(head[2], {"name": head[2], "samples": {}})
        elif head:
            assert current and current["name"] == head[2] and "type" not in current
            assert head[3] in SUFFIXES
            current["type"] = head[3]
        else:
            add_sample(current, line)
    return families


def add_sample(family, line):
    match = SAMPLE.fullmatch(line)
    assert match and family and "type" in family, line
    suffix = match[1].removeprefix(family["name"])
    assert match[1].startswith(family["name"]) and suffix in SUFFIXES[family["type"]], line
    key = (match[1], tuple(sorted(parse_labels(match[2] or "").items())))
    assert key not in family["samples"], line
    family["samples"][key] = float(match[3])


def check_histogram(family):
    series = {}
    for (name, labels), value in family["samples"].items():
        rest = tuple(pair for pair in labels if pair[0] != "le")
        suffix = name.removeprefix(family["name"])
        series.setdefault(rest, {})[(suffix, dict(labels).get("le"))] = value
    for values in series.values():
        buckets = [(float(le), value) for (suffix, le), value in values.items()
                   if suffix == "_bucket"]
        assert buckets[-1][0] == math.inf and buckets == sorted(buckets)
        assert [value for _, value in buckets] == sorted(value for _, value in buckets)
        assert buckets[-1][1] == values[("_count", None)]
        assert values[("_sum", None)] >= 0


def test_metrics__parse_as_prometheus_text(world):
    answer = requests.get(world.platform.url("/metrics"), timeout=30)
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = parse_metrics(answer.text)
    for family in families.values():
        assert all(value >= 0 or family["type"] == "gauge" for value in family["samples"].values())
        if family["type"] == "histogram":
            check_histogram(family)
        if family["type"] == "counter":
            assert family["name"].endswith("_total")
    loaded = families["hs_engine_loaded_messages_total"]["samples"]
    key = ("hs_engine_loaded_messages_total", (("topic", "search.events"),))
    assert loaded[key] >= data.EVENTS


def test_health__and_readiness(world):
    assert world.platform.get_json("/healthz") == {"status": "ok"}
    ready = world.platform.get_json("/readyz")
    assert ready["ready"] is True
    assert {check["name"] for check in ready["checks"]} >= {"stream", "store"}


# ---- HTTP


def raw_get(world, path, headers=None, method="GET"):
    answer = requests.request(method, world.platform.url(path), headers=headers or {}, timeout=30,
                              stream=True)
    return answer, answer.raw.read(decode_content=False)


@pytest.mark.parametrize("coding,decode", [
    ("identity", lambda body: body), ("gzip", gzip.decompress),
    ("zstd", zstd.decompress)])
def test_answers__are_the_same_in_each_coding_and_are_not_sent_twice(world, coding, decode):
    path = world.path("latency", group_by="query")
    plain = world.platform.get(path)[1]
    answer, body = raw_get(world, path, {"Accept-Encoding": coding})
    assert answer.headers.get("Content-Encoding", "identity") == coding
    assert decode(body) == plain and (coding == "identity" or len(body) < len(plain))
    assert "Accept-Encoding" in answer.headers["Vary"]
    tag = answer.headers["ETag"]
    again, body = raw_get(world, path, {"Accept-Encoding": coding, "If-None-Match": tag})
    assert (again.status_code, body) == (304, b"")
    assert again.headers["ETag"] == tag
    other, body = raw_get(world, path, {"Accept-Encoding": coding, "If-None-Match": '"x"'})
    assert other.status_code == 200 and decode(body) == plain


ETAG_PATHS = ["/api/v1/anomalies", "/api/v1/applications", f"/api/v1/traces/{data.TRACE_ID}",
              "/", "/docs", "/docs/openapi.yaml", "/assets/start.js", "/assets/icon.svg"]


@pytest.mark.parametrize("path", ETAG_PATHS)
def test_head_and_etag__work_on_each_page(world, path):
    got, body = raw_get(world, path, {"Accept-Encoding": "identity"})
    head, nothing = raw_get(world, path, {"Accept-Encoding": "identity"}, "HEAD")
    assert (got.status_code, head.status_code, nothing) == (200, 200, b"")
    for name in ("Content-Type", "Content-Length", "ETag"):
        assert head.headers[name] == got.headers[name]
    assert int(got.headers["Content-Length"]) == len(body)
    answer, _ = raw_get(world, path, {"If-None-Match": got.headers["ETag"]})
    assert answer.status_code == 304


@pytest.mark.parametrize("method,path,status,code", [
    ("GET", "/api/v1/metrics", 404, "not_found"),
    ("GET", "/api/v1/metrics/latency/x", 404, "not_found"),
    ("GET", "/assets/..%2fsecret", 400, "invalid_path"),
    ("GET", "/assets/none.js", 404, "not_found"),
    ("DELETE", "/api/v1/metrics/latency", 405, "method_not_allowed"),
    ("POST", "/api/v1/queries/top", 405, "method_not_allowed"),
])
def test_wrong_calls__are_problems_with_the_request_id(world, method, path, status, code):
    url = world.platform.url(path)
    answer = requests.request(method, url, headers={"X-Request-Id": "gateway:1", "Content-Type":
                                                    "application/json"}, timeout=30)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["request_id"] == answer.headers["X-Request-Id"] == "gateway:1"
    assert status != 405 or "GET" in answer.headers["Allow"]
