#include "collector/otlp_group.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/rand.h"
#include "net/pb.h"

enum {
    FIRST_CAP = 64,
    KEPT_BYTES = 4 << 20,  /* an array larger than this is given back at reset */
    ITEM_OVERHEAD = 8,     /* tag and length of an item */
    SECTION_OVERHEAD = 48, /* tags and lengths of a resource and a scope with their schemas */
};

void hs_otlp_groups_init(struct hs_otlp_groups *groups)
{
    memset(groups, 0, sizeof(*groups));
    hs_rand_secret(&groups->seed, sizeof(groups->seed));
    hs_buf_init(&groups->message, HS_STREAM_VALUE_MAX);
}

void hs_otlp_groups_fini(struct hs_otlp_groups *groups)
{
    hs_free(groups->places);
    hs_free(groups->items);
    hs_free(groups->groups);
    hs_free(groups->slots);
    hs_buf_fini(&groups->message);
    memset(groups, 0, sizeof(*groups));
}

/* Gives back what one large request made grow. */
static void shrink(void *array, size_t *cap, size_t size)
{
    void **p = array;

    if (*cap * size <= KEPT_BYTES)
        return;
    hs_free(*p);
    *p = NULL;
    *cap = 0;
}

void hs_otlp_groups_reset(struct hs_otlp_groups *groups)
{
    shrink(&groups->places, &groups->places_cap, sizeof(*groups->places));
    shrink(&groups->items, &groups->items_cap, sizeof(*groups->items));
    shrink(&groups->groups, &groups->groups_cap, sizeof(*groups->groups));
    shrink(&groups->slots, &groups->slots_cap, sizeof(*groups->slots));
    if (groups->slots && groups->slots_n > 0)
        memset(groups->slots, 0, groups->slots_cap * sizeof(*groups->slots));
    groups->places_n = groups->items_n = groups->groups_n = groups->slots_n = 0;
    hs_buf_reset(&groups->message);
    if (groups->message.cap > KEPT_BYTES)
        hs_buf_fini(&groups->message);
}

/* Room for one more row. `array` is the address of a pointer. */
static int grow(void *array, size_t n, size_t *cap, size_t size, struct hs_err *err)
{
    void **p = array;
    size_t wanted = *cap ? *cap * 2 : FIRST_CAP;
    void *larger;

    if (n < *cap)
        return HS_OK;
    larger = hs_try_realloc(*p, wanted, size);
    if (!larger)
        return hs_err_set(err, HS_ELIMIT, 0, "OTLP: no memory for %zu rows", wanted);
    *p = larger;
    *cap = wanted;
    return HS_OK;
}

int hs_otlp_groups_section(struct hs_otlp_groups *groups, const struct hs_otlp_section *section,
                           uint32_t resource, struct hs_err *err)
{
    int rc =
        grow(&groups->places, groups->places_n, &groups->places_cap, sizeof(*groups->places), err);

    if (rc < 0)
        return rc;
    groups->places[groups->places_n++] =
        (struct hs_otlp_place){.section = *section, .resource = resource};
    return HS_OK;
}

static size_t slot_of(const struct hs_otlp_groups *groups, struct hs_str key)
{
    size_t mask = groups->slots_cap - 1;
    size_t at = hs_hash64_seed(key, groups->seed) & mask;

    while (groups->slots[at] && !hs_str_eq(groups->groups[groups->slots[at] - 1].key, key))
        at = (at + 1) & mask;
    return at;
}

/* At most half of the slots are in use. */
static int grow_slots(struct hs_otlp_groups *groups, struct hs_err *err)
{
    size_t cap = groups->slots_cap ? groups->slots_cap * 2 : 2 * FIRST_CAP;
    uint32_t *old = groups->slots;
    size_t old_cap = groups->slots_cap, i;

    if (2 * (groups->slots_n + 1) <= groups->slots_cap)
        return HS_OK;
    groups->slots = hs_try_calloc(cap, sizeof(*groups->slots));
    if (!groups->slots) {
        groups->slots = old;
        return hs_err_set(err, HS_ELIMIT, 0, "OTLP: no memory for %zu traces", cap / 2);
    }
    groups->slots_cap = cap;
    for (i = 0; i < old_cap; i++) {
        if (old[i])
            groups->slots[slot_of(groups, groups->groups[old[i] - 1].key)] = old[i];
    }
    hs_free(old);
    return HS_OK;
}

static size_t section_bytes(const struct hs_otlp_section *section)
{
    return section->resource.n + section->resource_schema.n + section->scope.n +
           section->scope_schema.n + SECTION_OVERHEAD;
}

/* What the group's message may grow by with one more item of the last section. */
static size_t bytes_more(const struct hs_otlp_groups *groups, const struct hs_otlp_group *group,
                         struct hs_str item)
{
    uint32_t place = (uint32_t)groups->places_n - 1;
    size_t bytes = item.n + ITEM_OVERHEAD;

    if (!group || groups->items[group->last].section != place)
        bytes += section_bytes(&groups->places[place].section);
    return bytes;
}

/* A group with one item that is yet to be added. */
static int open_group(struct hs_otlp_groups *groups, size_t slot, struct hs_str key, size_t bytes,
                      struct hs_err *err)
{
    int rc;

    if (bytes > HS_STREAM_VALUE_MAX)
        return hs_err_set(err, HS_EINVAL, 0, "%zu bytes with resource and scope, limit %d", bytes,
                          HS_STREAM_VALUE_MAX);
    if (groups->groups_n >= HS_STREAM_BATCH_MAX)
        return hs_err_set(err, HS_ELIMIT, 0, "OTLP: more than %d traces or services in a request",
                          HS_STREAM_BATCH_MAX);
    rc = grow(&groups->groups, groups->groups_n, &groups->groups_cap, sizeof(*groups->groups), err);
    if (rc < 0)
        return rc;
    groups->groups[groups->groups_n++] =
        (struct hs_otlp_group){.key = key, .last = HS_OTLP_NO_ITEM, .bytes_bound = bytes};
    groups->slots_n += groups->slots[slot] == 0;
    groups->slots[slot] = (uint32_t)groups->groups_n;
    return HS_OK;
}

/* The group that the item goes into, its bound already grown. */
static int group_for(struct hs_otlp_groups *groups, struct hs_str key, struct hs_str item,
                     struct hs_otlp_group **out, struct hs_err *err)
{
    struct hs_otlp_group *group = NULL;
    size_t slot, bytes;
    int rc = grow_slots(groups, err);

    if (rc < 0)
        return rc;
    slot = slot_of(groups, key);
    if (groups->slots[slot]) {
        group = &groups->groups[groups->slots[slot] - 1];
        bytes = bytes_more(groups, group, item);
        if (group->bytes_bound + bytes <= HS_STREAM_VALUE_MAX) {
            group->bytes_bound += bytes;
            *out = group;
            return HS_OK;
        }
    }
    rc = open_group(groups, slot, key, bytes_more(groups, NULL, item), err);
    if (rc == HS_OK)
        *out = &groups->groups[groups->groups_n - 1];
    return rc;
}

int hs_otlp_groups_add(struct hs_otlp_groups *groups, struct hs_str key,
                       const struct hs_otlp_item *item, struct hs_err *err)
{
    struct hs_otlp_group *group = NULL;
    struct hs_otlp_item *row;
    int rc;

    HS_ASSERT(groups->places_n > 0);
    if (groups->items_n >= HS_OTLP_ITEMS_MAX)
        return hs_err_set(err, HS_ELIMIT, 0, "OTLP: more than %d spans or records in a request",
                          HS_OTLP_ITEMS_MAX);
    rc = grow(&groups->items, groups->items_n, &groups->items_cap, sizeof(*groups->items), err);
    if (rc == HS_OK)
        rc = group_for(groups, key, item->bytes, &group, err);
    if (rc < 0)
        return rc;
    row = &groups->items[groups->items_n];
    *row = *item;
    row->section = (uint32_t)groups->places_n - 1;
    row->prev = group->last;
    group->last = (uint32_t)groups->items_n++;
    return HS_OK;
}

/* A message under construction, from back to front: what is still open behind the pen. */
struct pen {
    struct hs_pb_back back;
    const struct hs_otlp_place *place; /* of the item last written; NULL at the start */
    char *scope_end, *resource_end;
};

static void close_scope(struct pen *pen)
{
    hs_pb_back_bytes(&pen->back, 1, pen->place->section.scope);
    hs_pb_back_head(&pen->back, 2, (size_t)(pen->scope_end - pen->back.p));
}

static void close_resource(struct pen *pen)
{
    hs_pb_back_bytes(&pen->back, 1, pen->place->section.resource);
    hs_pb_back_head(&pen->back, 1, (size_t)(pen->resource_end - pen->back.p));
}

/* Closes what `place` is not part of and opens what it is. */
static void move_to(struct pen *pen, const struct hs_otlp_place *place)
{
    bool same_resource = pen->place && pen->place->resource == place->resource;

    if (pen->place)
        close_scope(pen);
    if (!same_resource) {
        if (pen->place)
            close_resource(pen);
        pen->resource_end = pen->back.p;
        hs_pb_back_bytes(&pen->back, 3, place->section.resource_schema);
    }
    pen->scope_end = pen->back.p;
    hs_pb_back_bytes(&pen->back, 3, place->section.scope_schema);
    pen->place = place;
}

/* The message of a group; HS_STR_NULL when memory is out. */
static struct hs_str build(struct hs_otlp_groups *groups, const struct hs_otlp_group *group)
{
    struct pen pen = {.place = NULL};
    uint32_t at;
    char *end;

    hs_buf_reset(&groups->message);
    pen.back.base = hs_buf_reserve(&groups->message, group->bytes_bound);
    if (!pen.back.base)
        return HS_STR_NULL;
    end = pen.back.p = pen.back.base + group->bytes_bound;
    for (at = group->last; at != HS_OTLP_NO_ITEM; at = groups->items[at].prev) {
        const struct hs_otlp_item *item = &groups->items[at];
        const struct hs_otlp_place *place = &groups->places[item->section];

        if (pen.place != place)
            move_to(&pen, place);
        hs_pb_back_raw(&pen.back, item->bytes);
        hs_pb_back_head(&pen.back, 2, item->bytes.n);
    }
    HS_ASSERT(pen.place != NULL); /* no group is empty */
    close_scope(&pen);
    close_resource(&pen);
    return hs_str_n(pen.back.p, (size_t)(end - pen.back.p));
}

int hs_otlp_groups_write(struct hs_otlp_groups *groups, struct hs_intake *intake,
                         enum hs_topic topic, bool hex_keys, struct hs_err *err)
{
    char hex[2 * HS_OTLP_TRACE_ID];
    size_t i;
    int rc;

    for (i = 0; i < groups->groups_n; i++) {
        const struct hs_otlp_group *group = &groups->groups[i];
        struct hs_str key = group->key;
        struct hs_str value = build(groups, group);

        if (value.n == 0)
            return hs_err_set(err, HS_ELIMIT, 0, "OTLP: no memory for a message of %zu bytes",
                              group->bytes_bound);
        if (hex_keys) {
            HS_ASSERT(key.n == HS_OTLP_TRACE_ID);
            hs_hex_encode(key.p, key.n, hex);
            key = hs_str_n(hex, sizeof(hex));
        }
        rc = hs_intake_message(intake, topic, key, value, err);
        if (rc < 0)
            return rc;
    }
    return HS_OK;
}
