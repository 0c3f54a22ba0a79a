/*
 * haystat health: is everything up and ready; with --metrics, is what was sent what is stored?
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <yyjson.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/thread.h"
#include "cmd/args.h"
#include "cmd/cmd.h"
#include "cmd/running.h"
#include "net/http_client.h"
#include "sim/check.h"

enum { URL_MAX = 512, ASK_MS = 60000, ANSWER_MAX = 64 << 20, TRUTH_MAX = 1 << 30, POLL_MS = 500 };

struct health {
    const struct hs_command *command;
    struct hs_args args;
    const char *url, *metrics, *truth, *key, *wait;
    char gateway[HS_RUNNING_URL_MAX];
    struct hs_http_client *client;
    struct hs_buf authorization;
};

/* HS_OK: an answer came; its status is in reply. */
static int ask(struct health *health, const char *path, struct hs_http_reply *reply,
               struct hs_err *err)
{
    const struct hs_http_field fields[] = {{"Authorization", hs_buf_str(&health->authorization)}};
    char url[URL_MAX];
    struct hs_http_call call = {.method = "GET",
                                .url = url,
                                .fields = fields,
                                .fields_n = health->key ? 1 : 0,
                                .connect_ms = 5000,
                                .total_ms = ASK_MS,
                                .response_max = ANSWER_MAX};
    int rc;

    if (snprintf(url, sizeof(url), "%s%s", health->gateway, path) >= (int)sizeof(url))
        return hs_err_set(err, HS_EINVAL, 0, "the URL has more than %d bytes", URL_MAX - 1);
    rc = hs_http_client_call(health->client, &call, reply, err);
    if (rc != HS_OK)
        hs_err_prefix(err, "GET %s", url);
    return rc;
}

/* The detail of a problem (RFC 9457), else the beginning of the body. */
static int refused(const char *path, const struct hs_http_reply *reply, struct hs_err *err)
{
    yyjson_doc *doc = yyjson_read(reply->body.p, reply->body.n, 0);
    const char *detail = yyjson_get_str(yyjson_obj_get(yyjson_doc_get_root(doc), "detail"));
    struct hs_str text = detail ? hs_str_c(detail) : hs_buf_str(&reply->body);
    int rc = hs_err_set(err, HS_EIO, reply->status, "GET %s: status %d: %.*s", path, reply->status,
                        HS_STR_ARG(hs_str_utf8_cut(text, 300)));

    yyjson_doc_free(doc);
    return rc;
}

static int ask_ok(struct health *health, const char *path, struct hs_http_reply *reply,
                  struct hs_err *err)
{
    int rc = ask(health, path, reply, err);

    if (rc == HS_OK && reply->status != 200)
        rc = refused(path, reply, err);
    return rc;
}

static const char *text_of(yyjson_val *value)
{
    const char *text = yyjson_get_str(value);

    return text ? text : "";
}

/* Returns whether all is ready. */
static bool print_checks(yyjson_val *root)
{
    yyjson_val *checks = yyjson_obj_get(root, "checks");
    yyjson_val *check;
    size_t i, n;

    yyjson_arr_foreach(checks, i, n, check)
    {
        printf("%-10s %s%s%s\n", text_of(yyjson_obj_get(check, "name")),
               yyjson_get_bool(yyjson_obj_get(check, "ready")) ? "ready" : "NOT ready",
               *text_of(yyjson_obj_get(check, "detail")) ? ": " : "",
               text_of(yyjson_obj_get(check, "detail")));
    }
    return yyjson_get_bool(yyjson_obj_get(root, "ready"));
}

static void print_engine(yyjson_val *engine)
{
    yyjson_val *partitions = yyjson_obj_get(yyjson_obj_get(engine, "loader"), "partitions");
    yyjson_val *partition;
    uint64_t lag = 0;
    size_t i, n;

    if (!engine)
        return;
    yyjson_arr_foreach(partitions, i, n, partition)
    {
        lag += yyjson_get_uint(yyjson_obj_get(partition, "lag"));
    }
    printf("loader     %llu events to load\n", (unsigned long long)lag);
    printf("rollup     %llu windows to compute\n",
           (unsigned long long)yyjson_get_uint(
               yyjson_obj_get(yyjson_obj_get(engine, "rollup"), "dirty_windows")));
}

static void print_data(yyjson_val *data)
{
    yyjson_val *name, *table;
    size_t i, n;

    yyjson_obj_foreach(data, i, n, name, table)
    {
        if (yyjson_is_obj(table))
            printf("newest     %s: %.1f s old\n", text_of(name),
                   yyjson_get_num(yyjson_obj_get(table, "age_s")));
        else
            printf("newest     %s: none today\n", text_of(name));
    }
}

static void print_status(yyjson_val *root)
{
    yyjson_val *store = yyjson_obj_get(root, "store");
    yyjson_val *stream = yyjson_obj_get(root, "stream");

    printf("version    %s, since %s\n", text_of(yyjson_obj_get(root, "version")),
           text_of(yyjson_obj_get(root, "started")));
    if (store)
        printf("store      %s, %.0f MB%s%s\n", text_of(yyjson_obj_get(store, "phase")),
               yyjson_get_num(yyjson_obj_get(store, "rss_bytes")) / 1e6,
               *text_of(yyjson_obj_get(store, "error")) ? ", " : "",
               text_of(yyjson_obj_get(store, "error")));
    if (stream)
        printf("stream     %.1f MB on disk, %.1f GB free%s\n",
               yyjson_get_num(yyjson_obj_get(stream, "bytes_on_disk")) / 1e6,
               yyjson_get_num(yyjson_obj_get(stream, "disk_free_bytes")) / 1e9,
               yyjson_get_bool(yyjson_obj_get(stream, "refusing")) ? ", REFUSING" : "");
    print_engine(yyjson_obj_get(root, "engine"));
    print_data(yyjson_obj_get(root, "data"));
}

static int run_health(struct health *health, struct hs_http_reply *reply)
{
    struct hs_err err;
    yyjson_doc *doc;
    bool ready;

    if (ask(health, "/readyz", reply, &err) != HS_OK)
        return hs_args_failed(health->command, &err);
    doc = yyjson_read(reply->body.p, reply->body.n, 0);
    printf("gateway    %s\n", health->gateway);
    ready = print_checks(yyjson_doc_get_root(doc));
    yyjson_doc_free(doc);
    if (ask_ok(health, "/api/v1/status", reply, &err) != HS_OK)
        return hs_args_failed(health->command, &err);
    doc = yyjson_read(reply->body.p, reply->body.n, 0);
    print_status(yyjson_doc_get_root(doc));
    yyjson_doc_free(doc);
    return ready ? HS_EXIT_DONE : HS_EXIT_GATE;
}

/* A truth that does not count is told and left out. */
static int add_truth(struct hs_sim_check *check, const char *path, struct hs_err *err)
{
    struct hs_buf text;
    int rc;

    hs_buf_init(&text, TRUTH_MAX);
    rc = hs_fs_read(path, &text, err);
    if (rc == HS_OK) {
        rc = hs_sim_check_add(check, hs_buf_str(&text), err);
        if (rc != HS_OK)
            hs_err_prefix(err, "%s", path);
    }
    hs_buf_fini(&text);
    return rc;
}

/* All runs against this data folder, see `haystat simulate`. */
static int add_folder(const struct health *health, struct hs_sim_check *check, struct hs_err *err)
{
    char folder[HS_PATH_MAX], path[HS_PATH_MAX];
    struct dirent *entry;
    size_t found = 0;
    int rc = hs_fs_join(folder, health->args.conf.data, "simulated", err);
    DIR *dir = rc == HS_OK ? opendir(folder) : NULL;

    while (dir && rc == HS_OK && (entry = readdir(dir))) {
        if (!hs_str_ends_with(hs_str_c(entry->d_name), HS_STR(".json")))
            continue;
        rc = hs_fs_join(path, folder, entry->d_name, err);
        if (rc == HS_OK)
            rc = add_truth(check, path, err);
        found++;
    }
    if (dir)
        closedir(dir);
    if (rc == HS_OK && found == 0)
        rc = hs_err_set(err, HS_ENOTFOUND, 0,
                        "%s holds no run of haystat simulate to compare with; name one with "
                        "--truth FILE",
                        folder);
    return rc;
}

/* Asks until it is equal or `until_ns` has passed: what was acknowledged last is loaded soon. */
static int compare(struct health *health, const struct hs_sim_check *check, int64_t until_ns,
                   struct hs_http_reply *reply, struct hs_err *err)
{
    struct hs_mutex lock;
    struct hs_cond cond;
    struct hs_sim_checked checked = {0};
    struct hs_buf report;
    char path[URL_MAX];
    int64_t from_s, to_s;
    int rc;

    hs_sim_check_range(check, &from_s, &to_s);
    snprintf(path, sizeof(path),
             "/api/v1/metrics/summary?from=%lld&to=%lld&group_by=service,version&series=0",
             (long long)from_s, (long long)to_s);
    hs_mutex_init(&lock, HS_RANK_SERVICE);
    hs_cond_init(&cond);
    hs_buf_init(&report, 1 << 20);
    for (;;) {
        hs_buf_reset(&report);
        rc = ask_ok(health, path, reply, err);
        if (rc == HS_OK)
            rc = hs_sim_check_compare(check, hs_buf_str(&reply->body), &report, &checked, err);
        if (rc != HS_OK || checked.differing == 0 || hs_mono_ns(hs_clock_system()) > until_ns)
            break;
        hs_mutex_lock(&lock);
        hs_cond_wait_ms(&cond, &lock, POLL_MS);
        hs_mutex_unlock(&lock);
    }
    if (rc == HS_OK) {
        fwrite(report.p ? report.p : "", 1, report.n, stdout);
        printf("%llu executions sent; %zu of %zu figures by service and version are %s\n",
               (unsigned long long)checked.executions, checked.compared - checked.differing,
               checked.compared, checked.differing ? "equal" : "equal: what was sent is stored");
    }
    hs_buf_fini(&report);
    hs_cond_fini(&cond);
    hs_mutex_fini(&lock);
    if (rc != HS_OK)
        return rc;
    return checked.differing ? HS_EXIT_GATE : HS_EXIT_DONE;
}

static int run_metrics(struct health *health, struct hs_http_reply *reply)
{
    struct hs_sim_check *check = hs_sim_check_new();
    uint64_t wait_s = 30;
    struct hs_err err;
    int rc = HS_OK;

    if (health->wait && hs_str_to_u64(hs_str_c(health->wait), &wait_s))
        rc = hs_err_set(&err, HS_EINVAL, 0, "--wait is \"%s\", wants seconds", health->wait);
    if (rc == HS_OK)
        rc =
            health->truth ? add_truth(check, health->truth, &err) : add_folder(health, check, &err);
    if (rc == HS_OK)
        rc = compare(health, check, hs_mono_ns(hs_clock_system()) + (int64_t)wait_s * HS_NS_PER_S,
                     reply, &err);
    hs_sim_check_free(check);
    return rc < 0 ? hs_args_failed(health->command, &err) : rc;
}

static int find_gateway(struct health *health, struct hs_err *err)
{
    struct hs_running running = {0};
    int rc;

    if (health->url) {
        size_t n = strlen(health->url);

        if (n >= sizeof(health->gateway))
            return hs_err_set(err, HS_EINVAL, 0, "--url has %zu bytes, limit %zu", n,
                              sizeof(health->gateway) - 1);
        if (strncmp(health->url, "http://", 7) != 0 && strncmp(health->url, "https://", 8) != 0)
            return hs_err_set(err, HS_EINVAL, 0,
                              "--url is \"%s\", wants the gateway's, such as "
                              "http://127.0.0.1:8000",
                              health->url);
        n -= n > 0 && health->url[n - 1] == '/';
        memcpy(health->gateway, health->url, n);
        return HS_OK;
    }
    rc = hs_running_read(health->args.conf.data, &running, err);
    if (rc == HS_OK && !*running.gateway)
        rc =
            hs_err_set(err, HS_ENOTFOUND, 0, "what runs with %s has no gateway listener; use --url",
                       health->args.conf.data);
    if (rc == HS_OK)
        memcpy(health->gateway, running.gateway, sizeof(health->gateway));
    return rc;
}

static int run(struct health *health)
{
    struct hs_http_reply reply;
    struct hs_err err;
    int rc;

    if (find_gateway(health, &err) || hs_http_client_open(1, &health->client, &err))
        return hs_args_failed(health->command, &err);
    hs_buf_init(&health->authorization, 1024);
    hs_buf_addf(&health->authorization, "Bearer %s", health->key ? health->key : "");
    hs_http_reply_init(&reply);
    rc = health->metrics ? run_metrics(health, &reply) : run_health(health, &reply);
    hs_http_reply_fini(&reply);
    hs_buf_fini(&health->authorization);
    hs_http_client_close(health->client);
    return rc;
}

int hs_cmd_health(int argc, char **argv)
{
    struct health *health = hs_xalloc(sizeof(*health));
    const struct hs_flag flags[] = {
        {"url", "URL", "gateway; default: what runs with --data", &health->url},
        {"metrics", NULL, "compares what was simulated with the metrics", &health->metrics},
        {"truth", "FILE", "of one run; default: all runs against --data", &health->truth},
        {"wait", "SECONDS", "for the metrics to be equal; default 30", &health->wait},
        {"key", "KEY", "API key with scope read", &health->key},
        {NULL, NULL, NULL, NULL},
    };
    const struct hs_command command = {
        .name = "health",
        .synopsis = "",
        .about = "Says whether the platform is up and ready, what it has to load and how old the\n"
                 "newest data is. Ends with 0 when all is well, 1 when it cannot be asked, 3 when\n"
                 "it is not ready or the metrics differ.",
        .flags = flags,
    };
    int rc = hs_args_parse_conf(&command, argc, argv, &health->args);

    if (rc < 0) {
        health->command = &command;
        rc = run(health);
        hs_args_fini(&health->args);
    }
    hs_free(health);
    return rc;
}
