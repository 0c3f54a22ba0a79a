/*
 * A real ClickHouse for tests: libchdb in a child process (store_server.py), on loopback, with the
 * users haystat_rw and haystat_ro, its data in a temporary folder. Needs python3 and libchdb.so:
 * the one that $HAYSTAT_TEST_LIBCHDB names, else build/libchdb.so, else that of scripts/setup.
 */
#ifndef HS_TESTS_SUPPORT_STORE_FIXTURE_H
#define HS_TESTS_SUPPORT_STORE_FIXTURE_H

#include <stdbool.h>
#include <sys/types.h>

enum { STORE_FIXTURE_SKIP = 77, STORE_FIXTURE_PATH_MAX = 1024 };

#define STORE_FIXTURE_RW_PASSWORD "rw-for-tests"
#define STORE_FIXTURE_RO_PASSWORD "ro-for-tests"

struct store_fixture {
    char library[STORE_FIXTURE_PATH_MAX];
    char dir[STORE_FIXTURE_PATH_MAX];
    int port;
    char url[64]; /* "http://127.0.0.1:43211" */
    pid_t pid;    /* 0: not running */
};

/* Whether there is a library to run; call before start. Else a test exits with
 * STORE_FIXTURE_SKIP, which ctest counts as skipped. */
bool store_fixture_available(void);
/* Makes folder and configuration, picks a port, starts and waits until it answers; aborts the test
 * after 30 s. */
void store_fixture_start(struct store_fixture *store);
/* SIGKILL, and waits until the process is gone. */
void store_fixture_kill(struct store_fixture *store);
/* Starts again on the same port and folder, and waits until it answers. */
void store_fixture_restart(struct store_fixture *store);
/* The same without waiting. */
void store_fixture_launch(struct store_fixture *store);
/* Kills it and removes the folder; a fixture that was never started is a no-op. */
void store_fixture_stop(struct store_fixture *store);

#endif
