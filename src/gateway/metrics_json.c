#include "gateway/metrics_json.h"

#include "base/clock.h"
#include "base/mem.h"
#include "gateway/cells.h"

enum { KIND_TOTAL, KIND_GROUP, KIND_POINT };

struct kind_row {
    const char *name;
    unsigned measures;
    void (*totals)(struct hs_json *json, const struct hs_cell *cell);
    const struct hs_series_column *series;
};

static const struct kind_row kinds[HS_METRICS_KIND_N] = {
    [HS_METRICS_LATENCY] = {"latency", HS_MEASURE_LATENCY, hs_cell_latency, hs_series_latency},
    [HS_METRICS_RELEVANCE] = {"relevance", HS_MEASURE_ZERO | HS_MEASURE_SCORE, hs_cell_relevance,
                              hs_series_relevance},
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
    struct hs_cell_reader reader;
    const struct hs_column *row_kind, *t;
    const struct hs_column *keys[HS_GROUPS_MAX];
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

static int find_columns(struct writer *writer, struct hs_err *err)
{
    static const char *const names[HS_GROUPS_MAX] = {"k0", "k1", "k2", "k3"};
    const struct hs_metrics_answer *answer = writer->answer;
    size_t i;
    int rc = hs_cell_reader_init(&writer->reader, answer->rows, err);

    writer->row_kind = hs_table_column(answer->rows, "kind");
    writer->t = hs_table_column(answer->rows, "t");
    if (rc == HS_OK && (!writer->row_kind || writer->row_kind->kind != HS_COL_U64 || !writer->t ||
                        writer->t->kind != HS_COL_U64))
        rc = hs_err_set(err, HS_ECORRUPT, 0, "the store's answer has no columns kind and t");
    for (i = 0; i < answer->params->groups_n && rc == HS_OK; i++) {
        writer->keys[i] = hs_table_column(answer->rows, names[i]);
        if (!writer->keys[i] || writer->keys[i]->kind != HS_COL_STR)
            rc = hs_err_set(err, HS_ECORRUPT, 0, "the store's answer has no column %s", names[i]);
    }
    return rc;
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
}

static void add_total(struct writer *writer)
{
    const struct hs_metrics_answer *answer = writer->answer;
    struct hs_cell_reader other;
    const struct hs_cell_reader *reader = &writer->reader;
    const struct hs_table *table = answer->rows;
    struct hs_cell cell = {.count = 0};

    if (answer->total && hs_cell_reader_init(&other, answer->total, NULL) == HS_OK) {
        reader = &other;
        table = answer->total;
    }
    if (table->rows > 0)
        hs_cell_read(reader, 0, &cell);
    hs_json_key(&writer->json, "total");
    hs_json_obj_open(&writer->json);
    writer->kind->totals(&writer->json, &cell);
    hs_json_obj_close(&writer->json);
}

/* Steps of the range that have begun. */
static int64_t steps_n(const struct hs_metrics_answer *answer)
{
    const struct hs_range *range = answer->range;
    int64_t end_s = HS_MIN(range->to_s, answer->now_s + range->step_s);

    return end_s > range->from_s ? (end_s - range->from_s) / range->step_s : 0;
}

/* One column of the series whose points are the rows [from, to). */
static void add_column(struct writer *writer, const struct hs_series_column *column, size_t from,
                       size_t to)
{
    static const struct hs_cell nothing = {.count = 0};
    const struct hs_range *range = writer->answer->range;
    int64_t n = steps_n(writer->answer);
    size_t row = from;
    struct hs_cell cell;
    int64_t i;

    hs_json_key(&writer->json, column->name);
    hs_json_arr_open(&writer->json);
    for (i = 0; i < n; i++) {
        int64_t t_s = range->from_s + i * range->step_s;

        if (row < to && (int64_t)writer->t->u64[row] == t_s) {
            hs_cell_read(&writer->reader, row++, &cell);
            column->fn(&writer->json, &cell);
        } else {
            column->fn(&writer->json, &nothing);
        }
    }
    hs_json_arr_close(&writer->json);
}

static void add_series(struct writer *writer, size_t from, size_t to)
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
        add_column(writer, column, from, to);
    hs_json_obj_close(&writer->json);
}

/* The group at `row`; returns the row after its points. */
static size_t add_group(struct writer *writer, size_t row)
{
    const struct hs_params *params = writer->answer->params;
    size_t rows_n = writer->answer->rows->rows;
    struct hs_json *json = &writer->json;
    struct hs_cell cell;
    size_t end = row + 1;
    size_t i;

    while (end < rows_n && writer->row_kind->u64[end] == KIND_POINT)
        end++;
    hs_cell_read(&writer->reader, row, &cell);
    hs_json_obj_open(json);
    hs_json_key(json, "key");
    hs_json_obj_open(json);
    for (i = 0; i < params->groups_n; i++) {
        hs_json_key_str(json, params->groups[i].name);
        hs_json_add_str(json, writer->keys[i]->str[row]);
    }
    hs_json_obj_close(json);
    writer->kind->totals(json, &cell);
    if (params->series)
        add_series(writer, row + 1, end);
    hs_json_obj_close(json);
    return end;
}

int hs_metrics_json(const struct hs_metrics_answer *answer, struct hs_buf *out, struct hs_err *err)
{
    struct writer writer = {.answer = answer, .kind = &kinds[answer->kind]};
    size_t row = 0;
    int rc = find_columns(&writer, err);

    if (rc != HS_OK)
        return rc;
    hs_json_init(&writer.json, out);
    hs_json_obj_open(&writer.json);
    add_head(&writer);
    hs_json_key(&writer.json, "groups");
    hs_json_arr_open(&writer.json);
    while (row < answer->rows->rows && writer.row_kind->u64[row] != KIND_GROUP)
        row++;
    while (row < answer->rows->rows && hs_buf_ok(out))
        row = add_group(&writer, row);
    hs_json_arr_close(&writer.json);
    add_total(&writer);
    hs_json_obj_close(&writer.json);
    if (!hs_buf_ok(out))
        return hs_err_set(err, HS_ELIMIT, 0, "the answer is larger than %zu bytes", out->max);
    return HS_OK;
}
