"""The JSON Schemas and the C reader agree on every generated event.

The cases lie in tests/data/schema/cases.ndjson: {"event", "valid"}. Here the schemas give each
case's verdict and the file must be what the generator makes; tests/unit/model/test_schema_cases.c
holds the reader to the same file. After a change of a schema run this file as a program.
"""
import copy
import json
from pathlib import Path

import jsonschema

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT / "tests" / "data" / "schema" / "cases.ndjson"
TYPES = ("search", "result", "error")

VALUES = [None, "", "a", "x" * 257, "x" * 513, "ok", "search", "dense", "0123456789abcdef",
          "4bf92f3577b34da6a3ce929d0e0e4736", "2023-11-14T22:13:20Z", "2023-11-14T22:13:20",
          0, 1, -1, 1.5, 3.0, 10001, 86400001, 4294967296, True, False, [], {}, [1], ["a"],
          [None], [{}], {"a": 1}, [{"id": "a"}], [{"id": ""}], [{"id": 5, "position": 1}],
          [{"id": "a", "position": 0}], [{"id": "a", "position": "1"}], [{"id": "a", "score": "1"}],
          [{"id": "a", "variant": 3}], [{"field": "f", "value": [1]}], [{"field": None}],
          [{"kind": "dense", "k": 3}], [{"kind": "x"}], {"code": 5, "message": "m"},
          {"code": [], "message": "m"}, {"total": 1, "detail": [{"shard": 0, "ms": 1}]},
          {"total": 1, "detail": [{"ms": "1"}]}, {"parse": 1, "fetch": -1}, {"body": {"q": []}}]
BASES = [
    {"service": "w", "query": "q"},
    {"service": "w", "query_id": "q", "error": {"code": "x"}},
    {"application": "a", "action": "click", "session_id": "s"},
    {"service": "w", "error": {"message": "m"}},
]


def schemas():
    out = {}
    for name in TYPES:
        text = (ROOT / "schema" / f"{name}-event.json").read_text(encoding="utf-8")
        out[name] = jsonschema.Draft202012Validator(json.loads(text))
    return out


def decided_type(event):
    """The rule of docs/events.md."""
    if event.get("event_type") is not None:
        return event["event_type"]
    if event.get("action") not in (None, ""):
        return "result"
    if event.get("error") is not None and event.get("query") is None and \
            event.get("query_id") in (None, ""):
        return "error"
    return "search"


def is_valid(validators, event):
    kind = decided_type(event)
    return isinstance(kind, str) and kind in TYPES and validators[kind].is_valid(event)


def events(validators):
    for base in BASES:
        yield base
        names = sorted(validators[decided_type(base)].schema["properties"])
        for name in names + ["action", "latency_ms", "unknown"]:
            for value in VALUES:
                yield {**copy.deepcopy(base), name: value}
        for name in base:
            yield {key: value for key, value in base.items() if key != name}


def cases():
    validators = schemas()
    seen = set()
    for event in events(validators):
        line = json.dumps({"valid": is_valid(validators, event), "event": event})
        if line not in seen:
            seen.add(line)
            yield line


def test_schemas_are_valid_themselves():
    paths = sorted((ROOT / "schema").glob("*.json"))
    assert len(paths) >= 6
    for path in paths:
        jsonschema.Draft202012Validator.check_schema(json.loads(path.read_text(encoding="utf-8")))


def test_cases_are_what_the_schemas_say():
    assert CASES.read_text(encoding="utf-8").splitlines() == list(cases())


def test_cases_cover_both_verdicts_for_every_field():
    verdicts = {}
    for line in cases():
        case = json.loads(line)
        for name in case["event"]:
            verdicts.setdefault(name, set()).add(case["valid"])
    assert {name for name, seen in verdicts.items() if seen != {True, False}} == {"unknown"}


if __name__ == "__main__":
    CASES.write_text("\n".join(cases()) + "\n", encoding="utf-8")
