/*
 * Metadata in SQLite: one file, <data>/metadata.db (0600), which several processes may use at once.
 *
 * WAL with synchronous=FULL: a commit is on disk when it returns. One connection writes, guarded by
 * a mutex; READERS_MAX others read snapshots and never wait for a commit's fsync.
 */
#ifndef HS_BACKEND_METADATA_SQLITE_H
#define HS_BACKEND_METADATA_SQLITE_H

#include "port/metadata.h"

extern const struct hs_metadata_ops hs_metadata_sqlite_ops;

#endif
