"""Official Elasticsearch and OpenSearch clients write UBI to _bulk, and all of it is read back."""
import json
import time
from datetime import datetime, timedelta, timezone

import elasticsearch
import elasticsearch.helpers
import opensearchpy
import opensearchpy.helpers
import pytest

from client_helper import make_key, platform_fixture, row, rows

CLIENTS = ("elasticsearch", "opensearch")
HELPERS = {"elasticsearch": elasticsearch.helpers, "opensearch": opensearchpy.helpers}
ERRORS = {"elasticsearch": elasticsearch.ApiError, "opensearch": opensearchpy.TransportError}


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    yield from platform_fixture(tmp_path_factory)


def connect(platform, name, **options):
    if name == "elasticsearch":
        return elasticsearch.Elasticsearch(platform.url(), max_retries=0, **options)
    return opensearchpy.OpenSearch(platform.url(), max_retries=0, **options)


@pytest.fixture(params=[(name, gzip) for name in CLIENTS for gzip in (False, True)],
                ids=lambda param: param[0] + ("-gzip" if param[1] else ""))
def client(platform, request):
    name, gzip = request.param
    made = connect(platform, name, http_compress=gzip)
    made.label = f"{name}-{'gzip' if gzip else 'plain'}"
    made.helpers, made.error = HELPERS[name], ERRORS[name]
    yield made
    made.close()


@pytest.fixture(params=CLIENTS)
def plain(platform, request):
    made = connect(platform, request.param)
    made.label = request.param
    made.helpers, made.error = HELPERS[request.param], ERRORS[request.param]
    yield made
    made.close()


def bulk_lines(client, lines, **options):
    """client.bulk, whose argument each client names differently."""
    if client.helpers is opensearchpy.helpers:
        return client.bulk(body=lines, **options)
    return client.bulk(operations=lines, **options)


def moment(seconds_ago=0.0):
    """(as UBI writes it, as the tables do)"""
    at = datetime.now(timezone.utc) - timedelta(seconds=seconds_ago)
    return at.isoformat(), (at - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(
        microseconds=1)


def us(column="ts"):
    return f"toUnixTimestamp64Micro({column}) AS {column}_us"


def full_query(label, stamp):
    return {
        "application": f"shop-{label}",
        "query_id": f"{label}-q-\"1\"-ü",
        "client_id": "browser-7",
        "user_query": "Rote\tSchuhe \"Größe\" \\ 42 \U0001f45f",
        "query_attributes": {"experiment_id": "e-12", "page": 2, "page_size": 3, "total_hits": 88,
                             "latency_ms": 41.703125, "took_ms": 12, "filter": {"brand": ["a"]}},
        "object_id_field": "sku",
        "query_response_id": "response-1",
        "query_response_hit_ids": ["B07XLFYN6S", "4711", "ü \"x\""],
        "timestamp": stamp,
    }


def full_event(label, stamp):
    return {
        "application": f"shop-{label}",
        "action_name": "add_to_cart",
        "query_id": f"{label}-q-\"1\"-ü",
        "session_id": "session-1",
        "client_id": "browser-7",
        "user_id": "user-1",
        "timestamp": stamp,
        "message_type": "CONVERSION",
        "message": "put \"4711\" into\nthe cart",
        "user_query": "Rote Schuhe",
        "page_id": "/p/4711",
        "event_attributes": {
            "position": {"ordinal": 2, "x": 220, "y": 540, "trail": "a>b"},
            "object": {"object_id": "4711", "object_id_type": "product", "object_id_field": "sku",
                       "internal_id": 9, "price": 49.95},
        },
    }


def check_query(stored, sent, at_us):
    assert stored["ts_us"] == at_us and stored["time_adjusted"] == ""
    assert stored["source"] == "ubi" and stored["kind"] == "search"
    assert stored["application"] == stored["service"] == sent["application"]
    assert stored["query_id"] == sent["query_id"] and stored["query"] == sent["user_query"]
    attributes = sent["query_attributes"]
    for name in ("page", "page_size", "total_hits", "latency_ms", "took_ms"):
        assert stored[name] == attributes[name], name
    assert stored["returned"] == len(sent["query_response_hit_ids"])
    assert stored["result_ids"] == sent["query_response_hit_ids"]
    assert stored["result_positions"] == list(range(1, stored["returned"] + 1))
    assert json.loads(stored["attributes"].pop("query_attributes")) == attributes
    assert stored["attributes"] == {"object_id_field": sent["object_id_field"],
                                    "query_response_id": sent["query_response_id"]}
    check_pseudonym(stored["client_id"], sent["client_id"])


def check_event(stored, sent, at_us):
    assert stored["ts_us"] == at_us and stored["time_adjusted"] == ""
    assert stored["source"] == "ubi" and stored["action"] == sent["action_name"]
    assert stored["application"] == sent["application"]
    assert stored["query_id"] == sent["query_id"] and stored["query"] == sent["user_query"]
    assert stored["message"] == sent["message"]
    for name in ("session_id", "client_id", "user_id"):
        check_pseudonym(stored[name], sent[name])
    assert stored["object_ids"] == [sent["event_attributes"]["object"]["object_id"]]
    assert stored["object_positions"] == [sent["event_attributes"]["position"]["ordinal"]]
    assert json.loads(stored["attributes"].pop("event_attributes")) == sent["event_attributes"]
    assert stored["attributes"] == {"message_type": sent["message_type"],
                                    "page_id": sent["page_id"]}


def check_pseudonym(stored, sent):
    assert stored != sent and len(stored) == 32 and int(stored, 16) >= 0


def test_helpers_bulk_is_accepted_and_each_field_read_back(platform, client):
    (query_stamp, query_us), (event_stamp, event_us) = moment(5), moment()
    query = full_query(client.label, query_stamp)
    event = full_event(client.label, event_stamp)
    done, errors = client.helpers.bulk(client, [
        {"_index": "ubi_queries", "_id": f"id-{client.label}", "_source": query},
        {"_op_type": "create", "_index": "ubi_events", "_source": event},
    ])
    assert (done, errors) == (2, [])
    platform.wait_loaded()
    stored = row(platform, f"SELECT *, {us()} FROM haystat.searches "
                           f"WHERE event_id = 'id-{client.label}'")
    check_query(stored, query, query_us)
    stored = row(platform, f"SELECT *, {us()} FROM haystat.results "
                           f"WHERE application = 'shop-{client.label}'")
    check_event(stored, event, event_us)


def test_client_bulk_answers_item_by_item(platform, client):
    stamp, _ = moment()
    answer = bulk_lines(client, [
        {"index": {"_id": f"one-{client.label}"}}, {"user_query": "a", "timestamp": stamp},
        {"create": {"_index": "ubi_events"}}, {"action_name": "click", "timestamp": stamp},
    ], index="ubi_queries")
    assert answer["errors"] is False and answer["took"] >= 0
    index, create = answer["items"][0]["index"], answer["items"][1]["create"]
    assert (index["_index"], index["_id"]) == ("ubi_queries", f"one-{client.label}")
    assert (index["status"], index["result"]) == (201, "created")
    assert (create["_index"], create["status"]) == ("ubi_events", 201)
    platform.wait_loaded()
    assert row(platform, "SELECT query FROM haystat.searches WHERE event_id = "
                         f"'{index['_id']}'") == {"query": "a"}
    assert row(platform, "SELECT action FROM haystat.results WHERE event_id = "
                         f"'{create['_id']}'") == {"action": "click"}


def test_streaming_and_parallel_helpers_send_every_document_once(platform, plain):
    stamp, _ = moment()
    application = f"many-{plain.label}"
    base = 10_000 * CLIENTS.index(plain.label)  # ids are the tenant's, not the client's

    def documents(start):
        for i in range(start, start + 1500):
            yield {"_index": "ubi_queries", "_id": base + i, "_source": {
                "application": application, "query_id": f"q{i}", "user_query": f"query {i}",
                "timestamp": stamp, "query_response_hit_ids": [str(i), str(i + 1)]}}

    assert all(ok for ok, _ in plain.helpers.streaming_bulk(plain, documents(0), chunk_size=400))
    assert all(ok for ok, _ in plain.helpers.parallel_bulk(plain, documents(1000), thread_count=3,
                                                           chunk_size=200))
    platform.wait_loaded()
    stored = rows(platform, "SELECT query_id, query, result_ids, event_id FROM haystat.searches "
                            f"WHERE application = '{application}'")
    assert len(stored) == 2500
    for item in stored:
        i = int(item["query_id"][1:])
        assert item == {"query_id": f"q{i}", "query": f"query {i}", "event_id": str(base + i),
                        "result_ids": [str(i), str(i + 1)]}


@pytest.mark.parametrize("hits, returned", [([], 0), (None, None), (["only"], 1)],
                         ids=["empty", "absent", "one"])
def test_an_empty_hit_list_is_no_results_and_an_absent_one_is_unknown(platform, plain, hits,
                                                                      returned):
    event_id = f"hits-{plain.label}-{returned}"
    document = {"user_query": "x", "query_id": event_id}
    if hits is not None:
        document["query_response_hit_ids"] = hits
    plain.helpers.bulk(plain, [{"_index": "ubi_queries", "_id": event_id, "_source": document}])
    platform.wait_loaded()
    assert row(platform, "SELECT returned, total_hits, result_ids, result_positions FROM "
                         f"haystat.searches WHERE event_id = '{event_id}'") == {
        "returned": returned, "total_hits": None, "result_ids": hits or [],
        "result_positions": [1] if returned else []}


@pytest.mark.parametrize("ordinal", [0, 1, 3, 24, 4294967295])
def test_an_orphan_click_is_kept_with_its_ordinal_as_sent(platform, plain, ordinal):
    stamp, at_us = moment()
    event_id = f"orphan-{plain.label}-{ordinal}"
    event = {"action_name": "click", "query_id": f"never-sent-{ordinal}", "client_id": "c",
             "timestamp": stamp, "application": "orphans",
             "event_attributes": {"object": {"object_id": 123}, "position": {"ordinal": ordinal}}}
    plain.helpers.bulk(plain, [{"_index": "ubi_events", "_id": event_id, "_source": event}])
    platform.wait_loaded()
    stored = row(platform, f"SELECT *, {us()} FROM haystat.results WHERE event_id = '{event_id}'")
    assert (stored["query_id"], stored["action"], stored["ts_us"]) == (
        event["query_id"], "click", at_us)
    assert (stored["object_ids"], stored["object_positions"]) == (["123"], [ordinal])
    assert json.loads(stored["attributes"]["event_attributes"]) == event["event_attributes"]
    assert rows(platform, "SELECT 1 FROM haystat.searches "
                          f"WHERE query_id = '{event['query_id']}'") == []


def test_refused_items_come_as_the_clients_expect_them(platform, plain):
    stamp, _ = moment()
    label = f"refused-{plain.label}"
    actions = [
        {"_index": "ubi_queries", "_id": f"{label}-1", "_source": {"query_id": "q"}},
        {"_index": "ubi_events", "_source": {"action_name": "click"}},
        {"_index": "products", "_id": "p", "_source": {"name": "shoe"}},
        {"_op_type": "delete", "_index": "ubi_events", "_id": "d"},
        {"_op_type": "update", "_index": "ubi_events", "_id": "u", "doc": {"a": 1}},
        {"_index": "ubi_events", "_id": f"{label}-ok",
         "_source": {"action_name": "click", "timestamp": stamp}},
    ]
    done, errors = plain.helpers.bulk(plain, actions, raise_on_error=False)
    assert done == 1
    found = [(word, item["status"], item["error"]["type"], item["error"]["reason"])
             for error in errors for word, item in error.items()]
    assert found == [
        ("index", 400, "document_parsing_exception", "user_query is missing: a query needs it"),
        ("index", 400, "document_parsing_exception", "timestamp is missing: an event needs it"),
        ("index", 404, "index_not_found_exception",
         "no such index [products]: only ubi_queries and ubi_events take documents"),
        ("delete", 400, "illegal_argument_exception",
         "events are only added: use index or create"),
        ("update", 400, "illegal_argument_exception",
         "events are only added: use index or create"),
    ]
    with pytest.raises(plain.helpers.BulkIndexError) as caught:
        plain.helpers.bulk(plain, actions[:1])
    assert "user_query is missing" in str(caught.value.errors)
    platform.wait_loaded()
    assert rows(platform, f"SELECT 1 FROM haystat.searches WHERE event_id = '{label}-1'") == []
    assert len(rows(platform, "SELECT 1 FROM haystat.results WHERE "
                              f"event_id = '{label}-ok'")) == 1


def test_a_body_that_is_refused_raises_the_clients_own_error(plain):
    with pytest.raises(plain.error) as caught:
        bulk_lines(plain, [{"put": {"_index": "ubi_events"}}, {"a": 1}])
    assert caught.value.status_code == 400
    assert "illegal_argument_exception" in str(caught.value)
    assert "Malformed action/metadata line [1]" in str(caught.value)


def test_a_repeat_of_an_id_is_stored_once(platform, plain):
    event_id = f"repeat-{plain.label}"
    action = {"_index": "ubi_queries", "_id": event_id, "_source": {"user_query": "again"}}
    for _ in range(3):
        assert plain.helpers.bulk(plain, [action]) == (1, [])
    platform.wait_loaded()
    assert len(rows(platform, f"SELECT 1 FROM haystat.searches "
                              f"WHERE event_id = '{event_id}'")) == 1


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """A platform that wants keys and takes small bodies only."""
    yield from platform_fixture(tmp_path_factory, **{"auth.mode": "keys", "http.body_max": "64KiB",
                                                     "ingest.rate": "1000"})


@pytest.fixture(params=CLIENTS)
def keyed(strict, request):
    """(client with a key, client with a wrong key)"""
    made = [connect(strict, request.param, headers={"Authorization": f"Bearer {key}"})
            for key in (make_key(strict, "--scopes", "ingest"), "hs_wrong")]
    for one in made:
        one.helpers, one.error = HELPERS[request.param], ERRORS[request.param]
    yield made
    for one in made:
        one.close()


def test_answers_of_the_server_itself_are_errors_that_clients_read(keyed):
    good, bad = keyed
    pair = [{"index": {"_index": "ubi_queries"}}, {"user_query": "x"}]
    assert bulk_lines(good, pair)["errors"] is False
    with pytest.raises(bad.error) as caught:
        bulk_lines(bad, pair)
    assert caught.value.status_code == 401
    assert "API key" in str(caught.value)
    with pytest.raises(good.error) as caught:
        bulk_lines(good, [pair[0], {"user_query": "x" * (80 << 10)}])
    assert caught.value.status_code == 413
    assert "limit 65536" in str(caught.value)
