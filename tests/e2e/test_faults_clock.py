"""A wall clock that jumps while events come in: nothing is lost, double or stuck."""
import random
import time
import uuid

import pytest

import fault_helper as faults
from ledger_helper import Ledger, Load, check
from platform_helper import Platform, wait_until

HOUR_S = 3600


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    return faults.build_shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def platform(tmp_path):
    platform = Platform(tmp_path / "data", **faults.OPTIONS,
                        **{"engine.lease": "2s", "engine.sync": "1s"})
    yield platform
    platform.kill()


def loaded_total(platform):
    return faults.metric(platform, "hs_engine_loaded_messages_total")


def wait_for_more(platform, messages):
    before = loaded_total(platform)
    wait_until(lambda: loaded_total(platform) >= before + messages, 60, "more is loaded")


def send_twice(platform, ledger, between):
    """The same event, and once more after between()."""
    ids = [("searches", f"twice-{uuid.uuid4()}")]
    event = {"service": "web", "query": "shoes", "event_id": ids[0][1], "query_id": ids[0][1]}
    ledger.send(ids)
    for step in (between, lambda: None):
        status, _ = platform.post("/api/v1/telemetry/event", event)
        assert status == 202
        step()
    ledger.ack(ids)


@pytest.mark.timeout(240)
def test_clock_jumps__lose_nothing_and_double_nothing(platform, tmp_path, shim):
    clock = faults.Clock(tmp_path, shim)
    ledger = Ledger(tmp_path / "ledger")
    platform.start(clock.env())
    load = Load(platform, ledger, random.Random(6))
    load.start(clients=2)
    for offset_s in (-HOUR_S, HOUR_S, 0):
        wait_for_more(platform, 100)
        send_twice(platform, ledger, lambda: clock.jump(offset_s))
        wait_for_more(platform, 100)
    load.finish()
    load.resend()
    assert check(platform, ledger) == []
    status = platform.get_json("/api/v1/status")
    assert status["engine"]["loader"]["lost_offsets"] == {}
    assert status["engine"]["loader"]["dead_letters"] == {}


@pytest.mark.timeout(240)
@pytest.mark.parametrize("offset_s", [-HOUR_S, HOUR_S])
def test_clock_jump_over_a_crash__takes_up_work_and_knows_repeats(platform, tmp_path, shim,
                                                                  offset_s):
    """The next start has another time, finds leases of the former one, and fills dedup anew."""
    clock = faults.Clock(tmp_path, shim)
    ledger = Ledger(tmp_path / "ledger")
    platform.start(clock.env())
    load = Load(platform, ledger, random.Random(7))
    load.start(clients=2)
    wait_for_more(platform, 100)
    platform.kill()
    load.finish()
    clock.jump(offset_s)
    platform.start(clock.env())
    load.resend()
    again = Load(platform, ledger, random.Random(8))
    again.start(clients=2)
    wait_for_more(platform, 100)
    clock.jump(0)
    again.finish()
    again.resend()
    assert check(platform, ledger) == []
