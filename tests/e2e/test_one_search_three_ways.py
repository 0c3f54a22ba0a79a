"""The same searches sent as native events, UBI and OTLP at once are counted once (design §3)."""
import json
import random
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest

from client_helper import attributes, traces
from platform_helper import Platform, wait_until

SEARCHES = 10_000
BATCH = 500
WAYS = ("native", "ubi", "otlp")


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    running = Platform(
        tmp_path_factory.mktemp("ways") / "data",
        **{"rollup.debounce": "1s", "ingest.rate": "0"},
    ).start()
    yield running
    running.kill()


def make_searches(application, now_s):
    """Within the last ten minutes, each with a latency of its own."""
    chance = random.Random(application)
    return [
        {
            "number": i,
            "application": application,
            "query_id": f"{application}-q{i}",
            "query": f"shoes {i % 97}",
            "at_us": int((now_s - chance.uniform(1, 600)) * 1e6),
            "latency_ms": round(chance.uniform(1, 900), 3),
            "hits": 0 if i % 10 == 0 else i,
            "trace_id": f"{chance.getrandbits(128) | 1:032x}",
            "span_id": f"{chance.getrandbits(64) | 1:016x}",
        }
        for i in range(SEARCHES)
    ]


def as_native(searches):
    return "/api/v1/telemetry/batch", [
        {
            "event_id": f"n-{search['query_id']}",
            "service": search["application"],
            "query_id": search["query_id"],
            "query": search["query"],
            "timestamp": search["at_us"],
            "latency_ms": search["latency_ms"],
            "total_hits": search["hits"],
        }
        for search in searches
    ]


def as_ubi(searches):
    return "/ubi_queries", [
        {
            "application": search["application"],
            "query_id": search["query_id"],
            "client_id": f"c{search['number'] % 50}",
            "user_query": search["query"],
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(search["at_us"] // 10**6))
            + f".{search['at_us'] % 10**6:06d}Z",
            "query_attributes": {"total_hits": search["hits"], "latency_ms": search["latency_ms"]},
        }
        for search in searches
    ]


def as_otlp(searches):
    spans = [
        {
            "traceId": search["trace_id"],
            "spanId": search["span_id"],
            "name": "search",
            "kind": 2,
            "startTimeUnixNano": str(search["at_us"] * 1000),
            "endTimeUnixNano": str(search["at_us"] * 1000 + int(search["latency_ms"] * 1e6)),
            "attributes": attributes({
                "search.query.id": search["query_id"],
                "search.query.text": search["query"],
                "search.hits.total": search["hits"],
            }),
        }
        for search in searches
    ]
    return "/v1/traces", traces(spans, {"service.name": searches[0]["application"]})


SHAPES = {"native": as_native, "ubi": as_ubi, "otlp": as_otlp}


def cut_request(platform, path, body, chance):
    """Sends part of a request and hangs up: the client does not know what became of it."""
    address = urlsplit(platform.url())
    head = (f"POST {path} HTTP/1.1\r\nHost: {address.netloc}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode()
    whole = chance.random() < 0.5  # half of them arrive whole, and only the answer is lost
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(head + (body if whole else body[: chance.randrange(len(body))]))


def send_batch(platform, path, body, chance):
    """Until acknowledged; a third of the batches is cut first, half is sent twice."""
    if chance.random() < 1 / 3:
        cut_request(platform, path, body, chance)
    for _ in range(2 if chance.random() < 0.5 else 1):
        status, answer = platform.post(path, body)
        assert status in (200, 202), (path, status, answer[:500])
        assert b'"rejected":0' in answer or b"rejected" not in answer, answer[:500]


def send_way(platform, way, searches, seed, failures):
    chance = random.Random(seed)
    starts = list(range(0, SEARCHES, BATCH))
    chance.shuffle(starts)
    try:
        for start in starts:
            path, value = SHAPES[way](searches[start : start + BATCH])
            send_batch(platform, path, json.dumps(value).encode(), chance)
    except Exception as failure:  # shown by the test, which runs in another thread
        failures.append((way, failure))


def send_at_once(platform, ways, searches):
    failures = []
    threads = [
        threading.Thread(target=send_way, args=(platform, way, searches, way, failures))
        for way in ways
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert not failures, failures


def counted(platform, application):
    """Executions, zero results and the sum of latencies, out of the rollup."""
    line = platform.sql(
        "SELECT sum(count), sum(zero_results), round(sum(latency_sum_ms)) FROM "
        f"(SELECT * FROM haystat.fast_1m FINAL WHERE service = '{application}')"
    )[0]
    return [int(cell) for cell in line]


def check_counted(platform, application, searches):
    expected = [
        SEARCHES,
        sum(search["hits"] == 0 for search in searches),
        round(sum(search["latency_ms"] for search in searches)),
    ]
    platform.wait_loaded()
    seen = []

    def settled():
        seen[:] = counted(platform, application)
        return seen[:2] == expected[:2] and abs(seen[2] - expected[2]) <= 1

    try:
        wait_until(settled, 30, "counted once")
    except AssertionError:
        raise AssertionError(f"{seen}, must be {expected}") from None
    stored = dict(platform.sql(
        "SELECT source, count() FROM haystat.searches "
        f"WHERE application = '{application}' GROUP BY source"))
    assert stored == {"native": "10000", "ubi": "10000", "span": "10000"}
    check_summary(platform, application)


def check_summary(platform, application):
    status, body = platform.get(f"/api/v1/metrics/summary?from=now-1h&to=now&service={application}")
    if status == 404:
        return  # a build without the metrics API: the rollup was compared above
    assert status == 200, body
    groups = [group for group in json.loads(body)["groups"]
              if group["key"]["service"] == application]
    assert [group["count"] for group in groups] == [SEARCHES], body[:1000]


def test_all_ways_at_once_are_counted_once(platform):
    searches = make_searches("at-once", time.time())
    send_at_once(platform, WAYS, searches)
    check_counted(platform, "at-once", searches)


@pytest.mark.parametrize("order", [
    ("otlp", "ubi", "native"), ("ubi", "native", "otlp"), ("native", "otlp", "ubi"),
], ids="-".join)
def test_the_order_of_arrival_does_not_matter(platform, order):
    application = "-".join(order)
    searches = make_searches(application, time.time())
    for way in order:
        send_at_once(platform, [way], searches)
        platform.wait_loaded()
        # What came so far is counted already, by the best source so far.
        wait_until(lambda: counted(platform, application)[0] == SEARCHES, 30, f"counted {way}")
    check_counted(platform, application, searches)
