/*
 * Spans of one request by trace, log records by service: items go in one by one, messages come out,
 * one for each key, in the order in which the keys came first; within a message the items keep
 * their order and stand under their own resource and scope.
 *
 * Nothing is allocated for an item beyond its row; rows, tables and the message under construction
 * are kept from request to request.
 */
#ifndef HS_COLLECTOR_OTLP_GROUP_H
#define HS_COLLECTOR_OTLP_GROUP_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "collector/intake.h"
#include "net/otlp.h"
#include "port/stream.h"

enum {
    HS_OTLP_ITEMS_MAX = 500000, /* spans or log records of one request */
};

#define HS_OTLP_NO_ITEM UINT32_MAX

struct hs_otlp_item {
    struct hs_str bytes;         /* the Span's or LogRecord's message as it is stored */
    const char *trace_id;        /* spans: 16 bytes */
    uint64_t span_id, parent_id; /* spans: the ids' bytes; parent 0: none */
    uint32_t section;            /* index of groups->sections */
    uint32_t prev;               /* the item before it in its group */
};

/* One message to be. */
struct hs_otlp_group {
    struct hs_str key;
    uint32_t last;      /* item */
    size_t bytes_bound; /* the message is not longer */
};

struct hs_otlp_place {
    struct hs_otlp_section section; /* as it is stored */
    uint32_t resource;              /* equal for sections of the same resource */
};

struct hs_otlp_groups {
    struct hs_otlp_place *places; /* owned, as are the arrays below */
    size_t places_n, places_cap;
    struct hs_otlp_item *items;
    size_t items_n, items_cap;
    struct hs_otlp_group *groups;
    size_t groups_n, groups_cap;
    uint32_t *slots; /* open addressing by key: group index + 1 */
    size_t slots_n, slots_cap;
    uint64_t seed; /* of the hash, so that keys cannot be chosen to collide */
    struct hs_buf message;
};

void hs_otlp_groups_init(struct hs_otlp_groups *groups);
void hs_otlp_groups_fini(struct hs_otlp_groups *groups);
/* Empty again. Memory is kept up to a few MiB. */
void hs_otlp_groups_reset(struct hs_otlp_groups *groups);

/* Adds a section; its views are borrowed until reset. The items that follow belong to it.
 * HS_ELIMIT: memory is out. */
int hs_otlp_groups_section(struct hs_otlp_groups *groups, const struct hs_otlp_section *section,
                           uint32_t resource, struct hs_err *err);

/* Adds an item of the last section to the group of that key; section and prev are filled in. The
 * views are borrowed until reset. A group that would pass HS_STREAM_VALUE_MAX is closed and another
 * of the same key begun. HS_EINVAL: the item with its section alone passes it (nothing was added);
 * HS_ELIMIT: HS_OTLP_ITEMS_MAX, HS_STREAM_BATCH_MAX groups, or memory is out. */
int hs_otlp_groups_add(struct hs_otlp_groups *groups, struct hs_str key,
                       const struct hs_otlp_item *item, struct hs_err *err);

/* Adds all messages to the intake, with the key as it is or as hex. HS_ELIMIT: the intake is
 * full. */
int hs_otlp_groups_write(struct hs_otlp_groups *groups, struct hs_intake *intake,
                         enum hs_topic topic, bool hex_keys, struct hs_err *err);

#endif
