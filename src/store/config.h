/*
 * The configuration that ClickHouse's server gets: <data>/store/config.xml and users.xml, mode
 * 0600, written anew at each start.
 *
 *   <data>/store/lock          flock of the running engine, its pid inside
 *   <data>/store/config.xml    no secret in it
 *   <data>/store/users.xml     SHA-256 of the passwords; removed once the engine has read it
 *   <data>/store/engine.err    what the engine printed since its last start
 *   <data>/store/db            ClickHouse's own folder, with its temporary files
 *   <data>/store/files         user_files_path: always empty, nobody may read or write files
 *
 * Four users. haystat_rw (the engine, migrations) and haystat_ro (readers, readonly=1) see the
 * database haystat and the harmless part of system. haystat_stop may kill queries, has a password
 * of this one start and is how SIGTERM ends the engine. `default` runs the start-up statements
 * without a password; its one allowed session is taken by them for as long as the engine runs, so
 * that nobody else can use it, by whatever protocol (error 700).
 */
#ifndef HS_STORE_CONFIG_H
#define HS_STORE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fs.h"
#include "store/address.h"
#include "store/secret.h"

enum { HS_STORE_START_ID_MAX = 40 };

#define HS_STORE_USER_STOP "haystat_stop"
/* SELECT getMacro('haystat_start_id') gives the start id over any connection. */
#define HS_STORE_START_ID_MACRO "haystat_start_id"

struct hs_store_plan {
    char dir[HS_PATH_MAX]; /* <data>/store, absolute */
    struct hs_store_address http;
    struct hs_store_address native; /* only when has_native */
    bool has_native;
    uint64_t memory_max; /* bytes that the server may use */
    char start_id[HS_STORE_START_ID_MAX];
    char secret_rw[HS_STORE_SECRET_MAX];
    char secret_ro[HS_STORE_SECRET_MAX];
    char secret_stop[HS_STORE_SECRET_MAX];
};

/* 2 GiB or a quarter of the machine's (or control group's) memory, whichever is less. */
uint64_t hs_store_memory_default(void);

/* The two files' texts. */
void hs_store_config_server(const struct hs_store_plan *plan, struct hs_buf *out);
void hs_store_config_users(const struct hs_store_plan *plan, struct hs_buf *out);

/* Makes the folders and writes both files. HS_EIO, HS_ELIMIT. @blocks */
int hs_store_config_write(const struct hs_store_plan *plan, struct hs_err *err);
/* Removes users.xml, once the server has loaded it. @blocks */
void hs_store_config_forget_users(const struct hs_store_plan *plan);

#endif
