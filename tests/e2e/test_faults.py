"""Faults of the machine under load: power loss, a full disk, a store that is away."""
import contextlib
import os
import random
import signal
import time
import uuid

import pytest

import fault_helper as faults
from ledger_helper import Ledger, Load, cell_difference, check
from platform_helper import Platform, wait_until

HOUR_MS = 3_600_000
HALF_AN_HOUR_MS = 1_800_000


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    return faults.build_shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def platform(tmp_path):
    platform = Platform(tmp_path / "data", **faults.OPTIONS)
    yield platform
    platform.kill()


def loaded_total(platform):
    return faults.metric(platform, "hs_engine_loaded_messages_total")


def wait_for_more(platform, messages, seconds=30):
    """Until that many messages more were loaded."""
    before = loaded_total(platform)
    wait_until(lambda: loaded_total(platform) >= before + messages, seconds, "more is loaded")


MERGED = ["searches", "results", "spans", "search_by_query", "fast_1m", "dim_1m", "fast_10m"]


def test_power_loss__what_was_not_synced_comes_back_from_the_stream(tmp_path, shim):
    platform = Platform(tmp_path / "data", **faults.OPTIONS, **{"engine.sync": "4s"})
    ledger = Ledger(tmp_path / "ledger")
    syncs = faults.SyncLog(tmp_path, shim)
    lost = {"inserted parts": 0, "merged parts": 0, "ranges": 0}
    try:
        for seed in (1, 2, 3):
            power_loss_round(platform, ledger, syncs, seed, lost)
    finally:
        platform.kill()
    assert min(lost.values()) > 0, f"{lost}: nothing was tested"


def power_loss_round(platform, ledger, syncs, seed, lost):
    rng = random.Random(seed)
    platform.start(syncs.env())
    newest = 4 * seed * HOUR_MS
    old = Load(platform, ledger, rng, age_ms=range(newest, newest + HALF_AN_HOUR_MS))
    old.start(clients=1)
    wait_for_more(platform, 100)
    old.finish()
    old.resend()
    wait_until(lambda: cell_difference(platform) is None, 60, "old minutes are rolled up")
    syncs.wait_another(30)
    load = Load(platform, ledger, rng)
    load.start(clients=2)
    wait_for_more(platform, rng.randint(200, 800))
    for table in MERGED:
        platform.sql(f"OPTIMIZE TABLE haystat.{table} FINAL")
    wait_for_more(platform, rng.randint(1, 200))
    removable = faults.removable_parts(platform)
    faults.kill_all(platform)
    load.finish()
    inserted, merged = faults.lose_unsynced(platform.data, syncs.times()[-1], removable, rng)
    faults.forget_boot(platform.data)
    platform.start()
    load.resend()
    assert check(platform, ledger) == [], f"{inserted} inserted and {merged} merged parts were lost"
    assert faults.metric(platform, "hs_engine_unrepaired_ranges_total") == 0
    lost["inserted parts"] += inserted
    lost["merged parts"] += merged
    lost["ranges"] += faults.metric(platform, "hs_engine_recovered_ranges_total", "power_loss")
    assert platform.stop() == 0


def acked_total(ledger):
    return sum(len(ids) for ids in ledger.acked.values())


def signal_store(platform, number):
    """To whatever store runs, if any."""
    pid = platform.get_json("/api/v1/status")["store"]["pid"]
    if pid > 0:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def keep_killed(platform, seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        signal_store(platform, signal.SIGKILL)
        time.sleep(0.1)


def keep_stopped(platform, seconds):
    """The supervisor replaces a store that hangs for about 20 s; the next one is stopped too."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        signal_store(platform, signal.SIGSTOP)
        time.sleep(0.1)
    signal_store(platform, signal.SIGCONT)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault, seconds", [
    (keep_killed, 6),
    (keep_stopped, 6),
    pytest.param(keep_killed, 60, marks=pytest.mark.slow),
    pytest.param(keep_stopped, 60, marks=pytest.mark.slow),
])
def test_store_down__collecting_goes_on_and_all_is_loaded_later(platform, tmp_path, fault, seconds):
    ledger = Ledger(tmp_path / "ledger")
    platform.start()
    load = Load(platform, ledger, random.Random(4))
    load.start(clients=1)
    wait_for_more(platform, 200)
    before = acked_total(ledger)
    fault(platform, seconds)
    assert acked_total(ledger) > before, "nothing was taken while the store was away"
    assert not load.unanswered, "requests were refused while the store was away"
    load.finish()
    load.resend()
    assert check(platform, ledger) == []


def post_one(platform, ledger):
    """Status, headers and body of the answer to one search, which the ledger knows."""
    ids = [("searches", f"one-{uuid.uuid4()}")]
    ledger.send(ids)
    event = {"service": "web", "query": "shoes", "event_id": ids[0][1], "query_id": ids[0][1]}
    answer = faults.answer(platform.url("/api/v1/telemetry/event"), event)
    if answer[0] == 202:
        ledger.ack(ids)
    return answer


def refusal(platform, ledger):
    answer = post_one(platform, ledger)
    return answer if answer[0] == 503 else None


def assert_refused_for_space(status, headers, problem):
    assert status == 503, (status, problem)
    assert int(headers["Retry-After"]) >= 1
    assert headers["Content-Type"] == "application/problem+json"
    assert problem["code"] == "unavailable"
    assert "free" in problem["detail"] or "space" in problem["detail"], problem


def full_disk_round(platform, ledger, disk, left_mb):
    """Under load the disk fills up, stays so for a while, and has room again."""
    platform.start()
    load = Load(platform, ledger, random.Random(5))
    load.start(clients=2)
    wait_for_more(platform, 200)
    refused = wait_until(lambda: disk.fill(left_mb) or refusal(platform, ledger), 30, "a refusal")
    ready = platform.get("/readyz")[0]
    time.sleep(2)  # the fault lasts
    disk.empty()
    assert_refused_for_space(*refused)
    wait_until(lambda: post_one(platform, ledger)[0] == 202, 30, "accepting again")
    load.finish()
    load.resend()
    return ready


@pytest.mark.timeout(300)
def test_disk_full__is_refused_until_there_is_room(tmp_path):
    disk = faults.SmallDisk(tmp_path / "disk", 512)
    limit_mb = 128 if disk.own else disk.free_mb() - 1024
    options = {"disk.free_min": "0", "disk.free_min_bytes": f"{limit_mb}MiB"}
    platform = Platform(tmp_path / "disk/data", **faults.OPTIONS, **options)
    ledger = Ledger(tmp_path / "ledger")
    try:
        left_mb = limit_mb - (64 if disk.own else 1024)
        assert full_disk_round(platform, ledger, disk, left_mb) == 503, "it seems ready"
        assert check(platform, ledger) == []
    finally:
        platform.kill()
        disk.close()


@pytest.mark.timeout(300)
def test_stream_disk_without_a_byte__loses_nothing_and_goes_on(tmp_path):
    """The stream's disk alone: ClickHouse may leave unreadable parts where it cannot write."""
    (tmp_path / "data").mkdir()
    disk = faults.SmallDisk(tmp_path / "data/stream", 128)
    if not disk.own:
        pytest.skip("no file system of its own may be mounted here")
    options = {"disk.free_min": "0", "disk.free_min_bytes": "0"}
    platform = Platform(tmp_path / "data", **faults.OPTIONS, **options)
    ledger = Ledger(tmp_path / "ledger")
    try:
        full_disk_round(platform, ledger, disk, 0)
        assert check(platform, ledger) == []
    finally:
        platform.kill()
        disk.close()
