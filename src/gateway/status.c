/* The part "data" of /api/v1/status: how fresh the tenant's raw tables are. */
#include <stdio.h>

#include "base/mem.h"
#include "gateway/failure.h"
#include "gateway/gateway_int.h"

enum {
    STATUS_KEEP_MS = 1000,
    STATUS_QUERY_MS = 1000,
    STATUS_ARENA_BYTES = 4 << 20,
    STATUS_BYTES_MAX = 64 << 10
};

#define NEWEST(table)                                                                              \
    "SELECT '" table "' AS name, toUnixTimestamp64Micro(max(received)) AS us, count() AS n "       \
    "FROM haystat." table " WHERE tenant = {tenant:String} "                                       \
    "AND received >= now() - INTERVAL 1 DAY"

static const char status_sql[] = NEWEST("searches") " UNION ALL " NEWEST(
    "results") " UNION ALL " NEWEST("errors") " UNION ALL " NEWEST("spans");

static void add_table(struct hs_json *json, const struct hs_table *rows, size_t row, int64_t now_ns)
{
    int64_t newest_ns = rows->columns[1].i64[row] * HS_NS_PER_US;

    hs_json_key_str(json, rows->columns[0].str[row]);
    if (rows->columns[2].u64[row] == 0) {
        hs_json_add_null(json);
        return;
    }
    hs_json_obj_open(json);
    hs_json_key(json, "newest_received");
    hs_json_add_time(json, newest_ns);
    hs_json_key(json, "age_s");
    hs_json_add_double(json, (double)HS_MAX(0, now_ns - newest_ns) / HS_NS_PER_S);
    hs_json_key(json, "rows_last_day");
    hs_json_add_u64(json, rows->columns[2].u64[row]);
    hs_json_obj_close(json);
}

static void look(const struct hs_gateway *gateway, struct hs_str tenant, struct hs_buf *out)
{
    const struct hs_param param = {"tenant", tenant};
    const struct hs_query query = {.sql = status_sql,
                                   .params = &param,
                                   .params_n = 1,
                                   .user = HS_ANALYTICS_RO,
                                   .timeout_ms = STATUS_QUERY_MS};
    int64_t now_ns = hs_wall_ns(gateway->deps.clock);
    struct hs_arena arena;
    struct hs_table rows;
    struct hs_json json;
    struct hs_buf why;
    struct hs_err err;
    size_t i;

    hs_buf_init(&why, 2 * HS_ERR_TEXT_MAX);
    hs_arena_init(&arena, STATUS_ARENA_BYTES);
    hs_json_init(&json, out);
    hs_json_obj_open(&json);
    if (hs_analytics_query(gateway->deps.analytics, &query, &arena, &rows, &err) != HS_OK) {
        hs_failure_of(&err, gateway->deps.conf, &why);
        hs_json_key(&json, "error");
        hs_json_add_str(&json, hs_buf_str(&why));
    } else {
        for (i = 0; i < rows.rows; i++)
            add_table(&json, &rows, i, now_ns);
    }
    hs_json_obj_close(&json);
    hs_arena_fini(&arena);
    hs_buf_fini(&why);
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
