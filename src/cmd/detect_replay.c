#include "cmd/detect_replay.h"

#include <inttypes.h>
#include <stdio.h>

#include "analysis/watch.h"
#include "analysis/watch_json.h"
#include "base/clock.h"
#include "base/csv.h"
#include "base/fs.h"
#include "base/mem.h"
#include "conf/timezone.h"

enum {
    MINUTE_S = 60,
    CLOSE_S = 5,        /* after its end a minute counts as closed */
    SETTLE_S = 31 * 60, /* after its end its clicks have settled */
    ROWS_OF_MINUTE_MAX = HS_WATCH_SERVICES_MAX,
};

static const size_t file_bytes_max = (size_t)16 << 30;

enum field {
    MINUTE,
    DELAY,
    SERVICE,
    ENVIRONMENT,
    COUNT,
    ERRORS,
    ANSWERED,
    ZERO_RESULTS,
    LATENCY,
    ACTIONS,
    HOSTS,
    SHOWN,
    CLICKED,
    FIELDS,
};

static const char *const field_names[FIELDS] = {
    "minute",       "delay_s", "service", "environment", "count", "errors",  "answered",
    "zero_results", "latency", "actions", "hosts",       "shown", "clicked",
};

struct row {
    struct hs_str service, environment, latency, hosts; /* views into the text */
    double numbers[FIELDS];
    size_t line;
};

struct minute {
    int64_t minute_s, delay_s;
    size_t first, n; /* rows */
};

struct replay {
    struct hs_buf text;
    struct row *rows;
    size_t rows_n, rows_max;
    struct minute *minutes;
    size_t minutes_n, minutes_max;
    size_t judged_n, settled_n; /* minutes */
    struct hs_watch *watch;
    int64_t now_s;
    struct hs_err *err;
};

/* ---- reading */

static int bad(struct replay *replay, size_t line, const char *name, struct hs_str text,
               const char *rule)
{
    return hs_err_set(replay->err, HS_EINVAL, 0, "line %zu: %s is \"%.*s\", wants %s", line, name,
                      HS_STR_ARG(hs_str_utf8_cut(text, 64)), rule);
}

static int read_header(struct replay *replay, const struct hs_csv_row *fields)
{
    size_t i;

    for (i = 0; i < FIELDS; i++)
        if (i >= fields->n || !hs_str_eq_c(fields->fields[i], field_names[i]))
            return hs_err_set(replay->err, HS_EINVAL, 0, "line 1: column %zu wants the name %s",
                              i + 1, field_names[i]);
    return HS_OK;
}

static int read_row(struct replay *replay, const struct hs_csv_row *fields, struct row *out)
{
    size_t i;

    *out = (struct row){.service = fields->fields[SERVICE],
                        .environment = fields->fields[ENVIRONMENT],
                        .latency = fields->fields[LATENCY],
                        .hosts = fields->fields[HOSTS],
                        .line = out->line};
    for (i = 0; i < FIELDS; i++) {
        struct hs_str text = fields->fields[i];

        if (i == SERVICE || i == ENVIRONMENT || i == LATENCY || i == HOSTS || text.n == 0)
            continue;
        if (hs_str_to_double(text, &out->numbers[i]) != HS_OK || !(out->numbers[i] >= 0) ||
            out->numbers[i] > 1e15)
            return bad(replay, out->line, field_names[i], text, "a number from 0 to 1e15");
    }
    return HS_OK;
}

/* The minute of a row: the last one, or a new one. */
static struct minute *minute_of(struct replay *replay, const struct row *row)
{
    int64_t minute_s = (int64_t)row->numbers[MINUTE];

    if (replay->minutes_n > 0 && replay->minutes[replay->minutes_n - 1].minute_s == minute_s)
        return &replay->minutes[replay->minutes_n - 1];
    if (replay->minutes_n == replay->minutes_max) {
        replay->minutes_max = HS_MAX(1024, 2 * replay->minutes_max);
        replay->minutes =
            hs_xrealloc(replay->minutes, replay->minutes_max, sizeof(*replay->minutes));
    }
    replay->minutes[replay->minutes_n] = (struct minute){.minute_s = minute_s,
                                                         .delay_s = (int64_t)row->numbers[DELAY],
                                                         .first = replay->rows_n};
    return &replay->minutes[replay->minutes_n++];
}

static int add_row(struct replay *replay, const struct row *row)
{
    int64_t minute_s = (int64_t)row->numbers[MINUTE];
    struct minute *minute;

    if (minute_s % MINUTE_S != 0 ||
        (replay->minutes_n > 0 && minute_s < replay->minutes[replay->minutes_n - 1].minute_s))
        return hs_err_set(replay->err, HS_EINVAL, 0,
                          "line %zu: minute %" PRId64 " is no multiple of 60, or before the last",
                          row->line, minute_s);
    minute = minute_of(replay, row);
    if (row->service.n == 0)
        return HS_OK;
    if (++minute->n > ROWS_OF_MINUTE_MAX)
        return hs_err_set(replay->err, HS_ELIMIT, 0, "line %zu: more than %d services in a minute",
                          row->line, ROWS_OF_MINUTE_MAX);
    if (replay->rows_n == replay->rows_max) {
        replay->rows_max = HS_MAX(1024, 2 * replay->rows_max);
        replay->rows = hs_xrealloc(replay->rows, replay->rows_max, sizeof(*replay->rows));
    }
    replay->rows[replay->rows_n++] = *row;
    return HS_OK;
}

static int read_file(struct replay *replay, const char *path)
{
    struct hs_csv_row fields;
    struct hs_csv csv;
    struct row row;
    int rc = hs_fs_read(path, &replay->text, replay->err);

    if (rc != HS_OK)
        return rc;
    hs_csv_init(&csv, replay->text.p, replay->text.n);
    while (rc == HS_OK && (rc = hs_csv_next(&csv, &fields, replay->err)) == HS_OK) {
        row.line = csv.line;
        if (fields.n < FIELDS)
            rc = hs_err_set(replay->err, HS_EINVAL, 0, "line %zu: %zu fields, wants %d", csv.line,
                            fields.n, FIELDS);
        else if (csv.line == 1)
            rc = read_header(replay, &fields);
        else if ((rc = read_row(replay, &fields, &row)) == HS_OK)
            rc = add_row(replay, &row);
    }
    return rc == HS_ENOTFOUND ? HS_OK : rc;
}

/* ---- "a:1 b:2 " */

/* The next pair; HS_ENOTFOUND after the last. */
static int next_pair(struct replay *replay, const struct row *row, struct hs_str *rest,
                     struct hs_watch_host *out)
{
    struct hs_str pair = HS_STR_NULL;
    size_t colon;

    do {
        if (!hs_str_split(rest, ' ', &pair))
            return HS_ENOTFOUND;
    } while (pair.n == 0);
    for (colon = pair.n; colon > 0 && pair.p[colon - 1] != ':'; colon--)
        ;
    if (colon == 0 ||
        hs_str_to_double(hs_str_n(pair.p + colon, pair.n - colon), &out->count) != HS_OK ||
        !(out->count >= 0) || out->count > 1e15)
        return bad(replay, row->line, "latency or hosts", pair, "name:count");
    out->name = hs_str_n(pair.p, colon - 1);
    return HS_OK;
}

static int read_latency(struct replay *replay, const struct row *row, struct hs_latency_bins *out)
{
    struct hs_str rest = row->latency;
    struct hs_watch_host pair = {.count = 0};
    uint64_t bin;
    int rc;

    *out = (struct hs_latency_bins){.n = 0};
    while ((rc = next_pair(replay, row, &rest, &pair)) == HS_OK) {
        if (hs_str_to_u64(pair.name, &bin) != HS_OK || bin >= HS_LATENCY_BINS)
            return bad(replay, row->line, "latency", pair.name, "a bin from 0 to 191");
        out->counts[bin] += pair.count;
        out->n += pair.count;
    }
    return rc == HS_ENOTFOUND ? HS_OK : rc;
}

static int read_hosts(struct replay *replay, const struct row *row,
                      struct hs_watch_host out[HS_WATCH_HOSTS_MAX], size_t *out_n)
{
    struct hs_str rest = row->hosts;
    int rc = HS_OK;

    *out_n = 0;
    while (*out_n < HS_WATCH_HOSTS_MAX &&
           (rc = next_pair(replay, row, &rest, &out[*out_n])) == HS_OK)
        ++*out_n;
    return rc == HS_ENOTFOUND ? HS_OK : rc;
}

/* ---- the judgement */

static int judge(struct replay *replay, const struct minute *minute)
{
    struct hs_latency_bins *latencies = hs_xcalloc(minute->n + 1, sizeof(*latencies));
    struct hs_watch_host *hosts = hs_xcalloc(minute->n + 1, HS_WATCH_HOSTS_MAX * sizeof(*hosts));
    struct hs_watch_row *rows = hs_xcalloc(minute->n + 1, sizeof(*rows));
    int rc = HS_OK;
    size_t i;

    for (i = 0; i < minute->n && rc == HS_OK; i++) {
        const struct row *row = &replay->rows[minute->first + i];

        rows[i] = (struct hs_watch_row){.service = row->service,
                                        .environment = row->environment,
                                        .count = row->numbers[COUNT],
                                        .errors = row->numbers[ERRORS],
                                        .answered = row->numbers[ANSWERED],
                                        .zero_results = row->numbers[ZERO_RESULTS],
                                        .latency = &latencies[i],
                                        .actions = row->numbers[ACTIONS],
                                        .hosts = &hosts[i * HS_WATCH_HOSTS_MAX]};
        rc = read_latency(replay, row, &latencies[i]);
        if (rc == HS_OK)
            rc = read_hosts(replay, row, &hosts[i * HS_WATCH_HOSTS_MAX], &rows[i].hosts_n);
    }
    if (rc == HS_OK)
        hs_watch_minute(replay->watch, minute->minute_s, rows, minute->n);
    hs_free(rows);
    hs_free(hosts);
    hs_free(latencies);
    return rc;
}

static void settle(struct replay *replay, const struct minute *minute)
{
    struct hs_watch_settled *rows = hs_xcalloc(minute->n + 1, sizeof(*rows));
    size_t i;

    for (i = 0; i < minute->n; i++) {
        const struct row *row = &replay->rows[minute->first + i];

        rows[i] = (struct hs_watch_settled){.service = row->service,
                                            .environment = row->environment,
                                            .shown = row->numbers[SHOWN],
                                            .clicked = row->numbers[CLICKED]};
    }
    hs_watch_settle(replay->watch, minute->minute_s, rows, minute->n);
    hs_free(rows);
}

/* Everything that the clock's time has come for, in the order of minutes. */
static int advance(struct replay *replay)
{
    int rc = HS_OK;

    while (rc == HS_OK && replay->judged_n < replay->minutes_n) {
        const struct minute *minute = &replay->minutes[replay->judged_n];

        if (minute->minute_s + MINUTE_S + CLOSE_S + minute->delay_s > replay->now_s)
            break;
        rc = judge(replay, minute);
        replay->judged_n++;
    }
    while (rc == HS_OK && replay->settled_n < replay->judged_n &&
           replay->minutes[replay->settled_n].minute_s + MINUTE_S + SETTLE_S <= replay->now_s)
        settle(replay, &replay->minutes[replay->settled_n++]);
    hs_watch_tick(replay->watch, replay->now_s);
    return rc;
}

/* ---- printing */

static void print_event(void *arg, enum hs_watch_event event,
                        const struct hs_watch_incident *incident)
{
    const struct replay *replay = arg;
    struct hs_json json;
    struct hs_buf buf;

    hs_buf_init(&buf, 1 << 20);
    hs_json_init(&json, &buf);
    hs_json_obj_open(&json);
    hs_json_key(&json, "event");
    hs_json_add_c(&json, hs_watch_event_name(event));
    hs_json_key(&json, "at");
    hs_json_add_time(&json, replay->now_s * HS_NS_PER_S);
    hs_watch_incident_write(incident, &json);
    hs_json_obj_close(&json);
    printf("%.*s\n", (int)buf.n, buf.p);
    hs_buf_fini(&buf);
}

static int64_t offset_s(void *arg, int64_t utc_s)
{
    (void)arg;
    return hs_timezone_offset_s(utc_s);
}

int hs_detect_replay(const char *path, struct hs_err *err)
{
    struct replay replay = {.err = err};
    const struct hs_watch_deps deps = {.tenant = HS_STR("default"),
                                       .offset_s = offset_s,
                                       .on_event = print_event,
                                       .arg = &replay};
    int rc;

    replay.watch = hs_watch_new(&deps);
    hs_buf_init(&replay.text, file_bytes_max);
    rc = read_file(&replay, path);
    if (rc == HS_OK && replay.minutes_n > 0)
        replay.now_s = replay.minutes[0].minute_s + CLOSE_S;
    while (rc == HS_OK && replay.judged_n < replay.minutes_n) {
        replay.now_s += MINUTE_S;
        rc = advance(&replay);
    }
    hs_watch_free(replay.watch);
    hs_free(replay.minutes);
    hs_free(replay.rows);
    hs_buf_fini(&replay.text);
    return rc == HS_OK ? HS_OK : hs_err_prefix(err, "%s", path);
}
