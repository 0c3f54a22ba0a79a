/*
 * ExportLogsServiceRequest → search.logs: one message for each service of the request, whose key is
 * the service's name.
 */
#include "collector/otlp_reader_int.h"

#define UNKNOWN_SERVICE HS_STR("unknown_service")

/* service.name as it is stored. */
static struct hs_str service_of(const struct hs_otlp_section *section)
{
    struct hs_otlp_value name =
        hs_otlp_attr_find(section->resource, HS_OTLP_RESOURCE_ATTRIBUTES, HS_STR("service.name"));

    if (name.kind != HS_OTLP_STR || name.str.n == 0)
        return UNKNOWN_SERVICE;
    return hs_str_utf8_cut(name.str, HS_STREAM_KEY_MAX);
}

/* A record that the tables cannot hold would take the whole message with it. */
static bool has_bad_time(const struct hs_otlp_reader *reader, struct hs_str message)
{
    struct hs_otlp_log log;

    return hs_otlp_log_read(message, &log, NULL) == HS_OK &&
           (!hs_otlp_reader_time_ok(reader, log.time_ns) ||
            !hs_otlp_reader_time_ok(reader, log.observed_time_ns));
}

static int add_record(struct hs_otlp_reader *reader, struct hs_str service, struct hs_str message,
                      struct hs_err *err)
{
    struct hs_otlp_item item = {.bytes = message};
    struct hs_err why;
    bool added = false;
    int rc;

    rc = hs_otlp_scrub_check(&reader->scrub, HS_OTLP_TYPE_LOG, message, &why);
    if (rc == HS_ELIMIT || reader->section_rc != HS_OK) {
        hs_otlp_reader_reject(reader, HS_OTLP_REJECT_LIMIT, rc == HS_ELIMIT ? &why : NULL);
        return HS_OK;
    }
    if (rc < 0)
        return hs_err_set(err, rc, 0, "%s (a log record)", why.text);
    if (has_bad_time(reader, message)) {
        hs_otlp_reader_reject(reader, HS_OTLP_REJECT_TIME, NULL);
        return HS_OK;
    }
    if (rc > 0) {
        rc = hs_otlp_reader_rewrite(reader, HS_OTLP_TYPE_LOG, &item.bytes, err);
        if (rc < 0)
            return rc;
    }
    return hs_otlp_reader_add(reader, service, &item, &added, err);
}

static int read_records(struct hs_otlp_reader *reader, struct hs_err *err)
{
    struct hs_str service = UNKNOWN_SERVICE;
    unsigned service_of_n = 0; /* the resource that `service` is of */
    struct hs_str message;
    int rc;

    while ((rc = hs_otlp_iter_next(&reader->iter, &message, err)) > 0) {
        reader->items_seen++;
        rc = hs_otlp_reader_enter(reader, err);
        if (rc < 0)
            return rc;
        if (service_of_n != reader->resource_n) {
            service = service_of(&reader->section);
            service_of_n = reader->resource_n;
        }
        rc = add_record(reader, service, message, err);
        if (rc < 0)
            return rc;
    }
    return rc;
}

int hs_otlp_logs_read(struct hs_otlp_reader *reader, struct hs_intake *intake, struct hs_str body,
                      enum hs_otlp_encoding encoding, struct hs_otlp_outcome *out,
                      struct hs_err *err)
{
    int rc = hs_otlp_reader_start(reader, intake, HS_OTLP_LOGS, encoding, &body, err);

    if (rc < 0)
        return rc;
    *out = (struct hs_otlp_outcome){0};
    reader->out = out;
    rc = read_records(reader, err);
    if (rc == HS_OK)
        rc = hs_otlp_groups_write(&reader->groups, intake, HS_TOPIC_LOGS, false, err);
    if (rc == HS_OK)
        hs_otlp_reader_finish(reader, "log records");
    return hs_otlp_reader_explain(rc, HS_OTLP_LOGS, encoding, body, err);
}
