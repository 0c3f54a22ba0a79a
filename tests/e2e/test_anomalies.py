"""The engine's own judgement, in real time: history is imported, a service begins to fail, an
incident opens, outlives kill -9, is shown, and ends as people say."""
import json
import random
import sqlite3
import threading
import time

import pytest

from platform_helper import Platform, wait_until

pytestmark = pytest.mark.timeout(400)  # minutes are real ones
MINUTE, A_MINUTE, HISTORY_MINUTES = 60, 60, 100
JSON = {"Content-Type": "application/json"}
LIST = "/api/v1/anomalies"


def search(service, at_s, failed, n):
    event = {"event_type": "search", "service": service, "application": "shop", "query": f"q{n}",
             "event_id": f"{service}-{n}", "query_id": f"{service}-{n}", "kind": "search",
             "environment": "production", "host": f"host-{n % 3}", "latency_ms": 20 + n % 30,
             "timestamp": f"{at_s:.3f}", "status": "error" if failed else "ok"}
    event["timestamp"] = at_s
    if not failed:
        event["total_hits"] = 0 if n % 10 == 0 else 7
    return event


class Traffic:
    """Two services, one search a second each; `failing` is the share of the first that fails."""

    def __init__(self, platform):
        self.platform, self.failing, self.n = platform, 0.01, 0
        self.rand = random.Random(4)
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def events(self, at_s):
        self.n += 1
        return [search("web", at_s, self.rand.random() < self.failing, self.n),
                search("help", at_s, False, self.n)]

    def post(self, events, query=""):
        return self.platform.post(f"/api/v1/telemetry/batch{query}", json.dumps(events).encode(),
                                  JSON)

    def history(self):
        now = int(time.time()) // MINUTE * MINUTE
        for minute in range(now - HISTORY_MINUTES * MINUTE, now, MINUTE):
            events = [event for i in range(A_MINUTE) for event in self.events(minute + i)]
            status, body = self.post(events, "?import=1")
            assert status == 202 and json.loads(body)["rejected"] == 0, body

    def run(self):
        while not self.stop.wait(1):
            self.post(self.events(time.time()))

    def end(self):
        self.stop.set()
        self.thread.join()


def status(platform):
    return platform.get_json("/api/v1/status")["engine"]["anomalies"]


def judged(platform):
    return status(platform)["judged_until"]


def entries(platform, space):
    with sqlite3.connect(f"file:{platform.data / 'metadata.db'}?mode=ro", uri=True) as db:
        return db.execute("SELECT count(*) FROM entry WHERE space = ?", (space,)).fetchone()[0]


def put_old_incident(platform, like):
    """One of 100 days ago, with what was said of it; they are kept for 90."""
    key = f"default/{999999999999 - int(time.time()) + 100 * 86400:012}/00000000000000aa"
    old = {**like, "id": "00000000000000aa", "end": like["start"]}
    with sqlite3.connect(platform.data / "metadata.db") as db:
        db.executemany("INSERT INTO entry VALUES (?, ?, ?, 1)", [
            ("incidents", key.encode(), json.dumps(old).encode()),
            ("incident_ids", b"default/00000000000000aa", key.encode()),
            ("incident_feedback", b"default/00000000000000aa/0000000000000000001", b"{}")])


def say(platform, anomaly, action, body=b""):
    key = (platform.data / "secrets/admin.key").read_text().strip()
    code, answer = platform.post(f"{LIST}/{anomaly}/{action}", body,
                                 {**JSON, "Authorization": f"Bearer {key}"})
    return code, json.loads(answer)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    platform = Platform(tmp_path_factory.mktemp("anomalies"),
                        **{"rollup.debounce": "0s", "anomalies.timezone": "Europe/Berlin"}).start()
    traffic = Traffic(platform)
    traffic.history()
    platform.wait_loaded()
    wait_until(lambda: platform.get_json("/api/v1/status")["engine"]["rollup"]
               ["dirty_base_windows"] == 0, 120, "the history's rollups")
    platform.stop()
    platform.start()
    traffic.thread.start()
    yield platform, traffic
    traffic.end()
    platform.stop()


def test_history__teaches_and_opens_nothing(world):
    platform, _ = world
    first = wait_until(lambda: judged(platform), 120, "a judged minute")
    wait_until(lambda: judged(platform) > first, 120, "one more")
    shown = status(platform)
    assert (shown["services"], shown["open"], shown["services_not_watched"]) == (2, 0, 0)
    assert platform.get_json(LIST) == {"anomalies": [], "next_cursor": None}
    rows = platform.sql("SELECT metric, count() > 0, avg(value), avg(expected) FROM "
                        "haystat.anomaly_1m FINAL WHERE service = 'help' GROUP BY metric")
    volume = [row for row in rows if row[0] == "volume"][0]
    assert 40 <= float(volume[3]) <= 75
    assert 0.05 <= float([row for row in rows if row[0] == "zero_result_rate"][0][3]) <= 0.15


def test_a_service_that_fails__opens_one_incident_that_outlives_a_crash(world):
    platform, traffic = world
    began, traffic.failing = time.time(), 0.5
    [anomaly] = wait_until(lambda: platform.get_json(LIST)["anomalies"], 240, "an incident")
    assert time.time() - began < 3 * MINUTE + 60
    [member] = anomaly["members"]
    assert (anomaly["type"], anomaly["metric"]) == ("search", "error_rate")
    assert anomaly["state"] == "open"
    assert (member["service"], member["environment"]) == ("web", "production")
    assert member["value"] > 0.1 > member["expected"] and member["z"] > 3
    assert abs(time.mktime(time.strptime(anomaly["start"][:19], "%Y-%m-%dT%H:%M:%S"))
               - time.timezone - began) < 2 * MINUTE
    platform.kill()
    put_old_incident(platform, anomaly)
    platform.start()
    before = wait_until(lambda: judged(platform), 120, "judged after the crash")
    wait_until(lambda: (judged(platform) or "") > before, 180, "one more")
    [again] = platform.get_json(LIST)["anomalies"]
    assert (again["id"], again["state"], again["start"]) == \
        (anomaly["id"], "open", anomaly["start"])
    wait_until(lambda: entries(platform, "incidents") == 1, 10, "the old one to be forgotten")
    assert entries(platform, "incident_ids") == 1 and entries(platform, "incident_feedback") == 0
    wait_until(lambda: entries(platform, "outbox") == 0, 10, "published")


def test_the_list__takes_filters_and_one_shows_its_series(world):
    platform, _ = world
    [anomaly] = platform.get_json(LIST)["anomalies"]
    for query, n in [("service=web", 1), ("service=help", 0), ("metric=error_rate", 1),
                     ("metric=volume", 0), ("type=search", 1), ("type=telemetry", 0),
                     ("state=open", 1), ("state=closed", 0), ("from=now-1h", 1),
                     ("to=now-1h", 0), ("limit=1", 1)]:
        assert len(platform.get_json(f"{LIST}?{query}")["anomalies"]) == n, query
    one = platform.get_json(f"{LIST}/{anomaly['id']}")["anomaly"]
    [series] = one["series"]
    assert (series["service"], series["metric"]) == ("web", "error_rate")
    assert len(series["t"]) == len(series["value"]) == len(series["high"]) > 1
    assert max(series["value"]) > 0.3 and max(series["anomaly_score"]) >= 0.5
    assert all(low <= expected <= high for low, expected, high in
               zip(series["low"], series["expected"], series["high"]))


def test_bad_requests__are_told_what_is_wanted(world):
    platform, _ = world
    [anomaly] = platform.get_json(LIST)["anomalies"]
    for query, told in [("limit=0", "limit=0: must be a number from 1 to 500"),
                        ("state=maybe", "state=maybe: must be open or closed"),
                        ("type=all", "type=all: must be search or telemetry"),
                        ("page=2", "page=2: is no parameter"), ("from=now&to=now-1h", "before to"),
                        ("cursor=abc", "cursor: must be the next_cursor")]:
        code, body = platform.get(f"{LIST}?{query}")
        assert code == 400 and told in json.loads(body)["detail"], body
    assert platform.get(f"{LIST}/0123456789abcdef")[0] == 404
    assert platform.get(f"{LIST}/nonsense")[0] == 404
    assert platform.post(f"{LIST}/{anomaly['id']}/ack", b"", JSON)[0] == 401
    assert say(platform, anomaly["id"], "explode")[0] == 404
    assert say(platform, "0123456789abcdef", "ack")[0] == 404
    for action, body, told in [("ack", b'{"for":"1h"}', "only of mute"),
                               ("mute", b'{"for":"soon"}', "soon"),
                               ("ack", b'{"note":1}', "note: must be a string"),
                               ("ack", b'{"why":"x"}', "the body must be empty or"),
                               ("ack", b"[", "the body must be empty or")]:
        code, answer = say(platform, anomaly["id"], action, body)
        assert code == 400 and told in answer["detail"], answer


def test_what_people_say__is_kept_and_done(world):
    platform, traffic = world
    [anomaly] = platform.get_json(LIST)["anomalies"]
    code, said = say(platform, anomaly["id"], "ack", json.dumps({"note": "on it"}).encode())
    assert code == 200 and (said["action"], said["note"], said["until"]) == ("ack", "on it", None)
    [shown] = platform.get_json(LIST)["anomalies"]
    assert shown["state"] == "acknowledged" and shown["feedback"] == [said]
    code, said = say(platform, anomaly["id"], "mute", b'{"for":"2h"}')
    assert code == 200 and said["until"] > said["at"]
    assert say(platform, anomaly["id"], "expected")[0] == 200
    [closed] = wait_until(lambda: platform.get_json(f"{LIST}?state=closed")["anomalies"], 20,
                          "closed as expected")
    assert closed["end"] and [entry["action"] for entry in closed["feedback"]] == \
        ["ack", "mute", "expected"]
    assert entries(platform, "incident_todo") == 0
    assert say(platform, anomaly["id"], "close")[0] == 409
    assert traffic.failing == 0.5
    before = judged(platform)
    wait_until(lambda: judged(platform) > before, 120, "one more minute, as bad as it was")
    assert platform.get_json(f"{LIST}?state=open")["anomalies"] == []
