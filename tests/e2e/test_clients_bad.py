"""What cannot be read, or lacks something, is refused in words that say which and why."""
import gzip
import json
import time

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from client_helper import logs, platform_fixture, row, send, traces

EVENT, BATCH, LINES = (f"/api/v1/telemetry/{name}" for name in ("event", "batch", "ndjson"))
QUERIES, EVENTS, BULK = "/ubi_queries", "/ubi_events", "/_bulk"
TRACES, LOGS = "/v1/traces", "/v1/logs"
JSON_PATHS = (EVENT, BATCH, LINES, QUERIES, EVENTS, BULK)
OTLP_PATHS = (TRACES, LOGS)
NDJSON = {"Content-Type": "application/x-ndjson"}
PROTOBUF = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json"}
INDEX = b'{"index":{"_index":"ubi_queries"}}\n'
BODY_MAX, INFLATED_MAX = 64 << 10, 128 << 10
IDS = {"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331"}
CLICK = {"action_name": "click", "timestamp": "2026-01-01T00:00:00Z"}


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    yield from platform_fixture(tmp_path_factory, **{"http.body_max": str(BODY_MAX),
                                                     "http.inflated_max": str(INFLATED_MAX)})


def status_message():
    """google.rpc.Status, as far as OTLP uses it."""
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="status.proto", syntax="proto3")
    message = file.message_type.add(name="Status")
    message.field.add(name="code", number=1, type=kinds.TYPE_INT32, label=kinds.LABEL_OPTIONAL)
    message.field.add(name="message", number=2, type=kinds.TYPE_STRING, label=kinds.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("Status"))


STATUS = status_message()


def read_status(answer, sent_type):
    """google.rpc.Status in the encoding of the request; JSON when that is none of OTLP's."""
    assert answer.headers["Content-Type"] == (
        sent_type if sent_type in ("application/json", "application/x-protobuf")
        else "application/json")
    if answer.headers["Content-Type"] == "application/json":
        status = answer.json()
        assert set(status) == {"code", "message"}
        return status["code"], status["message"]
    status = STATUS.FromString(answer.content)
    return status.code, status.message


GRPC_CODES = {400: 3, 413: 8, 415: 3}


def reason_in(answer, path, sent_type):
    """What the answer says, once it was seen to have its form."""
    if path in OTLP_PATHS:
        code, message = read_status(answer, sent_type)
        assert code == GRPC_CODES[answer.status_code]
        return message
    if path.endswith("_bulk"):
        body = answer.json()
        assert body["status"] == answer.status_code
        assert body["error"]["root_cause"][0]["reason"] == body["error"]["reason"]
        assert answer.headers["X-Elastic-Product"] == "Elasticsearch"
        return body["error"]["reason"]
    body = answer.json()
    if answer.headers["Content-Type"] == "application/json":  # many events, none of them accepted
        assert answer.status_code == 422 and body["accepted"] == 0 and body["rejected"] >= 1
        return body["errors"][0]["detail"]
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert body["status"] == answer.status_code and body["code"] and body["title"]
    return body["detail"]


def in_stream(platform):
    partitions = platform.get_json("/api/v1/status")["engine"]["loader"]["partitions"]
    return {part["topic"]: part["end"] for part in partitions if part["end"] > 0}


def check_refused(platform, path, body, headers, status, words):
    if isinstance(body, (dict, list)):
        body = json.dumps(body).encode()
    headers = {**JSON, **headers}
    before = in_stream(platform)
    answer = send(platform, path, body, headers)
    assert answer.status_code == status, answer.text
    reason = reason_in(answer, path, headers["Content-Type"])
    for word in words:
        assert word in reason, reason
    assert in_stream(platform) == before  # nothing of it is kept


def refused(path, body, status, *words, headers=None):
    name = words[0] if words else status
    return pytest.param(path, body, headers or {}, status, words, id=f"{path[1:]}: {name}")


NOT_JSON = [
    (b"", "empty"), (b"{", "at byte 1 of 1"), (b'{"a":1,}', "at byte 6 of 8"),
    (b"nothing", "at byte 0 of 7"), (b'{"a":"\xff"}', "at byte 6 of 9"),
    (b"[1 2]", "at byte 3 of 5"),
]
UNPARSABLE = [
    refused(path, body, 400, words) for path in (EVENT, BATCH, QUERIES, EVENTS, TRACES, LOGS)
    for body, words in NOT_JSON
] + [
    refused(LINES, b"{\n", 422, "at byte 1 of 1"),
    refused(LINES, b'"a":1', 422, "at byte 3 of 5"),
    refused(BULK, b"", 400, "request body is required"),
    refused(BULK, b"{\n{}\n", 400, "line [1]", "at byte 1 of 1"),
    refused(BULK, INDEX, 400, "line [2], the document of the last action is missing"),
    refused(BULK, INDEX + b"{}\n[]\n", 400, "line [3], it is an array, expected an object"),
    refused(BULK, b'{"put":{}}\n{}\n', 400, "line [1]", '"put"', "[index, create, update, delete]"),
    refused(BULK, b'{"index":"x"}\n{}\n', 400, "line [1]", "index is a string"),
    refused(BULK, b'{"index":{"_id":[7]}}\n{}\n', 400, "line [1]", "_id is an array, must be"),
    refused(BULK, b'{"index":{"_index":{}}}\n{}\n', 400, "_index is an object, must be a string"),
]

NATIVE = [
    ({}, "service is missing"),
    ({"service": "s"}, "query is missing", "query or query_id"),
    ({"service": "", "query": "q"}, "service is missing"),
    ({"action": "click"}, "service is missing", "service or application"),
    ({"action": "click", "service": "s"}, "query_id is missing", "session_id"),
    ({"event_type": "result", "service": "s"}, "action is missing"),
    ({"event_type": "error", "service": "s"}, "error is missing"),
    ({"service": "s", "query": 5}, "query is a number, must be a string"),
    ({"service": "s", "query": "q", "latency_ms": "1"}, "latency_ms is a string, must be a number"),
    ({"service": "s", "query": "q", "latency_ms": -1}, "latency_ms is -1, must be", "to 86400000"),
    ({"service": "s", "query": "q", "page": 1.5}, "page is 1.5, must be an integer from 1 to"),
    ({"service": "s", "query": "q", "timestamp": "yesterday"}, 'timestamp is "yesterday"',
     "RFC 3339"),
    ({"service": "s", "query": "q", "timestamp": {}}, "timestamp is an object", "RFC 3339"),
    ({"service": "s", "query": "q", "trace_id": "xyz"}, 'trace_id is "xyz"',
     "32 hexadecimal digits"),
    ({"service": "s", "query": "q", "kind": "magic"}, 'kind is "magic"', "autosuggest"),
    ({"service": "s", "query": "q", "query_id": "x" * 513}, "query_id has 513 bytes, limit 512"),
    ({"service": "s", "query": "q", "results": [{"id": "a"}, {"position": 1}]},
     "results[1].id is mi"),
    ({"service": "s", "query": "q", "results": [{"id": "a", "position": "1"}]},
     "results[0].position is a string, must be an integer from 1 to 4294967295"),
    ({"service": "s", "query": "a\0"}, "query holds the character U+0000"),
    ([], "the event is an array, must be an object"),
    (7, "the event is a number, must be an object"),
    (None, "the event is null, must be an object"),
]
FIELDS = [refused(EVENT, json.dumps(event).encode(), 422, *words) for event, *words in NATIVE] + [
    refused(BATCH, json.dumps([event]).encode(), 422, *words) for event, *words in NATIVE] + [
    refused(LINES, json.dumps(event).encode(), 422, *words, headers=NDJSON)
    for event, *words in NATIVE] + [
    refused(BATCH, b'"x"', 400, "the batch is a string, must be an array of events"),
    refused(BATCH, b'{"events":7}', 400, "events is a number, must be an array"),
    refused(BATCH, {"service": "s", "query": "q"}, 400, "events is missing", 'array "events"'),
    refused(BATCH, [{"service": "s"}] * 501, 413, "the batch has 501 events, limit 500"),
    refused(LINES, b'{"service":"s"}\n' * 501, 413, "more than 500 lines"),
    refused(EVENT, b'{"service":"s","query":"q","query":"r"}', 422, "query is given twice"),
    refused(EVENT, b'{"service":"s","query":"q","latency_ms":1e999}', 422,
            "latency_ms is not a num"),
]

UBI = [
    refused(QUERIES, {}, 422, "user_query is missing: a query needs it"),
    refused(QUERIES, {"query_id": "q", "user_query": None}, 422, "user_query is missing"),
    refused(QUERIES, {"user_query": {}}, 422, "user_query is an object, must be a string"),
    refused(QUERIES, [[]], 422, "the document is an array, must be an object"),
    refused(QUERIES, {"user_query": "q", "query_id": "x" * 513}, 422, "query_id has 513 bytes",
            "512"),
    refused(QUERIES, {"ext": {"ubi": {"query_id": "q"}}}, 422, "user_query is missing"),
    refused(EVENTS, {"timestamp": CLICK["timestamp"]}, 422, "action_name is missing: an event"),
    refused(EVENTS, {"action_name": "click"}, 422, "timestamp is missing: an event needs it"),
    refused(EVENTS, {**CLICK, "action_name": ["click"]}, 422, "action_name is an array, must be"),
    refused(EVENTS, {**CLICK, "user_query": "a\0"}, 422, "user_query holds the character U+0000"),
]


def spans(**fields):
    return traces([{**IDS, "name": "a", **fields}], {})


def records(**fields):
    return logs([fields], {})


SPAN = "resourceSpans[0].scopeSpans[0].spans[0]"
RECORD = "resourceLogs[0].scopeLogs[0].logRecords[0]"
OTLP_JSON = [
    refused(TRACES, [], 400, "the body is an array, must be an object"),
    refused(TRACES, {"resourceSpans": {}}, 400, "resourceSpans is an object, must be an array"),
    refused(TRACES, {"resourceSpans": [7]}, 400, "resourceSpans[0] is the number 7, must be"),
    refused(TRACES, spans(name=7), 400, f"{SPAN}.name is the number 7, must be a string"),
    refused(TRACES, spans(traceId="xyz"), 400, f'{SPAN}.traceId is the string "xyz"', "hex digits"),
    refused(TRACES, spans(kind="SPAN_KIND_SERVER"), 400, f"{SPAN}.kind", "SPAN_KIND_SERVER",
            "integer"),
    refused(TRACES, spans(startTimeUnixNano=-5), 400, f"{SPAN}.startTimeUnixNano is the number -5",
            "unsigned 64-bit integer"),
    refused(TRACES, spans(attributes={"a": 1}), 400, f"{SPAN}.attributes is an object, must be"),
    refused(TRACES, spans(attributes=[{"key": "a", "value": "x"}]), 400,
            f'{SPAN}.attributes[0].value is the string "x", must be an object'),
    refused(TRACES, spans(attributes=[{"key": "a", "value": {"intValue": 1.5}}]), 400,
            f"{SPAN}.attributes[0].value.intValue is the number 1.5, must be a 64-bit integer"),
    refused(LOGS, records(severityNumber="9"), 400, f'{RECORD}.severityNumber is the string "9"'),
    refused(LOGS, records(body="x"), 400, f'{RECORD}.body is the string "x", must be an object'),
    refused(LOGS, records(timeUnixNano=True), 400, f"{RECORD}.timeUnixNano is a boolean"),
]


def packed(service, **fields):
    """A whole request of one span or record in protobuf."""
    request = service()
    groups = request.resource_spans if hasattr(request, "resource_spans") else request.resource_logs
    group = groups.add()
    scope = group.scope_spans.add() if hasattr(group, "scope_spans") else group.scope_logs.add()
    items = scope.spans if hasattr(scope, "spans") else scope.log_records
    items.add(trace_id=b"t" * 16, span_id=b"s" * 8, **fields)
    return request.SerializeToString()


TRACE_PB = packed(trace_service_pb2.ExportTraceServiceRequest, name="a name")
LOG_PB = packed(logs_service_pb2.ExportLogsServiceRequest, severity_text="INFO")


def stretched(body, text):
    """The field that ends with the text says that it is longer than what is left."""
    at = body.index(text) - 1
    return body[:at] + bytes([len(text) + 9]) + body[at + 1:]


OTLP_PB = [
    refused(TRACES, b"\xff\xff", 400, "byte 0 of 2", "tag of a field", headers=PROTOBUF),
    refused(TRACES, b'{"resourceSpans":[]}', 400, "looks like JSON", headers=PROTOBUF),
    refused(TRACES, TRACE_PB[:-1], 400, "byte 0 of", "field 1 (resourceSpans) has",
            headers=PROTOBUF),
    refused(TRACES, stretched(TRACE_PB, b"a name"), 400, "spans[0]: field 5 (name) has 15 bytes",
            "only 6 are left", headers=PROTOBUF),
    refused(LOGS, b"\x0a\x05\x12", 400, "byte 0 of 3", "field 1 (resourceLogs)", headers=PROTOBUF),
    refused(LOGS, LOG_PB + b"\x0b", 400, "wire type 3, must be 0, 1, 2 or 5", headers=PROTOBUF),
    refused(LOGS, b"\x00\x01", 400, "number 0, must be from 1", headers=PROTOBUF),
]


def types_of(path):
    return (JSON, PROTOBUF) if path in OTLP_PATHS else (NDJSON,) if path == BULK else (JSON,)


PACKED = gzip.compress(b'{"a":1}' * 20)
TRANSPORT = [
    refused(path, body, status, *words, headers={**content, **headers})
    for path in (*JSON_PATHS, *OTLP_PATHS) for content in types_of(path)
    for body, headers, status, words in (
        (PACKED[:-5], {"Content-Encoding": "gzip"}, 400, ("gzip body is cut short",)),
        (b"no gzip", {"Content-Encoding": "gzip"}, 400, ("not valid gzip data",)),
        (b"{}", {"Content-Encoding": "br"}, 415, ('Content-Encoding is "br"', "gzip, deflate")),
        (b" " * (BODY_MAX + 1), {}, 413, (f"body is {BODY_MAX + 1} bytes, limit {BODY_MAX}",)),
        (gzip.compress(b" " * (INFLATED_MAX + 1)), {"Content-Encoding": "gzip"}, 413,
         (f"larger than its limit of {INFLATED_MAX} bytes",)),
    )
] + [
    refused(path, b"<a/>", 415, f'Content-Type is "{name}"', "application/json",
            headers={"Content-Type": name})
    for path in JSON_PATHS for name in ("application/xml", "text/plain", "application/x-protobuf")
] + [
    refused(path, b"<a/>", 415, "Content-Type is", name, "application/json",
            headers={"Content-Type": name})
    for path in OTLP_PATHS for name in ("application/xml", "text/plain", "application/grpc")
] + [
    refused(path, b"{}", 415, "Content-Type is missing", headers={"Content-Type": None})
    for path in (*JSON_PATHS, *OTLP_PATHS)
]


@pytest.mark.parametrize("path, body, headers, status, words",
                         UNPARSABLE + FIELDS + UBI + OTLP_JSON + OTLP_PB + TRANSPORT)
def test_what_is_bad_is_refused_and_the_answer_says_why(platform, path, body, headers, status,
                                                        words):
    check_refused(platform, path, body, headers, status, words)


@pytest.mark.parametrize("document, status, words", [
    (b"{bad", 400, "at byte 1 of 4"),
    (b"[]", 400, "the document is an array, must be an object"),
    (b"{}", 400, "user_query is missing: a query needs it"),
    (b'{"user_query":["a"]}', 400, "user_query is an array, must be a string"),
], ids=["unparsable", "array", "missing", "type"])
def test_a_bad_document_of_bulk_is_answered_in_its_item(platform, document, status, words):
    answer = send(platform, BULK, INDEX + document + b"\n", NDJSON)
    assert answer.status_code == 200 and answer.json()["errors"] is True
    item = answer.json()["items"][0]["index"]
    assert item["status"] == status and item["error"]["type"] == "document_parsing_exception"
    assert words in item["error"]["reason"]


def test_each_bad_one_of_many_is_named_by_its_place(platform):
    events = [{"service": "s", "query": "q"}, {"query": 1}, 5, {"service": "s", "query": "q"}]
    lines = b"\n".join(json.dumps(event).encode() for event in events)
    for path, body in ((BATCH, events), (LINES, lines)):
        answer = send(platform, path, body)
        assert answer.status_code == 202
        assert answer.json() == {"accepted": 2, "rejected": 2, "errors": [
            {"index": 1, "code": "wrong_type", "detail": "query is a number, must be a string"},
            {"index": 2, "code": "wrong_type",
             "detail": "the event is a number, must be an object"}]}


@pytest.mark.parametrize("fields, words", [
    ({"traceId": "00"}, "trace id is not 16 bytes or all zero"),
    ({"traceId": "0" * 32}, "trace id is not 16 bytes or all zero"),
    ({"spanId": "0" * 16}, "span id is not 8 bytes or all zero"),
    ({"startTimeUnixNano": str(2**64 - 1)}, "its time is more than a day ahead"),
], ids=["short", "zero-trace", "zero-span", "time"])
def test_a_span_that_cannot_be_kept_is_rejected_alone(platform, fields, words):
    body = traces([{**IDS, "name": "bad", **fields}, {**IDS, "name": "good"}], {})
    answer = send(platform, TRACES, body)
    assert answer.status_code == 200
    partial = answer.json()["partialSuccess"]
    assert partial["rejectedSpans"] == "1"
    assert "1 of 2 spans rejected, the first at index 0" in partial["errorMessage"]
    assert words in partial["errorMessage"]


def test_a_text_that_is_no_utf8_is_repaired_and_loaded(platform):
    request = trace_service_pb2.ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add(
        trace_id=b"u" * 16, span_id=b"u" * 8, name="bytes", start_time_unix_nano=time.time_ns())
    span.attributes.add(key="search.query.text").value.string_value = "q"
    span.attributes.add(key="search.application").value.string_value = "A" * 256
    body = request.SerializeToString().replace(b"A" * 256, b"\xff" * 256)
    assert send(platform, TRACES, body, PROTOBUF).status_code == 200
    platform.wait_loaded()
    stored = row(platform, "SELECT application FROM haystat.searches "
                           f"WHERE trace_id = '{(b'u' * 16).hex()}'")
    assert stored["application"] == "\ufffd" * 85


@pytest.mark.parametrize("step", ["200d", "1000d"])
def test_a_range_whose_last_step_passes_the_end_of_time_is_refused(platform, step):
    path = f"/api/v1/metrics/latency?from=2261-06-01T00:00:00Z&to=2261-12-31T23:59:59Z&step={step}"
    answer = send(platform, path, None, method="GET")
    assert answer.status_code == 400 and "past the year 2261" in answer.json()["detail"]


@pytest.mark.parametrize("path, listener", [
    ("/v1/metrics", "otlp_http"), ("/v1/trace", "otlp_http"), ("/ubi_query", "gateway"),
    ("/api/v1/telemetry/events", "gateway"), ("/products/_search", "gateway"),
    (EVENT, "otlp_http"),
])
def test_an_unknown_path_is_404(platform, path, listener):
    answer = send(platform, path, b"{}", listener=listener)
    assert answer.status_code == 404 and answer.json()["code"] == "not_found"


@pytest.mark.parametrize("path", [*JSON_PATHS, *OTLP_PATHS])
def test_another_method_is_405_and_says_which_is_taken(platform, path):
    answer = send(platform, path, None, method="GET")
    assert answer.status_code == 405 and "GET" in answer.json()["detail"]
    assert "POST" in answer.headers["Allow"]
