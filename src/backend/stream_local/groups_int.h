/*
 * The durable consumer groups and the offsets that they released, kept in <data>/stream/groups so
 * that a group pins the log while it is away. Guarded by the log's mutex.
 *
 * The file is text: the line "haystat-stream-groups 1", then "<group> <topic> <released>" lines. A
 * group that is gone for good is forgotten by removing its lines while nothing runs.
 */
#ifndef HS_BACKEND_STREAM_LOCAL_GROUPS_INT_H
#define HS_BACKEND_STREAM_LOCAL_GROUPS_INT_H

#include "base/buf.h"
#include "port/stream.h"

enum { HS_GROUPS_MAX = 64, HS_GROUP_NAME_MAX = 64 };

struct hs_group {
    char name[HS_GROUP_NAME_MAX + 1];
    uint32_t topics; /* that it pins */
    uint64_t released[HS_TOPIC_N];
};

struct hs_groups {
    struct hs_group items[HS_GROUPS_MAX];
    size_t n;
    bool dirty; /* differs from the file */
    bool grown; /* holds a group or topic that the file lacks; until it is saved nothing may be
                  * deleted, because after a crash nobody would know of it */
};

/* [a-z0-9._-]{1,64} */
bool hs_groups_name_is_valid(struct hs_str name);
/* NULL when there is none. */
struct hs_group *hs_groups_find(struct hs_groups *groups, struct hs_str name);
/* Adds the group or more topics to it; new ones begin at start[topic]. HS_ELIMIT past 64 groups. */
int hs_groups_add(struct hs_groups *groups, struct hs_str name, uint32_t topics,
                  const uint64_t *start, struct hs_err *err);
/* Whether all of topic below `end` is released by every group that pins the topic. */
bool hs_groups_released(const struct hs_groups *groups, unsigned topic, uint64_t end);

void hs_groups_put(const struct hs_groups *groups, struct hs_buf *out);
/* HS_ECORRUPT names the line. Lines of unknown topics are refused: a newer program wrote them. */
int hs_groups_parse(struct hs_str text, struct hs_groups *out, struct hs_err *err);

#endif
