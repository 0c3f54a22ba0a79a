/*
 * Redaction of personal data in free text: e-mail addresses, phone numbers, payment card numbers
 * (Luhn and issuer prefix), and configured patterns. EAN, UPC, ISBN and SKU numbers are never
 * phones or cards; docs/privacy.md has the rules. Each finding becomes "[email]", "[phone]",
 * "[card]" or "[redacted]".
 */
#ifndef HS_COLLECTOR_REDACT_H
#define HS_COLLECTOR_REDACT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct hs_redactor;

struct hs_redact_counts {
    uint64_t email, phone, card, pattern, failed;
};

/* `patterns`: one POSIX extended regular expression a line, empty lines skipped. HS_EINVAL names
 * the line that does not compile. `enabled` false makes apply find nothing. */
int hs_redactor_new(bool enabled, struct hs_str patterns, struct hs_redactor **out,
                    struct hs_err *err);
void hs_redactor_free(struct hs_redactor *redactor); /* NULL is a no-op */

/* Returns false when there is nothing to redact (out untouched, the common case, fast). Else
 * appends the redacted text to out and returns true; when it cannot be done (out full, regex out of
 * memory) the text becomes "[redaction failed]" and counts->failed grows. Adds to *counts.
 * @thread any: the redactor is immutable */
bool hs_redactor_apply(const struct hs_redactor *redactor, struct hs_str text, struct hs_buf *out,
                       struct hs_redact_counts *counts);

#endif
