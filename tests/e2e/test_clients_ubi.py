"""UBI 1.3's own samples and the shapes of ubi.js and the OpenSearch plugin, read back."""
import gzip
import json
import re
import time
from datetime import datetime, timezone
from pathlib import Path

import pytest

from client_helper import platform_fixture, row, rows, send

UBI = Path(__file__).resolve().parents[1] / "data" / "ubi"
NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    yield from platform_fixture(tmp_path_factory)


def sample(name):
    return (UBI / "samples" / name).read_bytes()


def now_text(form="%Y-%m-%dT%H:%M:%S.%fZ"):
    return datetime.now(timezone.utc).strftime(form)


def micros(text):
    if not text.endswith("Z") and "+" not in text:
        text += "Z"
    at = datetime.fromisoformat(text)
    return round(at.timestamp() * 1e6)


def as_array(document):
    return json.dumps([document]).encode(), {}


def as_object(document):
    return json.dumps(document, indent=2).encode(), {}


def as_ndjson(document):
    """With a second document, so that the body has lines."""
    other = {"user_query": "other", "action_name": "other", "timestamp": now_text()}
    return "".join(json.dumps(one) + "\n" for one in (document, other)).encode(), NDJSON


def as_gzip(document):
    return gzip.compress(json.dumps([document]).encode()), {"Content-Encoding": "gzip"}


SHAPES = [as_array, as_object, as_ndjson, as_gzip]


def post(platform, index, document, shape):
    """Over the index's own endpoint, or over _bulk when the shape is a name of it."""
    if shape in ("_bulk", "index"):
        action = {"create": {} if shape == "index" else {"_index": index}}
        path = "/_bulk" if shape == "_bulk" else f"/{index}/_bulk"
        body = json.dumps(action) + "\n" + json.dumps(document) + "\n"
        answer = send(platform, path, body.encode(), NDJSON)
        assert answer.status_code == 200 and answer.json()["errors"] is False, answer.text
    else:
        body, headers = shape(document)
        answer = send(platform, f"/{index}", body, headers)
        assert answer.status_code == 202, answer.text
        assert answer.json()["rejected"] == 0 and answer.json()["accepted"] >= 1
    platform.wait_loaded()


ALL_SHAPES = pytest.mark.parametrize(
    "shape", SHAPES + ["_bulk", "index"], ids=lambda shape: getattr(shape, "__name__", shape))


def search(platform, query_id):
    return row(platform, "SELECT *, toUnixTimestamp64Micro(ts) AS us, "
                         "toUnixTimestamp64Micro(ts_sent) AS sent_us, "
                         "toUnixTimestamp64Micro(received) AS received_us "
                         f"FROM haystat.searches WHERE query_id = '{query_id}'")


def result(platform, query_id):
    return row(platform, "SELECT *, toUnixTimestamp64Micro(ts) AS us, "
                         "toUnixTimestamp64Micro(ts_sent) AS sent_us, "
                         "toUnixTimestamp64Micro(received) AS received_us "
                         f"FROM haystat.results WHERE query_id = '{query_id}'")


def unpacked(attributes, *names):
    """The attributes, those named read as JSON."""
    return {key: json.loads(value) if key in names else value for key, value in attributes.items()}


def is_pseudonym(stored, sent):
    return stored != sent and len(stored) == 32 and int(stored, 16) >= 0


def test_the_opensearch_sample_of_a_query_is_read_back_from_its_bytes(platform):
    sent = json.loads(sample("query-opensearch.json"))
    answer = send(platform, "/ubi_queries", sample("query-opensearch.json"))
    assert answer.status_code == 202 and answer.json()["accepted"] == 1, answer.text
    platform.wait_loaded()
    ubi = sent["ext"]["ubi"]
    stored = search(platform, ubi["query_id"])
    assert stored["query"] == ubi["user_query"]
    assert is_pseudonym(stored["client_id"], ubi["client_id"])
    assert unpacked(stored["attributes"], "query_attributes", "query") == {
        "object_id_field": ubi["object_id_field"], "query_attributes": ubi["query_attributes"],
        "query": sent["query"]}
    assert (stored["application"], stored["service"]) == ("ubi", "ubi")
    assert (stored["returned"], stored["total_hits"], stored["latency_ms"]) == (None, None, None)
    assert stored["us"] == stored["received_us"] and stored["time_adjusted"] == ""


def test_the_solr_sample_of_a_query_is_read_back_from_its_bytes(platform):
    sent = json.loads(sample("query-solr.json"))
    answer = send(platform, "/ubi_queries", sample("query-solr.json"))
    assert answer.status_code == 202 and answer.json()["accepted"] == 1, answer.text
    platform.wait_loaded()
    params = sent["params"]
    stored = search(platform, params["query_id"])
    assert (stored["query"], stored["page"]) == (params["user_query"], 1)
    assert unpacked(stored["attributes"], "query_attributes", "filter", "limit") == {
        "ubi": "true", "object_id_field": params["object_id_field"],
        "query_attributes": params["query_attributes"], "query": sent["query"],
        "filter": sent["filter"], "limit": sent["limit"]}


def test_the_opensearch_sample_of_an_event_is_read_back_from_its_bytes(platform):
    sent = json.loads(sample("event-opensearch.json"))
    answer = send(platform, "/ubi_events", sample("event-opensearch.json"))
    assert answer.status_code == 202 and answer.json()["accepted"] == 1, answer.text
    platform.wait_loaded()
    stored = result(platform, sent["query_id"])
    for column, key in (("action", "action_name"), ("message", "message")):
        assert stored[column] == sent[key]
    assert is_pseudonym(stored["user_id"], sent["user_id"])
    assert is_pseudonym(stored["session_id"], sent["session_id"])
    assert unpacked(stored["attributes"], "event_attributes") == {
        "page_id": sent["page_id"], "message_type": sent["message_type"],
        "event_attributes": sent["event_attributes"]}
    assert (stored["object_ids"], stored["object_positions"]) == ([], [])
    # It is years old: kept as sent beside the time of receipt.
    assert stored["sent_us"] == micros(sent["timestamp"])
    assert (stored["us"], stored["time_adjusted"]) == (stored["received_us"], "late")


def test_the_solr_sample_of_an_event_is_no_json_and_refused(platform):
    answer = send(platform, "/ubi_events", sample("event-solr.json"))
    assert answer.status_code == 400 and answer.json()["code"] == "invalid_json"
    assert "at byte 4 of" in answer.json()["detail"]


@ALL_SHAPES
def test_a_query_with_hits_is_read_back_in_every_shape(platform, shape):
    query_id = f"hits-{getattr(shape, '__name__', shape)}"
    stamp = now_text()
    sent = {**json.loads((UBI / "query.json").read_text()), "query_id": query_id,
            "timestamp": stamp}
    post(platform, "ubi_queries", sent, shape)
    stored = search(platform, query_id)
    assert stored["result_ids"] == sent["query_response_hit_ids"]
    assert stored["result_positions"] == [1, 2, 3] and stored["returned"] == 3
    assert (stored["query"], stored["application"]) == (sent["user_query"], sent["application"])
    assert (stored["total_hits"], stored["page"]) == (2301, 1)
    assert (stored["us"], stored["time_adjusted"]) == (micros(stamp), "")
    assert unpacked(stored["attributes"], "query_attributes") == {
        name: sent[name] for name in ("query_attributes", "object_id_field", "query_response_id")}


@ALL_SHAPES
def test_a_click_of_the_plugin_is_read_back_in_every_shape(platform, shape):
    """x and y lie flat beside the ordinal, and the object has more than UBI's schema says."""
    query_id = f"click-{getattr(shape, '__name__', shape)}"
    stamp = now_text("%Y-%m-%dT%H:%M:%S")  # without a zone
    sent = {**json.loads((UBI / "event-plugin-click.json").read_text()), "query_id": query_id,
            "timestamp": stamp}
    post(platform, "ubi_events", sent, shape)
    stored = result(platform, query_id)
    assert (stored["action"], stored["message"], stored["query"]) == (
        sent["action_name"], sent["message"], sent["user_query"])
    assert (stored["object_ids"], stored["object_positions"]) == (["4711"], [3])
    assert stored["us"] == micros(stamp)
    assert unpacked(stored["attributes"], "event_attributes") == {
        "message_type": sent["message_type"], "event_attributes": sent["event_attributes"]}


POSITIONS = {
    "empty": {}, "ordinal-0": {"ordinal": 0}, "ordinal-24": {"ordinal": 24},
    "flat": {"x": 220, "y": 540}, "nested": {"xy": {"x": 1.5, "y": 2}},
    "plugin": {"ordinal": 2, "x": 1, "y": 2, "page_depth": 1, "scroll_depth": 300, "trail": "a>b"},
}


@pytest.mark.parametrize("name", POSITIONS)
def test_every_form_of_a_position_is_kept(platform, name):
    query_id = f"position-{name}"
    attributes = {"object": {"object_id": "p1", "object_detail": {"price": 9.5, "tags": ["a"]}},
                  "position": POSITIONS[name]}
    post(platform, "ubi_events", {"action_name": "click", "timestamp": now_text(),
                                  "query_id": query_id, "event_attributes": attributes}, as_array)
    stored = result(platform, query_id)
    assert json.loads(stored["attributes"]["event_attributes"]) == attributes
    assert stored["object_ids"] == ["p1"]
    assert stored["object_positions"] == [POSITIONS[name].get("ordinal", 0)]


def test_ubi_js_posts_arrays_with_extra_keys(platform):
    """ubi.js posts an array of one document for each action, with keys of its own."""
    stamp = now_text()
    query = {"query_id": "js-1", "client_id": "js-c", "user_query": "toner", "timestamp": stamp,
             "application": "js-shop", "query_response_hit_ids": []}
    event = {"query_id": "js-1", "client_id": "js-c", "action_name": "impression",
             "timestamp": stamp, "application": "js-shop", "message": None, "user_id": "",
             "extra_info": {"a": [1, 2.5, True, None]}, "extra_info_type": "json"}
    post(platform, "ubi_queries", query, as_array)
    post(platform, "ubi_events", event, as_array)
    stored = search(platform, "js-1")
    assert (stored["returned"], stored["result_ids"]) == (0, [])
    clicked = result(platform, "js-1")
    assert clicked["client_id"] == stored["client_id"]  # one client under one pseudonym
    assert (clicked["message"], clicked["user_id"]) == ("", "")
    assert unpacked(clicked["attributes"], "extra_info") == {
        "extra_info": event["extra_info"], "extra_info_type": "json"}


def test_an_array_of_many_documents_keeps_each(platform):
    stamp = now_text()
    documents = [{"query_id": f"many-{i}", "user_query": f"q {i}", "application": "many",
                  "timestamp": stamp, "query_response_hit_ids": [f"{i}-{k}" for k in range(i % 4)]}
                 for i in range(200)]
    answer = send(platform, "/ubi_queries", documents)
    assert answer.json() == {"accepted": 200, "rejected": 0, "errors": []}
    platform.wait_loaded()
    stored = rows(platform, "SELECT query_id, query, returned, result_ids, result_positions "
                            "FROM haystat.searches WHERE application = 'many'")
    assert {item["query_id"]: item for item in stored} == {
        document["query_id"]: {
            "query_id": document["query_id"], "query": document["user_query"],
            "returned": len(document["query_response_hit_ids"]),
            "result_ids": document["query_response_hit_ids"],
            "result_positions": list(range(1, len(document["query_response_hit_ids"]) + 1))}
        for document in documents}


def test_a_query_that_is_sent_by_two_ways_counts_once(platform):
    document = {"query_id": "twice-1", "user_query": "x", "application": "twice",
                "timestamp": now_text()}
    for shape in (as_array, as_object, "_bulk"):
        post(platform, "ubi_queries", document, shape)
    assert search(platform, "twice-1")["query"] == "x"


def test_violations_of_the_schema_are_counted(platform):
    def counted():
        metrics = platform.get("/metrics")[1].decode()
        labels = 'source="ubi",reason="schema_violation"'
        found = re.search(f"hs_ingest_adjusted_total{{{labels}}} (\\d+)", metrics)
        return int(found.group(1)) if found else 0

    before = counted()
    post(platform, "ubi_events", {"action_name": "click", "timestamp": time.time()}, as_array)
    assert counted() == before + 1
    post(platform, "ubi_events", {"action_name": "click", "timestamp": now_text()}, as_array)
    assert counted() == before + 1
