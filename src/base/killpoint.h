/*
 * Kill points: places where a test may end the process with SIGKILL, to prove what survives.
 * Compiled in with HS_KILLPOINTS (debug and sanitizer presets) only; elsewhere it is nothing.
 *
 * HAYSTAT_KILL=name:n (read once, by hs_killpoint_configure in main) kills at the n-th pass of
 * `name`, counted from 1. Names used: see docs/torture.md.
 */
#ifndef HS_BASE_KILLPOINT_H
#define HS_BASE_KILLPOINT_H

#ifdef HS_KILLPOINTS
void hs_killpoint(const char *name); /* @thread any */
/* spec is "name:n" or NULL for none; a malformed one aborts. */
void hs_killpoint_configure(const char *spec);
#else
static inline void hs_killpoint(const char *name)
{
    (void)name;
}
static inline void hs_killpoint_configure(const char *spec)
{
    (void)spec;
}
#endif

#endif
