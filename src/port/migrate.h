/*
 * Migrations of the analytics database: the files of sql/, applied in order to each host and noted
 * in haystat.migrations(version, name, checksum, applied_at).
 *
 * A file is called NNNN_words.sql; NNNN is its version. Its statements are separated by semicolons;
 * each can be repeated without harm (CREATE … IF NOT EXISTS, ADD COLUMN IF NOT EXISTS …): the note
 * is written after the last statement, so a crash in between runs the file again. Comments are
 * "-- …" and slash-star; a semicolon in a quoted text or comment does not separate.
 *
 * The caller holds a lease, so that two processes do not migrate at once.
 */
#ifndef HS_PORT_MIGRATE_H
#define HS_PORT_MIGRATE_H

#include "port/analytics.h"

struct hs_migration {
    const char *name; /* "0001_tables.sql" */
    const unsigned char *data;
    size_t size;
};

struct hs_migrations {
    const struct hs_migration *files; /* sorted by name */
    size_t n;
};

struct hs_migrate_result {
    unsigned applied; /* files that this call applied, over all hosts */
    uint32_t version; /* of the last file */
};

/*
 * Applies what is missing to the host behind `analytics`.
 * HS_EINVAL: a file's name, order or a statement is wrong (the text names file and statement).
 * HS_ECONFLICT: the database has a version that files lack (it belongs to a newer program), or
 * another checksum, or lacks a version below one that it has. Other codes as exec and query; all
 * may be called again. @blocks
 */
int hs_migrate(struct hs_analytics *analytics, const struct hs_migrations *set,
               struct hs_migrate_result *out, struct hs_err *err);

/* The same for every host of conf->analytics_url, one after another, each through a port of its
 * own. Stops at the first failure and names the host's number. @blocks */
int hs_migrate_hosts(const struct hs_analytics_ops *ops, const struct hs_conf *conf,
                     const struct hs_clock *clock, const struct hs_migrations *set,
                     struct hs_migrate_result *out, struct hs_err *err);

/* Takes the next statement, trimmed and without its semicolon, out of *rest; false when nothing but
 * blanks and comments is left. Pure. */
bool hs_migrate_next_statement(struct hs_str *rest, struct hs_str *out);

#endif
