"""haystat detect --replay over simulated weeks: what must open an incident, and what must not."""
import json
import subprocess
from datetime import datetime, timezone

import pytest
from platform_helper import program

START = datetime(2026, 3, 10, tzinfo=timezone.utc).timestamp()
DAYS = 6


def minutes(path, *flags, code=0):
    with path.open("w") as file:
        done = subprocess.run([program(), "simulate", "minutes", *flags], stdout=file,
                              stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == code, done.stderr
    return done


def replay(path, code=0):
    done = subprocess.run([program(), "detect", "--replay", "--timezone", "Europe/Berlin", path],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == code, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()] if code == 0 else done.stderr


def seconds(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def fault(tmp_path, name, service, lasting="40m", seed=7):
    """What opened from the fault on: (metric, first service, minutes until then)."""
    at = (DAYS - 1) * 1440 + 600
    path = tmp_path / "minutes.csv"
    minutes(path, "--seed", str(seed), "--duration", f"{DAYS}d", "--fault", name, "--service",
            service, "--at", f"{at}m", "--for", lasting)
    since = START + at * 60
    events = [event for event in replay(path) if seconds(event["at"]) >= since]
    opened = [event for event in events if event["event"] in ("opened", "reopened")]
    assert [e["id"] for e in events if e["event"] == "closed"] == [e["id"] for e in opened]
    return [(e["metric"], e["members"][0]["service"] if e["members"] else None,
             int((seconds(e["at"]) - 5 - since) / 60), e["type"]) for e in opened]


@pytest.mark.parametrize("name, metric, service", [
    ("errors", "error_rate", "category-browse"),
    ("latency", "latency_p99", "product-search"),
    ("volume", "volume", "marketplace-search"),
    ("outage", "volume", "recommend"),
    ("zero_results", "zero_result_rate", "content-search"),
])
def test_a_fault__opens_one_incident_within_three_minutes(tmp_path, name, metric, service):
    [(got_metric, got_service, after, kind)] = fault(tmp_path, name, service)
    assert (got_metric, got_service, kind) == (metric, service, "search")
    assert after <= 3


def test_fewer_clicks__open_when_they_have_settled(tmp_path):
    [(metric, service, after, _)] = fault(tmp_path, "ctr", "product-search", lasting="90m")
    assert (metric, service) == ("ctr", "product-search")
    assert 31 <= after <= 36


@pytest.mark.parametrize("name, metric, lasting", [
    ("silence", "no_telemetry", "20m"),
    ("producer", "producer_silent", "20m"),
    ("stall", "late", "5m"),
    ("no_clicks", "click_tracking_lost", "60m"),
])
def test_what_is_no_fault_of_search__is_telemetry_and_nothing_else(tmp_path, name, metric, lasting):
    opened = fault(tmp_path, name, "content-search", lasting)
    assert [(got, kind) for got, _, _, kind in opened] == [(metric, "telemetry")]


def test_normal_weeks__with_a_sale_and_a_change_of_clocks_open_next_to_nothing(tmp_path):
    path = tmp_path / "minutes.csv"
    minutes(path, "--seed", "21", "--duration", "21d")
    opened = [event for event in replay(path) if event["event"] == "opened"]
    assert len(opened) <= 3, opened
    again = tmp_path / "again.csv"
    minutes(again, "--seed", "21", "--duration", "21d")
    assert path.read_bytes() == again.read_bytes()


def test_an_incident__says_what_where_since_when_and_by_how_much(tmp_path):
    path = tmp_path / "minutes.csv"
    minutes(path, "--seed", "3", "--duration", "3d", "--fault", "errors", "--service",
            "help-search", "--at", "2d", "--for", "30m")
    opened = [event for event in replay(path) if event["metric"] == "error_rate"][0]
    [member] = opened["members"]
    assert abs(seconds(opened["start"]) - START - 2 * 86400) <= 60
    assert opened["end"] is None and len(opened["id"]) == 16
    assert (member["service"], member["environment"]) == ("help-search", "production")
    assert member["value"] == pytest.approx(0.05, abs=0.025)
    assert member["expected"] == pytest.approx(0.005, abs=0.003)
    assert member["z"] > 3 and 0.5 <= member["anomaly_score"] < 1


def test_files_that_are_none__are_told_with_the_line(tmp_path):
    header = ("minute,delay_s,service,environment,count,errors,answered,zero_results,latency,"
              "actions,hosts,shown,clicked\n")
    path = tmp_path / "minutes.csv"
    for text, told in [
            ("minute,service\n", "line 1: 2 fields, wants 13"),
            (header.replace("errors", "err"), "column 6 wants the name errors"),
            (header + "61,0,a,b,1,0,1,0,,0,,0,0\n", "line 2: minute 61 is no multiple of 60"),
            (header + "60,0,a,b,-1,0,1,0,,0,,0,0\n", 'line 2: count is "-1"'),
            (header + "60,0,a,b,1,0,1,0,9:x,0,,0,0\n", 'latency or hosts is "9:x"'),
            (header + "60,0,a,b,1,0,1,0,192:1,0,,0,0\n", 'latency is "192", wants a bin'),
            (header + "120,0,,,,,,,,,,,\n60,0,,,,,,,,,,,\n", "line 3: minute 60")]:
        path.write_text(text)
        assert told in replay(path, code=1)
    assert "errors, latency" in minutes(path, "--help").stderr + path.read_text()
    assert '--fault is "fire"' in minutes(path, "--fault", "fire", code=2).stderr
    assert '--service is "shop"' in minutes(path, "--service", "shop", code=2).stderr
