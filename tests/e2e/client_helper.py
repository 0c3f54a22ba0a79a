"""What tests of the ways in share: keys, answers with their headers, builders of OTLP."""
import json
import subprocess

import requests

from platform_helper import Platform, wait_until

JSON = {"Content-Type": "application/json"}


def make_key(platform, *words):
    """The text of a new API key, made by the program itself, that the server knows already."""
    run = subprocess.run(
        [platform.binary, "keys", "create", "--data", platform.data, *words],
        capture_output=True, text=True, timeout=30,
    )
    assert run.returncode == 0, run.stderr
    key = run.stdout.strip()
    wait_until(lambda: send(platform, "/api/v1/telemetry/batch", [],
                            {"Authorization": f"Bearer {key}"}).status_code != 401, 30, "the key")
    return key


def send(platform, path, body, headers=None, listener="gateway", method="POST", timeout=30):
    """The answer with its headers. A dict or list is sent as JSON, headers of None are left out."""
    if isinstance(body, (dict, list)):
        body = json.dumps(body).encode()
    headers = {**JSON, **(headers or {})}
    headers = {name: value for name, value in headers.items() if value is not None}
    url = platform.url(path, listener)
    return requests.request(method, url, data=body, headers=headers, timeout=timeout)


def rows(platform, query):
    """Rows of a SELECT as dicts, of the types that JSON has."""
    lines = platform.sql(query + " SETTINGS output_format_json_quote_64bit_integers=0 "
                         "FORMAT JSONEachRow")
    # JSONEachRow escapes tabs, so that a row is one cell of the helper's.
    return [json.loads(line[0]) for line in lines]


def row(platform, query):
    found = rows(platform, query)
    assert len(found) == 1, (query, found)
    return found[0]


def any_value(value):
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, (list, tuple)):
        return {"arrayValue": {"values": [any_value(item) for item in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": attributes(value)}}
    return {"stringValue": value}


def attributes(pairs):
    return [{"key": key, "value": any_value(value)} for key, value in pairs.items()]


def traces(spans, resource):
    """ExportTraceServiceRequest as JSON."""
    return {"resourceSpans": [{
        "resource": {"attributes": attributes(resource)},
        "scopeSpans": [{"scope": {"name": "e2e", "version": "1"}, "spans": spans}],
    }]}


def logs(records, resource):
    """ExportLogsServiceRequest as JSON."""
    return {"resourceLogs": [{
        "resource": {"attributes": attributes(resource)},
        "scopeLogs": [{"scope": {"name": "e2e", "version": "1"}, "logRecords": records}],
    }]}


def platform_fixture(tmp_path_factory, **options):
    """For module-scoped fixtures: yields a running platform and stops it."""
    platform = Platform(tmp_path_factory.mktemp("haystat") / "data", **options).start()
    try:
        yield platform
        assert platform.stop() == 0
    finally:
        platform.kill()
