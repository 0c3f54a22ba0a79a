/*
 * What the kernel keeps the engine from, whatever its SQL says. ClickHouse built as a local tool
 * lets any user read any file with the function file() and has no switch for it, so grants alone
 * are not enough.
 *
 * Applies to the calling thread and to all threads that it starts afterwards, for ever; threads
 * that exist already are not bound.
 *   seccomp   no connect, no sending to an address, no new process or program, no other process
 *             read (EACCES). Threads, and sockets that listen and what they accept, work.
 *   Landlock  files: reads and writes below `dir`/db; reads below `dir`/files, of the two
 *             configuration files and of the few system files that the engine looks at; nothing
 *             else, also nothing of /proc that shows processes.
 */
#ifndef HS_STORE_SANDBOX_H
#define HS_STORE_SANDBOX_H

#include <stdbool.h>

#include "base/err.h"

struct hs_store_sandbox {
    bool network; /* seccomp is in force */
    bool files;   /* Landlock is in force; false on kernels without it */
};

/* Shuts the calling thread in. A kernel that lacks one of the two is no error but shows in `out`;
 * HS_EIO: the kernel refused something that it has. */
int hs_store_sandbox_enter(const char *dir, struct hs_store_sandbox *out, struct hs_err *err);

#endif
