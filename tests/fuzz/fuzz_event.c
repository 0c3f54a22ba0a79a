/*
 * The native event's reader and writer: whatever is accepted writes a message that is JSON, has the
 * fields' types and can be read as an event again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "base/mem.h"
#include "model/event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Fields that only the collector writes must not come from a client. */
static void check_no_derived(const struct hs_event *event)
{
    for (unsigned i = 0; i < HS_FIELD_N; i++) {
        if (hs_fields[i].flags & HS_FF_DERIVED)
            HS_ASSERT(event->v[i].kind == HS_VALUE_NONE);
    }
}

static void check_message(const struct hs_event *event, struct hs_event *again)
{
    struct hs_buf out;
    struct hs_err err;
    yyjson_doc *doc;

    hs_buf_init(&out, 64 << 20);
    hs_event_write(event, &out);
    HS_ASSERT(hs_buf_ok(&out));
    doc = yyjson_read(out.p, out.n, YYJSON_READ_NUMBER_AS_RAW);
    HS_ASSERT(doc != NULL);
    /* A value with unknown keys is an attribute already, and would become one again. */
    if (hs_event_read(yyjson_doc_get_root(doc), again, &err) != HS_OK)
        HS_ASSERT(err.sys == HS_REFUSED_DUPLICATE);
    yyjson_doc_free(doc);
    doc = yyjson_read(out.p, out.n, 0); /* as the engine reads it: every number fits */
    HS_ASSERT(doc != NULL);
    yyjson_doc_free(doc);
    hs_buf_reset(&out);
    hs_event_write_failure(event, &out);
    doc = yyjson_read(out.p, out.n, 0);
    HS_ASSERT(doc != NULL);
    yyjson_doc_free(doc);
    hs_buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hs_event *event = hs_xalloc(sizeof(*event));
    struct hs_event *again = hs_xalloc(sizeof(*again));
    yyjson_doc *doc = yyjson_read((const char *)data, size, YYJSON_READ_NUMBER_AS_RAW);
    struct hs_err err = {0};

    if (doc && hs_event_read(yyjson_doc_get_root(doc), event, &err) == HS_OK) {
        check_no_derived(event);
        /* Microseconds in a message; by magnitude, old ones would be read as seconds. */
        event->v[HS_F_TIMESTAMP].kind = HS_VALUE_NONE;
        check_message(event, again);
    } else if (doc) {
        HS_ASSERT(err.rc == HS_EINVAL);
        HS_ASSERT(err.text[0] != '\0');
    }
    yyjson_doc_free(doc);
    hs_free(event);
    hs_free(again);
    return 0;
}
