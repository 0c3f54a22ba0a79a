#include "store/engine.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/thread.h"
#include "store/library.h"
#include "store/plan.h"
#include "store/report.h"
#include "store/sandbox.h"
#include "store/survive.h"
#include "store/watchdog.h"

/*
 * What ClickHouse runs as its local user. The last statement never ends by itself (30 years); it
 * keeps the listeners open. The native listener opens first: once HTTP answers, both are there.
 */
#define BOOT_DATABASE "CREATE DATABASE IF NOT EXISTS haystat ENGINE = Atomic; "
#define BOOT_NATIVE "SYSTEM START LISTEN TCP; "
#define BOOT_HTTP "SYSTEM START LISTEN HTTP; "
#define BOOT_KEEP                                                                                  \
    "SELECT sleepEachRow(1) FROM numbers(1000000000) SETTINGS max_block_size = 1 FORMAT Null"

enum { OUTPUT_MAX = 4096, ARGV_MAX = 16 };

struct engine {
    struct hs_store_plan plan;
    struct hs_store_library library;
    struct hs_store_sandbox sandbox;
    struct hs_store_watchdog watchdog;
    int rc; /* of the engine's thread, with its error */
    struct hs_err err;
    char result_error[HS_ERR_TEXT_MAX];
    char output_path[HS_PATH_MAX];
    char db_path[HS_PATH_MAX];
    char config_arg[HS_PATH_MAX + 32];
    char http_port[8];
    char native_port[8];
};

static void block_signals(void)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* What ClickHouse prints goes to engine.err: it tells why a start failed, or where it crashed. */
static int redirect_output(struct engine *engine, struct hs_err *err)
{
    int rc = hs_fs_join(engine->output_path, engine->plan.dir, "engine.err", err);
    int fd;

    if (rc != HS_OK)
        return rc;
    fd = open(engine->output_path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return hs_err_sys(err, "open %s", engine->output_path);
    if (dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0)
        rc = hs_err_sys(err, "redirect output");
    close(fd);
    return rc;
}

/* ClickHouse's own words: the first line of its output that starts with "Code:", else its result's
 * error. @thread main: the engine's thread may not read the file */
static int explain_end(const struct engine *engine, struct hs_err *err)
{
    const char *text = engine->result_error[0] ? engine->result_error : "no reason given";
    char output[OUTPUT_MAX + 1] = "";
    int fd = open(engine->output_path, O_RDONLY | O_CLOEXEC);
    char *code = NULL;

    if (fd >= 0 && read(fd, output, OUTPUT_MAX) > 0)
        code = strstr(output, "Code: ");
    if (code) {
        code[strcspn(code, "\n")] = '\0';
        text = code;
    }
    if (fd >= 0)
        close(fd);
    return hs_err_set(err, HS_EIO, 0, "ClickHouse ended: %.400s", text);
}

/* A library of another make still works, less robustly; the report says so. */
static int guard_connections(struct engine *engine, struct hs_err *err)
{
    const void *function = NULL;
    int rc;

    memcpy(&function, &engine->library.query_cmdline, sizeof(function));
    rc = hs_store_survive_install(function, err);
    engine->watchdog.is_guarded = rc == HS_OK;
    return rc == HS_EUNSUP ? HS_OK : rc;
}

static int prepare(const struct hs_store_engine_params *params, struct engine *engine,
                   struct hs_err *err)
{
    int lock_fd; /* kept until the process ends */
    char lock[HS_PATH_MAX];
    int rc = hs_store_plan_make(params->conf, &engine->plan, err);

    if (rc == HS_OK)
        rc = hs_fs_join(lock, engine->plan.dir, "lock", err);
    if (rc == HS_OK)
        rc = hs_fs_lock(lock, &lock_fd, err);
    if (rc == HS_ECONFLICT)
        return hs_err_prefix(err, "another store runs on this folder");
    if (rc == HS_OK)
        rc = hs_store_config_write(&engine->plan, err);
    if (rc == HS_OK)
        rc = hs_store_library_open(params->conf->store_library, &engine->library, err);
    if (rc == HS_OK)
        rc = guard_connections(engine, err);
    if (rc == HS_OK && chdir(engine->plan.dir) != 0)
        rc = hs_err_sys(err, "enter %s", engine->plan.dir);
    return rc;
}

static int fill_arguments(struct engine *engine, char *query, char *argv[ARGV_MAX])
{
    static char name[] = "clickhouse", path[] = "--path", http[] = "--http_port";
    static char native[] = "--tcp_port", statement[] = "--query";
    int n = 0;

    snprintf(engine->http_port, sizeof(engine->http_port), "%u", (unsigned)engine->plan.http.port);
    snprintf(engine->native_port, sizeof(engine->native_port), "%u",
             (unsigned)engine->plan.native.port);
    snprintf(engine->config_arg, sizeof(engine->config_arg), "--config-file=%s/config.xml",
             engine->plan.dir);
    argv[n++] = name;
    argv[n++] = path;
    argv[n++] = engine->db_path;
    argv[n++] = engine->config_arg;
    argv[n++] = http;
    argv[n++] = engine->http_port;
    if (engine->plan.has_native) {
        argv[n++] = native;
        argv[n++] = engine->native_port;
    }
    argv[n++] = statement;
    argv[n++] = query;
    argv[n] = NULL;
    return n;
}

/* ClickHouse's main. */
static void run_clickhouse(struct engine *engine)
{
    static char with_native[] = BOOT_DATABASE BOOT_NATIVE BOOT_HTTP BOOT_KEEP;
    static char without_native[] = BOOT_DATABASE BOOT_HTTP BOOT_KEEP;
    char *argv[ARGV_MAX];
    struct chdb_result *result;
    const char *text = NULL;
    int argc = fill_arguments(engine, engine->plan.has_native ? with_native : without_native, argv);

    engine->library.set_signal_handlers_enabled(0);
    result = engine->library.query_cmdline(argc, argv);
    if (result)
        text = engine->library.result_error(result);
    snprintf(engine->result_error, sizeof(engine->result_error), "%s", text ? text : "");
}

/* Not the main thread: glibc reads /proc/self/maps to tell the main thread's stack, which is shut.
 * @thread engine */
static void engine_main(void *arg)
{
    struct engine *engine = arg;

    engine->rc = hs_store_sandbox_enter(engine->plan.dir, &engine->sandbox, &engine->err);
    if (engine->rc == HS_OK)
        run_clickhouse(engine);
    hs_store_watchdog_wake(&engine->watchdog);
}

static int run_watched(struct engine *engine, struct hs_err *err)
{
    struct hs_thread thread = {0};
    bool was_asked;
    int rc = hs_thread_start(&thread, "store-engine", engine_main, engine, err);

    if (rc != HS_OK)
        return rc;
    was_asked = hs_store_watchdog_run(&engine->watchdog);
    hs_thread_join(&thread);
    if (engine->rc != HS_OK && err)
        *err = engine->err;
    /* ClickHouse also returns without an error when a statement failed: that it was asked to end
     * is what tells success from failure. */
    if (engine->rc == HS_OK && !was_asked)
        return explain_end(engine, err);
    return engine->rc;
}

static int run(const struct hs_store_engine_params *params, struct engine *engine,
               struct hs_err *err)
{
    int rc = prepare(params, engine, err);

    if (rc == HS_OK)
        rc = hs_fs_join(engine->db_path, engine->plan.dir, "db", err);
    if (rc == HS_OK)
        rc = redirect_output(engine, err);
    if (rc == HS_OK)
        rc = hs_store_watchdog_open(&engine->watchdog, err);
    if (rc == HS_OK)
        rc = run_watched(engine, err);
    hs_store_watchdog_close(&engine->watchdog);
    return rc;
}

static void report_failed(const struct hs_store_engine_params *params, const struct hs_err *err)
{
    struct hs_buf line;

    if (params->report_fd < 0)
        return;
    hs_buf_init(&line, HS_STORE_REPORT_MAX);
    hs_store_report_failed(&line, err->rc, err->text);
    (void)hs_fs_write_all(params->report_fd, line.p, line.n, NULL);
    hs_buf_fini(&line);
}

int hs_store_engine_run(const struct hs_store_engine_params *params, struct hs_err *err)
{
    struct engine *engine = hs_xalloc(sizeof(*engine));
    struct hs_err failure = {0};
    int rc;

    HS_ASSERT(params->conf != NULL);
    block_signals();
    engine->watchdog = (struct hs_store_watchdog){
        .plan = &engine->plan,
        .sandbox = &engine->sandbox,
        .report_fd = params->report_fd,
        .supervisor_fd = params->supervisor_fd,
        .wake_fd = -1,
        .signal_fd = -1,
    };
    rc = run(params, engine, &failure);
    if (rc != HS_OK) {
        report_failed(params, &failure);
        if (err)
            *err = failure;
    }
    explicit_bzero(&engine->plan, sizeof(engine->plan));
    hs_free(engine);
    return rc;
}
