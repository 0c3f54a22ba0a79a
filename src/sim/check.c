#include "sim/check.h"

#include <stdio.h>
#include <yyjson.h>

#include "base/mem.h"

#define TOLERANCE 0.01

enum { FIGURES = 4, PERCENTILES = 4, NAME_MAX_BYTES = 64 };

static const char *const figures[FIGURES] = {"executions", "errors", "answered", "zero_results"};
static const char *const percentiles[PERCENTILES] = {"p50", "p90", "p95", "p99"};

struct row {
    char service[NAME_MAX_BYTES], version[NAME_MAX_BYTES];
    uint64_t counts[FIGURES];
    double low[PERCENTILES], high[PERCENTILES]; /* high < 0: no latencies */
};

struct hs_sim_check {
    struct row rows[HS_SIM_CHECK_ROWS_MAX];
    size_t rows_n, truths_n;
    int64_t from_s, to_s;
};

struct hs_sim_check *hs_sim_check_new(void)
{
    return hs_xalloc(sizeof(struct hs_sim_check));
}

void hs_sim_check_free(struct hs_sim_check *check)
{
    hs_free(check);
}

static struct row *find_row(struct hs_sim_check *check, const char *service, const char *version)
{
    struct row *row;
    size_t i;

    for (i = 0; i < check->rows_n; i++) {
        row = &check->rows[i];
        if (strcmp(row->service, service) == 0 && strcmp(row->version, version) == 0)
            return row;
    }
    if (check->rows_n == HS_SIM_CHECK_ROWS_MAX)
        return NULL;
    row = &check->rows[check->rows_n++];
    snprintf(row->service, sizeof(row->service), "%s", service);
    snprintf(row->version, sizeof(row->version), "%s", version);
    return row;
}

static void add_version(struct hs_sim_check *check, const char *service, yyjson_val *version)
{
    const char *name = yyjson_get_str(yyjson_obj_get(version, "version"));
    yyjson_val *latency = yyjson_obj_get(version, "latency_ms");
    struct row *row = name ? find_row(check, service, name) : NULL;
    size_t i;

    if (!row)
        return;
    for (i = 0; i < FIGURES; i++)
        row->counts[i] += yyjson_get_uint(yyjson_obj_get(version, figures[i]));
    for (i = 0; i < PERCENTILES; i++) {
        yyjson_val *bounds = yyjson_obj_get(latency, percentiles[i]);

        row->low[i] = yyjson_get_num(yyjson_obj_get(bounds, "low"));
        row->high[i] = bounds ? yyjson_get_num(yyjson_obj_get(bounds, "high")) : -1;
    }
}

static void widen_range(struct hs_sim_check *check, yyjson_val *times)
{
    yyjson_val *time;
    size_t i, n;

    yyjson_arr_foreach(times, i, n, time)
    {
        int64_t t = (int64_t)yyjson_get_uint(time);

        if (check->to_s == 0 || t < check->from_s)
            check->from_s = t;
        check->to_s = HS_MAX(check->to_s, t + 60);
    }
}

static void add_minutes(struct hs_sim_check *check, yyjson_val *minutes)
{
    yyjson_val *group;
    size_t i, n;

    yyjson_arr_foreach(minutes, i, n, group)
    {
        widen_range(check, yyjson_obj_get(group, "t"));
    }
}

static int add_truth(struct hs_sim_check *check, yyjson_val *root, struct hs_err *err)
{
    yyjson_val *services = yyjson_obj_get(root, "services");
    yyjson_val *complete = yyjson_obj_get(root, "complete");
    yyjson_val *service, *version;
    size_t i, n, k, m;

    if (!yyjson_is_arr(services) || !yyjson_is_bool(complete))
        return hs_err_set(err, HS_EINVAL, 0, "it is not what haystat simulate --truth writes");
    if (!yyjson_get_bool(complete))
        return hs_err_set(err, HS_EINVAL, 0,
                          "not everything of that run was acknowledged, so it does not say what "
                          "must be stored");
    yyjson_arr_foreach(services, i, n, service)
    {
        const char *name = yyjson_get_str(yyjson_obj_get(service, "service"));
        yyjson_val *versions = yyjson_obj_get(service, "versions");

        yyjson_arr_foreach(versions, k, m, version)
        {
            if (name)
                add_version(check, name, version);
        }
    }
    add_minutes(check, yyjson_obj_get(root, "minutes"));
    check->truths_n++;
    return HS_OK;
}

int hs_sim_check_add(struct hs_sim_check *check, struct hs_str text, struct hs_err *err)
{
    yyjson_doc *doc = yyjson_read(text.p, text.n, 0);
    int rc = add_truth(check, yyjson_doc_get_root(doc), err);

    yyjson_doc_free(doc);
    return rc;
}

void hs_sim_check_range(const struct hs_sim_check *check, int64_t *out_from_s, int64_t *out_to_s)
{
    *out_from_s = check->from_s;
    *out_to_s = check->to_s;
}

static yyjson_val *find_group(yyjson_val *groups, const struct row *row)
{
    yyjson_val *group;
    size_t i, n;

    yyjson_arr_foreach(groups, i, n, group)
    {
        yyjson_val *key = yyjson_obj_get(group, "key");

        if (yyjson_equals_str(yyjson_obj_get(key, "service"), row->service) &&
            yyjson_equals_str(yyjson_obj_get(key, "version"), row->version))
            return group;
    }
    return NULL;
}

/* The summary's figure of the same meaning; a group that is absent counts zero. */
static uint64_t figure_of(yyjson_val *group, size_t figure)
{
    yyjson_val *zero = yyjson_obj_get(group, "zero_results");

    switch (figure) {
    case 2: return yyjson_get_uint(yyjson_obj_get(zero, "denominator"));
    case 3: return yyjson_get_uint(yyjson_obj_get(zero, "numerator"));
    default: return yyjson_get_uint(yyjson_obj_get(group, figures[figure]));
    }
}

static void compare_counts(const struct row *row, yyjson_val *group, struct hs_buf *out_report,
                           struct hs_sim_checked *out)
{
    size_t i;

    for (i = 0; i < FIGURES; i++) {
        uint64_t is = figure_of(group, i);

        out->compared++;
        if (is == row->counts[i])
            continue;
        out->differing++;
        hs_buf_addf(out_report, "%s %s: %s is %llu, sent were %llu\n", row->service, row->version,
                    figures[i], (unsigned long long)is, (unsigned long long)row->counts[i]);
    }
}

static void compare_percentiles(const struct row *row, yyjson_val *group, struct hs_buf *out_report,
                                struct hs_sim_checked *out)
{
    char name[16];
    size_t i;

    for (i = 0; i < PERCENTILES; i++) {
        double is;

        if (row->high[i] < 0)
            continue;
        snprintf(name, sizeof(name), "%s_ms", percentiles[i]);
        is = yyjson_get_num(yyjson_obj_get(group, name));
        out->compared++;
        if (is >= row->low[i] * (1 - TOLERANCE) && is <= row->high[i] * (1 + TOLERANCE))
            continue;
        out->differing++;
        hs_buf_addf(out_report, "%s %s: %s is %.3f, the exact one lies in %.3f … %.3f\n",
                    row->service, row->version, name, is, row->low[i], row->high[i]);
    }
}

int hs_sim_check_compare(const struct hs_sim_check *check, struct hs_str summary,
                         struct hs_buf *out_report, struct hs_sim_checked *out, struct hs_err *err)
{
    yyjson_doc *doc = yyjson_read(summary.p, summary.n, 0);
    yyjson_val *groups = yyjson_obj_get(yyjson_doc_get_root(doc), "groups");
    int rc = HS_OK;
    size_t i;

    *out = (struct hs_sim_checked){0};
    if (!yyjson_is_arr(groups))
        rc = hs_err_set(err, HS_ECORRUPT, 0, "the summary has no groups");
    for (i = 0; i < check->rows_n && rc == HS_OK; i++) {
        const struct row *row = &check->rows[i];
        yyjson_val *group = find_group(groups, row);

        out->executions += row->counts[0];
        compare_counts(row, group, out_report, out);
        if (check->truths_n == 1)
            compare_percentiles(row, group, out_report, out);
    }
    yyjson_doc_free(doc);
    return rc;
}
