"""Web pages of others and clients that mean no good, at the ports of the real program."""
import json
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from platform_helper import Platform, request, wait_until

API = yaml.safe_load((Path(__file__).resolve().parents[2] / "docs/api/openapi.yaml").read_text())
CALLS = [(path, method.upper()) for path, methods in API["paths"].items() for method in methods]
WRITES = [call for call in CALLS if call[1] != "GET"]
READS = [call for call in CALLS if call[1] == "GET"]
EVENT = b'{"service": "web", "query": "from a page"}'
FOREIGN_HOSTS = ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80"]
FOREIGN_ORIGINS = ["http://evil.example", "https://localhost.evil.example", "null"]
SIMPLE_TYPES = ["text/plain", "application/x-www-form-urlencoded",
                "multipart/form-data; boundary=x"]


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    platform = Platform(
        tmp_path_factory.mktemp("hostile") / "data",
        **{"http.deadline": "2s", "http.connections_max": "40"},
    ).start()
    yield platform
    assert platform.stop() == 0


def call(platform, path, method, headers):
    listener = "otlp_http" if path.startswith("/v1/") else "gateway"
    path = path.replace("{trace_id}", "0" * 31 + "1").replace("{index}", "ubi_queries")
    body = None if method == "GET" else EVENT
    return request(platform.url(path, listener), body, headers, method=method)


def nothing_was_accepted(platform):
    return platform.get_json("/api/v1/status")["ingest"]["accepted"] == {}


@pytest.mark.parametrize("path,method", CALLS, ids=lambda word: word)
def test_other_host_names__are_refused_by_every_endpoint(platform, path, method):
    for host in FOREIGN_HOSTS:
        status, body = call(platform, path, method, {"Host": host})
        assert (status, json.loads(body)["code"]) == (403, "host_not_allowed"), host
    assert nothing_was_accepted(platform)


@pytest.mark.parametrize("path,method", WRITES, ids=lambda word: word)
def test_pages_of_other_origins__write_nowhere(platform, path, method):
    for origin in FOREIGN_ORIGINS:
        for content_type in ["application/json", *SIMPLE_TYPES]:
            status, body = call(platform, path, method,
                                {"Origin": origin, "Content-Type": content_type})
            assert status in (401, 403, 415), (origin, content_type, status, body)
    assert nothing_was_accepted(platform)


@pytest.mark.parametrize("path,method", WRITES, ids=lambda word: word)
def test_forms_of_pages__are_refused_although_they_name_no_origin(platform, path, method):
    for content_type in SIMPLE_TYPES:
        status, body = call(platform, path, method,
                            {"Content-Type": content_type, "Sec-Fetch-Site": "cross-site"})
        assert status in (401, 403, 415), (content_type, status, body)
    assert nothing_was_accepted(platform)


@pytest.mark.parametrize("path,method", READS, ids=lambda word: word)
def test_pages_of_other_origins__read_nothing(platform, path, method):
    for origin in FOREIGN_ORIGINS:
        status, body = call(platform, path, method, {"Origin": origin})
        assert (status, json.loads(body)["code"]) == (403, "origin_not_allowed"), origin


def connect(platform, listener="gateway"):
    address = urlsplit(platform.url(listener=listener))
    return socket.create_connection((address.hostname, address.port), timeout=30)


def read_all(sock):
    data = b""
    try:
        while piece := sock.recv(65536):
            data += piece
    except ConnectionResetError:
        pass
    return data


SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
HEAD = (b"POST /api/v1/telemetry/event HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/json\r\n")
CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (len(EVENT), EVENT)
DOUBTFUL = {
    "two lengths": b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(EVENT) + EVENT,
    "the same length twice":
        b"Content-Length: %d\r\nContent-Length: %d\r\n\r\n" % (len(EVENT), len(EVENT)) + EVENT,
    "length and chunks":
        b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n" % len(CHUNKED) + CHUNKED,
    "chunks and length":
        b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n" + CHUNKED,
    "a list of lengths": b"Content-Length: %d, %d\r\n\r\n" % (len(EVENT), len(EVENT)) + EVENT,
    "a coding that is not chunked": b"Transfer-Encoding: xchunked\r\n\r\n" + CHUNKED,
    "two hosts": b"Host: localhost\r\nContent-Length: %d\r\n\r\n" % len(EVENT) + EVENT,
}


@pytest.mark.parametrize("listener", ["gateway", "otlp_http"])
@pytest.mark.parametrize("name", DOUBTFUL)
def test_doubtful_framing__is_refused_and_ends_the_connection(platform, name, listener):
    with connect(platform, listener) as sock:
        sock.sendall(HEAD + DOUBTFUL[name] + SMUGGLED)
        answer = read_all(sock)
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 501")), answer[:200]
    assert b"HTTP/1.1 200" not in answer, "what followed was read as a request"
    assert nothing_was_accepted(platform)


@pytest.mark.parametrize("start", [
    b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    HEAD + b"Content-Length: 100000\r\n\r\n",
], ids=["header", "body"])
def test_slow_drip__ends_at_the_deadline_however_steady_it_is(platform, start):
    with connect(platform) as sock:
        sock.sendall(start)
        sock.settimeout(0.1)
        answer = wait_until(lambda: drip(sock), 30, "the deadline's answer")
    assert b"408" in answer.split(b"\r\n")[0] or answer == b"closed"
    assert platform.get("/healthz")[0] == 200


def drip(sock):
    """Sends a byte and listens for a moment; what came, or None."""
    try:
        sock.sendall(b"a")
        return sock.recv(65536) or b"closed"
    except TimeoutError:
        return None
    except (BrokenPipeError, ConnectionResetError):
        return b"closed"


def test_too_many_connections__are_refused_and_others_served_again_afterwards(platform):
    held = [connect(platform) for _ in range(60)]
    try:
        for sock in held:
            sock.settimeout(0.02)
        refused = wait_until(lambda: first_answer(held), 30, "a refusal")
        assert refused.startswith(b"HTTP/1.1 503"), refused
        assert b"Retry-After: " in refused
    finally:
        for sock in held:
            sock.close()
    wait_until(lambda: platform.get("/healthz")[0] == 200, 30, "service again")


def first_answer(connections):
    """What the server says to one of them without having been asked."""
    for sock in connections:
        try:
            if answer := sock.recv(65536):
                return answer
        except TimeoutError:
            pass
    return None
