/* An incident's JSON: any text is refused or read; what is read is written and reads back. */
#include <stdint.h>

#include "analysis/watch_json.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int write_and_read(const struct hs_watch_incident *incident, struct hs_watch_incident *out)
{
    struct hs_json json;
    struct hs_buf buf;
    struct hs_err err;
    int rc;

    hs_buf_init(&buf, 1 << 20);
    hs_json_init(&json, &buf);
    hs_json_obj_open(&json);
    hs_watch_incident_write(incident, &json);
    hs_json_obj_close(&json);
    rc = hs_watch_incident_read(hs_buf_str(&buf), out, &err);
    hs_buf_fini(&buf);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hs_watch_incident incident, again;
    struct hs_err err;

    if (hs_watch_incident_read(hs_str_n(data, size), &incident, &err) != HS_OK)
        return 0;
    HS_ASSERT(incident.members_n <= HS_WATCH_MEMBERS_MAX);
    HS_ASSERT(write_and_read(&incident, &again) == HS_OK);
    HS_ASSERT(again.id == incident.id);
    HS_ASSERT(again.kind == incident.kind);
    HS_ASSERT(again.members_n == incident.members_n);
    HS_ASSERT(again.start_s == incident.start_s);
    return 0;
}
