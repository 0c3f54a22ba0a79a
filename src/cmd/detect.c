/*
 * haystat detect: anomalies in a series of timestamp,value rows (docs/detectors.md).
 *
 * From standard input a row goes out as soon as it came in, so that a pipe can be watched.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/detect.h"
#include "base/clock.h"
#include "base/csv.h"
#include "base/mem.h"
#include "cmd/args.h"
#include "cmd/cmd.h"
#include "cmd/detect_replay.h"
#include "conf/timezone.h"

enum { TEXT_MAX = 96, LINE_BYTES_MAX = 65536 };

static const char *timezone_name;
static const char *without;
static const char *replay;

static const struct hs_flag flags[] = {
    {"timezone", "NAME", "whose hours and weekdays count, as Europe/Berlin; default UTC",
     &timezone_name},
    {"replay", NULL, "FILE has minutes of services (haystat simulate --minutes); prints incidents",
     &replay},
    {"without", "PART[,PART]…", "leaves out: value, roughness, transition, season, once", &without},
    {NULL, NULL, NULL, NULL},
};

static const struct hs_command command = {
    .name = "detect",
    .synopsis = "[flags] FILE.csv",
    .about =
        "Prints the rows of a CSV file with columns timestamp and value, and for each an\n"
        "anomaly_score from 0 to 1 (an anomaly from 0.5), how many deviations it is from what is\n"
        "normal at that hour (z), and what would have been: expected, low, high. A row's figures\n"
        "depend on it and on earlier rows only. FILE may be -, for standard input.\n"
        "\n"
        "Timestamps are RFC 3339, \"2026-11-26 10:00:00\" (UTC) or seconds, ms, us or ns since\n"
        "1970. A row without a value stays without figures and is not learnt.",
    .flags = flags,
    .operands_min = 1,
    .operands_max = 1,
};

struct detect {
    struct hs_detector *detector;
    FILE *file;
    char line[LINE_BYTES_MAX]; /* parsed in place */
    size_t line_no;
    size_t timestamp_at, value_at;
    struct hs_err err;
};

/* ---- fields */

/* Without a zone it is UTC. */
static int read_time(struct hs_str text, int64_t *out_ns)
{
    char zoned[TEXT_MAX];
    int64_t whole;
    double number;
    int n;

    if (hs_time_parse_rfc3339(text, out_ns) == HS_OK)
        return HS_OK;
    if (hs_str_to_i64(text, &whole) == HS_OK)
        return hs_time_from_epoch_i64(whole, out_ns);
    if (hs_str_to_double(text, &number) == HS_OK)
        return hs_time_from_epoch(number, out_ns);
    n = snprintf(zoned, sizeof(zoned), "%.*sZ", HS_STR_ARG(text));
    if (n < 0 || (size_t)n >= sizeof(zoned))
        return HS_EINVAL;
    return hs_time_parse_rfc3339(hs_str_c(zoned), out_ns);
}

static int64_t local_seconds(int64_t ns)
{
    return ns / HS_NS_PER_S + hs_timezone_offset_s(ns / HS_NS_PER_S);
}

static int bad_field(struct detect *detect, const char *name, struct hs_str text, const char *rule)
{
    return hs_err_set(&detect->err, HS_EINVAL, 0, "line %zu: %s is \"%.*s\", wants %s",
                      detect->line_no, name, HS_STR_ARG(hs_str_utf8_cut(text, 64)), rule);
}

/* ---- rows */

static int read_header(struct detect *detect, const struct hs_csv_row *row)
{
    detect->timestamp_at = hs_csv_find(row, HS_STR("timestamp"));
    detect->value_at = hs_csv_find(row, HS_STR("value"));
    if (detect->timestamp_at == row->n || detect->value_at == row->n)
        return hs_err_set(&detect->err, HS_EINVAL, 0,
                          "line %zu: the header wants columns timestamp and value",
                          detect->line_no);
    printf(",anomaly_score,z,expected,low,high\n");
    return HS_OK;
}

static void print_number(double value, int digits)
{
    putchar(',');
    if (isfinite(value))
        printf("%.*g", digits, value);
}

static void print_detection(const struct hs_detection *detection)
{
    print_number(detection->score, 6);
    print_number(detection->z, 4);
    print_number(detection->expected, 8);
    print_number(detection->low, 8);
    print_number(detection->high, 8);
    putchar('\n');
}

static int judge_row(struct detect *detect, const struct hs_csv_row *row)
{
    struct hs_detection detection;
    struct hs_str timestamp;
    struct hs_str text;
    int64_t ns;
    double value;

    if (row->n <= detect->timestamp_at || row->n <= detect->value_at)
        return hs_err_set(&detect->err, HS_EINVAL, 0, "line %zu: only %zu fields", detect->line_no,
                          row->n);
    timestamp = row->fields[detect->timestamp_at];
    text = row->fields[detect->value_at];
    if (read_time(timestamp, &ns) != HS_OK)
        return bad_field(detect, "timestamp", timestamp, "a time");
    if (text.n == 0) {
        puts(",,,,,");
        return HS_OK;
    }
    if (hs_str_to_double(text, &value) != HS_OK || !(fabs(value) <= HS_DETECT_VALUE_MAX))
        return bad_field(detect, "value", text, "a number from -1e300 to 1e300, or nothing");
    hs_detector_push(detect->detector, local_seconds(ns), value, &detection);
    print_detection(&detection);
    return HS_OK;
}

/* A row is a line: text in quotes may not go on to the next. */
static int take_line(struct detect *detect, size_t n)
{
    struct hs_csv_row row;
    struct hs_csv csv;
    int rc;

    if ((n == 0 || detect->line[n - 1] != '\n') && !feof(detect->file))
        return hs_err_set(&detect->err, HS_ELIMIT, 0,
                          "line %zu is longer than %d bytes, or has a byte 0", detect->line_no,
                          LINE_BYTES_MAX - 2);
    while (n > 0 && (detect->line[n - 1] == '\n' || detect->line[n - 1] == '\r'))
        n--;
    hs_csv_init(&csv, detect->line, n);
    csv.line_at = detect->line_no;
    if (csv.n == 0)
        return HS_OK;
    fwrite(csv.p, 1, csv.n, stdout);
    rc = hs_csv_next(&csv, &row, &detect->err);
    if (rc != HS_OK)
        return rc;
    if (detect->value_at == detect->timestamp_at)
        return read_header(detect, &row);
    return judge_row(detect, &row);
}

static int detect_file(struct detect *detect, const char *path)
{
    int rc = HS_OK;

    detect->file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (!detect->file)
        return hs_err_sys(&detect->err, "open %s", path);
    if (detect->file == stdin)
        setvbuf(stdout, NULL, _IOLBF, 0);
    while (rc == HS_OK && fgets(detect->line, LINE_BYTES_MAX, detect->file)) {
        detect->line_no++;
        rc = take_line(detect, strlen(detect->line));
    }
    if (rc != HS_OK)
        return hs_err_prefix(&detect->err, "%s", path);
    if (ferror(detect->file))
        return hs_err_sys(&detect->err, "read %s", path);
    if (detect->value_at == detect->timestamp_at)
        return hs_err_set(&detect->err, HS_EINVAL, 0, "%s is empty: wants a header", path);
    return HS_OK;
}

/* ---- the command line */

static int read_parts(unsigned *out)
{
    static const struct {
        const char *name;
        enum hs_detect_part part;
    } names[] = {
        {"value", HS_DETECT_VALUE},
        {"roughness", HS_DETECT_ROUGHNESS},
        {"transition", HS_DETECT_TRANSITION},
        {"season", HS_DETECT_SEASON},
        {"once", HS_DETECT_ONCE},
    };
    struct hs_str rest = hs_str_c(without);
    struct hs_str word;
    size_t i;

    *out = HS_DETECT_ALL;
    while (hs_str_split(&rest, ',', &word)) {
        for (i = 0; i < HS_ARRAY_LEN(names) && !hs_str_eq_c(word, names[i].name); i++)
            ;
        if (i == HS_ARRAY_LEN(names))
            return hs_args_usage_error(&command, "--without knows no part \"%.*s\"",
                                       HS_STR_ARG(hs_str_utf8_cut(word, 64)));
        *out &= ~(unsigned)names[i].part;
    }
    return -1;
}

static int set_timezone(void)
{
    struct hs_err err;

    if (hs_timezone_use(timezone_name ? timezone_name : "UTC", &err) != HS_OK)
        return hs_args_usage_error(&command, "--timezone: %s", err.text);
    return -1;
}

static int run_detect(struct detect *detect, const char *path)
{
    int rc = detect_file(detect, path);

    if (fflush(stdout) != 0 && rc == HS_OK)
        rc = hs_err_sys(&detect->err, "write standard output");
    if (detect->file && detect->file != stdin)
        fclose(detect->file);
    return rc == HS_OK ? HS_EXIT_DONE : hs_args_failed(&command, &detect->err);
}

int hs_cmd_detect(int argc, char **argv)
{
    struct detect *detect;
    struct hs_args args;
    unsigned parts;
    int code = hs_args_parse(&command, argc, argv, &args);

    if (code < 0)
        code = read_parts(&parts);
    if (code < 0)
        code = set_timezone();
    if (code >= 0)
        return code;
    if (replay) {
        struct hs_err err;

        return hs_detect_replay(args.operands[0], &err) == HS_OK ? HS_EXIT_DONE
                                                                 : hs_args_failed(&command, &err);
    }
    detect = hs_xalloc(sizeof(*detect));
    detect->detector = hs_detector_new(parts);
    code = run_detect(detect, args.operands[0]);
    hs_detector_free(detect->detector);
    hs_free(detect);
    return code;
}
