/*
 * Redaction: any bytes come through, the output stays within its bound, markers are all that is
 * added, and what was redacted is not redacted again.
 */
#include <stdint.h>

#include "base/mem.h"
#include "collector/redact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct hs_redactor *redactor_of(struct hs_str patterns)
{
    struct hs_redactor *redactor;
    int rc = hs_redactor_new(true, patterns, &redactor, NULL);

    HS_ASSERT(rc == HS_OK);
    return redactor;
}

static void check_known(const struct hs_redactor *redactor, struct hs_str text)
{
    struct hs_redact_counts counts = {0};
    struct hs_buf once;
    struct hs_buf twice;
    uint64_t found;

    hs_buf_init(&once, 1 << 20);
    hs_buf_init(&twice, 1 << 20);
    if (hs_redactor_apply(redactor, text, &once, &counts)) {
        found = counts.email + counts.phone + counts.card;
        HS_ASSERT(found + counts.failed > 0);
        HS_ASSERT(counts.failed == 0 || hs_str_eq_c(hs_buf_str(&once), "[redaction failed]"));
        /* "[email]" for six bytes is the longest growth */
        HS_ASSERT(counts.failed > 0 || once.n <= text.n + found);
        HS_ASSERT(!hs_redactor_apply(redactor, hs_buf_str(&once), &twice, &counts));
    }
    hs_buf_fini(&once);
    hs_buf_fini(&twice);
}

static void check_patterns(const struct hs_redactor *redactor, struct hs_str text)
{
    struct hs_redact_counts counts = {0};
    struct hs_buf out;

    hs_buf_init(&out, 1 << 20);
    if (hs_redactor_apply(redactor, text, &out, &counts))
        HS_ASSERT(out.n <= 10 * text.n + 18);
    hs_buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct hs_redactor *plain;
    static struct hs_redactor *patterns;
    struct hs_str text = hs_str_n(data, size);

    if (!plain) {
        plain = redactor_of(HS_STR_NULL);
        patterns = redactor_of(HS_STR("K-[0-9]{4}\n(a|b)*c\n^x|y$"));
    }
    check_known(plain, text);
    check_patterns(patterns, text);
    return 0;
}
