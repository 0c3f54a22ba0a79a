/* haystat serve: the platform, or those of its roles that are asked for, in one process. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "cmd/args.h"
#include "cmd/cmd.h"
#include "cmd/stack.h"

enum { RUN_FILE_MAX = 4096 };

static const char *const role_names[] = {"collector", "engine", "debug", "gateway"};

static void add_address(struct hs_json *json, const char *name, struct hs_str address)
{
    if (address.n == 0)
        return;
    hs_json_key(json, name);
    hs_json_add_str(json, address);
}

/* {"pid", "roles", "listen": {name: address really bound}}. */
static void write_run(const struct hs_stack *stack, struct hs_buf *out)
{
    struct hs_store_state store;
    struct hs_json json;
    size_t i;

    hs_json_init(&json, out);
    hs_json_obj_open(&json);
    hs_json_key(&json, "pid");
    hs_json_add_i64(&json, getpid());
    hs_json_key(&json, "roles");
    hs_json_arr_open(&json);
    for (i = 0; i < HS_ARRAY_LEN(role_names); i++) {
        if (stack->conf->roles & 1U << i)
            hs_json_add_c(&json, role_names[i]);
    }
    hs_json_arr_close(&json);
    hs_json_key(&json, "listen");
    hs_json_obj_open(&json);
    add_address(&json, "gateway", hs_buf_str(&stack->gateway_address));
    add_address(&json, "otlp_http", hs_buf_str(&stack->otlp_address));
    if (stack->supervisor) {
        hs_store_supervisor_state(stack->supervisor, &store);
        add_address(&json, "store", hs_str_c(store.ready.http));
        add_address(&json, "store_native", hs_str_c(store.ready.native));
    }
    hs_json_obj_close(&json);
    hs_json_obj_close(&json);
    hs_buf_add_char(out, '\n');
}

static int run_file(const struct hs_stack *stack, struct hs_err *err)
{
    char path[HS_PATH_MAX];
    struct hs_buf text;
    int rc = hs_fs_join(path, stack->conf->data, "run.json", err);

    hs_buf_init(&text, RUN_FILE_MAX);
    write_run(stack, &text);
    if (rc == HS_OK)
        rc = hs_fs_write_atomic(path, hs_buf_str(&text), 0600, err);
    hs_buf_fini(&text);
    return rc;
}

static void remove_run_file(const char *data)
{
    char path[HS_PATH_MAX];
    struct hs_err err;

    if (hs_fs_join(path, data, "run.json", &err) == HS_OK)
        unlink(path);
}

static void configure_log(const struct hs_conf *conf)
{
    enum hs_log_level level = HS_LOG_INFO;

    hs_log_level_parse(hs_str_c(conf->log_level), &level);
    hs_log_configure(level, hs_str_eq_c(HS_STR("json"), conf->log_format));
}

static int serve(const struct hs_command *command, struct hs_conf *conf, const sigset_t *signals)
{
    struct hs_stack stack;
    struct hs_err err;
    int signal_number = 0;

    if (hs_stack_open(&stack, conf, &err) != HS_OK)
        return hs_args_failed(command, &err);
    if (run_file(&stack, &err) != HS_OK) {
        hs_stack_close(&stack);
        return hs_args_failed(command, &err);
    }
    hs_log(HS_LOG_INFO, "serve", "serving", HS_KV_V("gateway", hs_buf_str(&stack.gateway_address)),
           HS_KV_V("otlp_http", hs_buf_str(&stack.otlp_address)));
    sigwait(signals, &signal_number);
    hs_log(HS_LOG_INFO, "serve", "stopping", HS_KV_I("signal", signal_number));
    remove_run_file(conf->data);
    hs_stack_close(&stack);
    hs_log(HS_LOG_INFO, "serve", "stopped");
    return HS_EXIT_DONE;
}

int hs_cmd_serve(int argc, char **argv)
{
    const struct hs_command command = {
        .name = "serve",
        .synopsis = "",
        .about =
            "Runs the platform: takes telemetry in, computes, answers. Without --roles it is\n"
            "everything in one process, with the embedded store as its child. Ends on SIGTERM\n"
            "or SIGINT. <data>/run.json says which addresses are really bound.",
    };
    struct hs_args args;
    sigset_t signals;
    int rc = hs_args_parse_conf(&command, argc, argv, &args);

    if (rc >= 0)
        return rc;
    configure_log(&args.conf);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    rc = serve(&command, &args.conf, &signals);
    hs_args_fini(&args);
    return rc;
}
