/*
 * Logs: one line an event on stderr, logfmt or JSON: time, level, component, a fixed sentence,
 * then key-value data. The sentence is never built from outside text. Only services and commands
 * log; libraries return errors. A repeat of the same sentence by the same component within a second
 * is suppressed after the tenth and counted in the next line that is written.
 */
#ifndef HS_BASE_LOG_H
#define HS_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum hs_log_level { HS_LOG_DEBUG, HS_LOG_INFO, HS_LOG_WARN, HS_LOG_ERROR };

struct hs_log_kv {
    const char *key; /* NULL ends the list */
    enum { HS_KV_STR, HS_KV_I64, HS_KV_F64 } type;
    struct hs_str str;
    int64_t i64;
    double f64;
};

#define HS_KV_S(k, s) ((struct hs_log_kv){.key = (k), .type = HS_KV_STR, .str = hs_str_c(s)})
#define HS_KV_V(k, s) ((struct hs_log_kv){.key = (k), .type = HS_KV_STR, .str = (s)})
#define HS_KV_I(k, v) ((struct hs_log_kv){.key = (k), .type = HS_KV_I64, .i64 = (int64_t)(v)})
#define HS_KV_F(k, v) ((struct hs_log_kv){.key = (k), .type = HS_KV_F64, .f64 = (v)})

/* hs_log(HS_LOG_WARN, "loader", "insert failed, will retry", HS_KV_S("table", t)); @thread any */
#define hs_log(level, component, sentence, ...)                                                    \
    hs_log_write((level), (component), (sentence),                                                 \
                 (const struct hs_log_kv[]){__VA_ARGS__ __VA_OPT__(, ){.key = NULL}})
/* The same with the error's code and text as `rc` and `error`. */
#define hs_log_err(level, component, sentence, err, ...)                                           \
    hs_log_write((level), (component), (sentence),                                                 \
                 (const struct hs_log_kv[]){HS_KV_S("rc", hs_rc_name((err)->rc)),                  \
                                            HS_KV_S("error", (err)->text),                         \
                                            __VA_ARGS__ __VA_OPT__(, ){.key = NULL}})

void hs_log_write(enum hs_log_level level, const char *component, const char *sentence,
                  const struct hs_log_kv *kv);

/* Below `level` nothing is written; `json` chooses the form. Called once at start. */
void hs_log_configure(enum hs_log_level level, bool json);
/* "debug", "info", "warn", "error"; HS_EINVAL for other words. */
int hs_log_level_parse(struct hs_str s, enum hs_log_level *out);

#endif
