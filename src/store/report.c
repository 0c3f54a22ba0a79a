/* The lines between engine and supervisor; see store/engine.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/engine.h"
#include "store/report.h"

void hs_store_report_ready(struct hs_buf *out, const struct hs_store_plan *plan,
                           const struct hs_store_sandbox *sandbox, bool is_guarded)
{
    char http[HS_STORE_ADDRESS_MAX];
    char native[HS_STORE_ADDRESS_MAX] = "-";

    hs_store_address_format(&plan->http, http);
    if (plan->has_native)
        hs_store_address_format(&plan->native, native);
    hs_buf_addf(out, "ready http=%s native=%s start_id=%s network=%s files=%s broken=%s\n", http,
                native, plan->start_id, sandbox->network ? "denied" : "open",
                sandbox->files ? "denied" : "open", is_guarded ? "survived" : "fatal");
}

void hs_store_report_failed(struct hs_buf *out, int rc, const char *text)
{
    const char *p;

    hs_buf_addf(out, "failed %d ", rc);
    for (p = text; *p; p++)
        hs_buf_add_char(out, *p == '\n' || *p == '\r' ? ' ' : *p);
    hs_buf_add_char(out, '\n');
}

static int parse_failed(const char *line, struct hs_err *err)
{
    int rc = 0;
    int at = 0;

    if (sscanf(line, "failed %d %n", &rc, &at) != 1 || rc >= HS_OK || rc < HS_EUNSUP)
        return hs_err_set(err, HS_ECORRUPT, 0, "the engine's report \"%.100s\" is not known", line);
    return hs_err_set(err, rc, 0, "%s", line + at);
}

int hs_store_engine_parse_report(struct hs_str line, struct hs_store_ready *out, struct hs_err *err)
{
    struct hs_store_ready ready = {0};
    char text[HS_STORE_REPORT_MAX + 1];
    char network[8];
    char files[8];
    char broken[16];

    line = hs_str_trim(line);
    snprintf(text, sizeof(text), "%.*s", HS_STR_ARG(line));
    if (hs_str_starts_with(line, HS_STR("failed ")))
        return parse_failed(text, err);
    if (sscanf(text, "ready http=%63s native=%63s start_id=%39s network=%7s files=%7s broken=%15s",
               ready.http, ready.native, ready.start_id, network, files, broken) != 6)
        return hs_err_set(err, HS_ECORRUPT, 0, "the engine's report \"%.100s\" is not known", text);
    if (!strcmp(ready.native, "-"))
        ready.native[0] = '\0';
    ready.network_denied = !strcmp(network, "denied");
    ready.files_denied = !strcmp(files, "denied");
    ready.survives_broken = !strcmp(broken, "survived");
    *out = ready;
    return HS_OK;
}
