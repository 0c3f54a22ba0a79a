#include "base/metric.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/thread.h"

struct hs_metric_series {
    struct hs_metric_series *next;
    char *labels[HS_METRIC_LABELS_MAX]; /* owned; NULL when the row lacks the label */
    double value;                       /* histogram: sum */
    uint64_t count;
    uint64_t buckets[HS_METRIC_BUCKETS_MAX];
};

const double hs_metric_seconds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                    0.5,   1,      2.5,   5,    10,    30,   60};
const unsigned hs_metric_seconds_n = HS_ARRAY_LEN(hs_metric_seconds);

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct hs_metric *registry; /* ordered by name */

static void register_locked(struct hs_metric *metric)
{
    struct hs_metric **at = &registry;

    if (atomic_load(&metric->registered))
        return;
    HS_ASSERT(metric->buckets_n <= HS_METRIC_BUCKETS_MAX);
    while (*at && strcmp((*at)->name, metric->name) < 0)
        at = &(*at)->next;
    metric->next = *at;
    *at = metric;
    atomic_store(&metric->registered, true);
}

static bool labels_equal(const struct hs_metric_series *series, const char *const *labels)
{
    unsigned i;

    for (i = 0; i < HS_METRIC_LABELS_MAX && series->labels[i]; i++) {
        if (strcmp(series->labels[i], labels[i] ? labels[i] : "") != 0)
            return false;
    }
    return true;
}

static struct hs_metric_series *find_locked(struct hs_metric *metric, const char *const *labels)
{
    struct hs_metric_series *series;

    for (series = metric->series; series; series = series->next) {
        if (labels_equal(series, labels))
            return series;
    }
    return NULL;
}

static struct hs_metric_series *series_locked(struct hs_metric *metric, const char *const *labels)
{
    static const char *const other[HS_METRIC_LABELS_MAX] = {"other", "other", "other"};
    struct hs_metric_series *series;
    unsigned i;

    register_locked(metric);
    series = find_locked(metric, labels);
    if (!series && metric->series_n >= HS_METRIC_SERIES_MAX) {
        labels = other;
        series = find_locked(metric, labels);
    }
    if (series)
        return series;
    series = hs_xalloc(sizeof(*series));
    for (i = 0; i < HS_METRIC_LABELS_MAX && metric->labels[i]; i++)
        series->labels[i] = hs_xstrdup(labels[i] ? labels[i] : "");
    series->next = metric->series;
    metric->series = series;
    metric->series_n++;
    return series;
}

void hs_metric_add(struct hs_metric *metric, const char *const *labels, double v)
{
    pthread_mutex_lock(&registry_lock);
    series_locked(metric, labels)->value += v;
    pthread_mutex_unlock(&registry_lock);
}

void hs_metric_set(struct hs_metric *metric, const char *const *labels, double v)
{
    HS_ASSERT(metric->type == HS_METRIC_GAUGE);
    pthread_mutex_lock(&registry_lock);
    series_locked(metric, labels)->value = v;
    pthread_mutex_unlock(&registry_lock);
}

void hs_metric_observe(struct hs_metric *metric, const char *const *labels, double v)
{
    struct hs_metric_series *series;
    unsigned i;

    HS_ASSERT(metric->type == HS_METRIC_HISTOGRAM);
    pthread_mutex_lock(&registry_lock);
    series = series_locked(metric, labels);
    series->value += v;
    series->count++;
    for (i = 0; i < metric->buckets_n; i++) {
        if (v <= metric->buckets[i])
            series->buckets[i]++;
    }
    pthread_mutex_unlock(&registry_lock);
}

double hs_metric_get(struct hs_metric *metric, const char *const *labels)
{
    struct hs_metric_series *series;
    double v = 0;

    pthread_mutex_lock(&registry_lock);
    series = find_locked(metric, labels);
    if (series)
        v = metric->type == HS_METRIC_HISTOGRAM ? (double)series->count : series->value;
    pthread_mutex_unlock(&registry_lock);
    return v;
}

void hs_metric_each(struct hs_metric *metric, hs_metric_each_fn *fn, void *arg)
{
    struct hs_metric_series *series;

    pthread_mutex_lock(&registry_lock);
    for (series = metric->series; series; series = series->next)
        fn(arg, (const char *const *)series->labels, series->value);
    pthread_mutex_unlock(&registry_lock);
}

static void add_member(void *arg, const char *const *labels, double v)
{
    struct hs_buf key;
    size_t i;

    hs_buf_init(&key, 1024);
    for (i = 0; i < HS_METRIC_LABELS_MAX && labels[i]; i++)
        hs_buf_addf(&key, "%s%s", i > 0 ? "." : "", labels[i]);
    hs_json_key_str(arg, hs_buf_str(&key));
    hs_json_add_double(arg, v);
    hs_buf_fini(&key);
}

void hs_metric_json(struct hs_metric *metric, struct hs_json *json)
{
    hs_json_obj_open(json);
    hs_metric_each(metric, add_member, json);
    hs_json_obj_close(json);
}

static void add_label(struct hs_buf *out, bool *first, const char *name, const char *value)
{
    const char *p;

    hs_buf_add_char(out, *first ? '{' : ',');
    *first = false;
    hs_buf_addf(out, "%s=\"", name);
    for (p = value; *p; p++) {
        if (*p == '\\' || *p == '"')
            hs_buf_add_char(out, '\\');
        if (*p == '\n')
            HS_BUF_ADD_LIT(out, "\\n");
        else
            hs_buf_add_char(out, *p);
    }
    hs_buf_add_char(out, '"');
}

static void add_sample(struct hs_buf *out, const struct hs_metric *metric,
                       const struct hs_metric_series *series, const char *suffix, const char *le)
{
    bool first = true;
    unsigned i;

    hs_buf_addf(out, "%s%s", metric->name, suffix);
    for (i = 0; i < HS_METRIC_LABELS_MAX && series->labels[i]; i++)
        add_label(out, &first, metric->labels[i], series->labels[i]);
    if (le)
        add_label(out, &first, "le", le);
    if (!first)
        hs_buf_add_char(out, '}');
    hs_buf_add_char(out, ' ');
}

static void add_histogram(struct hs_buf *out, const struct hs_metric *metric,
                          const struct hs_metric_series *series)
{
    unsigned i;

    for (i = 0; i < metric->buckets_n; i++) {
        struct hs_buf le;

        hs_buf_init(&le, 64);
        hs_json_double(&le, metric->buckets[i]);
        add_sample(out, metric, series, "_bucket", hs_buf_cstr(&le));
        hs_buf_addf(out, "%llu\n", (unsigned long long)series->buckets[i]);
        hs_buf_fini(&le);
    }
    add_sample(out, metric, series, "_bucket", "+Inf");
    hs_buf_addf(out, "%llu\n", (unsigned long long)series->count);
    add_sample(out, metric, series, "_sum", NULL);
    hs_json_double(out, series->value);
    hs_buf_add_char(out, '\n');
    add_sample(out, metric, series, "_count", NULL);
    hs_buf_addf(out, "%llu\n", (unsigned long long)series->count);
}

void hs_metric_expose(struct hs_buf *out)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    const struct hs_metric *metric;
    const struct hs_metric_series *series;

    pthread_mutex_lock(&registry_lock);
    for (metric = registry; metric; metric = metric->next) {
        hs_buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name,
                    types[metric->type]);
        for (series = metric->series; series; series = series->next) {
            if (metric->type == HS_METRIC_HISTOGRAM) {
                add_histogram(out, metric, series);
                continue;
            }
            add_sample(out, metric, series, "", NULL);
            hs_json_double(out, series->value);
            hs_buf_add_char(out, '\n');
        }
    }
    pthread_mutex_unlock(&registry_lock);
}
