"""haystat detect: rows go out as they came in, with figures that depend on the past only."""
import csv
import io
import math
import random
import subprocess
import time

from platform_helper import program

COLUMNS = ["anomaly_score", "z", "expected", "low", "high"]


def detect(text, *flags, code=0):
    done = subprocess.run([program(), "detect", *flags, "-"], input=text, capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == code, done.stderr
    return done


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def series(n, seed=1, step_s=300, shift=None):
    """A daily rhythm with noise; from row `shift` on 40 % more."""
    rand = random.Random(seed)
    lines = ["timestamp,value"]
    for i in range(n):
        value = 100 + 50 * math.sin(i * step_s / 86400 * 2 * math.pi) + rand.gauss(0, 3)
        if shift is not None and i >= shift:
            value *= 1.4
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(1767225600 + i * step_s))
        lines.append(f"{at},{value:.3f}")
    return lines


def test_rows__come_back_with_score_z_and_band():
    lines = series(6000, shift=5600)
    got = detect("\n".join(lines) + "\n").stdout
    assert got.splitlines()[0] == "timestamp,value," + ",".join(COLUMNS)
    assert [",".join(line.split(",")[:2]) for line in got.splitlines()] == lines
    rows = rows_of(got)
    assert all(0 <= float(row["anomaly_score"]) < 1 for row in rows)
    anomalies = [i for i, row in enumerate(rows) if float(row["anomaly_score"]) >= 0.5]
    assert [i for i in anomalies if 5600 <= i < 5640], anomalies
    usual = [row for row in rows[3000:5600]]
    inside = [float(r["low"]) <= float(r["value"]) <= float(r["high"]) for r in usual]
    assert sum(inside) / len(inside) > 0.97
    near = [abs(float(r["expected"]) - float(r["value"])) < 25 for r in usual]
    assert sum(near) / len(near) > 0.97
    # Usually it is 0.8.
    assert sum(abs(float(row["z"])) for row in rows[5600:5640]) / 40 > 2


def test_a_row__never_depends_on_later_rows():
    lines = series(3000, seed=2, shift=2000)
    whole = detect("\n".join(lines) + "\n").stdout.splitlines()
    for n in (2, 700, 2001, 2400):
        assert detect("\n".join(lines[:n]) + "\n").stdout.splitlines() == whole[:n]


def test_rows_of_a_pipe__are_answered_as_they_come():
    with subprocess.Popen([program(), "detect", "-"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as process:
        for line in series(5):
            process.stdin.write(line + "\n")
            process.stdin.flush()
            assert process.stdout.readline().startswith(line + ",")
        process.stdin.close()


def test_timestamps__are_of_several_forms_and_other_columns_stay():
    forms = ["2026-01-01T00:00:00Z", "2026-01-01T00:05:00.5+01:00", "2026-01-01 00:10:00",
             "1767226500", "1767226800000", "1767227100.25", '"2026-01-01 00:30:00"']
    text = "host,Value,Timestamp\r\n" + "".join(f"a,{i}.5,{at}\r\n" for i, at in enumerate(forms))
    rows = detect(text).stdout.splitlines()
    assert rows[0] == "host,Value,Timestamp," + ",".join(COLUMNS)
    assert [row.rsplit(",", 5)[0] for row in rows[1:]] == \
        [f"a,{i}.5,{at}" for i, at in enumerate(forms)]


def test_a_missing_value__stays_without_figures_and_is_not_learnt():
    lines = series(400)
    with_gap = lines[:300] + ["2026-01-02 01:00:00,"] + lines[300:]
    got = detect("\n".join(with_gap) + "\n").stdout.splitlines()
    assert got[300] == "2026-01-02 01:00:00,,,,,,"
    del got[300]
    assert got == detect("\n".join(lines) + "\n").stdout.splitlines()


def test_the_hour_of_the_day__is_that_of_the_time_zone():
    """Busy from 8 to 20 by the clock of Berlin, where the clock changes on March 29."""
    lines = ["timestamp,value"]
    for i in range(24 * 60):
        at = 1772323200 + i * 3600  # 2026-03-01 00:00 UTC
        berlin = at + (7200 if at >= 1774746000 else 3600)
        busy = 8 <= berlin // 3600 % 24 < 20
        lines.append(f"{at},{100 if busy else 10}")
    text = "\n".join(lines) + "\n"

    def wrong(*flags):
        rows = rows_of(detect(text, *flags).stdout)
        return sum(abs(float(r["expected"]) - float(r["value"])) > 20 for r in rows[300:])

    assert wrong("--timezone", "Europe/Berlin") == 0
    assert wrong() > 20


def test_bad_input__is_told_with_line_value_and_rule():
    for text, told in [
            ("", "- is empty: wants a header"),
            ("time,value\n1,2\n", "line 1: the header wants columns timestamp and value"),
            ("timestamp,value\nyesterday,2\n", 'line 2: timestamp is "yesterday", wants a time'),
            ("timestamp,value\n\n1,2\n1,two\n",
             'line 4: value is "two", wants a number from -1e300 to 1e300, or nothing'),
            ("timestamp,value\n1,nan\n", 'value is "nan"'),
            ("timestamp,value\n1,1e301\n", 'value is "1e301"'),
            ("timestamp,value\n1\n", "line 2: only 1 fields"),
            ("timestamp,value\n1,1" + "0" * 70000, "line 2 is longer than 65534 bytes"),
            ("timestamp,value\n1,1\0,2\n3,4\n", "or has a byte 0"),
            ('timestamp,value\n1,"2\n', "line 2: a quote does not end")]:
        done = detect(text, code=1)
        assert told in done.stderr, done.stderr
    assert 'no part "noise"' in detect("", "--without", "noise", code=2).stderr
    assert "Europe/Nowhere" in detect("", "--timezone", "Europe/Nowhere", code=2).stderr
    assert "wants a name" in detect("", "--timezone", "../etc/passwd", code=2).stderr


def test_without__leaves_a_part_out():
    text = "\n".join(series(2000, shift=1500)) + "\n"
    whole = detect(text).stdout
    for part in ("value", "roughness", "transition", "season", "once"):
        assert detect(text, "--without", part).stdout != whole
    none = rows_of(detect(text, "--without", "value,roughness,transition,season").stdout)
    assert {row["anomaly_score"] for row in none} == {"0"}
