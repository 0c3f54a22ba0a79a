"""`haystat store` as its users and its operator see it."""
import http.client
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import clickhouse_connect
import clickhouse_driver
import pytest

from store_helper import Canary, Store, basic, wait_until

NODE_SCRIPT = Path(__file__).parent / "node" / "store_client.js"
TABLE = ("CREATE TABLE haystat.t (id UInt64, name LowCardinality(String), v Float64, tags "
         "Array(String), m Map(String, String)) ENGINE = MergeTree ORDER BY id")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with Store(tmp_path_factory.mktemp("store") / "data", native=True) as running:
        yield running


@pytest.fixture
def table(store):
    store.value("DROP TABLE IF EXISTS haystat.t SYNC")
    store.value(TABLE)
    yield "haystat.t"
    store.value("DROP TABLE haystat.t SYNC")


# --- clients that others wrote ------------------------------------------------------------------

ROWS = [[1, "a", 0.5, ["x", "y"], {"k": "v"}], [2, "ß", -1.25, [], {}]]


def test_clickhouse_connect__inserts_and_queries(store, table):
    client = clickhouse_connect.get_client(host="127.0.0.1", port=store.port,
                                           username="haystat_rw", password=store.password("rw"),
                                           compress=True)
    client.insert(table, ROWS, column_names=["id", "name", "v", "tags", "m"])
    result = client.query("SELECT * FROM haystat.t WHERE id >= {low:UInt64} ORDER BY id",
                          parameters={"low": 1})
    assert [list(row) for row in result.result_rows] == ROWS
    reader = clickhouse_connect.get_client(host="127.0.0.1", port=store.port,
                                           username="haystat_ro", password=store.password("ro"))
    assert reader.command("SELECT sum(id) FROM haystat.t") == 3
    with pytest.raises(clickhouse_connect.driver.exceptions.DatabaseError):
        reader.insert(table, ROWS, column_names=["id", "name", "v", "tags", "m"])
    client.close()
    reader.close()


def test_clickhouse_driver__inserts_and_queries_over_native(store, table):
    client = clickhouse_driver.Client("127.0.0.1", port=store.native_port, user="haystat_rw",
                                      password=store.password("rw"), compression="lz4")
    assert client.execute("INSERT INTO haystat.t VALUES", [tuple(row) for row in ROWS]) == 2
    assert [list(row) for row in client.execute("SELECT * FROM haystat.t ORDER BY id")] == ROWS
    client.disconnect()
    reader = clickhouse_driver.Client("127.0.0.1", port=store.native_port, user="haystat_ro",
                                      password=store.password("ro"))
    assert reader.execute("SELECT sum(id) FROM haystat.t") == [(3,)]
    with pytest.raises(clickhouse_driver.errors.ServerException):
        reader.execute("INSERT INTO haystat.t (id) VALUES", [(9,)])
    reader.disconnect()


def test_clickhouse_js__inserts_and_queries(store, table):
    env = dict(os.environ, STORE_URL=f"http://127.0.0.1:{store.port}",
               STORE_RW=store.password("rw"), STORE_RO=store.password("ro"))
    done = subprocess.run(["node", NODE_SCRIPT], env=env, capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip() == "ok 2 rows"


@pytest.mark.parametrize("user", ["rw", "ro"])
def test_pages__play_and_dashboard_work(store, user):
    for path in ("/play", "/dashboard"):
        page = store.request(path=path)
        assert page.status == 200 and "<html" in page.text
    assert store.request(path="/js/uplot.js").status == 200
    # As the pages send it: the user as a parameter, the query as the body, from their own origin.
    params = {"user": f"haystat_{user}", "password": store.password(user),
              "default_format": "JSONCompact"}
    answer = store.request("SELECT 1 AS one", params=params,
                           headers={"Origin": f"http://127.0.0.1:{store.port}"})
    assert answer.status == 200 and '"one"' in answer.text, answer
    basic_answer = store.request("SELECT 2", headers={
        "Authorization": basic(f"haystat_{user}", store.password(user))})
    assert basic_answer.text == "2\n"


# --- what the engine of Haystat builds on ------------------------------------------------------

def test_insert__a_token_counts_once(store):
    store.value("CREATE TABLE haystat.tok (a UInt8) ENGINE = MergeTree ORDER BY a SETTINGS "
                "non_replicated_deduplication_window = 100")
    for _ in range(2):
        store.value("INSERT INTO haystat.tok VALUES (1), (2)", insert_deduplication_token="x/0-1")
    assert store.value("SELECT count() FROM haystat.tok") == "2"
    store.value("DROP TABLE haystat.tok")


def test_kill__a_user_ends_its_own_query(store):
    def run():
        answers.append(store.query("SELECT sleepEachRow(1) FROM numbers(60) SETTINGS "
                                   "max_block_size = 1", query_id="mine"))

    answers = []
    thread = threading.Thread(target=run)
    thread.start()
    wait_until(lambda: store.value("SELECT count() FROM system.processes WHERE query_id = 'mine'")
               == "1", 10, "query runs")
    store.value("KILL QUERY WHERE query_id = 'mine' SYNC")
    thread.join(10)
    assert "QUERY_WAS_CANCELLED" in answers[0].text


def test_limits__memory_of_a_query_is_bounded(store):
    answer = store.query("SELECT count() FROM (SELECT number FROM numbers(1000000000) GROUP BY "
                         "number) SETTINGS max_threads = 1, max_memory_usage = 100000000, "
                         "max_bytes_ratio_before_external_group_by = 0")
    assert "MEMORY_LIMIT_EXCEEDED" in answer.text
    assert store.value("SELECT 1") == "1"


def test_reader__may_send_what_clients_send(store):
    assert store.query("SELECT 1", "ro", enable_http_compression=1, max_execution_time=5,
                       session_timezone="UTC").status == 200
    assert store.query("SELECT 1", "ro", max_execution_time=100000).status != 200


def test_start_id__is_read_over_any_connection(store):
    query = "SELECT getMacro('haystat_start_id')"
    assert store.value(query) == store.value(query, "ro") == store.ready["start_id"]


# --- robustness --------------------------------------------------------------------------------

BROKEN = [b"", b"G", b"GET", b"GET / HTTP/1.1\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\xff" * 300,
          b"\x00", b"\x16\x03\x01" + b"\x00" * 100,
          b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
          b"POST / HTTP/1.1\r\nContent-Length: 10\r\nContent-Length: 20\r\n\r\nabc",
          b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n",
          b"GET /ping HTTP/1.1\r\nA: " + b"x" * 2_000_000 + b"\r\n\r\n"]


def break_off(port, data):
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        try:
            connection.sendall(data)
            connection.settimeout(0.1)
            connection.recv(64)
        except OSError:
            pass
        # Closing with unread data or lingering off sends a reset.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


@pytest.mark.parametrize("data", BROKEN, ids=range(len(BROKEN)))
def test_connection__that_breaks_does_not_end_the_store(store, data):
    assert store.ready["broken"] == "survived"
    for port in (store.port, store.native_port):
        for cut in {len(data), len(data) // 2}:
            break_off(port, data[:cut])
    assert store.value("SELECT 1") == "1"
    assert store.process.poll() is None


def test_connection__cut_mid_insert_and_mid_answer(store, table):
    auth = f"user=haystat_rw&password={store.password('rw')}"
    for query, body in (("INSERT+INTO+haystat.t(id)+FORMAT+TSV", b"1\n2\n"),
                        ("SELECT+*+FROM+numbers(100000000)", b"")):
        head = f"POST /?{auth}&query={query} HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
        break_off(store.port, head.encode() + b"400\r\n\r\n" + body)
        break_off(store.port, head.encode() + b"0\r\n\r\n")
    assert store.value("SELECT count() FROM haystat.t") == "0"
    assert store.process.poll() is None


# --- life cycle --------------------------------------------------------------------------------

@pytest.mark.perf
def test_start__is_fast_and_small(tmp_path):
    with Store(tmp_path / "data") as store:
        assert store.ready_s <= 3
        assert store.rss_mib() <= 400


def test_stop__sigterm_and_sigint_end_cleanly(tmp_path):
    for number in (signal.SIGTERM, signal.SIGINT):
        store = Store(tmp_path / "data").start()
        store.process.send_signal(number)
        assert store.wait() == 0
        store.process.communicate()


def test_stop__while_a_query_runs(tmp_path):
    store = Store(tmp_path / "data").start()
    thread = threading.Thread(target=lambda: _ignore(
        store.query, "SELECT sleepEachRow(1) FROM numbers(60) SETTINGS max_block_size = 1"))
    thread.start()
    wait_until(lambda: store.value("SELECT count() FROM system.processes") == "3", 10, "query runs")
    begin = time.monotonic()
    store.stop()
    assert time.monotonic() - begin < 10
    thread.join(20)
    store.process.communicate()


def _ignore(call, *arguments):
    try:
        call(*arguments)
    except (OSError, http.client.HTTPException):
        pass


def test_stop__before_it_is_ready(tmp_path):
    store = Store(tmp_path / "data").launch()
    store.process.terminate()
    assert store.wait() in (0, -signal.SIGTERM)
    store.process.communicate()


def test_restart__data_and_passwords_are_kept(tmp_path):
    ids = set()
    passwords = set()
    for i in range(3):
        with Store(tmp_path / "data") as store:
            if i == 0:
                store.value("CREATE TABLE haystat.k (a UInt64) ENGINE = MergeTree ORDER BY a")
            store.value(f"INSERT INTO haystat.k VALUES ({i})")
            assert store.value("SELECT count() FROM haystat.k") == str(i + 1)
            ids.add(store.ready["start_id"])
            passwords.add((store.password("rw"), store.password("ro")))
            if i == 1:
                store.kill()
            else:
                assert store.stop() == 0
    assert len(ids) == 3
    assert len(passwords) == 1


def test_second_store__on_the_folder_is_refused_with_the_pid(tmp_path):
    with Store(tmp_path / "data") as first:
        second = Store(tmp_path / "data").launch()
        out, err = second.process.communicate(timeout=20)
        assert second.process.returncode == 1
        assert f"process {first.process.pid}" in err and "another store" in err
        assert first.value("SELECT 1") == "1"


def test_supervisor__whose_socket_closes_ends_the_store(tmp_path):
    ours, theirs = socket.socketpair()
    store = Store(tmp_path / "data")
    command = store.command() + ["--supervisor-fd", str(theirs.fileno())]
    process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stderr=subprocess.PIPE)
    theirs.close()
    ours.settimeout(30)
    assert ours.recv(1024).startswith(b"ready http=127.0.0.1:")
    ours.close()
    assert process.wait(15) == 0
    process.stderr.close()


@pytest.mark.parametrize("options, words", [
    ({"store.library": "/nonexistent/libchdb.so"}, "store.library"),
    ({"store.library": "/etc/passwd"}, "store.library"),
    ({"listen.store": "example.org:8123"}, "listen.store"),
    ({"listen.store": "127.0.0.1:70000"}, "listen.store"),
    ({"listen.store_native": "127.0.0.2:0"}, "listen.store_native"),
    ({"store.memory_max": "1MiB"}, "store.memory_max"),
])
def test_start__that_cannot_work_says_why(tmp_path, options, words):
    store = Store(tmp_path / "data", **options).launch()
    out, err = store.process.communicate(timeout=20)
    assert store.process.returncode in (1, 2)
    assert words in err


def test_start__on_a_port_in_use_says_so(tmp_path):
    canary = Canary()
    store = Store(tmp_path / "data", **{"listen.store": f"127.0.0.1:{canary.tcp_port}"}).launch()
    out, err = store.process.communicate(timeout=20)
    canary.close()
    assert store.process.returncode == 1
    assert str(canary.tcp_port) in err and "in use" in err


