"""Runs the real `haystat store` for tests: a free port, a folder of its own, bounded waits."""
import base64
import os
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

READY_S = 30
STOP_S = 15


def program():
    path = Path(os.environ.get("HAYSTAT_BIN", "build/haystat")).resolve()
    if not path.exists():
        pytest.skip(f"{path} is not built")
    return path


def wait_until(condition, seconds, what):
    """Polls until condition() is true; its last value is returned."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.02)


class Answer:
    def __init__(self, status, text, headers):
        self.status, self.text, self.headers = status, text, headers

    def __repr__(self):
        return f"{self.status} {self.text[:300]!r}"


class Store:
    """One engine. `start` waits for its "ready" line; `stop` sends SIGTERM and waits."""

    def __init__(self, data, native=False, **options):
        self.data = Path(data)
        self.options = {"listen.store": "127.0.0.1:0", **options}
        if native:
            self.options["listen.store_native"] = "127.0.0.1:0"
        self.process = None
        self.ready = {}

    def command(self):
        words = [str(program()), "store", "--data", str(self.data)]
        for name, value in self.options.items():
            words += ["--set", f"{name}={value}"]
        return words

    def launch(self, **more):
        self.process = subprocess.Popen(self.command(), stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, **more)
        return self

    def start(self, **more):
        begin = time.monotonic()
        self.launch(**more)
        timer = threading.Timer(READY_S, self.process.kill)
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        self.ready_s = time.monotonic() - begin
        if not line.startswith("ready "):
            rest = self.process.communicate()
            raise AssertionError(f"not ready: {line!r} {rest}")
        self.ready = dict(word.split("=", 1) for word in line.split()[1:])
        return self

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
        return self.wait()

    def wait(self):
        try:
            return self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def kill(self):
        self.process.kill()
        self.process.wait(STOP_S)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(STOP_S)
        self.process.stdout.close()
        self.process.stderr.close()

    @property
    def port(self):
        return int(self.ready["http"].rsplit(":", 1)[1])

    @property
    def native_port(self):
        return int(self.ready["native"].rsplit(":", 1)[1])

    def password(self, user):
        return (self.data / f"secrets/store_{user}.password").read_text()

    def request(self, body=None, path="/", params=None, headers=None, method=None):
        """One HTTP exchange without any credentials of its own."""
        url = f"http://127.0.0.1:{self.port}{path}"
        if params:
            url += "?" + urllib.parse.urlencode(params)
        data = body.encode() if isinstance(body, str) else body
        request = urllib.request.Request(url, data=data, headers=headers or {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                return Answer(reply.status, reply.read().decode(errors="replace"), reply.headers)
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read().decode(errors="replace"), error.headers)

    def query(self, sql, user="rw", **params):
        """As haystat_rw or haystat_ro, with header credentials."""
        headers = {"X-ClickHouse-User": f"haystat_{user}",
                   "X-ClickHouse-Key": self.password(user)}
        return self.request(sql, params=params, headers=headers)

    def value(self, sql, user="rw", **params):
        answer = self.query(sql, user, **params)
        assert answer.status == 200, answer
        return answer.text.strip()

    def rss_mib(self):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) // 1024
        raise AssertionError("no VmRSS")


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Canary:
    """A web server and a bare TCP listener on loopback that note whoever comes by."""

    def __init__(self):
        self.requests, self.connections = [], []
        canary = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                canary.requests.append(f"{self.command} {self.path}")
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(b"1\n")

            do_POST = do_PUT = do_HEAD = do_DELETE = do_OPTIONS = do_GET

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http_port = self.http.server_address[1]
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.tcp_port = self.tcp.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, address = self.tcp.accept()
            except OSError:
                return
            self.connections.append(address)
            connection.close()

    def seen(self):
        return self.requests + [f"tcp {address}" for address in self.connections]

    def close(self):
        self.http.shutdown()
        self.http.server_close()
        self.tcp.close()
