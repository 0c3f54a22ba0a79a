/*
 * Whole bodies: the first byte chooses the reader (event, batch, NDJSON, UBI queries, UBI events,
 * _bulk), the rest is the body. Every message that comes out is JSON, and the counts agree.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "base/mem.h"
#include "collector/bulk.h"
#include "collector/native.h"
#include "collector/ubi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BATCH_MAX = 500, BYTES_MAX = 4 << 20 };

struct run {
    struct hs_intake intake;
    struct hs_outcome outcome;
    struct hs_bulk bulk;
    char *body;
    size_t n;
};

static int read_bulk(struct run *run)
{
    struct hs_buf answer;
    yyjson_doc *doc;
    int rc = hs_bulk_read(&run->intake, HS_STR("ubi_events"), run->body, run->n, &run->bulk, NULL);

    if (rc != HS_OK)
        return rc;
    hs_buf_init(&answer, 2 * (size_t)HS_BULK_ANSWER_MAX);
    hs_bulk_write_answer(&run->bulk, 1, &answer);
    doc = yyjson_read(answer.p, answer.n, 0);
    HS_ASSERT(doc != NULL);
    yyjson_doc_free(doc);
    hs_buf_fini(&answer);
    run->outcome.accepted = run->bulk.accepted;
    return rc;
}

static int read_body(struct run *run, unsigned which)
{
    struct hs_intake *intake = &run->intake;
    int rc;

    switch (which % 6) {
    case 0:
        rc = hs_native_read_one(intake, run->body, run->n, NULL, NULL);
        run->outcome.accepted = rc == HS_OK;
        return rc;
    case 1: return hs_native_read_batch(intake, run->body, run->n, BATCH_MAX, &run->outcome, NULL);
    case 2: return hs_native_read_ndjson(intake, run->body, run->n, BATCH_MAX, &run->outcome, NULL);
    case 3: return hs_ubi_read_queries(intake, run->body, run->n, &run->outcome, NULL);
    case 4: return hs_ubi_read_events(intake, run->body, run->n, &run->outcome, NULL);
    default: return read_bulk(run);
    }
}

static void check_messages(const struct hs_intake *intake)
{
    for (int topic = 0; topic < HS_TOPIC_N; topic++) {
        size_t n = intake->topics[topic].n;
        struct hs_message *messages = hs_xcalloc(n + 1, sizeof(*messages));

        hs_intake_messages(intake, (enum hs_topic)topic, messages);
        for (size_t i = 0; i < n; i++) {
            yyjson_doc *doc = yyjson_read(messages[i].value.p, messages[i].value.n, 0);

            HS_ASSERT(yyjson_is_obj(yyjson_doc_get_root(doc)));
            HS_ASSERT(messages[i].key.n <= HS_STREAM_KEY_MAX);
            yyjson_doc_free(doc);
        }
        hs_free(messages);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run *run;
    struct hs_redactor *redactor = NULL;
    struct hs_intake_rules rules = {
        .tenant = HS_STR("default"),
        .received_ns = 1700000000LL * HS_NS_PER_S,
        .late_max_ns = HS_NS_PER_DAY,
        .early_max_ns = HS_NS_PER_MIN,
        .pseudonyms = true,
    };

    if (size == 0)
        return 0;
    HS_ASSERT(hs_redactor_new(true, HS_STR_NULL, &redactor, NULL) == HS_OK);
    rules.redactor = redactor;
    rules.source = data[0] % 6 >= 3 ? HS_SOURCE_UBI : HS_SOURCE_NATIVE;
    run = hs_xalloc(sizeof(*run));
    hs_intake_init(&run->intake, &rules, BYTES_MAX);
    hs_bulk_init(&run->bulk);
    run->n = size - 1;
    run->body = hs_xalloc(run->n + HS_BODY_PADDING);
    memcpy(run->body, data + 1, run->n);
    if (read_body(run, data[0]) == HS_OK)
        HS_ASSERT(run->intake.counts.accepted == run->outcome.accepted);
    check_messages(&run->intake);
    hs_intake_fini(&run->intake);
    hs_bulk_fini(&run->bulk);
    hs_redactor_free(redactor);
    hs_free(run->body);
    hs_free(run);
    return 0;
}
