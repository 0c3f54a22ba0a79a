/* The part "data" of /api/v1/status: how fresh the tenant's raw tables are. */
#include <stdio.h>

#include "base/mem.h"
#include "gateway/failure.h"
#include "gateway/gateway_int.h"

enum {
    STATUS_KEEP_MS = 1000,
    STATUS_QUERY_MS = 1000,
    STATUS_ARENA_BYTES = 4 << 20,
    STATUS_BYTES_MAX = 64 << 10,
    STATUS_SQL_MAX = 4096
};

static const char *const tables[] = {"searches", "results", "errors", "spans"};

/* When its newest row was received; INT64_MIN: not known, or no row. */
struct newest {
    int64_t us[HS_ARRAY_LEN(tables)];
};

/* Looks for those not known yet among the rows of the last seconds. */
static int look_back(const struct hs_gateway *gateway, struct hs_str tenant, int seconds,
                     struct newest *newest, struct hs_err *err)
{
    const struct hs_param param = {"tenant", tenant};
    struct hs_query query = {.params = &param,
                             .params_n = 1,
                             .user = HS_ANALYTICS_RO,
                             .timeout_ms = STATUS_QUERY_MS};
    struct hs_arena arena;
    struct hs_table rows;
    struct hs_buf sql;
    size_t i;
    int rc = HS_OK;

    hs_buf_init(&sql, STATUS_SQL_MAX);
    for (i = 0; i < HS_ARRAY_LEN(tables); i++) {
        if (newest->us[i] == INT64_MIN)
            hs_buf_addf(&sql,
                        "%sSELECT toUInt8(%zu), toUnixTimestamp64Micro(max(received)), count() "
                        "FROM haystat.%s WHERE tenant = {tenant:String} "
                        "AND received >= now() - INTERVAL %d SECOND",
                        sql.n > 0 ? " UNION ALL " : "", i, tables[i], seconds);
    }
    hs_arena_init(&arena, STATUS_ARENA_BYTES);
    query.sql = hs_buf_cstr(&sql);
    if (sql.n > 0)
        rc = hs_analytics_query(gateway->deps.analytics, &query, &arena, &rows, err);
    for (i = 0; rc == HS_OK && sql.n > 0 && i < rows.rows; i++) {
        if (rows.columns[2].u64[i] > 0)
            newest->us[rows.columns[0].u64[i]] = rows.columns[1].i64[i];
    }
    hs_arena_fini(&arena);
    hs_buf_fini(&sql);
    return rc;
}

static void add_table(struct hs_json *json, const char *table, int64_t newest_us, int64_t now_ns)
{
    hs_json_key(json, table);
    if (newest_us == INT64_MIN) {
        hs_json_add_null(json);
        return;
    }
    hs_json_obj_open(json);
    hs_json_key(json, "newest_received");
    hs_json_add_time(json, newest_us * HS_NS_PER_US);
    hs_json_key(json, "age_s");
    hs_json_add_double(json, (double)HS_MAX(0, now_ns - newest_us * HS_NS_PER_US) / HS_NS_PER_S);
    hs_json_obj_close(json);
}

/* A day has many rows: it is searched only for a table that was silent for a minute. */
static void look(const struct hs_gateway *gateway, struct hs_str tenant, struct hs_buf *out)
{
    int64_t now_ns = hs_wall_ns(gateway->deps.clock);
    struct newest newest;
    struct hs_json json;
    struct hs_err err;
    size_t i;
    int rc;

    for (i = 0; i < HS_ARRAY_LEN(tables); i++)
        newest.us[i] = INT64_MIN;
    rc = look_back(gateway, tenant, 60, &newest, &err);
    if (rc == HS_OK)
        rc = look_back(gateway, tenant, 86400, &newest, &err);
    hs_json_init(&json, out);
    hs_json_obj_open(&json);
    if (rc != HS_OK) {
        struct hs_buf why;

        hs_buf_init(&why, 2 * HS_ERR_TEXT_MAX);
        hs_failure_of(&err, gateway->deps.conf, &why);
        hs_json_key(&json, "error");
        hs_json_add_str(&json, hs_buf_str(&why));
        hs_buf_fini(&why);
    } else {
        for (i = 0; i < HS_ARRAY_LEN(tables); i++)
            add_table(&json, tables[i], newest.us[i], now_ns);
    }
    hs_json_obj_close(&json);
}

void hs_gateway_status(void *arg, struct hs_str tenant, struct hs_json *json)
{
    const struct hs_gateway *gateway = arg;
    char key[HS_CACHE_KEY_MAX];
    int n = snprintf(key, sizeof(key), "%.*s/status/data", HS_STR_ARG(tenant));
    struct hs_buf text;

    HS_ASSERT(n < (int)sizeof(key));
    hs_buf_init(&text, STATUS_BYTES_MAX);
    if (hs_cache_get(gateway->deps.cache, hs_str_n(key, (size_t)n), &text, NULL) != HS_OK) {
        hs_buf_reset(&text);
        look(gateway, tenant, &text);
        hs_cache_set(gateway->deps.cache, hs_str_n(key, (size_t)n), hs_buf_str(&text),
                     STATUS_KEEP_MS, NULL);
    }
    hs_json_add_raw(json, hs_buf_str(&text));
    hs_buf_fini(&text);
}
