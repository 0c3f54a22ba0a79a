"""The store as the child of `haystat serve`."""
import json
import signal
import subprocess
import time

import psutil
import pytest

from store_helper import READY_S, Store, program, wait_until

FREE = "127.0.0.1:0"


class Served(Store):
    """`haystat serve` whose store is asked like a store of its own."""

    def command(self):
        words = [str(program()), "serve", "--data", str(self.data)]
        for name in ("store", "gateway", "otlp_http", "otlp_grpc", "jaeger"):
            words += ["--set", f"listen.{name}={FREE}"]
        return words

    def start(self, **_):
        self.log = open(self.data.parent / "serve.log", "ab")
        self.process = subprocess.Popen(self.command(), stdout=self.log, stderr=self.log)
        wait_until(self.answers, READY_S, "the store answers")
        return self

    def answers(self):
        assert self.process.poll() is None, (self.data.parent / "serve.log").read_text()
        try:
            address = json.loads((self.data / "run.json").read_text())["listen"]["store"]
            self.ready = {"http": address}
            return self.query("SELECT 1").status == 200
        except (OSError, ValueError, KeyError):
            return False

    def child(self):
        children = psutil.Process(self.process.pid).children()
        return children[0] if children else None

    def __exit__(self, *_):
        child = self.child() if self.process.poll() is None else None
        self.process.kill()
        self.process.wait(10)
        if child:
            child.wait(15)
        self.log.close()


@pytest.fixture
def served(tmp_path):
    with Served(tmp_path / "data") as running:
        yield running


def start_id(served):
    return served.value("SELECT getMacro('haystat_start_id')")


def test_child__killed_comes_back_with_its_data(served):
    served.value("CREATE TABLE haystat.kept (a UInt64) ENGINE = MergeTree ORDER BY a")
    served.value("INSERT INTO haystat.kept SELECT number FROM numbers(1000)")
    address, before, pid = dict(served.ready), start_id(served), served.child().pid
    served.child().kill()
    wait_until(lambda: served.child() and served.child().pid != pid and served.answers(),
               READY_S, "another child answers")
    assert served.ready == address
    assert start_id(served) != before
    assert served.value("SELECT count(), sum(a) FROM haystat.kept") == "1000\t499500"


def test_child__ends_when_its_supervisor_is_killed(served):
    child = served.child()
    served.process.kill()
    child.wait(15)
    served.process.wait(10)


def test_child__stops_with_its_supervisor(served):
    child = served.child()
    begin = time.monotonic()
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(15) == 0
    assert time.monotonic() - begin < 10
    assert not child.is_running()


def test_child__gets_no_secret_and_no_environment(served):
    child = served.child()
    words = " ".join(child.cmdline())
    for user in ("rw", "ro"):
        assert served.password(user) not in words
    assert set(child.environ()) <= {"PATH", "TZ"}


def test_second_store__on_the_folder_is_refused(served):
    other = Store(served.data).launch()
    _, err = other.process.communicate(timeout=20)
    assert other.process.returncode == 1
    assert f"process {served.child().pid}" in err
    assert served.value("SELECT 1") == "1"
