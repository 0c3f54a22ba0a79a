"""Each field of an event read back from the tables equals what was sent."""
import json
import math
import time
from pathlib import Path

import pytest

from client_helper import platform_fixture, row, rows, send

SCHEMA = Path(__file__).resolve().parents[2] / "schema"


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    yield from platform_fixture(tmp_path_factory)


def full_search(now_us):
    """A search event with every field of the schema."""
    return {
        "event_type": "search",
        "event_id": "fields-search",
        "timestamp": now_us,
        "query_id": "q-\"quoted\"-ü",
        "parent_query_id": "parent-1",
        "intent_id": "intent-1",
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "span_id": "b7ad6b7169203331",
        "session_id": "session-1",
        "client_id": "client-1",
        "user_id": "user-1",
        "application": "shop",
        "surface": "header",
        "kind": "autosuggest",
        "tier": "edge",
        "service": "fields",
        "environment": "staging",
        "region": "eu-central-1",
        "host": "node-7",
        "version": "2.4.1",
        "index": "products",
        "index_version": "2026-11-01",
        "ranker": "ltr-9",
        "locale": "de-DE",
        "country": "DE",
        "device": "phone",
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64)",
        "consent": "granted",
        "synthetic": True,
        "query": "Rote\tSchuhe \"Größe\" \\ 42 \U0001f45f",
        "rewrites": [{"kind": "spelling", "from": "schue", "to": "schuhe"},
                     {"kind": "synonym", "to": "sneaker"}],
        "filters": [{"field": "brand", "op": "in", "value": ["a", "b"]},
                    {"field": "price", "op": "lt", "value": 49.95},
                    {"field": "stock", "value": True}],
        "facets": ["brand", "color"],
        "sort": "price:asc",
        "page": 3,
        "page_size": 24,
        "request": {"engine": "opensearch", "method": "POST", "path": "/products/_search",
                    "body": {"query": {"match": {"name": "schuhe"}}, "size": 24}},
        "latency_ms": 41.703125,
        "took_ms": 12.25,
        "phases": {"parse": 0.5, "retrieve": 7.25, "rank": 2.5, "rerank": 1.125, "fetch": 0.875},
        "retrievers": [{"kind": "lexical", "k": 100, "ms": 4.5, "hits": 88, "model": "bm25"},
                       {"kind": "dense", "k": 50, "ms": 2.75, "hits": 50, "model": "e5"}],
        "total_hits": 9007199254740991,
        "total_hits_relation": "gte",
        "returned": 2,
        "results": [{"id": "p-77", "position": 49, "score": 12.3125, "index": "products",
                     "sponsored": True},
                    {"id": "p-12", "position": 51}],
        "status": "partial",
        "error": {"code": "504", "type": "ShardTimeout", "message": "shard 3 said\nnothing",
                  "stage": "retrieve", "stack": "at a.c:1\n\tat b.c:2"},
        "shards": {"total": 5, "failed": 1,
                   "detail": [{"shard": "3", "node": "n-2", "ms": 900.5}, {"shard": "4"}]},
        "cache_hit": False,
        "fallback": "popular",
        "experiments": [{"id": "e1", "variant": "b"}, {"id": "e2", "variant": "control"}],
        "sample_weight": 12,
        "attributes": {"plain": "text", "number": 4.5, "list": [1, "two"], "map": {"k": None}},
    }


# Columns whose values the collector makes out of what was sent.
MADE = {"session_id", "client_id", "user_id"}
# Fields that have no column of their own name; each is looked at by name in the test.
ELSEWHERE = {"event_type", "timestamp", "results", "error", "shards", "experiments"} | MADE
AS_JSON = {"rewrites", "filters", "request", "retrievers"}


def test_the_full_search_event_has_every_field_of_the_schema():
    known = set(json.loads((SCHEMA / "search-event.json").read_text())["properties"])
    assert set(full_search(1)) == known
    known = set(json.loads((SCHEMA / "result-event.json").read_text())["properties"])
    assert set(full_result(1)) == known


def store_event(platform, event):
    answer = send(platform, "/api/v1/telemetry/event", event)
    assert answer.status_code == 202, answer.text
    assert answer.json() == {"event_id": event["event_id"]}
    platform.wait_loaded()


def check_time(platform, table, event):
    micros = row(platform, f"SELECT toUnixTimestamp64Micro(ts) AS us FROM haystat.{table} "
                           f"WHERE event_id = '{event['event_id']}'")
    assert micros["us"] == event["timestamp"]


def check_pseudonyms(stored, event):
    for name in MADE:
        assert stored[name] != event[name]
        assert len(stored[name]) == 32 and int(stored[name], 16) >= 0


def test_each_field_of_a_search_event_is_read_back(platform):
    event = full_search(time.time_ns() // 1000)
    store_event(platform, event)
    stored = row(platform, "SELECT * FROM haystat.searches WHERE event_id = 'fields-search'")
    for name in set(event) - ELSEWHERE - AS_JSON - {"attributes"}:
        assert stored[name] == event[name], name
    for name in AS_JSON:
        assert json.loads(stored[name]) == event[name], name
    check_time(platform, "searches", event)
    check_pseudonyms(stored, event)
    assert stored["result_ids"] == ["p-77", "p-12"]
    assert stored["result_positions"] == [49, 51]
    assert stored["result_scores"][0] == 12.3125
    assert stored["result_scores"][1] is None or math.isnan(stored["result_scores"][1])
    assert stored["result_indexes"] == ["products", ""]
    assert stored["result_sponsored"] == [1, 0]
    assert stored["experiments"] == {"e1": "b", "e2": "control"}
    assert (stored["error_code"], stored["error_type"], stored["error_stage"]) == (
        "504", "ShardTimeout", "retrieve")
    assert (stored["shards_total"], stored["shards_failed"]) == (5, 1)
    assert json.loads(stored["shards_detail"]) == event["shards"]["detail"]
    assert stored["attributes"]["plain"] == "text"
    assert {name: json.loads(stored["attributes"][name]) for name in ("number", "list", "map")} == {
        "number": 4.5, "list": [1, "two"], "map": {"k": None}}
    assert stored["source"] == "native" and stored["tenant"] == "default"
    assert stored["query_norm"] == "rote schuhe \"grösse\" \\ 42 \U0001f45f"
    assert stored["fingerprint"] != 0 and stored["bot"] is False


def test_a_failed_search_is_in_errors_under_the_same_id(platform):
    event = {**full_search(time.time_ns() // 1000), "event_id": "fields-failed", "status": "error"}
    store_event(platform, event)
    stored = row(platform, "SELECT * FROM haystat.errors WHERE event_id = 'fields-failed'")
    for name in ("query_id", "trace_id", "span_id", "application", "service", "environment",
                 "region", "host", "version", "index", "status"):
        assert stored[name] == event[name], name
    for name in ("code", "type", "message", "stage", "stack"):
        assert stored[name] == event["error"][name], name
    check_time(platform, "errors", event)


def full_result(now_us):
    return {
        "event_type": "result",
        "event_id": "fields-result",
        "timestamp": now_us,
        "action": "add_to_cart",
        "query_id": "q-1",
        "query": "rote Schuhe",
        "trace_id": "0af7651916cd43dd8448eb211c80319d",
        "session_id": "session-1",
        "client_id": "client-1",
        "user_id": "user-1",
        "application": "shop",
        "surface": "grid",
        "service": "fields",
        "environment": "staging",
        "region": "eu-central-1",
        "version": "2.4.1",
        "locale": "de-DE",
        "country": "DE",
        "device": "phone",
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64)",
        "consent": "granted",
        "synthetic": True,
        "objects": [{"id": "p-77", "position": 4}, {"id": "p-12"}],
        "value": 59.95,
        "currency": "EUR",
        "quantity": 2,
        "order_id": "o-1",
        "message": "into the cart \"now\"",
        "attributes": {"plain": "text", "nested": {"a": [1]}},
    }


def test_each_field_of_a_result_event_is_read_back(platform):
    event = full_result(time.time_ns() // 1000)
    store_event(platform, event)
    stored = row(platform, "SELECT * FROM haystat.results WHERE event_id = 'fields-result'")
    for name in set(event) - {"event_type", "timestamp", "objects", "attributes"} - MADE:
        assert stored[name] == event[name], name
    check_time(platform, "results", event)
    check_pseudonyms(stored, event)
    assert stored["object_ids"] == ["p-77", "p-12"]
    assert stored["object_positions"] == [4, 0]
    assert stored["attributes"]["plain"] == "text"
    assert json.loads(stored["attributes"]["nested"]) == {"a": [1]}


def test_an_error_event_without_a_search_is_read_back(platform):
    event = {"event_id": "fields-error", "timestamp": time.time_ns() // 1000, "service": "fields",
             "environment": "prod", "host": "n-1", "index": "products", "status": "timeout",
             "trace_id": "0af7651916cd43dd8448eb211c80319e", "span_id": "b7ad6b7169203332",
             "error": {"code": 500, "type": "IOError", "message": "disk", "stage": "fetch",
                       "stack": "at x"},
             "attributes": {"try": "2"}}
    store_event(platform, event)
    stored = row(platform, "SELECT * FROM haystat.errors WHERE event_id = 'fields-error'")
    for name in ("service", "environment", "host", "index", "status", "trace_id", "span_id"):
        assert stored[name] == event[name], name
    assert [stored[name] for name in ("code", "type", "message", "stage", "stack")] == [
        "500", "IOError", "disk", "fetch", "at x"]
    assert stored["attributes"] == {"try": "2"}


def test_absent_fields_stay_absent_and_are_not_zero(platform):
    store_event(platform, {"event_id": "fields-least", "service": "fields", "query": ""})
    stored = row(platform, "SELECT * FROM haystat.searches WHERE event_id = 'fields-least'")
    for name in ("latency_ms", "took_ms", "total_hits", "returned", "page", "page_size",
                 "shards_total", "shards_failed", "cache_hit", "ts_sent"):
        assert stored[name] is None, name
    assert stored["status"] == "ok" and stored["kind"] == "search"
    assert stored["application"] == "fields" and stored["sample_weight"] == 1
    assert stored["result_ids"] == [] and stored["attributes"] == {}


@pytest.mark.parametrize("sent, returned", [([], 0), ([{"id": 7}], 1)], ids=["empty", "integer-id"])
def test_the_result_list_tells_how_many_were_returned(platform, sent, returned):
    event_id = f"fields-list-{returned}"
    store_event(platform, {"event_id": event_id, "service": "fields", "query": "x",
                           "results": sent})
    stored = row(platform, f"SELECT * FROM haystat.searches WHERE event_id = '{event_id}'")
    assert stored["returned"] == returned
    assert stored["result_ids"] == [str(result["id"]) for result in sent]
    assert stored["result_positions"] == list(range(1, returned + 1))


@pytest.mark.parametrize("text, micros", [
    ("2026-01-02T03:04:05Z", 1767323045000000),
    ("2026-01-02T04:04:05.123456+01:00", 1767323045123456),
    ("2026-01-01T22:04:05.5-05:00", 1767323045500000),
    (1767323045, 1767323045000000),
    (1767323045.25, 1767323045250000),
    (1767323045.123457, 1767323045123457),
    (1767323045123.4, 1767323045123400),
    (1767323045123, 1767323045123000),
    (1767323045123456, 1767323045123456),
    (1767323045123456789, 1767323045123456),
])
def test_times_of_every_form_are_taken(platform, text, micros):
    """With import they are kept however old they are."""
    event_id = f"time-{text}"
    retention_us = 30 * 86400 * 10**6
    age_us = time.time_ns() // 1000 - micros
    event = {"event_id": event_id, "service": "times", "query": "x", "timestamp": text}
    answer = send(platform, "/api/v1/telemetry/event?import=1", event)
    if age_us > retention_us:  # then the answer must say so
        assert answer.status_code == 422 and answer.json()["code"] == "too_old", answer.text
        answer = send(platform, "/api/v1/telemetry/event", event)
        assert answer.status_code == 202
        platform.wait_loaded()
        stored = row(platform, "SELECT time_adjusted, toUnixTimestamp64Micro(ts_sent) AS us FROM "
                               f"haystat.searches WHERE event_id = '{event_id}'")
        assert stored == {"time_adjusted": "late", "us": micros}
        return
    assert answer.status_code == 202
    platform.wait_loaded()
    assert row(platform, "SELECT toUnixTimestamp64Micro(ts) AS us FROM haystat.searches "
                         f"WHERE event_id = '{event_id}'") == {"us": micros}


def test_unknown_keys_become_attributes(platform):
    store_event(platform, {"event_id": "fields-unknown", "service": "fields", "query": "x",
                           "mood": "good", "source": "mine", "basket": {"n": 3}})
    stored = row(platform, "SELECT attributes, source FROM haystat.searches "
                           "WHERE event_id = 'fields-unknown'")
    assert stored["attributes"]["mood"] == "good"
    assert stored["attributes"]["source"] == "mine" and stored["source"] == "native"
    assert json.loads(stored["attributes"]["basket"]) == {"n": 3}


def test_repeats_of_an_event_id_are_stored_once(platform):
    event = {"event_id": "fields-repeat", "service": "fields", "query": "x"}
    for _ in range(3):
        store_event(platform, event)
    assert len(rows(platform, "SELECT 1 FROM haystat.searches "
                              "WHERE event_id = 'fields-repeat'")) == 1


def test_an_idempotency_key_makes_a_retry_a_repeat(platform):
    batch = [{"service": "idem", "query": f"q{i}"} for i in range(5)]
    for _ in range(2):
        answer = send(platform, "/api/v1/telemetry/batch", batch, {"Idempotency-Key": "batch-1"})
        assert answer.status_code == 202
    platform.wait_loaded()
    assert len(rows(platform, "SELECT 1 FROM haystat.searches WHERE service = 'idem'")) == 5
