"""What the fault tests do to a platform: lost writes, a wrong clock, a store that is away."""
import errno
import fcntl
import json
import os
import shutil
import signal
import sqlite3
import struct
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from platform_helper import wait_until

OPTIONS = {
    "engine.takeover_check": "1s",
    "engine.batch_time": "100ms",
    "rollup.debounce": "500ms",
    "stream.segment_bytes": "1MiB",
}


def build_shim(folder):
    """Compiles fault_shim.c; the path of the library."""
    source = Path(__file__).with_name("fault_shim.c")
    library = Path(folder) / "fault_shim.so"
    subprocess.run(
        [os.environ.get("CC", "cc"), "-shared", "-fPIC", "-O1", "-o", str(library), str(source)],
        check=True, capture_output=True, timeout=60,
    )
    return library


class Clock:
    """The wall clock of a `serve` that was started with env()."""

    def __init__(self, folder, shim):
        self.path, self.shim = Path(folder) / "clock", shim
        self.path.write_bytes(struct.pack("q", 0))

    def env(self):
        return {"LD_PRELOAD": str(self.shim), "FAULT_CLOCK": str(self.path)}

    def jump(self, seconds):
        with open(self.path, "r+b") as file:
            file.write(struct.pack("q", int(seconds * 1e9)))


class SyncLog:
    """When each syncfs of a `serve` that was started with env() began, wall clock, ns."""

    def __init__(self, folder, shim):
        self.path, self.shim = Path(folder) / "syncs", shim

    def env(self):
        self.path.write_text("")
        return {"LD_PRELOAD": str(self.shim), "FAULT_SYNC_LOG": str(self.path)}

    def times(self):
        return [int(line) for line in self.path.read_text().splitlines()]

    def wait_another(self, seconds):
        before = len(self.times())
        wait_until(lambda: len(self.times()) > before, seconds, "a syncfs")


def metric(platform, name, labels=""):
    """The value of a metric, the sum over all its labels that contain `labels`."""
    status, body = platform.get("/metrics")
    assert status == 200, status
    lines = body.decode().splitlines()
    return sum(
        float(line.rsplit(" ", 1)[1]) for line in lines
        if line.startswith((name + " ", name + "{")) and labels in line
    )


def store_ended(data):
    with open(Path(data) / "store/lock", "rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def kill_all(platform):
    """SIGKILL to the program and its store, as near to at once as can be."""
    store = platform.store_pid()
    os.kill(platform.process.pid, signal.SIGKILL)
    os.kill(store, signal.SIGKILL)
    platform.kill()
    wait_until(lambda: store_ended(platform.data), 20, "the store's end")


def answer(url, body):
    """(status, headers, what the JSON body holds) of a POST."""
    call = urllib.request.Request(url, data=json.dumps(body).encode(),
                                  headers={"Content-Type": "application/json"}, method="POST")
    try:
        with urllib.request.urlopen(call, timeout=30) as reply:
            return reply.status, reply.headers, json.loads(reply.read())
    except urllib.error.HTTPError as error:
        return error.code, error.headers, json.loads(error.read())


def forget_boot(data):
    """The recorded boot becomes another one: the kernel seems to have started since."""
    with sqlite3.connect(Path(data) / "metadata.db") as db:
        changed = db.execute(
            "UPDATE entry SET value = CAST('another boot' AS BLOB) "
            "WHERE space = 'engine' AND CAST(key AS TEXT) LIKE 'boot_id%'"
        ).rowcount
    db.close()
    assert changed > 0, "no boot id is recorded"


def store_parts(data):
    """Folders of parts of all tables of the store, active or not."""
    return [mark.parent for mark in Path(data, "store/db/store").glob("*/*/*/checksums.txt")]


def removable_parts(platform):
    """Parts that were merged away and that the store's cleaner may remove at any moment."""
    default = platform.sql(
        "SELECT value FROM system.merge_tree_settings WHERE name = 'old_parts_lifetime'")[0][0]
    rows = platform.sql(
        "SELECT p.path FROM system.parts AS p JOIN system.tables AS t "
        "ON p.database = t.database AND p.table = t.name "
        "WHERE p.database = 'haystat' AND NOT p.active AND p.remove_time + toUInt32OrDefault("
        f"extract(t.engine_full, 'old_parts_lifetime = (\\d+)'), toUInt32({default})) <= now()"
    )
    return [Path(row[0]) for row in rows]


def made_ns(part):
    """When a part got its name and its newest byte."""
    folder = part.stat()
    files = [file.stat().st_mtime_ns for file in part.iterdir()]
    return max([folder.st_ctime_ns, folder.st_mtime_ns, *files])


def lose_unsynced(data, synced_ns, removable, rng):
    """What a power loss does to parts whose files were written after the last sync: they are gone,
    or are there with files of no bytes. What was removed since, or could have been, stays removed.
    Returns how many inserted and how many merged parts were lost."""
    inserted = merged = 0
    for part in removable:
        shutil.rmtree(part, ignore_errors=True)
    for part in store_parts(data):
        if made_ns(part) <= synced_ns:
            continue
        unnamed = part.name.startswith(("tmp", "delete"))
        if not unnamed:
            level = int(part.name.split("_")[3])
            inserted, merged = inserted + (level == 0), merged + (level > 0)
        if unnamed or rng.random() < 0.5:
            shutil.rmtree(part)
            continue
        for file in part.iterdir():
            if file.is_file():
                os.truncate(file, 0)
    return inserted, merged


class SmallDisk:
    """A file system of its own of size_mb, where that may be made; else a folder. fill() leaves
    left_mb free; called again it takes what has become free since."""

    def __init__(self, folder, size_mb):
        self.folder = Path(folder)
        self.folder.mkdir()
        self.filler = self.folder / "filler"
        words = ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "haystat-test", str(folder)]
        self.own = shutil.which("mount") and \
            subprocess.run(words, capture_output=True, timeout=30).returncode == 0

    def free_mb(self):
        return shutil.disk_usage(self.folder).free >> 20

    def fill(self, left_mb):
        more = max(0, self.free_mb() - left_mb) << 20
        with open(self.filler, "ab", buffering=0) as file:
            try:
                if more > 0:
                    os.posix_fallocate(file.fileno(), self.filler.stat().st_size, more)
                if left_mb == 0:
                    file.write(bytes(2 << 20))  # the rest, which is less than a megabyte
            except OSError as error:
                if left_mb > 0 or error.errno != errno.ENOSPC:
                    raise

    def empty(self):
        self.filler.unlink(missing_ok=True)

    def close(self):
        self.empty()
        if self.own:
            wait_until(self._unmount, 20, "unmounting, once the store has ended")

    def _unmount(self):
        words = ["umount", str(self.folder)]
        return subprocess.run(words, capture_output=True, timeout=30).returncode == 0
