"""docs/api/openapi.yaml against the server."""
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
    url = platform.url(path.replace("{trace_id}", "0" * 31 + "1").replace("{index}", "ubi_queries"))
    body = b"{}" if method in ("post", "put") else None
    status, answer = request(url, body, method=method.upper())
    assert status not in (0, 405, 500, 501, 503), answer[:300]
    # Only a trace that nobody sent is not found.
    assert status != 404 or "{trace_id}" in path, answer[:300]


def test_a_documented_example_of_an_event_is_accepted(platform):
    for path in ("/api/v1/telemetry/event", "/api/v1/telemetry/batch", "/ubi_queries"):
        content = API["paths"][path]["post"]["requestBody"]["content"]
        assert platform.post(path, content["application/json"]["example"])[0] == 202, path


def test_the_documentation_is_served(platform):
    status, body = platform.get("/docs/openapi.yaml")
    assert status == 200
    assert yaml.safe_load(body) == API
