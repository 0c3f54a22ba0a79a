/*
 * libchdb, loaded at run time: ClickHouse in one shared library of 566 MB, which only the store's
 * engine maps. It ships no header; what is called of it is declared here.
 */
#ifndef HS_STORE_LIBRARY_H
#define HS_STORE_LIBRARY_H

#include "base/err.h"

struct chdb_result;

struct hs_store_library {
    struct chdb_result *(*query_cmdline)(int argc, char **argv);
    const char *(*result_error)(struct chdb_result *result); /* NULL: none */
    void (*set_signal_handlers_enabled)(int enabled);
    void *handle;
};

/* Loads `path`; when that is "", the first that exists of libchdb.so beside the program,
 * /usr/local/lib/haystat/libchdb.so and /usr/lib/haystat/libchdb.so. HS_ENOTFOUND lists where it
 * looked; HS_EIO: it does not load; HS_EUNSUP: it lacks a function. It is never unloaded.
 * @thread any, before the process has other threads @blocks */
int hs_store_library_open(const char *path, struct hs_store_library *out, struct hs_err *err);

#endif
