"""The program's front and the commands that need no service, on the real binary."""
import os
import re
import socket
import stat
import subprocess

import pytest

from store_helper import program

KEY = re.compile(r"^hs_[ibmrea]_[0-9A-Za-z]{49}$")


def run(*args, env=None, code=0):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("HAYSTAT_")}
    done = subprocess.run([program(), *map(str, args)], env={**clean, **(env or {})},
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == code, done.stderr
    return done


def test_help_lists_commands_and_shows_each():
    text = run("--help").stdout
    names = re.findall(r"^  (\w+) +\w", text, re.MULTILINE)
    assert {"config", "keys", "version"} <= set(names)
    for name in names:
        by_help, by_flag = run("help", name).stdout, run(name, "--help").stdout
        assert by_help == by_flag
        assert by_help.startswith(f"usage: haystat {name}")


@pytest.mark.parametrize("args, words", [
    ([], "usage: haystat"),
    (["confg"], "did you mean config?"),
    (["help", "kesy"], "did you mean keys?"),
    (["config", "--dta", "x"], "did you mean --data?"),
    (["config", "--set", "http.threads=65"], "option http.threads is 65, out of range 1 … 64"),
    (["config", "--set", "htp.threads=1"], "did you mean http.threads?"),
    (["config", "--config", "/nonexistent.yaml"], "/nonexistent.yaml"),
    (["config", "extra"], "one argument too many"),
])
def test_wrong_usage_says_why_and_ends_with_2(args, words):
    assert words in run(*args, code=2).stderr


def test_config_shows_values_and_origins(tmp_path):
    file = tmp_path / "haystat.yaml"
    file.write_text("listen:\n  gateway: 127.0.0.1:9001\nanalytics.password: swordfish\n")
    env = {"HAYSTAT_CONFIG": str(file), "HAYSTAT_HTTP_DEADLINE": "7s"}
    lines = dict(line.split(None, 1)
                 for line in run("config", "--set", "log.level=warn", env=env).stdout.splitlines())
    assert lines["listen.gateway"] == f"127.0.0.1:9001   # file {file}:2"
    assert lines["http.deadline"] == "7s   # HAYSTAT_HTTP_DEADLINE"
    assert lines["log.level"] == "warn   # --set"
    assert lines["analytics.password"].startswith("***")
    assert lines["data"] == "haystat-data   # default"


def test_keys_are_made_listed_and_revoked(tmp_path):
    data = tmp_path / "data"
    made = run("keys", "create", "--data", data, "--scopes", "ingest,read", "--name", "ci")
    assert KEY.match(made.stdout.strip())
    admin = data / "secrets" / "admin.key"
    assert KEY.match(admin.read_text().strip())
    assert stat.S_IMODE(admin.stat().st_mode) == 0o600
    assert stat.S_IMODE((data / "metadata.db").stat().st_mode) == 0o600
    key_id = re.search(r"key ([0-9a-f]{16})", made.stderr).group(1)
    assert made.stdout.strip() not in run("keys", "list", "--data", data).stdout
    run("keys", "revoke", key_id, "--data", data)
    row = next(line for line in run("keys", "list", "--data", data).stdout.splitlines()
               if line.startswith(key_id))
    assert len(re.findall(r"\d{4}-\d{2}-\d{2}", row)) == 2  # created, revoked
    assert "there is no key 00" in run("keys", "revoke", "00", "--data", data, code=1).stderr


@pytest.mark.parametrize("url, words", [
    ("127.0.0.1:8000", '--url is "127.0.0.1:8000", wants the gateway\'s'),
    ("http://127.0.0.1:1", "GET http://127.0.0.1:1/readyz: "),
])
def test_health_names_what_it_cannot_ask(url, words):
    assert words in run("health", "--url", url, code=1).stderr


def test_serve_names_the_listener_that_is_taken(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        for name in ("listen.gateway", "listen.otlp_http"):
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            others = {"listen.gateway", "listen.otlp_http", "listen.store"} - {name}
            free = [f"--set={one}=127.0.0.1:0" for one in others]
            done = run("serve", "--data", tmp_path / "data", *free, "--set", f"{name}={address}",
                       code=1)
            assert f"haystat serve: {name}: listen on {address}: " in done.stderr
