#include "collector/native.h"

#include <yyjson.h>

static int read_event(struct hs_intake *intake, yyjson_val *val, size_t index,
                      struct hs_str *out_id, struct hs_err *err)
{
    int rc = hs_event_read(val, &intake->event, err);

    if (rc == HS_OK)
        return hs_intake_event(intake, &intake->event, index, out_id, err);
    if (err->sys == HS_REFUSED_LATENCY)
        intake->counts.latency_refused++;
    return rc;
}

int hs_native_read_one(struct hs_intake *intake, char *body, size_t n, struct hs_str *out_id,
                       struct hs_err *err)
{
    struct hs_err own;
    yyjson_val *root;
    int rc;

    if (!err)
        err = &own;
    rc = hs_parser_read(&intake->parser, body, n, &root, err);
    return rc == HS_OK ? read_event(intake, root, 0, out_id, err) : rc;
}

static int find_events(yyjson_val *root, size_t batch_max, yyjson_val **out, struct hs_err *err)
{
    yyjson_val *events = yyjson_is_obj(root) ? yyjson_obj_get(root, "events") : root;

    if (!events)
        return hs_err_set(err, HS_EINVAL, HS_REFUSED_MISSING,
                          "events is missing: a batch is an array of events, or an object with the "
                          "array \"events\"");
    if (!yyjson_is_arr(events))
        return hs_err_set(err, HS_EINVAL, HS_REFUSED_TYPE, "%s is %s, must be an array of events%s",
                          events == root ? "the batch" : "events", hs_json_kind(events),
                          events == root ? ", or an object with the array \"events\"" : "");
    if (yyjson_arr_size(events) > batch_max)
        return hs_err_set(err, HS_ELIMIT, 0, "the batch has %zu events, limit %zu",
                          yyjson_arr_size(events), batch_max);
    *out = events;
    return HS_OK;
}

int hs_native_read_batch(struct hs_intake *intake, char *body, size_t n, size_t batch_max,
                         struct hs_outcome *out, struct hs_err *err)
{
    struct hs_err own;
    yyjson_arr_iter iter;
    yyjson_val *events;
    yyjson_val *val;
    int rc;

    if (!err)
        err = &own;
    hs_outcome_reset(out);
    rc = hs_parser_read(&intake->parser, body, n, &events, err);
    if (rc == HS_OK)
        rc = find_events(events, batch_max, &events, err);
    if (rc != HS_OK)
        return rc;
    iter = yyjson_arr_iter_with(events);
    while ((val = yyjson_arr_iter_next(&iter)) != NULL) {
        rc = read_event(intake, val, iter.idx - 1, NULL, err);
        if (rc == HS_ELIMIT)
            return rc;
        hs_outcome_add(out, iter.idx - 1, rc, err);
    }
    return HS_OK;
}

static int read_line(struct hs_intake *intake, struct hs_str line, size_t index, struct hs_err *err)
{
    yyjson_val *root;
    int rc = hs_parser_read(&intake->parser, (char *)(uintptr_t)line.p, line.n, &root, err);

    return rc == HS_OK ? read_event(intake, root, index, NULL, err) : rc;
}

int hs_native_read_ndjson(struct hs_intake *intake, char *body, size_t n, size_t batch_max,
                          struct hs_outcome *out, struct hs_err *err)
{
    struct hs_str rest = hs_str_n(body, n);
    struct hs_err own;
    struct hs_str line;
    size_t index;

    if (!err)
        err = &own;
    hs_outcome_reset(out);
    for (index = 0; hs_ndjson_next(&rest, &line); index++) {
        int rc;

        if (index == batch_max)
            return hs_err_set(err, HS_ELIMIT, 0, "the body has more than %zu lines with events",
                              batch_max);
        rc = read_line(intake, line, index, err);
        if (rc == HS_ELIMIT)
            return rc;
        hs_outcome_add(out, index, rc, err);
    }
    return HS_OK;
}
