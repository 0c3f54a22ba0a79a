#include "cmd/stack.h"

#include <stdio.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "cmd/registry.h"
#include "embed/sql.h"
#include "port/lease.h"
#include "port/migrate.h"
#include "store/address.h"
#include "store/secret.h"

enum {
    STARTER_WAIT_MS = 200,
    STARTER_WAIT_MAX_MS = 5000,
    MIGRATE_LEASE_MS = 60000,
    STOP_HTTP_MS = 3000,
    STOP_STORE_MS = 4000,
    MIGRATIONS_MAX = 256,
};

static bool has_role(const struct hs_stack *stack, unsigned roles)
{
    return (stack->conf->roles & roles) != 0;
}

static bool wants_store(const struct hs_stack *stack)
{
    return has_role(stack, HS_ROLE_ENGINE | HS_ROLE_GATEWAY | HS_ROLE_DEBUG);
}

static void replace(char **field, const char *value)
{
    hs_free(*field);
    *field = hs_xstrdup(value);
}

static int lock_data(struct hs_stack *stack, struct hs_err *err)
{
    char path[HS_PATH_MAX];
    int rc = hs_fs_mkdirs(stack->conf->data, 0700, err);

    if (rc == HS_OK)
        rc = hs_fs_join(path, stack->conf->data, "lock", err);
    if (rc == HS_OK)
        rc = hs_fs_lock(path, &stack->lock_fd, err);
    return rc;
}

/* Learns address and passwords of the embedded store, which its clients in this process need. */
static int open_supervisor(struct hs_stack *stack, struct hs_err *err)
{
    const struct hs_store_supervisor_params params = {
        .conf = stack->conf,
        .program = stack->conf->store_program[0] == '\0' ? NULL : stack->conf->store_program,
    };
    char password[HS_STORE_SECRET_MAX];
    struct hs_store_state state;
    struct hs_store_address address;
    char text[HS_STORE_ADDRESS_MAX];
    char url[HS_STORE_ADDRESS_MAX + 16];
    int rc;

    if (!wants_store(stack) || stack->conf->analytics_url[0] != '\0')
        return HS_OK;
    rc = hs_store_supervisor_open(&params, &stack->supervisor, err);
    if (rc != HS_OK)
        return rc;
    hs_store_supervisor_state(stack->supervisor, &state);
    rc = hs_store_address_parse("listen.store", hs_str_c(state.ready.http), &address, err);
    if (rc != HS_OK)
        return rc;
    address = hs_store_address_local(&address);
    hs_store_address_format(&address, text);
    snprintf(url, sizeof(url), "http://%s", text);
    replace(&stack->conf->analytics_url, url);
    rc = hs_store_secret_read(stack->conf->data, "rw", password, err);
    if (rc == HS_OK)
        replace(&stack->conf->analytics_password, password);
    if (rc == HS_OK)
        rc = hs_store_secret_read(stack->conf->data, "ro", password, err);
    if (rc == HS_OK)
        replace(&stack->conf->analytics_password_ro, password);
    return rc;
}

static int open_ports(struct hs_stack *stack, struct hs_err *err)
{
    bool made = false;
    int rc = hs_registry_open_metadata(stack->conf, &stack->metadata, err);

    if (rc == HS_OK)
        rc = hs_registry_open_stream(stack->conf, stack->clock, &stack->stream, err);
    if (rc == HS_OK)
        rc = hs_registry_open_cache(stack->conf, stack->clock, &stack->cache, err);
    if (rc == HS_OK)
        rc = hs_keys_bootstrap(stack->metadata, stack->clock, stack->conf, &made, err);
    if (rc == HS_OK)
        rc = hs_keys_open(stack->metadata, stack->clock, stack->conf, &stack->keys, err);
    if (rc == HS_OK)
        rc = open_supervisor(stack, err);
    if (rc == HS_OK && wants_store(stack))
        rc = hs_registry_open_analytics(stack->conf, stack->clock, &stack->analytics, err);
    if (made)
        hs_log(HS_LOG_INFO, "serve", "made an admin key",
               HS_KV_S("file", "secrets/admin.key below the data folder"));
    return rc;
}

static int open_listeners(struct hs_stack *stack, struct hs_err *err)
{
    const struct hs_conf *conf = stack->conf;
    int rc = hs_http_server_new(conf, stack->clock, &stack->server, err);

    if (rc == HS_OK && conf->listen_gateway[0] != '\0') {
        hs_http_server_name(stack->server, HS_LISTENER_GATEWAY, "gateway");
        rc = hs_http_server_listen(stack->server, HS_LISTENER_GATEWAY, conf->listen_gateway,
                                   &stack->gateway_address, err);
        if (rc != HS_OK)
            hs_err_prefix(err, "listen.gateway");
    }
    if (rc == HS_OK && conf->listen_otlp_http[0] != '\0' && has_role(stack, HS_ROLE_COLLECTOR)) {
        hs_http_server_name(stack->server, HS_LISTENER_OTLP, "otlp_http");
        rc = hs_http_server_listen(stack->server, HS_LISTENER_OTLP, conf->listen_otlp_http,
                                   &stack->otlp_address, err);
        if (rc != HS_OK)
            hs_err_prefix(err, "listen.otlp_http");
    }
    return rc;
}

static unsigned listener_bit(const struct hs_buf *address, enum hs_listener listener)
{
    return address->n > 0 ? 1U << listener : 0;
}

static int open_services(struct hs_stack *stack, struct hs_err *err)
{
    const struct hs_ops_deps ops = {stack->conf, stack->clock, stack->keys};
    const struct hs_collector_deps collector = {stack->conf, stack->clock, stack->stream,
                                                stack->cache, stack->keys};
    const struct hs_gateway_deps gateway = {stack->conf,     stack->clock, stack->analytics,
                                            stack->metadata, stack->cache, stack->keys};
    unsigned main_bit = listener_bit(&stack->gateway_address, HS_LISTENER_GATEWAY);
    unsigned otlp_bit = listener_bit(&stack->otlp_address, HS_LISTENER_OTLP);
    int rc = HS_OK;

    stack->ops = hs_ops_new(&ops);
    if (main_bit)
        rc = hs_ops_routes(stack->ops, stack->server, main_bit, err);
    if (rc == HS_OK && has_role(stack, HS_ROLE_COLLECTOR))
        rc = hs_collector_new(&collector, &stack->collector, err);
    if (rc == HS_OK && stack->collector)
        rc = hs_collector_routes(stack->collector, stack->server, main_bit, otlp_bit, err);
    if (rc == HS_OK && has_role(stack, HS_ROLE_GATEWAY))
        rc = hs_gateway_new(&gateway, &stack->gateway, err);
    if (rc == HS_OK && stack->gateway && main_bit)
        rc = hs_gateway_routes(stack->gateway, stack->server, main_bit, err);
    return rc;
}

/* Why the store is not ready, for /readyz. */
static void set_not_ready(struct hs_stack *stack, const char *why)
{
    hs_mutex_lock(&stack->lock);
    snprintf(stack->not_ready, sizeof(stack->not_ready), "%s", why);
    hs_mutex_unlock(&stack->lock);
}

static int migrate(struct hs_stack *stack, struct hs_err *err)
{
    struct hs_migration files[MIGRATIONS_MAX];
    struct hs_migrations set = {.files = files, .n = hs_embed_sql_count};
    struct hs_migrate_result result;
    struct hs_lease lease;
    struct hs_err ignored;
    size_t i;
    int rc;

    HS_ASSERT(hs_embed_sql_count <= MIGRATIONS_MAX);
    for (i = 0; i < hs_embed_sql_count; i++)
        files[i] =
            (struct hs_migration){hs_embed_sql[i].name, hs_embed_sql[i].data, hs_embed_sql[i].size};
    rc = hs_lease_init(&lease, HS_STR("migrate"), hs_str_c(stack->owner), err);
    if (rc == HS_OK && stack->supervisor)
        rc = hs_lease_break(stack->metadata, &lease, err);
    if (rc == HS_OK)
        rc = hs_lease_acquire(stack->metadata, &lease, MIGRATE_LEASE_MS, err);
    if (rc != HS_OK)
        return rc;
    rc = hs_migrate(stack->analytics, &set, &result, err);
    if (rc == HS_OK && result.applied > 0)
        hs_log(HS_LOG_INFO, "serve", "store migrated", HS_KV_I("files", result.applied),
               HS_KV_I("version", result.version));
    hs_lease_release(stack->metadata, &lease, &ignored);
    return rc;
}

static void engine_status(void *arg, struct hs_json *json)
{
    hs_engine_status(arg, json);
}

static int start_engine(struct hs_stack *stack, struct hs_err *err)
{
    const struct hs_loader_deps deps = {.conf = stack->conf,
                                        .clock = stack->clock,
                                        .stream = stack->stream,
                                        .metadata = stack->metadata,
                                        .analytics = stack->analytics,
                                        .owner = stack->owner,
                                        .exclusive = true};
    struct hs_ops_part part = {.name = "engine", .status = engine_status};
    char folder[HS_PATH_MAX];
    struct hs_engine *engine = NULL;
    int rc;

    if (!has_role(stack, HS_ROLE_ENGINE))
        return HS_OK;
    rc = hs_fs_join(folder, stack->conf->data, "store", err);
    if (rc == HS_OK)
        rc = hs_engine_start(&deps, stack->supervisor ? folder : NULL, &engine, err);
    if (rc != HS_OK)
        return rc;
    part.arg = engine;
    hs_ops_add(stack->ops, &part);
    hs_mutex_lock(&stack->lock);
    stack->engine = engine;
    hs_mutex_unlock(&stack->lock);
    return HS_OK;
}

/* Returns false when stop was asked. */
static bool starter_wait(struct hs_stack *stack, int64_t wait_ms)
{
    bool stop;

    hs_mutex_lock(&stack->lock);
    if (!stack->stop)
        hs_cond_wait_ms(&stack->wake, &stack->lock, wait_ms);
    stop = stack->stop;
    hs_mutex_unlock(&stack->lock);
    return !stop;
}

static int start_step(struct hs_stack *stack, struct hs_err *err)
{
    int rc = hs_analytics_ping(stack->analytics, STARTER_WAIT_MS, err);

    if (rc == HS_OK && !stack->migrated)
        rc = migrate(stack, err);
    if (rc == HS_OK) {
        stack->migrated = true;
        rc = start_engine(stack, err);
    }
    return rc;
}

static void starter_main(void *arg)
{
    struct hs_stack *stack = arg;
    int64_t wait_ms = STARTER_WAIT_MS;
    struct hs_err err;

    while (start_step(stack, &err) != HS_OK) {
        set_not_ready(stack, err.text);
        if (err.rc != HS_EAGAIN) {
            hs_log_err(HS_LOG_WARN, "serve", "store is not ready, will retry", &err);
            wait_ms = HS_MIN(wait_ms * 2, (int64_t)STARTER_WAIT_MAX_MS);
        }
        if (!starter_wait(stack, wait_ms))
            return;
    }
    set_not_ready(stack, "");
}

static bool store_ready(void *arg, struct hs_buf *why)
{
    struct hs_stack *stack = arg;
    bool ready;

    hs_mutex_lock(&stack->lock);
    ready = stack->not_ready[0] == '\0';
    hs_buf_add_c(why, stack->not_ready);
    hs_mutex_unlock(&stack->lock);
    return ready;
}

static void store_status(void *arg, struct hs_json *json)
{
    struct hs_stack *stack = arg;
    struct hs_store_state state;

    hs_json_obj_open(json);
    if (stack->supervisor) {
        hs_store_supervisor_state(stack->supervisor, &state);
        hs_json_key(json, "phase");
        hs_json_add_c(json, hs_store_phase_name(state.phase));
        hs_json_key(json, "pid");
        hs_json_add_i64(json, state.pid);
        hs_json_key(json, "starts");
        hs_json_add_u64(json, state.starts);
        hs_json_key(json, "rss_bytes");
        hs_json_add_u64(json, state.rss_bytes);
        hs_json_key(json, "error");
        hs_json_add_c(json, state.error);
    } else {
        hs_json_key(json, "phase");
        hs_json_add_c(json, "remote");
    }
    hs_json_obj_close(json);
}

static bool stream_ready(void *arg, struct hs_buf *why)
{
    struct hs_stream_stat stat;

    hs_stream_stat(arg, &stat);
    if (stat.refusing)
        HS_BUF_ADD_LIT(why, "the stream's disk is full");
    return !stat.refusing;
}

static void stream_status(void *arg, struct hs_json *json)
{
    struct hs_stream_stat stat;

    hs_stream_stat(arg, &stat);
    hs_json_obj_open(json);
    hs_json_key(json, "stream_id");
    hs_json_add_str(json, stat.stream_id);
    hs_json_key(json, "bytes_on_disk");
    hs_json_add_u64(json, stat.bytes_on_disk);
    hs_json_key(json, "disk_free_bytes");
    hs_json_add_u64(json, stat.disk_free_bytes);
    hs_json_key(json, "disk_free_min_bytes");
    hs_json_add_u64(json, stat.disk_free_min_bytes);
    hs_json_key(json, "queue_bytes");
    hs_json_add_u64(json, stat.append_queue_bytes);
    hs_json_key(json, "refusing");
    hs_json_add_bool(json, stat.refusing);
    hs_json_obj_close(json);
}

static void add_parts(struct hs_stack *stack)
{
    const struct hs_ops_part stream = {.name = "stream",
                                       .status = stream_status,
                                       .ready = stream_ready,
                                       .arg = stack->stream};
    const struct hs_ops_part store = {.name = "store",
                                      .status = store_status,
                                      .ready = store_ready,
                                      .arg = stack};
    const struct hs_ops_part ingest = {.name = "ingest",
                                       .status = hs_collector_status,
                                       .arg = stack->collector};
    const struct hs_ops_part data = {.name = "data",
                                     .tenant_status = hs_gateway_status,
                                     .arg = stack->gateway};

    hs_ops_add(stack->ops, &stream);
    if (wants_store(stack))
        hs_ops_add(stack->ops, &store);
    if (stack->collector)
        hs_ops_add(stack->ops, &ingest);
    if (stack->gateway)
        hs_ops_add(stack->ops, &data);
}

/* Spans of our own requests; the server calls it from its loops, so it stops after them. */
static int start_exporter(struct hs_stack *stack, struct hs_err *err)
{
    const struct hs_otlp_export_params params = {
        .clock = stack->clock,
        .url = stack->conf->telemetry_otlp,
        .key = stack->conf->telemetry_otlp_key,
        .version = HS_VERSION,
        .instance = stack->owner,
        .spans_max = stack->conf->telemetry_spans_max,
    };
    int rc;

    if (params.url[0] == '\0')
        return HS_OK;
    rc = hs_otlp_export_start(&params, &stack->exporter, err);
    if (rc == HS_OK)
        hs_http_server_on_done(stack->server, hs_otlp_export_request, stack->exporter);
    return rc;
}

static int start(struct hs_stack *stack, struct hs_err *err)
{
    int rc;

    add_parts(stack);
    if (wants_store(stack))
        set_not_ready(stack, "the store is starting");
    rc = start_exporter(stack, err);
    if (rc == HS_OK && stack->supervisor)
        rc = hs_store_supervisor_start(stack->supervisor, err);
    if (rc == HS_OK)
        rc = hs_http_server_start(stack->server, err);
    if (rc == HS_OK && wants_store(stack))
        rc = hs_thread_start(&stack->starter, "starter", starter_main, stack, err);
    return rc;
}

int hs_stack_open(struct hs_stack *stack, struct hs_conf *conf, struct hs_err *err)
{
    int rc;

    *stack = (struct hs_stack){.conf = conf, .clock = hs_clock_system(), .lock_fd = -1};
    hs_mutex_init(&stack->lock, HS_RANK_SERVICE);
    hs_cond_init(&stack->wake);
    hs_buf_init(&stack->gateway_address, HS_STORE_ADDRESS_MAX);
    hs_buf_init(&stack->otlp_address, HS_STORE_ADDRESS_MAX);
    hs_uuid7(hs_wall_ns(stack->clock), stack->owner);
    rc = lock_data(stack, err);
    if (rc == HS_OK)
        rc = open_ports(stack, err);
    if (rc == HS_OK)
        rc = open_listeners(stack, err);
    if (rc == HS_OK)
        rc = open_services(stack, err);
    if (rc == HS_OK)
        rc = start(stack, err);
    if (rc != HS_OK)
        hs_stack_close(stack);
    return rc;
}

static void stop_starter(struct hs_stack *stack)
{
    hs_mutex_lock(&stack->lock);
    stack->stop = true;
    hs_cond_broadcast(&stack->wake);
    hs_mutex_unlock(&stack->lock);
    hs_thread_join(&stack->starter);
}

void hs_stack_close(struct hs_stack *stack)
{
    stop_starter(stack);
    if (stack->server)
        hs_http_server_stop(stack->server, STOP_HTTP_MS);
    hs_otlp_export_stop(stack->exporter);
    if (stack->engine)
        hs_ops_remove(stack->ops, "engine");
    hs_engine_stop(stack->engine);
    hs_stream_close(stack->stream);
    hs_http_server_free(stack->server);
    hs_gateway_free(stack->gateway);
    hs_collector_free(stack->collector);
    hs_ops_free(stack->ops);
    hs_analytics_close(stack->analytics);
    if (stack->supervisor)
        hs_store_supervisor_stop(stack->supervisor, STOP_STORE_MS);
    hs_store_supervisor_close(stack->supervisor);
    hs_keys_close(stack->keys);
    hs_cache_close(stack->cache);
    hs_metadata_close(stack->metadata);
    if (stack->lock_fd >= 0)
        close(stack->lock_fd);
    hs_buf_fini(&stack->otlp_address);
    hs_buf_fini(&stack->gateway_address);
    hs_cond_fini(&stack->wake);
    hs_mutex_fini(&stack->lock);
}
