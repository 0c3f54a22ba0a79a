/* The part "data" of /api/v1/status: how fresh each raw table is. */
#include "base/mem.h"
#include "gateway/gateway_int.h"

enum { STATUS_KEEP_MS = 1000, STATUS_QUERY_MS = 1000, STATUS_ARENA_BYTES = 4 << 20 };

static const char status_sql[] =
    "SELECT 'searches' AS name, toUnixTimestamp64Micro(max(received)) AS us, count() AS n "
    "FROM haystat.searches WHERE received >= now() - INTERVAL 1 DAY UNION ALL "
    "SELECT 'results', toUnixTimestamp64Micro(max(received)), count() FROM haystat.results "
    "WHERE received >= now() - INTERVAL 1 DAY UNION ALL "
    "SELECT 'errors', toUnixTimestamp64Micro(max(received)), count() FROM haystat.errors "
    "WHERE received >= now() - INTERVAL 1 DAY UNION ALL "
    "SELECT 'spans', toUnixTimestamp64Micro(max(received)), count() FROM haystat.spans "
    "WHERE received >= now() - INTERVAL 1 DAY";

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

static void look(const struct hs_gateway *gateway, struct hs_buf *out)
{
    const struct hs_query query = {.sql = status_sql,
                                   .user = HS_ANALYTICS_RO,
                                   .timeout_ms = STATUS_QUERY_MS};
    int64_t now_ns = hs_wall_ns(gateway->deps.clock);
    struct hs_arena arena;
    struct hs_table rows;
    struct hs_json json;
    struct hs_err err;
    size_t i;

    hs_arena_init(&arena, STATUS_ARENA_BYTES);
    hs_json_init(&json, out);
    hs_json_obj_open(&json);
    if (hs_analytics_query(gateway->deps.analytics, &query, &arena, &rows, &err) != HS_OK) {
        hs_json_key(&json, "error");
        hs_json_add_c(&json, err.text);
    } else {
        for (i = 0; i < rows.rows; i++)
            add_table(&json, &rows, i, now_ns);
    }
    hs_json_obj_close(&json);
    hs_arena_fini(&arena);
}

void hs_gateway_status(void *arg, struct hs_json *json)
{
    struct hs_gateway *gateway = arg;
    int64_t now_ns = hs_mono_ns(gateway->deps.clock);
    struct hs_buf fresh;
    struct hs_buf old;
    bool stale;

    hs_mutex_lock(&gateway->lock);
    stale = gateway->data_status.n == 0 ||
            now_ns - gateway->data_status_at_ns >= STATUS_KEEP_MS * HS_NS_PER_MS;
    if (!stale)
        hs_json_add_raw(json, hs_buf_str(&gateway->data_status));
    hs_mutex_unlock(&gateway->lock);
    if (!stale)
        return;
    hs_buf_init(&fresh, gateway->data_status.max);
    look(gateway, &fresh);
    hs_json_add_raw(json, hs_buf_str(&fresh));
    hs_mutex_lock(&gateway->lock);
    old = gateway->data_status;
    gateway->data_status = fresh;
    gateway->data_status_at_ns = now_ns;
    hs_mutex_unlock(&gateway->lock);
    hs_buf_fini(&old);
}
