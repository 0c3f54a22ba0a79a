"""docs/api/openapi.yaml against the server, and the pages that it serves."""
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from platform_helper import Platform, program, request

ROOT = Path(__file__).resolve().parents[2]
API = yaml.safe_load((ROOT / "docs/api/openapi.yaml").read_text())
CALLS = [(path, method) for path, methods in API["paths"].items() for method in methods]


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    if not program().exists():
        pytest.skip("the program is not built")
    platform = Platform(tmp_path_factory.mktemp("openapi") / "data").start()
    yield platform
    platform.stop()


@pytest.mark.parametrize("path,method", CALLS, ids=lambda word: word)
def test_each_documented_call_exists(platform, path, method):
    url = platform.url(path.replace("{trace_id}", "0" * 31 + "1").replace("{index}", "ubi_queries")
                       .replace("{id}", "0" * 16).replace("{action}", "ack"))
    body = b"{}" if method in ("post", "put") else None
    status, answer = request(url, body, method=method.upper())
    assert status not in (0, 405, 500, 501, 503), answer[:300]
    # Only a trace that nobody sent and an anomaly that was none are not found.
    assert status != 404 or "{trace_id}" in path or "{id}" in path, answer[:300]


def test_a_documented_example_of_an_event_is_accepted(platform):
    for path in ("/api/v1/telemetry/event", "/api/v1/telemetry/batch", "/ubi_queries"):
        content = API["paths"][path]["post"]["requestBody"]["content"]
        assert platform.post(path, content["application/json"]["example"])[0] == 202, path


def test_the_documentation_is_served(platform):
    status, body = platform.get("/docs/openapi.yaml")
    assert status == 200
    assert yaml.safe_load(body) == API


# ---- the pages: node runs their scripts against a small document, tests/e2e/node/pages.js

ASSETS = ROOT / "src/gateway/assets"
SUMMARY = {"groups": [], "total": {}}
GROUP = {"key": {"service": "web"}, "count": 3, "executions": 3, "error_rate": {"value": 0.5},
         "p50_ms": 1.5, "p95_ms": 20, "p99_ms": 1234, "zero_results": {"value": None},
         "low_n": ["p99_ms"]}
REFUSED = {"status": 401, "body": {"detail": "this needs an API key"}}


def ok(body):
    return {"status": 200, "body": body}


def run_page(kind, text):
    if not shutil.which("node"):
        pytest.skip("node is not installed")
    done = subprocess.run(["node", ROOT / "tests/e2e/node/pages.js", kind, ASSETS / f"{kind}.js"],
                          input=text, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_docs__shows_each_call_and_reads_yaml_as_yaml_is():
    text = (ROOT / "docs/api/openapi.yaml").read_text()
    page = run_page("docs", text)
    assert page["parsed"] == API
    for path, method in CALLS:
        assert path in page["shown"]
        assert API["paths"][path][method]["summary"] in page["shown"]
        for parameter in API["paths"][path][method].get("parameters", []):
            assert parameter["description"] in page["shown"]


def test_docs__shows_schemas_where_there_are_some():
    text = 'info:\n  title: x\npaths: {}\ncomponents:\n  schemas:\n    Thing:\n      type: object\n'
    assert "Thing" in run_page("docs", text)["shown"]


def test_start__waits_then_says_that_the_first_event_came():
    nothing = {"data": {"searches": None, "spans": None}}
    one = {"data": {"searches": {"age_s": 2}, "spans": {"age_s": 90}}}
    before, after = run_page("start", json.dumps([
        [ok(SUMMARY), ok(nothing), None], [ok({"groups": [GROUP], "total": {}}), ok(one), None]]))
    assert "waiting for the first event" in before["state"] and before["rows"] == []
    assert after["state"] == "First event received. The newest event is 2 s old."
    assert after["rows"] == [["web", "3", "50.00 %", "1.5 ms", "20 ms", "1,234 ms", "–"]]


def test_start__snippets_hold_this_host_and_the_key_that_is_needed():
    status = ok({"data": {}})
    free, = run_page("start", json.dumps([[ok(SUMMARY), status, None]]))
    refused, entered = run_page("start", json.dumps([
        [REFUSED, REFUSED, None], [ok(SUMMARY), status, "hs_r_mine"]]))
    assert not free["asks"] and refused["asks"] and not entered["asks"]
    assert refused["state"] == "this needs an API key"
    for shown, key in ((free, None), (refused, "YOUR_KEY"), (entered, "hs_r_mine")):
        for text in shown["snippets"].values():
            assert "http://search.example:8000" in text
            assert ("Bearer" in text) == bool(key) and (not key or key in text)


def test_start__snippets_work_as_copied(platform):
    (page,) = run_page("start", json.dumps([[ok(SUMMARY), ok({"data": {}}), None]]))
    origin = platform.url()
    for name, answers in (("curl", 1), ("ubi", 2)):
        script = page["snippets"][name].replace("http://search.example:8000", origin)
        script = script.replace("curl ", "curl -s -w '%{http_code};' -o /dev/null ")
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60)
        assert done.stdout == "202;" * answers, done


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages__need_nothing_from_elsewhere(platform, path):
    status, body = platform.get(path)
    text = body.decode()
    names = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert status == 200 and "/assets/style.css" in names
    for name in names:
        assert name.startswith("/") and not name.startswith("//"), name
        status, part = platform.get(name)
        assert status == 200, name
        if name.startswith("/assets/"):
            assert not re.search(rb"https?://(?!www\.w3\.org/2000/svg)|@import|url\(", part), name
    assert not re.search(r"<script(?! src)|<style|style=|onclick", text)
