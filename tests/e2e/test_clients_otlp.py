"""OpenTelemetry's own SDK and exporters for JavaScript, over JSON and protobuf, read back."""
import json
import subprocess
import time
from pathlib import Path

import pytest

from client_helper import platform_fixture, row, send, traces

SCRIPT = Path(__file__).parent / "node" / "otlp_client.js"
WAYS = [(encoding, gzip) for encoding in ("http", "proto") for gzip in (False, True)]
KINDS = ["internal", "server", "client", "producer", "consumer"]  # the SDK's numbers
TRACE_VALUES = {
    "text": "größe \"42\"\n\t\\ \U0001f45f", "empty": "", "int": 42, "negative": -7,
    "large": 9007199254740991, "double": 0.1, "tiny": 5e-324, "huge": 1.7976931348623157e308,
    "yes": True, "no": False, "texts": ["a", "ü", ""], "ints": [1, 2, -3],
    "doubles": [0.5, 1.25], "bools": [True, False], "none": [],
}


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    yield from platform_fixture(tmp_path_factory)


def run_sdk(order):
    done = subprocess.run(["node", SCRIPT], input=json.dumps(order), capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    answer = json.loads(done.stdout)
    assert answer["errors"] == [], answer["errors"]
    return answer["spans"]


def at(base_ns, add_ns=0):
    """As the SDK takes times: [seconds, nanoseconds]."""
    return [(base_ns + add_ns) // 10**9, (base_ns + add_ns) % 10**9]


def spans_of(base_ns):
    """A search of the edge, one of the engine below it, and one span of every kind."""
    edge = {
        "name": "GET /search", "kind": 1, "start": at(base_ns), "end": at(base_ns, 41_703_125),
        "attributes": {
            "search.query.id": f"q-{base_ns}", "search.query.text": "rote Schuhe größe 42",
            "search.hits.total": 12, "search.took_ms": 3.25, "search.cache.hit": False,
            "search.result.ids": ["p1", "p2", "p3"], "search.page": 2, "search.page.size": 3,
            "search.ranker.version": "ltr-9", "search.note": "kept"},
    }
    engine = {
        "name": "search products", "kind": 2, "parent": 0, "start": at(base_ns, 1_000_001),
        "end": at(base_ns, 30_000_002),
        "attributes": {"db.system.name": "opensearch", "db.operation.name": "search",
                       "db.collection.name": "products", "server.port": 9200},
        "events": [
            {"name": "retry", "time": at(base_ns, 2_000_003),
             "attributes": {"attempt": 1, "wait": 0.5, "codes": [502, 503]}},
            {"name": "plain", "time": at(base_ns, 2_000_004)}],
        "links": [{"span": 0, "attributes": {"why": "test", "n": 3}}],
        "status": {"code": 2, "message": "node left"},
    }
    others = [{"name": f"kind {kind}", "kind": kind, "start": at(base_ns, kind),
               "end": at(base_ns, 10 * kind + 1), "attributes": TRACE_VALUES,
               "status": {"code": 1} if kind == 3 else None} for kind in range(5)]
    return [edge, engine, *others]


def records_of(base_ns):
    return [
        {"time": at(base_ns, 5), "observed": at(base_ns, 6), "severity": 9, "text": "INFO",
         "body": "all is \"well\"\n", "attributes": TRACE_VALUES, "span": 0},
        {"time": at(base_ns, 7), "severity": 17, "text": "ERROR",
         "body": {"code": 7, "tags": ["a", {"b": [1.5, True, None]}]}, "attributes": {},
         "eventName": "search.failed"},
        {"time": at(base_ns, 8), "severity": 1, "text": "TRACE", "body": 12.5,
         "attributes": {"nested": {"a": {"b": [1, "two"]}}}},
    ]


@pytest.fixture(scope="module", params=WAYS, ids=lambda way: way[0] + ("-gzip" if way[1] else ""))
def sent(platform, request):
    """(the order, the ids that the SDK made), once everything is in the tables."""
    encoding, gzip = request.param
    base_ns = time.time_ns() - 60 * 10**9
    order = {
        "url": platform.url(listener="otlp_http"), "encoding": encoding, "gzip": gzip,
        "resource": {"service.name": f"js-{encoding}-{int(gzip)}", "service.version": "2.0.1",
                     "deployment.environment.name": "staging", "host.name": "node-7",
                     "process.pid": 4242, "flags": ["x", "y"]},
        "scope": {"name": "recorder", "version": "1.0"},
        "spans": spans_of(base_ns), "records": records_of(base_ns),
    }
    ids = run_sdk(order)
    platform.wait_loaded()
    return order, ids


def nanos(time_pair):
    return time_pair[0] * 10**9 + time_pair[1]


def check_attributes(stored, sent_values):
    """Strings as they are, all else as JSON; numbers keep their kind."""
    assert set(stored) == set(sent_values)
    for key, value in sent_values.items():
        if isinstance(value, str):
            assert stored[key] == value, key
        else:
            found = json.loads(stored[key])
            assert found == value and type(found) is type(value), (key, stored[key])


def check_place(stored, order):
    resource = order["resource"]
    assert stored["service"] == resource["service.name"]
    assert stored["version"] == resource["service.version"]
    assert stored["environment"] == resource["deployment.environment.name"]
    assert stored["scope_name"] == order["scope"]["name"]
    check_attributes({key: value for key, value in stored["resource_attributes"].items()
                      if not key.startswith("telemetry.sdk.")}, resource)


def stored_span(platform, ids):
    return row(platform, "SELECT *, toUnixTimestamp64Nano(ts) AS ns FROM haystat.spans WHERE "
                         f"trace_id = '{ids['traceId']}' AND span_id = '{ids['spanId']}'")


def check_span(platform, order, ids, number):
    wanted = order["spans"][number]
    stored = stored_span(platform, ids[number])
    assert (stored["name"], stored["kind"]) == (wanted["name"], KINDS[wanted["kind"]])
    assert stored["ns"] == nanos(wanted["start"])
    assert stored["duration_ns"] == nanos(wanted["end"]) - nanos(wanted["start"])
    parent = wanted.get("parent")
    assert stored["parent_span_id"] == ("" if parent is None else ids[parent]["spanId"])
    status = wanted.get("status") or {"code": 0}
    assert stored["status"] == ["unset", "ok", "error"][status["code"]]
    assert stored["status_message"] == status.get("message", "")
    assert stored["scope_version"] == order["scope"]["version"]
    check_attributes(stored["attributes"], wanted["attributes"])
    check_place(stored, order)
    return stored


def test_every_span_is_read_back_field_by_field(platform, sent):
    order, ids = sent
    for number in range(len(order["spans"])):
        check_span(platform, order, ids, number)


def test_events_and_links_are_read_back(platform, sent):
    order, ids = sent
    wanted = order["spans"][1]
    stored = stored_span(platform, ids[1])
    assert json.loads(stored["events"]) == [
        {"time_ns": nanos(event["time"]), "name": event["name"],
         "attributes": event.get("attributes", {})} for event in wanted["events"]]
    assert json.loads(stored["links"]) == [
        {"trace_id": ids[0]["traceId"], "span_id": ids[0]["spanId"], "trace_state": "",
         "attributes": wanted["links"][0]["attributes"]}]
    assert stored_span(platform, ids[0])["events"] == ""


def stored_record(platform, order, number):
    record = order["records"][number]
    ns = nanos(record.get("time") or record["observed"])
    return row(platform, "SELECT *, toUnixTimestamp64Nano(ts) AS ns, "
                         "toUnixTimestamp64Nano(observed) AS observed_ns FROM haystat.logs WHERE "
                         f"service = '{order['resource']['service.name']}' "
                         f"AND toUnixTimestamp64Nano(ts) = {ns}")


def test_every_log_record_is_read_back_field_by_field(platform, sent):
    order, ids = sent
    for number, wanted in enumerate(order["records"]):
        stored = stored_record(platform, order, number)
        assert (stored["severity_number"], stored["severity_text"]) == (
            wanted["severity"], wanted["text"])
        assert stored["event_name"] == wanted.get("eventName", "")
        assert stored["scope_version"] == order["scope"]["version"]
        if "observed" in wanted:
            assert stored["observed_ns"] == nanos(wanted["observed"])
        body = stored["body"]
        assert (body if isinstance(wanted["body"], str) else json.loads(body)) == wanted["body"]
        check_attributes(stored["attributes"], wanted["attributes"])
        check_place(stored, order)
        inside = wanted.get("span")
        assert stored["trace_id"] == ("" if inside is None else ids[inside]["traceId"])
        assert stored["span_id"] == ("" if inside is None else ids[inside]["spanId"])


def test_the_span_of_a_search_is_a_search_joined_by_its_trace(platform, sent):
    order, ids = sent
    wanted = order["spans"][0]
    attributes = wanted["attributes"]
    stored = row(platform, "SELECT *, toUnixTimestamp64Nano(toDateTime64(ts, 9)) AS ns FROM "
                           f"haystat.searches WHERE trace_id = '{ids[0]['traceId']}' "
                           f"AND span_id = '{ids[0]['spanId']}'")
    assert stored["source"] == "span" and stored["tier"] == "edge"
    assert stored["query_id"] == attributes["search.query.id"]
    assert stored["query"] == attributes["search.query.text"]
    assert (stored["total_hits"], stored["took_ms"], stored["cache_hit"]) == (12, 3.25, False)
    assert (stored["page"], stored["page_size"], stored["ranker"]) == (2, 3, "ltr-9")
    assert (stored["result_ids"], stored["result_positions"]) == (["p1", "p2", "p3"], [4, 5, 6])
    assert stored["returned"] == 3 and stored["latency_ms"] == 41.703125
    assert stored["ns"] == nanos(wanted["start"]) // 1000 * 1000
    assert (stored["status"], stored["service"]) == ("ok", order["resource"]["service.name"])
    assert (stored["version"], stored["environment"], stored["host"]) == (
        "2.0.1", "staging", "node-7")
    assert stored["attributes"] == {"search.note": "kept"}


def test_the_search_of_the_engine_below_it_is_no_second_execution(platform, sent):
    order, ids = sent
    stored = row(platform, f"SELECT * FROM haystat.searches WHERE span_id = '{ids[1]['spanId']}'")
    assert stored["trace_id"] == ids[0]["traceId"] and stored["tier"] == "engine"
    assert stored["parent_query_id"] == order["spans"][0]["attributes"]["search.query.id"]
    assert (stored["index"], stored["status"], stored["latency_ms"]) == (
        "products", "error", 29.000001)
    failed = row(platform, f"SELECT * FROM haystat.errors WHERE span_id = '{ids[1]['spanId']}'")
    assert (failed["event_id"], failed["message"]) == (stored["event_id"], "node left")


def test_spans_that_are_no_search_make_none(platform, sent):
    order, ids = sent
    searches = row(platform, "SELECT count() AS n FROM haystat.searches WHERE "
                             f"service = '{order['resource']['service.name']}'")
    assert searches == {"n": 2}


def test_numbers_that_json_has_no_word_for_are_read_back(platform):
    words = ("NaN", "Infinity", "-Infinity")
    span = {"traceId": "1" * 32, "spanId": "2" * 16, "name": "numbers",
            "startTimeUnixNano": str(time.time_ns()),
            "attributes": [{"key": word, "value": {"doubleValue": word}} for word in words]}
    assert send(platform, "/v1/traces", traces([span], {})).json() == {}
    platform.wait_loaded()
    stored = row(platform, "SELECT attributes FROM haystat.spans WHERE name = 'numbers'")
    assert stored["attributes"] == {word: word for word in words}
