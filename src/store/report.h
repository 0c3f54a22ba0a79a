/* Writing the lines that hs_store_engine_parse_report reads; see store/engine.h for their form. */
#ifndef HS_STORE_REPORT_H
#define HS_STORE_REPORT_H

#include "base/buf.h"
#include "store/config.h"
#include "store/sandbox.h"

void hs_store_report_ready(struct hs_buf *out, const struct hs_store_plan *plan,
                           const struct hs_store_sandbox *sandbox, bool is_guarded);
/* Line ends in `text` become spaces. */
void hs_store_report_failed(struct hs_buf *out, int rc, const char *text);

#endif
