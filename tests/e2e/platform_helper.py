"""Runs the real `haystat serve` for tests: free ports, a folder of its own, bounded waits."""
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

READY_S = 60
STOP_S = 15


def program(variable="HAYSTAT_BIN", default="build/haystat"):
    return Path(os.environ.get(variable, default)).resolve()


def wait_until(condition, seconds, what):
    """Polls until condition() is true; its last value is returned."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.02)


def request(url, body=None, headers=None, timeout=30, method=None):
    """(status, bytes); the status is 0 when no answer came."""
    if isinstance(body, (dict, list)):
        body = json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **(headers or {})}
    call = urllib.request.Request(url, data=body, headers=headers, method=method)
    try:
        with urllib.request.urlopen(call, timeout=timeout) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except (urllib.error.URLError, OSError, ConnectionError):
        return 0, b""


class Platform:
    """One `haystat serve` with its store."""

    def __init__(self, data, binary=None, roles=None, **options):
        self.data = Path(data)
        self.binary = binary or program()
        self.roles = roles
        self.options = {
            "listen.gateway": "127.0.0.1:0",
            "listen.otlp_http": "127.0.0.1:0",
            "listen.store": "127.0.0.1:0",
            **options,
        }
        self.process = None
        self.run = {}

    def start(self, env=None, ready=True):
        words = [str(self.binary), "serve", "--data", str(self.data)]
        if self.roles:
            words += ["--roles", self.roles]
        for name, value in self.options.items():
            words += ["--set", f"{name}={value}"]
        self.data.mkdir(parents=True, exist_ok=True)
        (self.data / "run.json").unlink(missing_ok=True)
        with open(self.data / "serve.log", "ab") as log:
            self.process = subprocess.Popen(
                words, stdout=log, stderr=log, env={**os.environ, **(env or {})}
            )
        self.run = wait_until(self._read_run, READY_S, "run.json")
        if ready:
            wait_until(lambda: self.get("/readyz")[0] == 200 or self._died(), READY_S, "ready")
        return self

    def _died(self):
        if self.process.poll() is not None:
            code = self.process.returncode
            raise AssertionError(f"serve ended with {code}: {self.log()[-2000:]}")
        return False

    def _read_run(self):
        self._died()
        try:
            return json.loads((self.data / "run.json").read_text())
        except (OSError, ValueError):
            return None

    def log(self):
        return (self.data / "serve.log").read_text(errors="replace")

    def url(self, path="", listener="gateway"):
        return f"http://{self.run['listen'][listener]}{path}"

    def get(self, path, headers=None):
        return request(self.url(path), headers=headers)

    def get_json(self, path):
        status, body = self.get(path)
        assert status == 200, (path, status, body[:500])
        return json.loads(body)

    def post(self, path, body, headers=None, listener="gateway", timeout=30):
        return request(self.url(path, listener), body, headers, timeout, "POST")

    def stop(self):
        """SIGTERM; the exit code."""
        if self.process is None:
            return None
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(STOP_S)
        self.process = None
        return code

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait(STOP_S)
            self.process = None

    def store_pid(self):
        return self.get_json("/api/v1/status")["store"]["pid"]

    def sql(self, query, user="rw", attempts=50):
        """Rows of a SELECT as lists of strings, read as an independent client would."""
        password = (self.data / "secrets" / f"store_{user}.password").read_text().strip()
        headers = {
            "X-ClickHouse-User": f"haystat_{user}",
            "X-ClickHouse-Key": password,
            "Content-Type": "text/plain",
        }
        for _ in range(attempts):
            status, body = request(self.url("/", "store"), query.encode(), headers, 60, "POST")
            if status == 200:
                return [line.split("\t") for line in body.decode().splitlines()]
            if status != 0:
                raise AssertionError(f"{query}: {status} {body[:500]!r}")
            time.sleep(0.1)
        raise AssertionError("the store does not answer")

    def lag(self):
        engine = self.get_json("/api/v1/status").get("engine")
        if not engine or not engine["loader"]["partitions"]:
            return None
        return sum(part["lag"] for part in engine["loader"]["partitions"])

    def wait_loaded(self, seconds=60):
        """Until everything acknowledged before is in the raw tables."""
        wait_until(lambda: self.lag() == 0, seconds, "everything loaded")
