"""Faults of the machine under load: power loss, a full disk, a store that is away."""
import random

import pytest

import fault_helper as faults
from ledger_helper import Ledger, Load, cell_difference, check
from platform_helper import Platform, wait_until

HOUR_MS = 3_600_000


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
    old = Load(platform, ledger, rng, age_ms=range(4 * seed * HOUR_MS, (4 * seed + 3) * HOUR_MS))
    old.start(clients=1)
    wait_for_more(platform, 100)
    old.finish()
    old.resend()
    wait_until(lambda: cell_difference(platform) is None, 60, "old minutes are rolled up")
    syncs.wait_another(30)
    load = Load(platform, ledger, rng)
    load.start(clients=2)
    wait_for_more(platform, rng.randint(50, 500))
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
