"""Who may see what, and what the gateway says when it cannot answer."""
import json
import subprocess
import time

import pytest
import requests

from client_helper import make_key, traces
from platform_helper import Platform, program, wait_until

ROWS_MAX = 1000
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
READ_PATHS = [
    "/api/v1/metrics/latency", "/api/v1/metrics/relevance", "/api/v1/metrics/errors",
    "/api/v1/metrics/summary", "/api/v1/queries/top", f"/api/v1/traces/{TRACE_ID}",
    "/api/v1/anomalies", "/api/v1/applications", "/api/v1/status", "/metrics",
]
OPEN_PATHS = ["/", "/docs", "/docs/openapi.yaml", "/assets/start.js", "/healthz", "/readyz"]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Keys are wanted; tenant acme has sent more rows than a request may read, globex nothing."""
    if not program().exists():
        pytest.skip("the program is not built")
    platform = Platform(tmp_path_factory.mktemp("access") / "data",
                        **{"auth.mode": "keys", "query.rows_max": ROWS_MAX})
    try:
        platform.start(ready=False)
        world = World(platform)
        world.load()
        yield world
    finally:
        platform.stop()
        platform.kill()


class World:
    def __init__(self, platform):
        self.platform = platform
        self.admin = (platform.data / "secrets" / "admin.key").read_text().strip()
        self.early = self.ask_until_ready()
        self.make_keys()

    def get(self, path, key=None, **params):
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return requests.get(self.platform.url(path), params=params, headers=headers, timeout=40)

    def ask_until_ready(self):
        """Answers while the store starts, each path in turn."""
        answers, deadline = [], time.monotonic() + 60
        while self.platform.get("/readyz")[0] != 200:
            assert time.monotonic() < deadline, "not ready"
            answers += [self.get(path, self.admin) for path in READ_PATHS[:6]]
        return answers

    def make_keys(self):
        for tenant in ("acme", "globex"):
            words = [program(), "keys", "tenant", tenant, "--data", self.platform.data]
            assert subprocess.run(words, capture_output=True, timeout=30).returncode == 0
        self.keys = {(tenant, scopes): make_key(self.platform, "--tenant", tenant,
                                                "--scopes", scopes)
                     for tenant in ("acme", "globex") for scopes in ("read", "ingest", "edit")}
        wait_until(lambda: self.get("/api/v1/anomalies", self.keys["globex", "read"]).status_code
                   == 200, 30, "the new keys are known")

    def load(self):
        headers = {"Authorization": f"Bearer {self.keys['acme', 'ingest']}"}
        now = int(time.time())
        for part in range(3):
            events = [{"event_id": f"a-{part}-{i}", "service": "secret-service",
                       "query": f"q {i % 3}", "timestamp": now - 600, "latency_ms": 5,
                       "total_hits": 1, "trace_id": TRACE_ID} for i in range(500)]
            url = self.platform.url("/api/v1/telemetry/batch")
            assert requests.post(url, json=events, headers=headers, timeout=60).status_code == 202
        body = traces([{"traceId": TRACE_ID, "spanId": "00f067aa0ba902b7", "name": "find",
                        "startTimeUnixNano": str((now - 600) * 10**9),
                        "endTimeUnixNano": str((now - 600) * 10**9 + 5)}],
                      {"service.name": "secret-service"})
        url = self.platform.url("/v1/traces")
        assert requests.post(url, json=body, headers=headers, timeout=60).status_code == 200
        wait_until(lambda: self.count("acme") == 1500, 60, "the rollup")

    def count(self, tenant):
        answer = self.get("/api/v1/metrics/summary", self.keys[tenant, "read"], series=0)
        return answer.json()["total"]["count"] if answer.status_code == 200 else answer.status_code


def problem_of(answer, status, code):
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    return problem


def check_unavailable(answers):
    """Answers are right or say that they may be asked for again."""
    for answer in answers:
        assert answer.status_code in (200, 404, 503), answer.text
        if answer.status_code == 503:
            problem = answer.json()
            assert problem["code"] in ("unavailable", "store_starting"), problem
            assert answer.headers["Retry-After"].isdigit()
            assert "SELECT" not in problem["detail"] and "haystat." not in problem["detail"]


def test_start__requests_before_the_store_is_ready_may_be_repeated(world):
    check_unavailable(world.early)


@pytest.mark.parametrize("path", READ_PATHS)
def test_keys__are_asked_for_with_scope_read(world, path):
    answer = world.get(path)
    problem_of(answer, 401, "key_required")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    problem_of(world.get(path, world.keys["acme", "ingest"]), 403, "scope_missing")
    problem_of(world.get(path, "hs_r_" + "0" * 49), 401, "key_unknown")


@pytest.mark.parametrize("path", OPEN_PATHS)
def test_pages_and_health__need_no_key(world, path):
    assert world.get(path).status_code == 200


def put(world, key, body):
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return requests.put(world.platform.url("/api/v1/applications"), json=body, headers=headers,
                        timeout=40)


def test_applications__are_changed_with_scope_edit_within_the_tenant(world):
    body = {"application": "secret-service", "counted": "native"}
    problem_of(put(world, None, body), 401, "key_required")
    problem_of(put(world, world.keys["acme", "read"], body), 403, "scope_missing")
    problem = problem_of(put(world, world.keys["globex", "edit"], body), 404, "unknown_application")
    assert "secret-service" in problem["detail"]
    answer = put(world, world.keys["acme", "edit"], body)
    assert answer.status_code == 200
    assert answer.json()["application"]["set"] is True and answer.json()["minutes_marked"] == 1
    answer = put(world, world.keys["acme", "edit"], {**body, "counted": None})
    assert answer.json()["application"]["set"] is False
    wait_until(lambda: world.count("acme") == 1500, 60, "the minute computed again")


@pytest.mark.parametrize("body,words", [
    ({"application": "a"}, "the body must be"), ([], "the body must be"),
    ({"application": "", "counted": "ubi"}, "application: must be a string of 1 to 256 bytes"),
    ({"application": 1, "counted": "ubi"}, "application: must be a string of 1 to 256 bytes"),
    ({"application": "a", "counted": "logs"}, "counted: must be native, ubi, span or null"),
    ({"application": "a" * 5000, "counted": "ubi"}, "at most 4096 bytes"),
])
def test_applications__say_what_is_wrong_with_a_body(world, body, words):
    problem = problem_of(put(world, world.keys["acme", "edit"], body), 400, "invalid_body")
    assert words in problem["detail"]


def test_tenants__see_nothing_of_each_other(world):
    key = world.keys["globex", "read"]
    for path in READ_PATHS:
        # Counters of the whole process, without names of anybody.
        answer = world.get(path, key)
        assert "secret-service" not in answer.text, path
        if "/traces/" in path:
            problem_of(answer, 404, "unknown_trace")
    for kind in ("latency", "relevance", "errors", "summary"):
        for group_by in ("service", "version", "status"):
            answer = world.get(f"/api/v1/metrics/{kind}", key, group_by=group_by).json()
            assert (answer["groups"], answer["total"]["count"]) == ([], 0)
    assert world.get("/api/v1/queries/top", key).json()["queries"] == []
    assert world.get("/api/v1/applications", key).json()["applications"] == []
    assert set(world.get("/api/v1/status", key).json()["data"].values()) == {None}
    own = world.get("/api/v1/status", world.keys["acme", "read"]).json()
    assert own["data"]["searches"]["age_s"] >= 0


BUDGET = [("/api/v1/metrics/summary", {"group_by": "status"}),
          ("/api/v1/metrics/latency", {"filter": "attributes.tier:eq:gold"}),
          ("/api/v1/queries/top", {})]


@pytest.mark.parametrize("path,params", BUDGET, ids=lambda word: str(word))
def test_row_budget__is_named_when_a_request_passes_it(world, path, params):
    problem = problem_of(world.get(path, world.keys["acme", "read"], **params), 422, "row_budget")
    assert f"query.rows_max = {ROWS_MAX}" in problem["detail"]


def test_rollups__answer_beyond_the_row_budget(world):
    assert world.count("acme") == 1500


def test_store_down__is_a_503_until_it_is_back(world):
    """Last in the file: the store is killed; its supervisor starts another."""
    key = world.keys["globex", "read"]
    answers = []

    def ask():
        # Another range each time: what is cached needs no store.
        span = f"now-{len(answers) + 60}m"
        answers.append(world.get("/api/v1/queries/top", key, **{"from": span}))
        answers.append(world.get("/api/v1/metrics/summary", key, **{"from": span}))
        return answers[-1].status_code == answers[-2].status_code == 200

    for _ in range(5):  # a slow test may look only when the next store is there
        pid = world.get("/api/v1/status", key).json()["store"]["pid"]
        subprocess.run(["kill", "-KILL", str(pid)], check=True)
        wait_until(lambda: not alive(pid), 30, "the store is gone")
        missed = ask()
        assert world.get("/api/v1/status", key).status_code == 200
        assert world.get("/healthz").status_code == 200
        wait_until(ask, 60, "the store is back")
        if not missed:
            break
    check_unavailable(answers)
    assert {answer.status_code for answer in answers} == {200, 503}


def alive(pid):
    """Whether it runs; a zombie does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False
