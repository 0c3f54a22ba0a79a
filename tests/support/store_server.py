"""Runs a real ClickHouse server out of libchdb until it is killed.

usage: store_server.py LIBRARY DATA_DIR CONFIG HTTP_PORT

A process of its own, because the library installs signal handlers, and without sanitizers, which it
does not bear. It dies with the test that started it.
"""

import ctypes
import signal
import sys

PR_SET_PDEATHSIG = 1


def main():
    library, data_dir, config, port = sys.argv[1:]
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    chdb = ctypes.CDLL(library)
    chdb.chdb_query_cmdline.restype = ctypes.c_void_p
    chdb.chdb_result_error.restype = ctypes.c_char_p
    chdb.chdb_result_error.argtypes = [ctypes.c_void_p]
    arguments = [
        "clickhouse",
        "--path",
        data_dir,
        "--config-file=" + config,
        "--http_port",
        port,
        "--query",
        "SYSTEM START LISTEN HTTP; SELECT sleepEachRow(3) FROM numbers(1000000000) "
        "SETTINGS max_block_size = 1 FORMAT Null",
    ]
    argv = (ctypes.c_char_p * (len(arguments) + 1))(*[a.encode() for a in arguments], None)
    result = chdb.chdb_query_cmdline(len(arguments), argv)
    error = chdb.chdb_result_error(result)
    if error:
        sys.exit(error.decode(errors="replace"))


main()
