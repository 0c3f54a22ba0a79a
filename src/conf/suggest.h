/*
 * "Did you mean …": the nearest of a list of names, for unknown options and commands.
 */
#ifndef HS_CONF_SUGGEST_H
#define HS_CONF_SUGGEST_H

#include <stddef.h>

#include "base/str.h"

/* Edits (insert, delete, replace, swap of neighbours) between two texts, at most `max` + 1; texts
 * longer than 64 bytes give max + 1. */
size_t hs_suggest_distance(struct hs_str a, struct hs_str b, size_t max);

struct hs_suggest {
    struct hs_str wanted;
    size_t distance;  /* of the best so far */
    const char *best; /* borrowed; NULL when nothing is near enough */
};

/* Near enough is a third of the wanted text's length, at least 2 edits. */
void hs_suggest_init(struct hs_suggest *suggest, struct hs_str wanted);
void hs_suggest_offer(struct hs_suggest *suggest, const char *name);

#endif
