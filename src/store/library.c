#include "store/library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"

static const char *const system_paths[] = {
    "/usr/local/lib/haystat/libchdb.so",
    "/usr/lib/haystat/libchdb.so",
};

/* libchdb.so in the folder of the running program. */
static int beside_program(char out[HS_PATH_MAX])
{
    char dir[HS_PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", dir, sizeof(dir) - 1);
    char *slash;

    if (n < 0)
        return HS_ENOTFOUND;
    dir[n] = '\0';
    slash = strrchr(dir, '/');
    if (!slash)
        return HS_ENOTFOUND;
    *slash = '\0';
    return hs_fs_join(out, dir, "libchdb.so", NULL);
}

static int find_library(const char *path, char out[HS_PATH_MAX], struct hs_err *err)
{
    char first[HS_PATH_MAX] = "";
    size_t i;

    if (path[0]) {
        snprintf(out, HS_PATH_MAX, "%s", path);
        if (access(out, R_OK) != 0)
            return hs_err_set(err, HS_ENOTFOUND, 0, "store.library: %.400s cannot be read", path);
        return HS_OK;
    }
    if (beside_program(first) == HS_OK && access(first, R_OK) == 0) {
        memcpy(out, first, sizeof(first));
        return HS_OK;
    }
    for (i = 0; i < HS_ARRAY_LEN(system_paths); i++) {
        if (access(system_paths[i], R_OK) != 0)
            continue;
        snprintf(out, HS_PATH_MAX, "%s", system_paths[i]);
        return HS_OK;
    }
    return hs_err_set(err, HS_ENOTFOUND, 0,
                      "libchdb.so is neither %.300s nor %s nor %s; set store.library, or "
                      "analytics.url to use a ClickHouse server",
                      first, system_paths[0], system_paths[1]);
}

/* ISO C has no cast from void * to a function; POSIX says that the bits are the same. */
static int find_function(void *handle, const char *name, void *out_function, struct hs_err *err)
{
    void *symbol = dlsym(handle, name);

    if (!symbol)
        return hs_err_set(err, HS_EUNSUP, 0, "store.library has no function %s", name);
    memcpy(out_function, &symbol, sizeof(symbol));
    return HS_OK;
}

int hs_store_library_open(const char *path, struct hs_store_library *out, struct hs_err *err)
{
    struct hs_store_library library = {0};
    char file[HS_PATH_MAX];
    int rc = find_library(path, file, err);

    if (rc != HS_OK)
        return rc;
    library.handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!library.handle)
        return hs_err_set(err, HS_EIO, 0, "store.library: %.480s", dlerror());
    rc = find_function(library.handle, "chdb_query_cmdline", &library.query_cmdline, err);
    if (rc == HS_OK)
        rc = find_function(library.handle, "chdb_result_error", &library.result_error, err);
    if (rc == HS_OK)
        rc = find_function(library.handle, "chdb_set_signal_handlers_enabled",
                           &library.set_signal_handlers_enabled, err);
    if (rc == HS_OK)
        *out = library;
    return rc;
}
