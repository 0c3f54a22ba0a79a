#include "gateway/failure.h"

#include "base/mem.h"

enum { SHORTER_BYTES_MAX = 160 };

/* ClickHouse's codes; port/analytics.h says which come as which rc. */
enum {
    ANY = 0,
    UNKNOWN_TABLE = 60,
    UNKNOWN_DATABASE = 81,
    TOO_MANY_ROWS = 158,
    TIMEOUT_EXCEEDED = 159,
    TOO_SLOW = 160,
    MEMORY_LIMIT_EXCEEDED = 241,
};

typedef void detail_fn(const struct hs_err *err, const struct hs_conf *conf, struct hs_buf *out);

static void say_rows(const struct hs_err *err, const struct hs_conf *conf, struct hs_buf *out)
{
    (void)err;
    hs_buf_addf(out,
                "the request reads more raw rows than query.rows_max = %llu; take a shorter range, "
                "filter by service, or group by at most one dimension beyond service and "
                "environment",
                (unsigned long long)conf->query_rows_max);
}

static void say_memory(const struct hs_err *err, const struct hs_conf *conf, struct hs_buf *out)
{
    (void)err;
    (void)conf;
    HS_BUF_ADD_LIT(out, "the request needs more memory than the store may use (store.memory_max); "
                        "take a shorter range, a longer step or fewer groups");
}

static void say_timeout(const struct hs_err *err, const struct hs_conf *conf, struct hs_buf *out)
{
    (void)err;
    hs_buf_addf(out,
                "the request takes longer than query.timeout = %llu ms; take a shorter range or "
                "fewer groups, or try again later",
                (unsigned long long)conf->query_timeout_ms);
}

static void say_starting(const struct hs_err *err, const struct hs_conf *conf, struct hs_buf *out)
{
    (void)err;
    (void)conf;
    HS_BUF_ADD_LIT(out, "the store is starting; /readyz says when it is ready");
}

/* The first line, whose end may name addresses and versions. */
static void say_unavailable(const struct hs_err *err, const struct hs_conf *conf,
                            struct hs_buf *out)
{
    struct hs_str text = hs_str_c(err->text);

    (void)conf;
    HS_BUF_ADD_LIT(out, "the store or the metadata cannot be asked now, try again: ");
    hs_buf_add_str(out,
                   hs_str_utf8_cut(hs_str_n(text.p, hs_str_index(text, '\n')), SHORTER_BYTES_MAX));
}

static void say_itself(const struct hs_err *err, const struct hs_conf *conf, struct hs_buf *out)
{
    (void)conf;
    hs_buf_add_c(out, err->text);
}

static void say_internal(const struct hs_err *err, const struct hs_conf *conf, struct hs_buf *out)
{
    (void)err;
    (void)conf;
    HS_BUF_ADD_LIT(out, "the store did not answer as expected; the log says more");
}

struct failure_row {
    int rc;
    int sys; /* ANY: all others */
    struct hs_failure failure;
    detail_fn *say;
};

static const struct failure_row rows[] = {
    {HS_ELIMIT, TOO_MANY_ROWS, {422, "row_budget", false}, say_rows},
    {HS_ELIMIT, MEMORY_LIMIT_EXCEEDED, {422, "memory_budget", false}, say_memory},
    {HS_ELIMIT, TIMEOUT_EXCEEDED, {504, "query_timeout", false}, say_timeout},
    {HS_ELIMIT, TOO_SLOW, {504, "query_timeout", false}, say_timeout},
    {HS_ELIMIT, ANY, {422, "too_large", false}, say_itself},
    {HS_ETIMEOUT, ANY, {504, "query_timeout", false}, say_timeout},
    {HS_EINVAL, UNKNOWN_TABLE, {503, "store_starting", false}, say_starting},
    {HS_EINVAL, UNKNOWN_DATABASE, {503, "store_starting", false}, say_starting},
    {HS_EAGAIN, ANY, {503, "unavailable", false}, say_unavailable},
    {HS_EIO, ANY, {503, "unavailable", false}, say_unavailable},
};

struct hs_failure hs_failure_of(const struct hs_err *err, const struct hs_conf *conf,
                                struct hs_buf *detail)
{
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(rows); i++) {
        if (rows[i].rc == err->rc && (rows[i].sys == ANY || rows[i].sys == err->sys)) {
            rows[i].say(err, conf, detail);
            return rows[i].failure;
        }
    }
    say_internal(err, conf, detail);
    return (struct hs_failure){500, "internal", true};
}
