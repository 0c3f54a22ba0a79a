"""Rows that are hard to load: what the store refuses, and a batch with 200 days of timestamps."""
import json
import random
import time

import pytest

import fault_helper as faults
from ledger_helper import Ledger, Load, cell_difference, check, level_difference
from platform_helper import Platform, wait_until

DAY_S = 86_400


@pytest.fixture
def platform(tmp_path):
    options = {"retention.searches": "400d", "stream.compression": "none"}
    platform = Platform(tmp_path / "data", **{**faults.OPTIONS, **options})
    yield platform
    platform.kill()


def refuse_by_constraint(platform, table, condition):
    """The store refuses rows of the table from now on, as its probe table does."""
    platform.sql(f"ALTER TABLE haystat.{table} ADD CONSTRAINT test CHECK {condition}")
    platform.sql(f"DROP TABLE haystat.probe_{table} SYNC")
    platform.sql(f"CREATE TABLE haystat.probe_{table} AS haystat.{table} ENGINE = Null")


def searches(first, n, **fields):
    now_ms = int(time.time() * 1000)
    return [{"service": "web", "query": f"shoes {i}", "event_id": f"e-{i}", "query_id": f"q-{i}",
             "version": "v1", "timestamp": now_ms - i % 90 * 1000, "latency_ms": 5, **fields}
            for i in range(first, first + n)]


def send(platform, events, query=""):
    status, body = platform.post("/api/v1/telemetry/batch" + query, events)
    assert status == 202, (status, body[:500])
    assert json.loads(body)["rejected"] == 0, body


def column(platform, sql):
    return [row[0] for row in platform.sql(sql)]


def dead_letters(platform):
    """What search.dlq holds, read from the stream's files (stream.compression is none)."""
    letters = []
    for segment in sorted(platform.data.glob("stream/*.log")):
        data = segment.read_bytes()
        at = data.find(b'{"stream_id":')
        while at >= 0:
            letters.append(json.JSONDecoder().raw_decode(data[at:].decode(errors="replace"))[0])
            at = data.find(b'{"stream_id":', at + 1)
    return letters


def test_poison__is_dead_lettered_with_its_reason_and_holds_up_nothing(platform):
    platform.start()
    refuse_by_constraint(platform, "searches", "query != 'poison'")
    events = searches(0, 400)
    for i in (0, 7, 250, 399):
        events[i]["query"] = "poison"
    events[250].update(status="error", error={"code": "E1"})
    send(platform, events)
    platform.wait_loaded()
    poison = {f"q-{i}" for i in (0, 7, 250, 399)}
    others = sorted(event["query_id"] for event in events if event["query_id"] not in poison)
    for table in ("searches", "search_by_query"):
        assert column(platform, f"SELECT query_id FROM haystat.{table} ORDER BY 1") == others, table
    assert column(platform, "SELECT query_id FROM haystat.errors") == ["q-250"]
    letters = dead_letters(platform)
    assert {json.loads(letter["value"])["query_id"] for letter in letters} == poison
    for letter in letters:
        assert (letter["topic"], letter["reason"]) == ("search.events", "refused_by_store")
        assert "constraint" in letter["detail"].lower(), letter
    loader = platform.get_json("/api/v1/status")["engine"]["loader"]
    assert loader["dead_letters"] == {"search.events.refused_by_store": 4}
    send(platform, searches(1000, 50))
    platform.wait_loaded()
    assert len(column(platform, "SELECT event_id FROM haystat.searches")) == 446
    wait_until(lambda: cell_difference(platform) is None, 60, "rollup equals raw")


def test_poison__stays_out_when_the_program_is_killed_and_started_again(platform, tmp_path):
    ledger = Ledger(tmp_path / "ledger")
    platform.start()
    refuse_by_constraint(platform, "searches", "query != 'poison'")
    load = Load(platform, ledger, random.Random(7))
    load.start(clients=2)
    for first in range(0, 60, 6):
        send(platform, searches(first, 6, query="poison"))
    platform.kill()
    load.finish()
    platform.start()
    load.resend()
    assert check(platform, ledger) == []
    ids = {json.loads(letter["value"])["event_id"] for letter in dead_letters(platform)}
    assert ids == {f"e-{i}" for i in range(60)}


def test_import__of_200_days_in_one_batch_is_loaded(platform):
    platform.start()
    now_s = int(time.time())
    events = searches(0, 400)
    for i, event in enumerate(events):
        event["timestamp"] = now_s - i * DAY_S // 2 - 60
    send(platform, events, "?import=1")
    platform.wait_loaded()
    for table in ("searches", "search_by_query"):
        rows = platform.sql("SELECT count(), uniqExact(query_id), uniqExact(toDate(ts)) "
                            f"FROM haystat.{table}")[0]
        assert rows[:2] == ["400", "400"]
        assert int(rows[2]) in (200, 201)
    assert column(platform, "SELECT DISTINCT (imported, time_adjusted) FROM haystat.searches") \
        == ["(true,'')"]


def test_import__of_what_is_older_than_the_retention_is_refused(platform):
    platform.start()
    events = searches(0, 3)
    events[1]["timestamp"] = int(time.time()) - 401 * DAY_S
    status, body = platform.post("/api/v1/telemetry/batch?import=1", events)
    answer = json.loads(body)
    assert (status, answer["accepted"], answer["rejected"]) == (202, 2, 1), body
    assert answer["errors"][0]["index"] == 1
    assert "an import may go back" in answer["errors"][0]["detail"]
    platform.wait_loaded()
    assert column(platform, "SELECT event_id FROM haystat.searches ORDER BY 1") == ["e-0", "e-2"]


def test_import__of_a_minute_keeps_what_its_hour_had_although_old_minutes_are_dropped(platform):
    """The store drops minutes after 30 days and ten minutes after 90."""
    platform.start()
    now_s = int(time.time())
    for first in (0, 100):
        events = searches(first, 6)
        for event, age_days in zip(events, (1, 20, 40, 80, 120, 200)):
            event["timestamp"] = (now_s // 3600 * 3600) - age_days * DAY_S + first
        send(platform, events, "?import=1")
        platform.wait_loaded()
        wait_until(lambda: level_difference(platform, "1h") is None, 60, "hours equal raw")
        for table in ("fast_1m", "fast_10m", "dim_1m", "dim_10m"):
            platform.sql(f"OPTIMIZE TABLE haystat.{table} FINAL")
    ages = "SELECT count() FROM haystat.fast_{} FINAL WHERE t < now() - INTERVAL {} DAY"
    assert column(platform, ages.format("1m", 31)) == ["0"]
    assert column(platform, ages.format("10m", 91)) == ["0"]
