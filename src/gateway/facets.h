/*
 * Facets: what searches can be grouped and filtered by: a closed set of names, and
 * attributes.<name>.
 *
 *   base        service, environment          in every rollup
 *   dimension   version, index, …             one at a time in the dim tables
 *   raw         everything else               from raw rows, under query.rows_max
 */
#ifndef HS_GATEWAY_FACETS_H
#define HS_GATEWAY_FACETS_H

#include <stdbool.h>

#include "base/str.h"

enum { HS_ATTRIBUTE_NAME_MAX = 128 };

enum hs_facet_kind {
    HS_FACET_BASE,
    HS_FACET_DIM,
    HS_FACET_EXPERIMENT,
    HS_FACET_RAW,
    HS_FACET_ATTRIBUTE
};

struct hs_facet {
    const char *name;
    enum hs_facet_kind kind;
    const char *column; /* of haystat.searches, as a String expression */
    bool of_intents;    /* and of haystat.intents */
};

struct hs_facet_ref {
    const struct hs_facet *field;
    struct hs_str name;      /* as it was asked for: "attributes.tier" */
    struct hs_str attribute; /* "tier"; empty for other kinds */
};

/* Finds a field by name. HS_EINVAL: unknown; err suggests the nearest. Views into `name`. */
int hs_facet_find(struct hs_str name, struct hs_facet_ref *out, struct hs_err *err);
bool hs_facet_same(const struct hs_facet_ref *a, const struct hs_facet_ref *b);

#endif
