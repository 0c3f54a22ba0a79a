"""A small known set of searches, and what the gateway must say about them.

Latencies are whole numbers below 256, which the store's percentiles hold exactly.
"""
import math
import time
from collections import Counter

EVENTS = 240
MINUTES = 3
QUERIES = ["red shoes", "blue hat", "green coat", "tea pot", "desk lamp", "wool socks",
           "garden hose", "oak table", "silk scarf", "rain boots", "tin box"]
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
ODD = "a\tb\\c'd\"e{p0:String}\nü"
Z = 1.959963984540054


def first_minute():
    """Half an hour ago, so that no minute of the set is open."""
    return int(time.time()) // 60 * 60 - 1800


def outcome(i):
    """The fields that say how search i ended."""
    if i % 10 == 0:
        return {"status": "error", "error": {"code": "E500" if i % 20 else "E503"}}
    if i % 15 == 1:
        return {"status": "timeout"}
    if i % 20 == 2:
        return {"status": "cancelled"}
    return {"status": "partial"} if i % 25 == 3 else {}


def search(i, minute_s):
    """Search i of the set: two services, two versions, three minutes."""
    event = {
        "event_id": f"gateway-{i}", "query_id": f"q-{i}", "timestamp": minute_s + 60 * (i % 3) + 7,
        "service": "web" if i % 4 == 3 else "api", "version": "2.0" if i % 5 < 2 else "1.0",
        "environment": "prod" if i % 2 else "test", "query": QUERIES[i * i % 97 % len(QUERIES)],
        "latency_ms": 1 + i, "total_hits": 0 if i % 7 == 0 else 10,
        "attributes": {"tier": "gold" if i % 3 == 0 else "basic"}, **outcome(i),
    }
    if i % 30 == 5:
        event["kind"] = "autosuggest"
    if i % 40 == 7:
        event["sample_weight"] = 3
    if i % 2 == 0:
        event["results"] = [{"id": f"p-{i}", "position": 1, "score": i % 50 + 1}]
    if i % 6 == 0:
        event["experiments"] = [{"id": "layout", "variant": "b" if i % 12 else "a"},
                                {"id": "rank", "variant": "x"}]
    if i == 9:
        event["attributes"]["odd"] = ODD
    if i == 11:
        event["trace_id"] = TRACE_ID
    return event


def searches(minute_s):
    return [search(i, minute_s) for i in range(EVENTS)]


def children(minute_s):
    """Parts of a search: stored, but no executions."""
    return [{**search(i, minute_s), "event_id": f"gateway-child-{i}", "query_id": f"child-{i}",
             "parent_query_id": f"q-{i}"} for i in range(5)]


# ---- what the answers must be


def status_of(event):
    return event.get("status", "ok")


def failed(event):
    return status_of(event) in ("error", "timeout")


def answered(event):
    return event.get("kind", "search") == "search" and status_of(event) in ("ok", "partial")


def timed(event):
    return status_of(event) != "cancelled"


def weight_of(event):
    return event.get("sample_weight", 1)


def quantile(values, q):
    """The value at the rank, of values that stand as often as their weight says."""
    if not values:
        return None
    values = sorted(values)
    return values[max(0, math.ceil(q * len(values)) - 1)]


def weighted(events, value):
    return [value(event) for event in events for _ in range(weight_of(event))]


def wilson(hits, of):
    p = hits / of
    scale = 1 + Z * Z / of
    middle = (p + Z * Z / (2 * of)) / scale
    half = Z * math.sqrt(p * (1 - p) / of + Z * Z / (4 * of * of)) / scale
    return max(0.0, min(p, middle - half)), min(1.0, max(p, middle + half))


def latency(events):
    counted = [event for event in events if timed(event)]
    values = weighted(counted, lambda event: event["latency_ms"])
    plain = [event["latency_ms"] for event in counted]
    limits = {"p50_ms": 20, "p90_ms": 100, "p95_ms": 200, "p99_ms": 1000}
    return {
        "latency_count": len(counted),
        "p50_ms": quantile(values, 0.5), "p90_ms": quantile(values, 0.9),
        "p95_ms": quantile(values, 0.95), "p99_ms": quantile(values, 0.99),
        "max_ms": max(plain, default=None), "mean_ms": sum(plain) / len(plain) if plain else None,
        "low_n": [name for name, least in limits.items() if len(counted) < least],
    }


def codes(events):
    return dict(Counter(event.get("error", {}).get("code", status_of(event))
                        for event in events if failed(event)))


def zero_results(events):
    of = [event for event in events if answered(event)]
    return sum(event["total_hits"] == 0 for event in of), len(of)


def scores(events):
    scored = [event for event in events if "results" in event]
    values = weighted(scored, lambda event: event["results"][0]["score"])
    plain = [event["results"][0]["score"] for event in scored]
    return {"n": len(scored), "mean": sum(plain) / len(plain) if plain else None,
            **{f"p{q}": quantile(values, q / 100) for q in (5, 25, 50, 75, 95)}}


def errors(events):
    names = {"timeouts": "timeout", "partials": "partial", "cancelled": "cancelled"}
    return {"errors": sum(map(failed, events)),
            **{name: sum(status_of(event) == status for event in events)
               for name, status in names.items()}}
