#include "gateway/metrics_json.h"

#include "base/clock.h"
#include "base/mem.h"
#include "gateway/behaviour_json.h"
#include "gateway/cells.h"

enum { SETTLING_S = 60 /* from the end of a window to its last computation */ };

struct kind_row {
    const char *name;
    unsigned measures;
    void (*totals)(struct hs_json *json, const struct hs_cell *cell);
    const struct hs_series_column *series;
};

static const struct kind_row kinds[HS_METRICS_KIND_N] = {
    [HS_METRICS_LATENCY] = {"latency", HS_MEASURE_LATENCY, hs_cell_latency, hs_series_latency},
    [HS_METRICS_RELEVANCE] = {"relevance",
                              HS_MEASURE_ZERO | HS_MEASURE_SCORE | HS_MEASURE_BEHAVIOUR,
                              hs_cell_relevance, hs_series_relevance},
    [HS_METRICS_ERRORS] = {"errors", HS_MEASURE_ERRORS | HS_MEASURE_CODES, hs_cell_errors,
                           hs_series_errors},
    [HS_METRICS_SUMMARY] = {"summary", HS_MEASURE_ERRORS | HS_MEASURE_LATENCY | HS_MEASURE_ZERO,
                            hs_cell_summary, hs_series_summary},
};

static const char *const table_names[] = {
    [HS_METRICS_FAST] = "fast", [HS_METRICS_DIM] = "dim", [HS_METRICS_RAW] = "raw"};

struct writer {
    const struct hs_metrics_answer *answer;
    const struct kind_row *kind;
    struct hs_json json;
};

const char *hs_metrics_kind_name(enum hs_metrics_kind kind)
{
    HS_ASSERT(kind < HS_METRICS_KIND_N);
    return kinds[kind].name;
}

unsigned hs_metrics_kind_measures(enum hs_metrics_kind kind)
{
    HS_ASSERT(kind < HS_METRICS_KIND_N);
    return kinds[kind].measures;
}

/* A window of actions that is still open at the end of the range: until then its numbers grow. */
static void add_until(struct writer *writer, const char *key, int64_t window_s)
{
    const struct hs_metrics_answer *answer = writer->answer;
    int64_t until_s = HS_MIN(answer->range->to_s, answer->now_s) + window_s + SETTLING_S;

    hs_json_key(&writer->json, key);
    if (until_s > answer->now_s)
        hs_json_add_time(&writer->json, until_s * HS_NS_PER_S);
    else
        hs_json_add_null(&writer->json);
}

static void add_provisional(struct writer *writer)
{
    struct hs_json *json = &writer->json;

    hs_json_key(json, "provisional_until");
    hs_json_obj_open(json);
    add_until(writer, "clicks", HS_INTENT_LENGTH_S);
    add_until(writer, "purchases", HS_INTENT_LENGTH_S + HS_PURCHASE_WINDOW_S);
    hs_json_obj_close(json);
}

/* Whether the statement could have columns of intents. */
static bool knows_intents(const struct writer *writer)
{
    return (writer->kind->measures & HS_MEASURE_BEHAVIOUR) &&
           (writer->answer->table != HS_METRICS_RAW ||
            hs_metrics_of_intents(writer->answer->params));
}

static void add_totals(struct writer *writer, const struct hs_cell *cell)
{
    struct hs_json *json = &writer->json;

    writer->kind->totals(json, cell);
    if (knows_intents(writer)) {
        hs_behaviour_json(json, cell);
    } else if (writer->kind->measures & HS_MEASURE_BEHAVIOUR) {
        hs_json_key(json, "intents");
        hs_json_add_null(json);
        hs_json_key(json, "intents_reason");
        hs_json_add_c(json, "a key of group_by or filter is not known of intents");
    }
}

static void add_head(struct writer *writer)
{
    const struct hs_metrics_answer *answer = writer->answer;
    struct hs_json *json = &writer->json;
    size_t i;

    hs_json_key(json, "from");
    hs_json_add_time(json, answer->range->from_s * HS_NS_PER_S);
    hs_json_key(json, "to");
    hs_json_add_time(json, answer->range->to_s * HS_NS_PER_S);
    hs_json_key(json, "step_s");
    hs_json_add_i64(json, answer->range->step_s);
    hs_json_key(json, "group_by");
    hs_json_arr_open(json);
    for (i = 0; i < answer->params->groups_n; i++)
        hs_json_add_str(json, answer->params->groups[i].name);
    hs_json_arr_close(json);
    hs_json_key(json, "table");
    hs_json_add_c(json, table_names[answer->table]);
    if (writer->kind->measures & HS_MEASURE_BEHAVIOUR)
        add_provisional(writer);
}

static void add_total(struct writer *writer)
{
    hs_json_key(&writer->json, "total");
    hs_json_obj_open(&writer->json);
    add_totals(writer, &writer->answer->fold->total);
    hs_json_obj_close(&writer->json);
}

/* Steps of the range that have begun. */
static int64_t steps_n(const struct hs_metrics_answer *answer)
{
    const struct hs_range *range = answer->range;
    int64_t end_s = HS_MIN(range->to_s, answer->now_s + range->step_s);

    return end_s > range->from_s ? (end_s - range->from_s) / range->step_s : 0;
}

static void add_column(struct writer *writer, const struct hs_series_column *column,
                       const struct hs_fold_group *group)
{
    static const struct hs_cell nothing = {.count = 0};
    const struct hs_range *range = writer->answer->range;
    int64_t n = steps_n(writer->answer);
    size_t point = 0;
    int64_t i;

    hs_json_key(&writer->json, column->name);
    hs_json_arr_open(&writer->json);
    for (i = 0; i < n; i++) {
        int64_t t_s = range->from_s + i * range->step_s;

        if (point < group->points_n && group->points[point].t_s == t_s)
            column->fn(&writer->json, &group->points[point++].cell);
        else
            column->fn(&writer->json, &nothing);
    }
    hs_json_arr_close(&writer->json);
}

static void add_series(struct writer *writer, const struct hs_fold_group *group)
{
    const struct hs_range *range = writer->answer->range;
    const struct hs_series_column *column;
    int64_t n = steps_n(writer->answer);
    int64_t i;

    hs_json_key(&writer->json, "series");
    hs_json_obj_open(&writer->json);
    hs_json_key(&writer->json, "t");
    hs_json_arr_open(&writer->json);
    for (i = 0; i < n; i++)
        hs_json_add_i64(&writer->json, range->from_s + i * range->step_s);
    hs_json_arr_close(&writer->json);
    for (column = writer->kind->series; column->name; column++)
        add_column(writer, column, group);
    for (column = hs_series_behaviour; knows_intents(writer) && column->name; column++)
        add_column(writer, column, group);
    hs_json_obj_close(&writer->json);
}

static void add_group(struct writer *writer, const struct hs_fold_group *group)
{
    const struct hs_metrics_answer *answer = writer->answer;
    const struct hs_params *params = answer->params;
    struct hs_json *json = &writer->json;
    size_t i;

    hs_json_obj_open(json);
    hs_json_key(json, "key");
    hs_json_obj_open(json);
    for (i = 0; i < params->groups_n; i++) {
        hs_json_key_str(json, params->groups[i].name);
        hs_json_add_str(json, hs_fold_key(answer->rows, i)->str[group->row]);
    }
    hs_json_obj_close(json);
    add_totals(writer, &group->cell);
    if (params->series)
        add_series(writer, group);
    hs_json_obj_close(json);
}

int hs_metrics_json(const struct hs_metrics_answer *answer, struct hs_buf *out, struct hs_err *err)
{
    struct writer writer = {.answer = answer, .kind = &kinds[answer->kind]};
    size_t i;

    hs_json_init(&writer.json, out);
    hs_json_obj_open(&writer.json);
    add_head(&writer);
    hs_json_key(&writer.json, "groups");
    hs_json_arr_open(&writer.json);
    for (i = 0; i < answer->fold->groups_n && hs_buf_ok(out); i++)
        add_group(&writer, &answer->fold->groups[i]);
    hs_json_arr_close(&writer.json);
    add_total(&writer);
    hs_json_obj_close(&writer.json);
    if (!hs_buf_ok(out))
        return hs_err_set(err, HS_ELIMIT, 0, "the answer is larger than %zu bytes", out->max);
    return HS_OK;
}
