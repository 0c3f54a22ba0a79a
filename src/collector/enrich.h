/*
 * What the collector adds to an event: normalised query, fingerprint, bot flag, pseudonyms.
 * Pure functions.
 */
#ifndef HS_COLLECTOR_ENRICH_H
#define HS_COLLECTOR_ENRICH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* NFKC, full case folding (utf8proc), runs of white space to one space, trimmed. ASCII text takes a
 * fast path with the same result. Appends to out; text that is not UTF-8 is taken byte by byte as
 * U+FFFD. HS_ELIMIT when out is full. */
int hs_query_normalize(struct hs_str query, struct hs_buf *out, struct hs_err *err);

/* Appends the text with each byte that is not part of UTF-8, and each U+0000, as U+FFFD. */
void hs_text_repair(struct hs_str s, struct hs_buf *out);

/* 64-bit hash of a normalised query; 0 never comes out. */
uint64_t hs_query_fingerprint(struct hs_str normalized);

/* Whether the user agent names a crawler, monitor or script ("bot", "crawler", "spider", "curl/",
 * "python-requests", "HeadlessChrome", …). The list is in enrich.c and docs/metrics.md. */
bool hs_user_agent_is_bot(struct hs_str user_agent);

/* 32 hex digits: SipHash-2-4-128 of the id under the tenant's key. */
enum { HS_PSEUDONYM_TEXT = 32 };
void hs_pseudonym(const unsigned char key[16], struct hs_str id, char out[HS_PSEUDONYM_TEXT]);

#endif
