/*
 * The counted source of each application (design §3): native over UBI over spans, learnt from what
 * it sends, or set by an operator. Searches of its other sources are stored but not counted. Its
 * actions count from the same source when that sends any, else from the best that does.
 *
 *     space "sources"  "<tenant>/<application>" → {"seen": ["native", "ubi"], "counted": "native",
 *                                                  "set": false, "actions": ["ubi"]}
 */
#ifndef HS_PORT_SOURCE_H
#define HS_PORT_SOURCE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "port/analytics.h"
#include "port/metadata.h"

#define HS_SPACE_SOURCES "sources"

enum hs_source_bit { HS_SEEN_NATIVE = 1, HS_SEEN_UBI = 2, HS_SEEN_SPAN = 4 };

struct hs_app_counted {
    unsigned seen;    /* set of hs_source_bit that sent searches */
    unsigned counted; /* one of them; 0: it has sent no search */
    unsigned actions; /* set of those that sent actions */
    bool set;         /* by an operator: learning does not change it */
};

/* 0 for other words. */
unsigned hs_source_bit_of(struct hs_str name);
const char *hs_source_bit_name(unsigned bit);
/* The best of a set: native, then ubi, then span. */
unsigned hs_source_best(unsigned seen);
/* The source whose actions count; 0: there are none. */
unsigned hs_source_of_actions(const struct hs_app_counted *app);

/* HS_ECORRUPT. */
int hs_app_counted_decode(struct hs_str value, struct hs_app_counted *out, struct hs_err *err);
void hs_app_counted_encode(const struct hs_app_counted *app, struct hs_buf *out);

enum {
    HS_SOURCE_CONDITION_MAX = 4 << 20,   /* bytes; store/users.c lets the store read such a query */
    HS_SOURCE_APPLICATIONS_MAX = 100000, /* that are looked at for one condition */
};

/* Appends to out an SQL condition on columns application and source of haystat.searches that holds
 * for counted rows of the tenant: applications that sent from one source only need no mention.
 * Names are whatever a client sends: of applications beyond the two limits all sources count, so
 * that nobody can make the tenant's statements fail. @blocks */
int hs_source_condition(struct hs_metadata *metadata, struct hs_str tenant, struct hs_buf *out,
                        struct hs_err *err);

enum hs_source_kind {
    HS_SOURCE_OF_SEARCHES, /* applications with a source whose searches do not count */
    HS_SOURCE_OF_ACTIONS,  /* those with a source whose actions do not count */
    HS_SOURCE_TRACKED, /* those that send actions; beyond the limits they count as sending none */
};

/* Applications, and beside each the source that counts, as SQL literals with commas between, within
 * the limits above. */
struct hs_source_lists {
    struct hs_buf names, counted;
};

/* The caller ends with fini in any case. @blocks */
int hs_source_lists_read(struct hs_metadata *metadata, struct hs_str tenant,
                         enum hs_source_kind kind, struct hs_source_lists *lists,
                         struct hs_err *err);
void hs_source_lists_fini(struct hs_source_lists *lists);

#endif
