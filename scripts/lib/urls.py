"""Waits until the server answers, then prints the URLs of the platform.

usage: urls.py RUN.JSON PID

run.json is written by `haystat serve`; its "listen" maps names of listeners to the addresses that
are really bound.
"""
import json
import sys
import time
import urllib.error
import urllib.request

WAIT_S = 60
# (what, listener, path, how to get it when it is not up)
ROWS = [
    ("Dashboard", "gateway", "/", "set listen.gateway"),
    ("API documentation", "gateway", "/docs", "set listen.gateway"),
    ("REST API", "gateway", "/api/v1/status", "set listen.gateway"),
    ("Metrics", "gateway", "/metrics", "set listen.gateway"),
    ("OTLP over HTTP", "otlp_http", "", "set listen.otlp_http"),
    ("OTLP over gRPC", "otlp_grpc", "", "not in this build"),
    ("ClickHouse HTTP", "store", "/play", "set listen.store"),
    ("Jaeger query", "jaeger", "", "not in this build"),
    ("Grafana", "", "", "not in this build (make dev STACK=full)"),
    ("Prometheus", "", "", "not in this build (make dev STACK=full)"),
    ("Kafka UI", "", "", "not in this build (make dev STACK=full)"),
]


def alive(pid):
    """False as well for a process that has ended and that its parent has not asked about."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def load(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def ready(address):
    try:
        with urllib.request.urlopen(f"http://{address}/readyz", timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def wait(path, pid):
    """The addresses that are bound once the server is ready; None when it is not."""
    deadline = time.monotonic() + WAIT_S
    listen = None
    while time.monotonic() < deadline and alive(pid):
        run = load(path)
        listen = (run or {}).get("listen", {})
        if listen.get("gateway") and ready(listen["gateway"]):
            return listen
        time.sleep(0.1)
    return listen if listen and alive(pid) else None


def main():
    path, pid = sys.argv[1], int(sys.argv[2])
    listen = wait(path, pid)
    if listen is None:
        why = f"was not ready within {WAIT_S} s" if alive(pid) else "ended before it was ready"
        print(f"dev: the server {why}; its messages are above", file=sys.stderr)
        return 1
    print()
    for what, name, tail, otherwise in ROWS:
        address = listen.get(name)
        text = f"http://{address}{tail}" if address else f"off: {otherwise}"
        print(f"  {what:<18} {text}")
    print("\n  Send something:    make simulate QPS=100\n  Stop:              Ctrl-C\n", flush=True)
    return 0


sys.exit(main())
