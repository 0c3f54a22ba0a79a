#include "engine/dedup.h"

#include "base/clock.h"
#include "base/mem.h"

enum {
    CAP_MIN = 1 << 12,
    EXPIRED = -1,     /* received_s of an entry that was forgotten */
    AHEAD_KEPT_S = 2, /* of the time that passed without newer receive times: rounding */
};

void hs_dedup_init(struct hs_dedup *dedup, size_t entries_max, int32_t window_s)
{
    HS_ASSERT(window_s > 0);
    *dedup = (struct hs_dedup){.live_max = HS_MAX(entries_max, (size_t)CAP_MIN / 2),
                               .window_s = window_s,
                               .cap = CAP_MIN};
    dedup->entries = hs_xcalloc(dedup->cap, sizeof(*dedup->entries));
}

void hs_dedup_fini(struct hs_dedup *dedup)
{
    if (!dedup)
        return;
    hs_free(dedup->entries);
    dedup->entries = NULL;
}

/* Entries received before this second are repeats no more. */
static int32_t cutoff_s(const struct hs_dedup *dedup)
{
    return HS_MAX(dedup->newest_s - dedup->window_s, dedup->floor_s);
}

static struct hs_dedup_id *find(const struct hs_dedup *dedup, const struct hs_dedup_id *id)
{
    size_t i = id->h1 & (dedup->cap - 1);

    while (dedup->entries[i].received_s != 0) {
        struct hs_dedup_id *entry = &dedup->entries[i];

        if (entry->h1 == id->h1 && entry->h2 == id->h2 && entry->received_s != EXPIRED)
            return entry;
        i = (i + 1) & (dedup->cap - 1);
    }
    return &dedup->entries[i];
}

static size_t count_from(const struct hs_dedup *dedup, int32_t from_s)
{
    size_t live = 0;
    size_t i;

    for (i = 0; i < dedup->cap; i++)
        live += dedup->entries[i].received_s > 0 && dedup->entries[i].received_s >= from_s;
    return live;
}

/* Raises the floor until at most three quarters of live_max are live. */
static void shrink_window(struct hs_dedup *dedup)
{
    int32_t low = cutoff_s(dedup);
    int32_t high = dedup->newest_s + 1;

    while (low + 1 < high) {
        int32_t mid = low + (high - low) / 2;

        if (count_from(dedup, mid) > dedup->live_max / 4 * 3)
            low = mid;
        else
            high = mid;
    }
    dedup->floor_s = high;
}

static void rebuild(struct hs_dedup *dedup)
{
    struct hs_dedup_id *old = dedup->entries;
    size_t old_cap = dedup->cap;
    size_t live = count_from(dedup, cutoff_s(dedup));
    int32_t from_s;
    size_t i;

    if (live >= dedup->live_max) {
        shrink_window(dedup);
        live = count_from(dedup, cutoff_s(dedup));
    }
    from_s = cutoff_s(dedup);
    while (dedup->cap > CAP_MIN && live < dedup->cap / 8)
        dedup->cap /= 2;
    while (live > dedup->cap / 2)
        dedup->cap *= 2;
    dedup->entries = hs_xcalloc(dedup->cap, sizeof(*dedup->entries));
    dedup->used = 0;
    for (i = 0; i < old_cap; i++) {
        if (old[i].received_s <= 0 || old[i].received_s < from_s)
            continue;
        *find(dedup, &old[i]) = old[i];
        dedup->used++;
    }
    hs_free(old);
}

void hs_dedup_tick(struct hs_dedup *dedup, int64_t mono_ns)
{
    HS_ASSERT(mono_ns > 0);
    if (dedup->mono_ns > 0)
        dedup->ahead_ns += mono_ns - dedup->mono_ns;
    dedup->mono_ns = mono_ns;
}

static void go_ahead(struct hs_dedup *dedup, int32_t received_s)
{
    int64_t ahead_s = (int64_t)received_s - dedup->newest_s;

    if (dedup->mono_ns > 0 && dedup->newest_s > 0)
        ahead_s = HS_MIN(ahead_s, dedup->ahead_ns / HS_NS_PER_S);
    if (ahead_s > 0) {
        dedup->newest_s += (int32_t)ahead_s;
        dedup->ahead_ns = HS_MAX(0, dedup->ahead_ns - ahead_s * HS_NS_PER_S);
    }
    dedup->ahead_ns = HS_MIN(dedup->ahead_ns, AHEAD_KEPT_S * HS_NS_PER_S);
}

bool hs_dedup_add(struct hs_dedup *dedup, const struct hs_dedup_id *id)
{
    struct hs_dedup_id *entry;
    bool repeat;

    /* A receive time before others that were seen is that of a clock that was set back, or of
     * another partition: the entry counts as new as the newest, so that it is kept long enough. */
    go_ahead(dedup, id->received_s);
    if (dedup->used >= dedup->cap / 4 * 3)
        rebuild(dedup);
    entry = find(dedup, id);
    repeat = entry->received_s > 0 && entry->received_s >= cutoff_s(dedup);
    if (repeat)
        return false;
    if (entry->received_s == 0)
        dedup->used++;
    *entry = *id;
    entry->received_s = HS_MAX(dedup->newest_s, 1);
    return true;
}

void hs_dedup_forget(struct hs_dedup *dedup, const struct hs_dedup_id *id)
{
    struct hs_dedup_id *entry = find(dedup, id);

    if (entry->received_s > 0)
        entry->received_s = EXPIRED;
}

int32_t hs_dedup_window_s(const struct hs_dedup *dedup)
{
    return HS_MIN(dedup->window_s, dedup->newest_s - cutoff_s(dedup));
}
