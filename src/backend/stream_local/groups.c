#include "backend/stream_local/groups_int.h"

#include "base/mem.h"

#define GROUPS_FIRST_LINE "haystat-stream-groups 1"

bool hs_groups_name_is_valid(struct hs_str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-'))
            return false;
    }
    return name.n > 0 && name.n <= HS_GROUP_NAME_MAX;
}

struct hs_group *hs_groups_find(struct hs_groups *groups, struct hs_str name)
{
    for (size_t i = 0; i < groups->n; i++) {
        if (hs_str_eq_c(name, groups->items[i].name))
            return &groups->items[i];
    }
    return NULL;
}

int hs_groups_add(struct hs_groups *groups, struct hs_str name, uint32_t topics,
                  const uint64_t *start, struct hs_err *err)
{
    struct hs_group *group = hs_groups_find(groups, name);
    uint32_t added;

    HS_ASSERT(name.n <= HS_GROUP_NAME_MAX);
    if (!group) {
        if (groups->n == HS_GROUPS_MAX)
            return hs_err_set(err, HS_ELIMIT, 0, "durable group \"%.*s\": there are %d, limit %d",
                              HS_STR_ARG(name), HS_GROUPS_MAX, HS_GROUPS_MAX);
        group = &groups->items[groups->n++];
        *group = (struct hs_group){0};
        memcpy(group->name, name.p, name.n);
    }
    added = topics & ~group->topics;
    for (unsigned i = 0; i < HS_TOPIC_N; i++) {
        if (added & HS_TOPIC_BIT(i))
            group->released[i] = start[i];
    }
    group->topics |= added;
    groups->dirty = groups->dirty || added != 0;
    groups->grown = groups->grown || added != 0;
    return HS_OK;
}

bool hs_groups_released(const struct hs_groups *groups, unsigned topic, uint64_t end)
{
    for (size_t i = 0; i < groups->n; i++) {
        const struct hs_group *group = &groups->items[i];

        if (group->topics & HS_TOPIC_BIT(topic) && group->released[topic] < end)
            return false;
    }
    return true;
}

void hs_groups_put(const struct hs_groups *groups, struct hs_buf *out)
{
    HS_BUF_ADD_LIT(out, GROUPS_FIRST_LINE "\n");
    for (size_t i = 0; i < groups->n; i++) {
        const struct hs_group *group = &groups->items[i];

        for (unsigned t = 0; t < HS_TOPIC_N; t++) {
            if (!(group->topics & HS_TOPIC_BIT(t)))
                continue;
            hs_buf_addf(out, "%s %s ", group->name, hs_topic_name(t));
            hs_buf_add_u64(out, group->released[t]);
            hs_buf_add_char(out, '\n');
        }
    }
}

static int parse_line(struct hs_str line, struct hs_groups *out)
{
    struct hs_str name, topic_name;
    uint64_t start[HS_TOPIC_N] = {0};
    enum hs_topic topic;

    if (!hs_str_split(&line, ' ', &name) || !hs_str_split(&line, ' ', &topic_name))
        return HS_ECORRUPT;
    if (!hs_groups_name_is_valid(name) || hs_topic_parse(topic_name, &topic) != HS_OK)
        return HS_ECORRUPT;
    if (hs_str_to_u64(line, &start[topic]) != HS_OK)
        return HS_ECORRUPT;
    return hs_groups_add(out, name, HS_TOPIC_BIT(topic), start, NULL) == HS_OK ? HS_OK
                                                                               : HS_ECORRUPT;
}

int hs_groups_parse(struct hs_str text, struct hs_groups *out, struct hs_err *err)
{
    struct hs_str line;
    unsigned line_no = 0;

    memset(out, 0, sizeof(*out));
    while (text.n > 0 && hs_str_split(&text, '\n', &line)) {
        line_no++;
        if (line_no == 1 ? !hs_str_eq_c(line, GROUPS_FIRST_LINE)
                         : line.n > 0 && parse_line(line, out) != HS_OK)
            return hs_err_set(err, HS_ECORRUPT, 0, "line %u is not valid", line_no);
    }
    if (line_no == 0)
        return hs_err_set(err, HS_ECORRUPT, 0, "it is empty");
    out->dirty = false;
    out->grown = false;
    return HS_OK;
}
