/*
 * Which windows of the rollups answer a range of time.
 *
 * A coarse window is read only when it lies inside the range, has ended, and no dirty mark of its
 * own
 * or a finer level begins within it; everything else comes from minutes. Minutes are kept for less
 * long than coarser windows: before floor_s[1m] the next level takes over, whatever its marks, for
 * nothing better is left to read.
 *
 * The segments cover [from, to) exactly, in order, without overlap. Their number is bounded: what
 * is left when they are nearly used up is read from the finest level that reaches back so far.
 */
#ifndef HS_GATEWAY_PLAN_H
#define HS_GATEWAY_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "port/dirty.h"

enum { HS_PLAN_SEGMENTS_MAX = 256 };

/* Starts of dirty windows of one level, ascending. */
struct hs_plan_marks {
    const int64_t *start_s;
    size_t n;
    int64_t unknown_from_s; /* all windows from here on count as dirty; INT64_MAX: none */
};

struct hs_plan_in {
    int64_t from_s, to_s; /* multiples of hs_plan_finest(in, from_s) */
    int64_t now_s;
    enum hs_level coarsest;      /* no coarser level than this, but before the floors */
    int64_t floor_s[HS_LEVEL_N]; /* a level is complete from here on; multiples of the next level */
    struct hs_plan_marks marks[HS_LEVEL_N];
};

struct hs_plan_segment {
    enum hs_level level;
    int64_t from_s, to_s; /* multiples of the level */
};

struct hs_plan {
    struct hs_plan_segment segments[HS_PLAN_SEGMENTS_MAX];
    size_t n;
};

/* The finest level that still holds what was at t_s. */
enum hs_level hs_plan_finest(const struct hs_plan_in *in, int64_t t_s);
void hs_plan_make(const struct hs_plan_in *in, struct hs_plan *out);
/* Whether a mark of this level or a finer one begins in [from, to). */
bool hs_plan_dirty(const struct hs_plan_in *in, enum hs_level level, int64_t from_s, int64_t to_s);

#endif
