"""Intents and what became of them, over ugly traffic, against a calculation of its own
(behaviour_truth.py): keystrokes, pages, parts, filters, fallbacks, clicks late, twice, out of
order, by session, on sponsored results, without a position; bots, synthetic searches, no sessions,
no tracking. Then the same after late clicks and late searches."""
import random
import time
from datetime import datetime

import pytest

from behaviour_truth import COUNTS, behaviour, degraded, is_intent_search
from client_helper import attributes, traces
from platform_helper import Platform, wait_until

SECOND, QUIET_LOOKS = 10**6, 60
WORDS = ["red", "shoes", "blue", "shirt", "running", "東京", "タワー", "kırmızı", "çanta", "garden",
         "chair", "lamp"]
BOT = "Googlebot/2.1 (+http://www.google.com/bot.html)"


class Traffic:
    """Searches and actions of sessions over two hours that ended three hours ago."""

    def __init__(self, seed):
        self.rand = random.Random(seed)
        self.seed = seed
        self.end = int(time.time() - 3 * 3600) * SECOND
        self.start = self.end - 7200 * SECOND
        self.events = []
        self.n = 0

    def id(self, word):
        self.n += 1
        return f"{word}-{self.seed}-{self.n}"

    def chance(self, share):
        return self.rand.random() < share

    def text(self):
        return " ".join(self.rand.sample(WORDS, self.rand.choice([1, 1, 2, 2, 3])))

    def session(self):
        """One user: who and where, and a few wishes one after the other."""
        rand = self.rand
        application = rand.choice(["shop", "shop", "shop", "docs", "dark"])
        base = {
            "application": application, "service": f"{application}-{rand.choice('ab')}",
            "version": rand.choice(["1.0", "1.1"]), "index": rand.choice(["products", "pages"]),
            "locale": rand.choice(["en-GB", "ja-JP", "tr-TR"]), "environment": "production",
            "surface": rand.choice(["", "header"]),
        }
        if self.chance(0.9):
            base["session_id"] = self.id("s")
        if self.chance(0.15):
            base["user_agent"] = BOT
        if self.chance(0.05):
            base["synthetic"] = True
        if self.chance(0.15):
            base["experiments"] = [{"id": "ranker", "variant": rand.choice(["a", "b"])}]
        self.tracked = application != "dark"
        at, text = self.start + rand.randrange(7200 * SECOND), self.text()
        for _ in range(rand.choice([1, 1, 2, 3, 4])):
            at = self.wish(base, at, text)
            at += int(rand.choice([3, 20, 29.9, 31, 120, 299, 301, 1900]) * SECOND)
            text = rand.choice([text, text[: max(1, len(text) // 2)], self.text(),
                                f"{text} {rand.choice(WORDS)}", text.replace("s", "z") or "x"])

    def wish(self, base, at, text):
        """Keystrokes, the search, pages and filters; then actions. Returns the time of its end."""
        extra = {"intent_id": self.id("i")} if self.chance(0.1) else {}
        if self.chance(0.3):
            for n in range(1, len(text), 2):
                status = "cancelled" if self.chance(0.5) else "ok"
                self.search({**base, **extra}, at, text[:n], status=status)
                at += int(self.rand.uniform(0.05, 2) * SECOND)
        search = self.search({**base, **extra}, at, text)
        self.act(base, search)
        for number in range(2, self.rand.choice([2, 2, 2, 3, 4])):
            at += int(self.rand.choice([5, 40, 250, 310]) * SECOND)
            self.act(base, self.search({**base, **extra}, at, text, page=number))
        if self.chance(0.2):
            at += int(self.rand.uniform(2, 40) * SECOND)
            filters = [{"field": "brand", "op": "=", "value": "acme"}]
            self.act(base, self.search({**base, **extra}, at, text, filters=filters))
        return at

    def search(self, base, at, text, **more):
        rand = self.rand
        event = {**base, "event_type": "search", "event_id": self.id("e"),
                 "query_id": self.id("q"), "timestamp": at, "query": text,
                 "latency_ms": round(rand.uniform(5, 90), 3), **more}
        if self.chance(0.05):
            event["kind"] = rand.choice(["autosuggest", "browse"])
        if self.chance(0.04):
            event["status"] = rand.choice(["error", "timeout"])
        elif event.get("status") != "cancelled" and not self.chance(0.03):
            self.answer(event)
        if self.chance(0.1):
            event["fallback"] = "relaxed"
        if self.chance(0.08):
            event["shards"] = {"total": 5, "failed": 2}
        if "total_hits" in event and self.chance(0.06):
            event["status"] = "partial"
        self.events.append(event)
        if self.chance(0.1):
            part = {**event, "event_id": self.id("e"), "query_id": self.id("q"),
                    "parent_query_id": event["query_id"]}
            self.events.append(part)
            return {**event, "query_id": part["query_id"]} if self.chance(0.5) else event
        return event

    def answer(self, event):
        first = 10 * ((event.get("page") or 1) - 1)
        event["total_hits"] = 0 if self.chance(0.2) else self.rand.randrange(1, 300)
        listed = min(10, max(0, event["total_hits"] - first))
        event["results"] = [
            {"id": f"d{self.rand.randrange(60)}-{i}", "position": first + i + 1,
             "score": 1.0, **({"sponsored": True} if i == 0 and self.chance(0.3) else {})}
            for i in range(listed)]

    def act(self, base, search):
        """What somebody does with the results of a search."""
        if not self.tracked:
            return
        results = search.get("results") or []
        for _ in range(self.rand.choice([0, 0, 1, 1, 2])):
            action = self.rand.choice(["click"] * 6 + ["dwell", "facet", "suggestion_click",
                                                        "add_to_cart", "purchase", "impression"])
            far = 26 * 3600 if action in ("add_to_cart", "purchase") else 2000
            after = int(self.rand.choice([1, 8, 60, far * self.rand.random()]) * SECOND)
            event = {key: base[key] for key in ("application", "service", "session_id",
                                                "user_agent", "synthetic") if key in base}
            event.update(event_type="result", event_id=self.id("a"), action=action,
                         timestamp=search["timestamp"] + after - (3 * SECOND if self.chance(0.05)
                                                                  else 0))
            if self.chance(0.85) or "session_id" not in base:
                event["query_id"] = search["query_id"]
            self.object(event, results)
            if action == "dwell":
                event["value"] = self.rand.randrange(500, 90000)
            if event["timestamp"] < time.time() * SECOND:
                self.events += [event] * (2 if self.chance(0.1) else 1)

    def object(self, event, results):
        if results and self.chance(0.8):
            result = self.rand.choice(results)
            event["objects"] = [{"id": result["id"], "position": result["position"]}]
        elif self.chance(0.7):
            event["objects"] = [{"id": "elsewhere"}]
            if self.chance(0.5):
                event["objects"][0]["position"] = self.rand.randrange(1, 30)


def send(platform, events):
    for first in range(0, len(events), 500):
        status, body = platform.post("/api/v1/telemetry/batch", events[first:first + 500])
        assert status == 202, body
    platform.wait_loaded()


def wait_rolled_up(platform):
    """Until no block is dirty, for some passes: purchases are looked up in passes of their own."""
    quiet = 0

    def is_quiet():
        nonlocal quiet
        engine = platform.get_json("/api/v1/status")["engine"]
        quiet = 0 if engine["behaviour"]["dirty_base_windows"] else quiet + 1
        return quiet >= QUIET_LOOKS

    wait_until(is_quiet, 90, "behaviour rolled up")


def counted(events):
    """Each event once, however often it was sent."""
    return list({event["event_id"]: event for event in events}.values())


def seconds(text):
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


def compare(group, expected, where):
    for name in COUNTS:
        assert group[name] == expected.n[name], (where, name)
    for name in [name for name, value in group.items()
                 if isinstance(value, dict) and "numerator" in value and name != "zero_results"]:
        found = [group[name]["numerator"], group[name]["denominator"]]
        assert found == expected.rates[name], (where, name)
        assert (group[name]["value"] is None) == (found[1] == 0), (where, name)
    for name in ("cart", "facet", "suggestion", "reformulation", "none"):
        assert group["without_click"][name] == expected.without_click[name], (where, name)
    for name, values in (("mrr_of_clicks", expected.reciprocals), ("dwell", expected.dwells),
                         ("first_click_position", expected.first_positions)):
        assert group[name]["n"] == len(values), (where, name)
        if values:
            assert group[name]["value"] == pytest.approx(sum(values) / len(values)), (where, name)
    times = sorted(expected.times)
    assert group["time_to_click"]["n"] == len(times), where
    if times:
        assert group["time_to_click"]["mean_ms"] == pytest.approx(sum(times) / len(times)), where
        exact = times[-(-len(times) // 2) - 1]
        assert 0.992 * exact <= group["time_to_click"]["p50_ms"] <= exact, where


GROUPS = [[], ["service"], ["service", "version"], ["index"], ["locale"], ["application"],
          ["version", "locale"], ["surface"]]


def check_all(platform, traffic):
    events = counted(traffic.events)
    for fields in GROUPS:
        answer = platform.get_json(
            f"/api/v1/metrics/relevance?from={traffic.start // SECOND - 3600}&to=now"
            f"&group_by={','.join(fields)}&series=0")
        expected = behaviour(events, fields)
        within = {tuple(group["key"].values()): group for group in answer["groups"]}
        assert {key for key, n in expected.items() if n.n["intents"]} <= set(within), fields
        for key, group in within.items():
            compare(group, expected[key], (fields, key))
        compare(answer["total"], behaviour(events, [])[()], (fields, "total"))
    check_degraded(platform, traffic, events)


def check_degraded(platform, traffic, events):
    answer = platform.get_json(
        f"/api/v1/metrics/degraded?from={traffic.start // SECOND - 3600}&to=now")
    expected = degraded(events)
    compared = 0
    assert answer["truncated"] is False
    assert {group["key"]["service"] for group in answer["groups"]} == {s for s, _ in expected}
    for group in answer["groups"]:
        for one in group["degraded"]:
            where = group["key"]["service"], one["kind"]
            n, of, differences = expected[where]
            assert [one["share"]["numerator"], one["share"]["denominator"]] == [n, of], where
            for name, (value, matched) in differences.items():
                found = one[f"{name}_difference"]
                assert found["n"] == matched, (where, name)
                assert found["value"] == pytest.approx(value), (where, name)
                if value is None:
                    assert found["reason"] and found["low"] is None
                else:
                    compared += 1
                    assert -1 <= found["low"] <= value <= found["high"] <= 1, (where, name)
    assert compared > 10


@pytest.fixture()
def platform(tmp_path):
    platform = Platform(
        tmp_path / "data",
        **{"rollup.behaviour": "200ms", "rollup.behaviour_age_share": "0", "rollup.debounce": "0"},
    ).start()
    yield platform
    platform.stop()


def make_traffic(seed, sessions):
    traffic = Traffic(seed)
    for _ in range(sessions):
        traffic.session()
    return traffic


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_behaviour__equals_the_calculation_and_again_after_late_events(platform, seed):
    traffic = make_traffic(seed, 250)
    all_events = traffic.events
    late = {id(e) for e in all_events if traffic.rand.random() < 0.15}
    first = [e for e in all_events if id(e) not in late]
    assert sum(is_intent_search(e) for e in all_events) > 300
    traffic.events = first
    traffic.rand.shuffle(first)
    send(platform, first)
    wait_rolled_up(platform)
    check_all(platform, traffic)
    traffic.events = all_events
    send(platform, [e for e in all_events if id(e) in late])
    wait_rolled_up(platform)
    check_all(platform, traffic)


def ubi_time(event):
    at = event["timestamp"]
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at // SECOND)) + f".{at % SECOND:06d}Z"


def as_ubi_query(event):
    query = {"application": event["application"], "query_id": event["query_id"],
             "client_id": "c", "user_query": event["query"], "timestamp": ubi_time(event)}
    if "results" in event:
        query["query_response_hit_ids"] = [result["id"] for result in event["results"]]
    return query


def as_ubi_event(event):
    wanted = event.get("objects", [{}])[0]
    return {"application": event["application"], "action_name": event["action"],
            "query_id": event["query_id"], "client_id": "c", "timestamp": ubi_time(event),
            "event_attributes": {
                **({"object": {"object_id": wanted["id"]}} if wanted else {}),
                **({"position": {"ordinal": wanted["position"]}} if "position" in wanted else {})}}


def as_span(event):
    return {"traceId": f"{hash(event['event_id']) & (2**128 - 1) | 1:032x}",
            "spanId": f"{hash(event['event_id']) & (2**64 - 1) | 1:016x}", "name": "search",
            "kind": 2, "startTimeUnixNano": str(event["timestamp"] * 1000),
            "endTimeUnixNano": str(event["timestamp"] * 1000 + 5_000_000),
            "attributes": attributes({"search.query.id": event["query_id"],
                                      "search.query.text": event["query"]})}


def send_beside(platform, events):
    """The same searches as UBI and as spans, and the same actions as UBI."""
    searches = [e for e in events if e["event_type"] == "search"]
    actions = [e for e in events if e["event_type"] == "result" and "query_id" in e]
    assert platform.post("/ubi_queries", [as_ubi_query(e) for e in searches])[0] == 202
    assert platform.post("/ubi_events", [as_ubi_event(e) for e in actions])[0] == 202
    for application in {e["application"] for e in searches}:
        spans = [as_span(e) for e in searches if e["application"] == application]
        assert platform.post("/v1/traces", traces(spans, {"service.name": application}))[0] == 200


@pytest.mark.parametrize("native_last", [False, True])
def test_behaviour__is_that_of_the_counted_source_whatever_comes_beside(platform, native_last):
    """Searches as native events, UBI and spans at once; of one application the actions come as UBI
    alone, and count."""
    traffic = make_traffic(4, 120)
    traffic.events = [  # what UBI can say, too
        e for e in traffic.events if "user_agent" not in e and not e.get("synthetic")
        and (e["event_type"] == "search" or ("query_id" in e and e["action"] != "dwell"))]
    native = [e for e in traffic.events
              if e["event_type"] == "search" or e["application"] != "docs"]
    if native_last:
        send_beside(platform, counted(traffic.events))
        wait_rolled_up(platform)
    send(platform, native)
    if not native_last:
        send_beside(platform, counted(traffic.events))
    platform.wait_loaded()
    wait_rolled_up(platform)
    applications = platform.get_json("/api/v1/applications")["applications"]
    of_actions = {app["application"]: app["actions_counted"] for app in applications}
    assert of_actions == {"shop": "native", "docs": "ubi", "dark": None}
    assert {app["counted"] for app in applications} == {"native"}
    check_all(platform, traffic)
