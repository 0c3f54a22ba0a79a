#include "net/otlp_schema.h"

#include <stdio.h>

#include "base/mem.h"

static const struct hs_otlp_member kvlist_members[], array_members[];

static const struct hs_otlp_member value_members[] = {
    {"stringValue", 1, HS_OTLP_FORM_STRING, false, NULL},
    {"boolValue", 2, HS_OTLP_FORM_BOOL, false, NULL},
    {"intValue", 3, HS_OTLP_FORM_INT, false, NULL},
    {"doubleValue", 4, HS_OTLP_FORM_DOUBLE, false, NULL},
    {"arrayValue", 5, HS_OTLP_FORM_MESSAGE, false, array_members},
    {"kvlistValue", 6, HS_OTLP_FORM_MESSAGE, false, kvlist_members},
    {"bytesValue", 7, HS_OTLP_FORM_BYTES, false, NULL},
    {NULL, 0, 0, false, NULL},
};

static const struct hs_otlp_member attr_members[] = {
    {"key", 1, HS_OTLP_FORM_STRING, false, NULL},
    {"value", 2, HS_OTLP_FORM_MESSAGE, false, value_members},
    {NULL, 0, 0, false, NULL},
};

static const struct hs_otlp_member array_members[] = {
    {"values", 1, HS_OTLP_FORM_MESSAGE, true, value_members},
    {NULL, 0, 0, false, NULL},
};

static const struct hs_otlp_member kvlist_members[] = {
    {"values", 1, HS_OTLP_FORM_MESSAGE, true, attr_members},
    {NULL, 0, 0, false, NULL},
};

static const struct hs_otlp_member resource_members[] = {
    {"attributes", 1, HS_OTLP_FORM_MESSAGE, true, attr_members},
    {"droppedAttributesCount", 2, HS_OTLP_FORM_UINT32, false, NULL},
    {NULL, 0, 0, false, NULL},
};

static const struct hs_otlp_member scope_members[] = {
    {"name", 1, HS_OTLP_FORM_STRING, false, NULL},
    {"version", 2, HS_OTLP_FORM_STRING, false, NULL},
    {"attributes", 3, HS_OTLP_FORM_MESSAGE, true, attr_members},
    {"droppedAttributesCount", 4, HS_OTLP_FORM_UINT32, false, NULL},
    {NULL, 0, 0, false, NULL},
};

static const struct hs_otlp_member event_members[] = {
    {"timeUnixNano", 1, HS_OTLP_FORM_FIXED64, false, NULL},
    {"name", 2, HS_OTLP_FORM_STRING, false, NULL},
    {"attributes", 3, HS_OTLP_FORM_MESSAGE, true, attr_members},
    {"droppedAttributesCount", 4, HS_OTLP_FORM_UINT32, false, NULL},
    {NULL, 0, 0, false, NULL},
};

static const struct hs_otlp_member link_members[] = {
    {"traceId", 1, HS_OTLP_FORM_HEX, false, NULL},
    {"spanId", 2, HS_OTLP_FORM_HEX, false, NULL},
    {"traceState", 3, HS_OTLP_FORM_STRING, false, NULL},
    {"attributes", 4, HS_OTLP_FORM_MESSAGE, true, attr_members},
    {"droppedAttributesCount", 5, HS_OTLP_FORM_UINT32, false, NULL},
    {"flags", 6, HS_OTLP_FORM_FIXED32, false, NULL},
    {NULL, 0, 0, false, NULL},
};

static const struct hs_otlp_member status_members[] = {
    {"message", 2, HS_OTLP_FORM_STRING, false, NULL},
    {"code", 3, HS_OTLP_FORM_ENUM, false, NULL},
    {NULL, 0, 0, false, NULL},
};

static const struct hs_otlp_member span_members[] = {
    {"traceId", 1, HS_OTLP_FORM_HEX, false, NULL},
    {"spanId", 2, HS_OTLP_FORM_HEX, false, NULL},
    {"traceState", 3, HS_OTLP_FORM_STRING, false, NULL},
    {"parentSpanId", 4, HS_OTLP_FORM_HEX, false, NULL},
    {"name", 5, HS_OTLP_FORM_STRING, false, NULL},
    {"kind", 6, HS_OTLP_FORM_ENUM, false, NULL},
    {"startTimeUnixNano", 7, HS_OTLP_FORM_FIXED64, false, NULL},
    {"endTimeUnixNano", 8, HS_OTLP_FORM_FIXED64, false, NULL},
    {"attributes", 9, HS_OTLP_FORM_MESSAGE, true, attr_members},
    {"droppedAttributesCount", 10, HS_OTLP_FORM_UINT32, false, NULL},
    {"events", 11, HS_OTLP_FORM_MESSAGE, true, event_members},
    {"droppedEventsCount", 12, HS_OTLP_FORM_UINT32, false, NULL},
    {"links", 13, HS_OTLP_FORM_MESSAGE, true, link_members},
    {"droppedLinksCount", 14, HS_OTLP_FORM_UINT32, false, NULL},
    {"status", 15, HS_OTLP_FORM_MESSAGE, false, status_members},
    {"flags", 16, HS_OTLP_FORM_FIXED32, false, NULL},
    {NULL, 0, 0, false, NULL},
};

static const struct hs_otlp_member log_members[] = {
    {"timeUnixNano", 1, HS_OTLP_FORM_FIXED64, false, NULL},
    {"severityNumber", 2, HS_OTLP_FORM_ENUM, false, NULL},
    {"severityText", 3, HS_OTLP_FORM_STRING, false, NULL},
    {"body", 5, HS_OTLP_FORM_MESSAGE, false, value_members},
    {"attributes", 6, HS_OTLP_FORM_MESSAGE, true, attr_members},
    {"droppedAttributesCount", 7, HS_OTLP_FORM_UINT32, false, NULL},
    {"flags", 8, HS_OTLP_FORM_FIXED32, false, NULL},
    {"traceId", 9, HS_OTLP_FORM_HEX, false, NULL},
    {"spanId", 10, HS_OTLP_FORM_HEX, false, NULL},
    {"observedTimeUnixNano", 11, HS_OTLP_FORM_FIXED64, false, NULL},
    {"eventName", 12, HS_OTLP_FORM_STRING, false, NULL},
    {NULL, 0, 0, false, NULL},
};

#define SCOPE_ITEMS(name, items)                                                                   \
    {                                                                                              \
        {"scope", 1, HS_OTLP_FORM_MESSAGE, false, scope_members},                                  \
            {name, 2, HS_OTLP_FORM_MESSAGE, true, items},                                          \
            {"schemaUrl", 3, HS_OTLP_FORM_STRING, false, NULL}, {NULL, 0, 0, false, NULL},         \
    }
#define RESOURCE_ITEMS(name, items)                                                                \
    {                                                                                              \
        {"resource", 1, HS_OTLP_FORM_MESSAGE, false, resource_members},                            \
            {name, 2, HS_OTLP_FORM_MESSAGE, true, items},                                          \
            {"schemaUrl", 3, HS_OTLP_FORM_STRING, false, NULL}, {NULL, 0, 0, false, NULL},         \
    }

static const struct hs_otlp_member scope_spans[] = SCOPE_ITEMS("spans", span_members);
static const struct hs_otlp_member scope_logs[] = SCOPE_ITEMS("logRecords", log_members);
static const struct hs_otlp_member resource_spans[] = RESOURCE_ITEMS("scopeSpans", scope_spans);
static const struct hs_otlp_member resource_logs[] = RESOURCE_ITEMS("scopeLogs", scope_logs);

static const struct hs_otlp_member traces_members[] = {
    {"resourceSpans", 1, HS_OTLP_FORM_MESSAGE, true, resource_spans},
    {NULL, 0, 0, false, NULL},
};

static const struct hs_otlp_member logs_members[] = {
    {"resourceLogs", 1, HS_OTLP_FORM_MESSAGE, true, resource_logs},
    {NULL, 0, 0, false, NULL},
};

static size_t add_path(const struct hs_otlp_step *step, char *out, size_t max)
{
    size_t n = 0;

    if (!step || !step->name)
        return 0;
    n = add_path(step->up, out, max);
    if (n < max)
        n += (size_t)snprintf(out + n, max - n, "%s%s", n > 0 ? "." : "", step->name);
    if (step->indexed && n < max)
        n += (size_t)snprintf(out + n, max - n, "[%zu]", step->index);
    return HS_MIN(n, max - 1);
}

void hs_otlp_step_path(const struct hs_otlp_step *step, char *out, size_t max)
{
    if (add_path(step, out, max) == 0)
        snprintf(out, max, "the body");
}

const struct hs_otlp_member *hs_otlp_members(enum hs_otlp_signal signal)
{
    return signal == HS_OTLP_TRACES ? traces_members : logs_members;
}
