"""Personal data in any free text is stored nowhere; product numbers are not touched."""
import base64
import gzip
import json
import random
import time
import urllib.parse

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from client_helper import any_value, attributes, logs, send, traces
from personal_data import Planted, product_query
from platform_helper import Platform

STRINGS = 2000
PRODUCTS = 10_000
IDS = 60
TABLES = ("searches", "results", "errors", "spans", "logs", "search_by_query", "trace_by_id")
SENTENCES = ("{}", "call {} about it", "mine is {}.", "order 12 for {}, thanks", "a\n{}\tb", "({})")


def search(**fields):
    event = {"service": "privacy", "query": "x", "latency_ms": 5, **fields}
    return "/api/v1/telemetry/event", event


def result(**fields):
    return "/api/v1/telemetry/event", {"service": "privacy", "action": "click", "query_id": "q",
                                       **fields}


def failure(**fields):
    return "/api/v1/telemetry/batch", [{"service": "privacy", "error": {"code": "1", **fields}}]


def ubi_query(**fields):
    query = {"application": "privacy", "user_query": "x", "query_id": "u", **fields}
    return "/ubi_queries", [query]


def ubi_event(**fields):
    return "/ubi_events", [{"application": "privacy", "action_name": "click", "query_id": "u",
                            "timestamp": "2026-01-01T00:00:00Z", **fields}]


def bulk(index, document):
    return "/_bulk", "".join(json.dumps(line) + "\n" for line in
                             ({"index": {"_index": index}}, document)).encode()


def make_span(pairs, **fields):
    now = time.time_ns()
    return {"traceId": f"{random.getrandbits(127) | 1:032x}",
            "spanId": f"{random.getrandbits(63) | 1:016x}", "name": "GET /search", "kind": 2,
            "startTimeUnixNano": str(now), "endTimeUnixNano": str(now + 10**7),
            "attributes": attributes(pairs), **fields}


def span(resource=None, fields=None, **pairs):
    pairs = {key.replace("__", "."): value for key, value in pairs.items()}
    return "/v1/traces", traces([make_span(pairs, **(fields or {}))],
                                {"service.name": "privacy", **(resource or {})})


def span_event(text, **fields):
    exception = {"exception.type": "E", "exception.message": text,
                 "exception.stacktrace": f"E: {text}\n  at f (a.js:1:1)"}
    return span(fields={"events": [{"timeUnixNano": str(time.time_ns()), "name": "exception",
                                    "attributes": attributes(exception)}], **fields})


def log(body, **pairs):
    return "/v1/logs", logs([{"timeUnixNano": str(time.time_ns()), "severityNumber": 9,
                              "body": any_value(body), "attributes": attributes(pairs)}],
                            {"service.name": "privacy"})


def url(text):
    return "https://shop.example/find?q=" + urllib.parse.quote(text) + "&page=2"


PLACES = {
    "query": lambda t: search(query=t),
    "rewrites.from": lambda t: search(rewrites=[{"kind": "spelling", "from": t, "to": "x"}]),
    "rewrites.to": lambda t: search(rewrites=[{"kind": "spelling", "from": "x", "to": t}]),
    "filters.value": lambda t: search(filters=[{"field": "owner", "op": "eq", "value": t}]),
    "filters.value[]": lambda t: search(filters=[{"field": "owner", "value": ["a", {"b": t}]}]),
    "facets": lambda t: search(facets=[t]),
    "sort": lambda t: search(sort=t),
    "request.body object": lambda t: search(request={"engine": "solr", "body": {"q": [{"m": t}]}}),
    "request.body text": lambda t: search(request={"body": json.dumps({"q": {"text": t}})}),
    "request.path": lambda t: search(request={"path": f"/p/_search?q={t}"}),
    "error.message": lambda t: search(status="error", error={"code": "1", "message": t}),
    "error.stack": lambda t: search(status="error", error={"code": "1", "stack": f"E: {t}\n at x"}),
    "attributes": lambda t: search(attributes={"note": t}),
    "attributes nested": lambda t: search(attributes={"note": {"deep": [1, {"er": t}]}}),
    "attributes key": lambda t: search(attributes={t: "x"}),
    "unknown key": lambda t: search(comment=t),
    "result message": lambda t: result(message=t),
    "result query": lambda t: result(query=t),
    "result attributes": lambda t: result(attributes={"form": t}),
    "error event message": lambda t: failure(message=t),
    "error event stack": lambda t: failure(stack=t),
    "ubi user_query": lambda t: ubi_query(user_query=t),
    "ubi query_attributes": lambda t: ubi_query(query_attributes={"note": t}),
    "ubi unknown key": lambda t: ubi_query(extra_info={"text": t}),
    "ubi message": lambda t: ubi_event(message=t),
    "ubi event user_query": lambda t: ubi_event(user_query=t),
    "ubi object name": lambda t: ubi_event(event_attributes={"object": {"object_id": "1",
                                                                        "name": t}}),
    "bulk query": lambda t: bulk("ubi_queries", {"application": "privacy", "user_query": t}),
    "bulk event": lambda t: bulk("ubi_events", {
        "application": "privacy", "action_name": "click", "timestamp": "2026-01-01T00:00:00Z",
        "message": t}),
    "span search.query.text": lambda t: span(search__query__text=t),
    "span url.full": lambda t: span(url__full=url(t)),
    "span url.query": lambda t: span(url__query="q=" + urllib.parse.quote_plus(t)),
    "span http.url": lambda t: span(http__url=url(t)),
    "span http.target": lambda t: span(http__target="/find?q=" + urllib.parse.quote(t)),
    "span db.query.text": lambda t: span(db__system__name="opensearch",
                                         db__operation__name="search",
                                         db__query__text=json.dumps({"query": {"match": t}})),
    "span db.statement": lambda t: span(db__system="elasticsearch", db__operation="search",
                                        db__statement=json.dumps({"q": t}, ensure_ascii=False)),
    "span status": lambda t: span(fields={"status": {"code": 2, "message": t}}),
    "span name": lambda t: span(fields={"name": f"find {t}"}),
    "span list": lambda t: span(app__list=["a", {"k": t}]),
    "span event": span_event,
    "span of a search that failed": lambda t: span(search__query__id="q", exception__message=t),
    "resource": lambda t: span(resource={"deployment.note": t}),
    "log body": log,
    "log body map": lambda t: log({"a": ["x", {"text": t}]}),
    "log attribute": lambda t: log("x", note=t),
}

ID_PLACES = {
    "native": lambda t: search(user_id=t, client_id=t, session_id=t),
    "native attributes": lambda t: search(attributes={"user_id": t, "x": {"session_id": t}}),
    "result": lambda t: result(user_id=t, client_id=t, session_id=t),
    "ubi query": lambda t: ubi_query(user_id=t, client_id=t, session_id=t),
    "ubi event": lambda t: ubi_event(user_id=t, client_id=t, session_id=t),
    "ubi attributes": lambda t: ubi_query(query_attributes={"user_id": t}),
    "span": lambda t: span(search__query__text="x", user__id=t, session__id=t, enduser__id=t,
                           search__client__id=t),
    "resource": lambda t: span(resource={"user.id": t}),
    "log": lambda t: log("x", **{"user.id": t, "session.id": t}),
}


def to_protobuf(path, body):
    """The same request in protobuf, by OTLP's own definitions. There ids are base64 in JSON."""
    message = (ExportTraceServiceRequest if path == "/v1/traces" else ExportLogsServiceRequest)()
    body = json.loads(json.dumps(body))
    for resource in body.get("resourceSpans", []):
        for made in resource["scopeSpans"][0]["spans"]:
            for name in ("traceId", "spanId"):
                made[name] = base64.b64encode(bytes.fromhex(made[name])).decode()
    return json_format.ParseDict(body, message).SerializeToString()


def plant(platform, request, number):
    """Sends it, in the encodings that its endpoint takes in turn."""
    path, body = request
    headers = {}
    if path.startswith("/v1/") and number % 2:
        body, headers = to_protobuf(path, body), {"Content-Type": "application/x-protobuf"}
    elif number % 5 == 0:
        body = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        body, headers = gzip.compress(body), {"Content-Encoding": "gzip"}
    if path == "/_bulk":
        headers["Content-Type"] = "application/x-ndjson"
    answer = send(platform, path, body, headers)
    assert answer.status_code in (200, 202), (path, answer.text)
    assert b'"errors":true' not in answer.content, answer.text


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A platform that took all of it in; its segments are not compressed, its log is talkative."""
    strings = Planted(7)
    platform = Platform(tmp_path_factory.mktemp("privacy") / "data",
                        **{"stream.compression": "none", "log.level": "debug"}).start()
    names = list(PLACES)
    for i in range(STRINGS):
        name = names[i % len(names)]
        # Not i: every place gets every kind of string.
        text = SENTENCES[i // len(names) % len(SENTENCES)].format(strings.next(name))
        plant(platform, PLACES[name](text), i // len(names))
    refuse_some(platform, strings)
    platform.wait_loaded()
    yield platform, strings
    platform.kill()


def refuse_some(platform, strings):
    """What is refused must not be logged either."""
    for i in range(30):
        text = strings.next("refused")
        for path, body in (search(status=text), search(timestamp=text), search(latency_ms=text),
                           ("/api/v1/telemetry/event?q=" + urllib.parse.quote(text),
                            b"{" + text.encode()),
                           ("/" + urllib.parse.quote(text, safe=""), {"q": text})):
            assert send(platform, path, body).status_code in (400, 404, 422), path


def text_of_all_rows(platform):
    return {table: "\n".join("\t".join(line) for line in platform.sql(
        f"SELECT * FROM haystat.{table} FORMAT JSONEachRow")).encode() for table in TABLES}


def files_of(platform):
    return {path.relative_to(platform.data): path.read_bytes()
            for path in sorted(platform.data.rglob("*")) if path.is_file()}


def report(found):
    return "\n".join(f"{where}: {len(what)} found: {what[:40]}"
                     for where, what in found.items() if what)


def test_the_scanner_finds_what_is_planted():
    strings = Planted(1)
    texts = [strings.next("here") for _ in range(300)]
    for text in texts:
        assert len(strings.found_in(f"a {text} b".encode())) == 1, text
    assert strings.found_in(b"[email] 2026-11-24 4006381333931") == []


def test_no_table_holds_a_planted_string(planted):
    platform, strings = planted
    texts = text_of_all_rows(platform)
    assert texts["searches"].count(b"\n") > 500 and texts["spans"].count(b"\n") > 300
    assert texts["logs"].count(b"\n") > 100 and texts["results"].count(b"\n") > 200
    assert not report({table: strings.found_in(text) for table, text in texts.items()})
    # They were taken out, and not the whole text with them.
    assert texts["searches"].count(b"[email]") > 100
    assert b"call [phone] about it" in texts["searches"]
    assert b"[redaction failed]" not in b"".join(texts.values())


def test_ids_of_persons_are_stored_only_as_hashes(planted):
    platform, strings = planted
    names = list(ID_PLACES)
    for i in range(IDS):
        name = names[i % len(names)]
        plant(platform, ID_PLACES[name](f"id-{strings.token(f'id in {name}')}"), i // len(names))
    platform.wait_loaded()
    texts = text_of_all_rows(platform)
    assert not report({table: strings.found_in(text) for table, text in texts.items()})
    hashes = platform.sql("SELECT DISTINCT user_id FROM haystat.searches WHERE user_id != ''")
    assert len(hashes) > 10
    assert all(len(value) == 32 and int(value, 16) > 0 for [value] in hashes)


def test_redaction_is_counted_by_kind(planted):
    adjusted = planted[0].get_json("/api/v1/status")["ingest"]["adjusted"]
    for kind in ("email", "phone", "card"):
        assert sum(n for name, n in adjusted.items() if name.endswith(f"redacted_{kind}")) > 300
    assert not any("redaction_failed" in name for name in adjusted)


def test_product_numbers_are_not_changed(planted):
    platform, _ = planted
    chance = random.Random(3)
    queries = {f"product-{i}": product_query(chance, i) for i in range(PRODUCTS)}
    for start in range(0, PRODUCTS, 500):
        answer = send(platform, "/api/v1/telemetry/batch", [
            {"event_id": f"product-{i}", "service": "products", "query": queries[f"product-{i}"]}
            for i in range(start, start + 500)])
        assert answer.status_code == 202
    platform.wait_loaded()
    stored = dict(platform.sql("SELECT event_id, query FROM haystat.searches "
                               "WHERE service = 'products'"))
    changed = {queries[name]: stored.get(name) for name in queries
               if stored.get(name) != queries[name]}
    assert not changed, (len(changed), list(changed.items())[:20])


def test_no_file_holds_a_planted_string_after_the_stop(planted):
    platform, strings = planted
    assert platform.stop() == 0
    files = files_of(platform)
    segments = b"".join(data for path, data in files.items() if path.parts[0] == "stream")
    assert b"[email]" in segments, "the segments are readable"
    assert not report({path: strings.found_in(data) for path, data in files.items()})
