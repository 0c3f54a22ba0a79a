"""The store's users read, write, create and reach nothing outside their grants.

Each attempt is judged by its answer and by its effect: no file outside the store's own folder
appears or changes, nobody calls at the canary, no mark from outside comes back.
"""
import os
import socket
import urllib.request
from pathlib import Path

import clickhouse_driver
import psutil
import pytest

import store_attempts as attempts
from store_helper import Canary, Store, basic, wait_until

MARK = "MARK-7f3a-OUTSIDE"


class World:
    """A store with a table, a folder outside of it, and the canary."""

    def __init__(self, folder):
        self.outside = folder / "outside"
        self.outside.mkdir()
        self.secret = self.outside / "secret.txt"
        self.secret.write_text(MARK + "\n")
        self.store = Store(folder / "data", native=True)
        self.store.start(cwd=self.outside, env=dict(os.environ, HAYSTAT_LOG_LEVEL="info"))
        self.folder = folder
        self.canary = Canary()
        for sql in ("CREATE TABLE haystat.base (a UInt8) ENGINE = MergeTree ORDER BY a",
                    "INSERT INTO haystat.base VALUES (1), (2)"):
            self.store.value(sql)
        self.before = self.snapshot()

    def close(self):
        self.canary.close()
        self.store.kill()

    def fill(self, sql):
        for name, value in {"file": self.secret, "dir": self.outside,
                            "out": self.outside / "written", "http": self.canary.http_port,
                            "tcp": self.canary.tcp_port,
                            "secrets": self.store.data / "secrets"}.items():
            sql = sql.replace("{" + name + "}", str(value))
        return sql

    def snapshot(self):
        """Everything under the test's folder but ClickHouse's own."""
        own = str(self.store.data / "store" / "db")
        seen = {}
        for where, folders, files in os.walk(self.folder):
            if where.startswith(own):
                folders.clear()
                continue
            for name in folders + files:
                path = Path(where, name)
                seen[str(path)] = path.read_bytes() if path.is_file() else None
        return seen

    def effects(self, answer):
        found = []
        secrets = [self.store.password("rw"), self.store.password("ro"), MARK, "root:x:0:0"]
        found += [f"answer holds {secret!r}" for secret in secrets if secret in answer]
        found += self.canary.seen()
        if self.snapshot() != self.before:
            found.append("files outside changed")
        if psutil.Process(self.store.process.pid).children(recursive=True):
            found.append("a program was started")
        if self.store.process.poll() is not None:
            found.append(f"the store ended: {self.store.process.returncode}")
        return found

    def native(self, sql, user, password):
        client = clickhouse_driver.Client("127.0.0.1", port=self.store.native_port, user=user,
                                          password=password, database="haystat")
        try:
            return True, repr(client.execute(sql))
        except (clickhouse_driver.errors.Error, EOFError, OSError) as error:
            return False, str(error)
        finally:
            client.disconnect()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("sandbox"))
    yield world
    world.close()


def check(world, sql, succeeded, answer):
    assert world.effects(answer) == []
    if not sql.startswith(attempts.HARMLESS):
        assert not succeeded, f"{sql} was done: {answer[:300]}"


@pytest.mark.parametrize("user", ["rw", "ro"])
@pytest.mark.parametrize("sql", attempts.ALL)
def test_http__user_reaches_nothing_outside(world, user, sql):
    sql = world.fill(sql)
    answer = world.store.query(sql, user)
    check(world, sql, answer.status == 200, answer.text)


@pytest.mark.parametrize("user", ["rw", "ro"])
def test_native__user_reaches_nothing_outside(world, user):
    password = world.store.password(user)
    for sql in attempts.ALL:
        if " INTO OUTFILE " in sql or " INFILE " in sql:
            continue  # files of the client's machine, which the client itself would open
        sql = world.fill(sql)
        check(world, sql, *world.native(sql, f"haystat_{user}", password))


@pytest.mark.parametrize("sql", attempts.statements(attempts.READER))
def test_http__reader_changes_nothing(world, sql):
    answer = world.store.query(sql, "ro")
    check(world, sql, answer.status == 200, answer.text)
    assert world.store.value("SELECT count(), sum(a) FROM haystat.base") == "2\t3"
    assert world.store.value("EXISTS haystat.r") == "0"


@pytest.mark.parametrize("name", ["insert_file", "default_file", "settings"])
def test_http__stored_expressions_run_with_the_readers_rights(world, name):
    """A default value or view made by haystat_rw is no way round either."""
    made = {"insert_file": "INSERT INTO haystat.base SELECT length(file('{file}'))",
            "default_file": "CREATE TABLE haystat.col (a UInt8, b String DEFAULT file('{file}'))"
                            " ENGINE = Memory",
            "settings": "CREATE VIEW haystat.vs AS SELECT file('{file}') AS f"}[name]
    world.store.query(world.fill(made))
    texts = [world.store.query("INSERT INTO haystat.col (a) VALUES (1)").text,
             world.store.query("SELECT * FROM haystat.col", "ro").text,
             world.store.query("SELECT * FROM haystat.vs", "ro").text]
    for table in ("haystat.col", "haystat.vs"):
        world.store.query(f"DROP TABLE IF EXISTS {table}")
    assert world.effects("".join(texts)) == []
    assert world.store.value("SELECT count() FROM haystat.base") == "2"


def ways_to_be_default(store):
    ro = store.password("ro")
    as_ro = basic("haystat_ro", ro)
    return {
        "no credentials": {},
        "header": {"headers": {"X-ClickHouse-User": "default"}},
        "header and key": {"headers": {"X-ClickHouse-User": "default", "X-ClickHouse-Key": ""}},
        "basic": {"headers": {"Authorization": basic("default", "")}},
        "parameter": {"params": {"user": "default"}},
        "parameters": {"params": {"user": "default", "password": ""}},
        "basic of a reader, parameter": {"headers": {"Authorization": as_ro},
                                         "params": {"user": "default"}},
        "basic of a reader, parameters": {"headers": {"Authorization": as_ro},
                                          "params": {"user": "default", "password": ""}},
        "basic of a reader, header": {"headers": {"Authorization": as_ro,
                                                  "X-ClickHouse-User": "default"}},
        "more sessions": {"params": {"user": "default", "max_sessions_for_user": "100"}},
        "session id": {"params": {"user": "default", "session_id": "s", "session_check": "0"}},
        "quota key": {"params": {"user": "default", "quota_key": "q"}},
        "another name": {"params": {"user": "haystat_stop", "password": ""}},
        "another name's header": {"headers": {"X-ClickHouse-User": "haystat_stop"}},
        "wrong password": {"params": {"user": "haystat_rw", "password": "x"}},
        "empty password": {"params": {"user": "haystat_rw", "password": ""}},
        "bearer": {"headers": {"Authorization": "Bearer e30.e30."}},
        "unknown": {"params": {"user": "admin", "password": "admin"}},
    }


@pytest.mark.parametrize("sql", ["SELECT 1", "SYSTEM STOP LISTEN HTTP",
                                 "CREATE DATABASE haystat2", "SELECT file('/etc/passwd')"])
def test_http__nobody_is_the_default_user(world, sql):
    for name, how in ways_to_be_default(world.store).items():
        answer = world.store.request(sql, **how)
        assert answer.status in (401, 403, 404, 500), f"{name}: {answer}"
        assert not answer.text.startswith("1"), f"{name}: {answer}"
        assert world.effects(answer.text) == []
    assert world.store.value("SELECT 1") == "1"


def test_native__nobody_is_the_default_user(world):
    for user, password in (("default", ""), ("", ""), ("haystat_stop", ""), ("haystat_rw", "x"),
                           ("admin", "admin")):
        for sql in ("SELECT 1", "SYSTEM STOP LISTEN HTTP"):
            succeeded, answer = world.native(sql, user, password)
            assert not succeeded, f"{user}: {answer}"
    assert world.store.value("SELECT 1") == "1"


@pytest.mark.parametrize("headers", [
    {"Host": "evil.example"},
    {"Host": "evil.example:8123"},
    {"Host": "127.0.0.1.evil.example"},
    {"Host": "localhost.evil.example:80"},
    {"Origin": "http://evil.example"},
    {"Origin": "https://localhost.evil.example"},
    {"Origin": "http://127.0.0.1.evil.example:8123"},
    {"Origin": "null"},
])
def test_http__web_pages_of_others_do_not_reach_it(world, headers):
    for path in ("/", "/ping", "/play"):
        params = {"user": "haystat_rw", "password": world.store.password("rw"),
                  "query": "SELECT 41 + 1"}
        answer = world.store.request(path=path, params=params, headers=headers)
        assert answer.status == 404, f"{path}: {answer}"
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("path", ["/webterminal", "/binary", "/merges", "/jemalloc", "/metrics",
                                  "/replicas_status", "/js/xterm.min.js", "/..%2f",
                                  "/api/v1/query"])
def test_http__other_handlers_are_closed(world, path):
    assert world.store.request(path=path).status == 404


def test_http__writes_by_get_are_refused(world):
    params = {"user": "haystat_rw", "password": world.store.password("rw"),
              "query": "INSERT INTO haystat.base VALUES (9)"}
    assert world.store.request(params=params).status != 200
    assert world.store.value("SELECT count() FROM haystat.base") == "2"


def test_merges_and_grants__are_as_before(world):
    """`SYSTEM STOP MERGES` without a table, SET ROLE and the like had no effect."""
    for sql in ("SYSTEM STOP MERGES", "SET ROLE ALL", "SET allow_introspection_functions = 1"):
        world.store.query(sql, "ro")
    for _ in range(3):
        world.store.value("INSERT INTO haystat.base VALUES (7)")
    world.store.value("OPTIMIZE TABLE haystat.base FINAL")
    assert world.store.value("SELECT count() FROM system.parts WHERE database = 'haystat' AND "
                             "table = 'base' AND active") == "1"
    world.store.value("ALTER TABLE haystat.base DELETE WHERE a = 7 SETTINGS mutations_sync = 1")
    assert world.store.value("SELECT name FROM system.databases WHERE engine = 'Atomic' AND "
                             "name NOT IN ('system')", "ro") == "haystat"


def test_passwords__are_seen_nowhere(world):
    process = psutil.Process(world.store.process.pid)
    words = " ".join(process.cmdline()) + repr(process.environ())
    files = [path for path in (world.store.data / "store").rglob("*") if path.is_file()]
    for user in ("rw", "ro"):
        secret = world.store.password(user)
        assert len(secret) == 64
        assert secret not in words
        path = world.store.data / f"secrets/store_{user}.password"
        assert path.stat().st_mode & 0o777 == 0o600
        assert not [path for path in files if secret.encode() in path.read_bytes()]
    assert (world.store.data / "store/config.xml").stat().st_mode & 0o777 == 0o600
    assert not (world.store.data / "store/users.xml").exists()


def test_listeners__are_those_that_were_asked_for(world, tmp_path):
    def listening(store):
        process = psutil.Process(store.process.pid)
        return {(c.laddr.ip, c.laddr.port) for c in process.net_connections("inet")
                if c.status == psutil.CONN_LISTEN}

    assert listening(world.store) == {("127.0.0.1", world.store.port),
                                      ("127.0.0.1", world.store.native_port)}
    with Store(tmp_path / "data") as store:
        assert store.ready["native"] == "-"
        assert listening(store) == {("127.0.0.1", store.port)}


def test_canary__notes_who_comes(world):
    """The witness of the tests above is awake."""
    canary = Canary()
    with socket.create_connection(("127.0.0.1", canary.tcp_port), 5):
        wait_until(lambda: canary.connections, 5, "a connection is noted")
    urllib.request.urlopen(f"http://127.0.0.1:{canary.http_port}/x", timeout=5).read()
    assert canary.requests == ["GET /x"]
    canary.close()
    path = world.outside / "new"
    path.write_text("")
    assert world.effects("") == ["files outside changed"]
    path.unlink()
    assert f"answer holds {MARK!r}" in world.effects(MARK)


def test_sandbox__is_in_force(world):
    assert world.store.ready["network"] == "denied"
    assert world.store.ready["files"] == "denied", "this kernel has no Landlock"
