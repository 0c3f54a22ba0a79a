/*
 * haystat keys: makes, lists and revokes API keys in the data folder, also while serve runs.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cmd/args.h"
#include "cmd/cmd.h"
#include "cmd/registry.h"
#include "port/keys.h"

struct flags {
    const char *name, *tenant, *scopes, *origins, *expires, *rate, *retention_class;
};

struct keys_run {
    const struct hs_command *command;
    const struct hs_args *args;
    struct flags flags;
    struct hs_metadata *metadata;
    const struct hs_clock *clock;
    struct hs_err err;
};

static int failed(const struct keys_run *run)
{
    if (run->err.rc == HS_EINVAL)
        return hs_args_usage_error(run->command, "%s", run->err.text);
    return hs_args_failed(run->command, &run->err);
}

/* "30d", "12h": from now on. */
static int parse_expires(struct keys_run *run, int64_t *out_ns)
{
    struct hs_str text = hs_str_c(run->flags.expires);
    int64_t unit_ns = 0;
    uint64_t n = 0;

    *out_ns = 0;
    if (!run->flags.expires)
        return HS_OK;
    if (hs_str_ends_with(text, HS_STR("d")))
        unit_ns = HS_NS_PER_DAY;
    else if (hs_str_ends_with(text, HS_STR("h")))
        unit_ns = 60 * HS_NS_PER_MIN;
    if (unit_ns == 0 || hs_str_to_u64(hs_str_n(text.p, text.n - 1), &n) || n == 0 || n > 36500)
        return hs_err_set(&run->err, HS_EINVAL, 0,
                          "--expires is \"%s\", wants days or hours from now such as 30d or 12h",
                          run->flags.expires);
    *out_ns = hs_wall_ns(run->clock) + (int64_t)n * unit_ns;
    return HS_OK;
}

static int read_spec(struct keys_run *run, struct hs_key_spec *out)
{
    struct hs_key_spec spec = {
        .tenant = hs_str_c(run->flags.tenant),
        .name = hs_str_c(run->flags.name),
        .origins = hs_str_c(run->flags.origins),
    };
    int rc = hs_scopes_parse(hs_str_c(run->flags.scopes), &spec.scopes, &run->err);

    if (rc == HS_OK)
        rc = parse_expires(run, &spec.expires_ns);
    if (rc == HS_OK && run->flags.rate && hs_str_to_double(hs_str_c(run->flags.rate), &spec.rate))
        rc = hs_err_set(&run->err, HS_EINVAL, 0, "--rate is \"%s\", wants events a second",
                        run->flags.rate);
    if (rc == HS_OK)
        *out = spec;
    return rc;
}

/* The key alone goes to standard output, so that scripts can take it. */
static int run_create(struct keys_run *run)
{
    char text[HS_KEY_TEXT_LEN + 1];
    char id[HS_KEY_ID_LEN + 1];
    struct hs_key_spec spec;

    if (read_spec(run, &spec) ||
        hs_keys_create(run->metadata, run->clock, &spec, text, id, &run->err))
        return failed(run);
    fprintf(stderr, "key %s, shown this once:\n", id);
    printf("%s\n", text);
    if (fflush(stdout) != 0) {
        hs_err_sys(&run->err, "key %s was made but could not be shown; revoke it", id);
        return hs_args_failed(run->command, &run->err);
    }
    return HS_EXIT_DONE;
}

static void print_time(int64_t ns)
{
    char text[HS_TIME_TEXT_MAX];
    size_t n = ns ? hs_time_format_day(ns, text) : 0;

    printf("  %-10.*s", ns ? (int)n : 1, ns ? text : "-");
}

static void print_key(void *arg, const struct hs_key_info *info)
{
    struct hs_buf scopes;

    (void)arg;
    hs_buf_init(&scopes, 128);
    hs_scopes_format(info->scopes, &scopes);
    printf("%.*s  %-12.*s  %-16s", HS_STR_ARG(info->id), HS_STR_ARG(info->tenant),
           hs_buf_cstr(&scopes));
    print_time(info->created_ns);
    print_time(info->expires_ns);
    print_time(info->revoked_ns);
    printf("  %.*s", HS_STR_ARG(info->name));
    if (info->origins.n > 0)
        printf(" (%.*s)", HS_STR_ARG(info->origins));
    printf("\n");
    hs_buf_fini(&scopes);
}

static int run_list(struct keys_run *run)
{
    printf("%-16s  %-12s  %-16s  %-10s  %-10s  %-10s  %s\n", "ID", "TENANT", "SCOPES", "CREATED",
           "EXPIRES", "REVOKED", "NAME");
    if (hs_keys_list(run->metadata, print_key, NULL, &run->err))
        return failed(run);
    return HS_EXIT_DONE;
}

static int run_revoke(struct keys_run *run)
{
    if (hs_keys_revoke(run->metadata, run->clock, hs_str_c(run->args->operands[1]), &run->err))
        return failed(run);
    fprintf(stderr, "key %s is revoked; a running serve refuses it within %" PRIu64 " ms\n",
            run->args->operands[1], run->args->conf.auth_reload_ms);
    return HS_EXIT_DONE;
}

static int run_tenant(struct keys_run *run)
{
    uint64_t retention_class = 0;

    if (run->flags.retention_class &&
        hs_str_to_u64(hs_str_c(run->flags.retention_class), &retention_class))
        return hs_args_usage_error(run->command, "--retention-class is \"%s\", wants 0 to %d",
                                   run->flags.retention_class, HS_RETENTION_CLASSES - 1);
    if (hs_tenants_create(run->metadata, run->clock, hs_str_c(run->args->operands[1]),
                          retention_class, &run->err))
        return failed(run);
    fprintf(stderr, "tenant %s is made\n", run->args->operands[1]);
    return HS_EXIT_DONE;
}

struct action {
    const char *name;
    size_t operands_n; /* with its own name */
    int (*run)(struct keys_run *run);
};

static const struct action actions[] = {
    {"create", 1, run_create},
    {"list", 1, run_list},
    {"revoke", 2, run_revoke},
    {"tenant", 2, run_tenant},
};

static int run_action(struct keys_run *run, const struct action *action)
{
    bool made = false;
    int rc;

    run->clock = hs_clock_system();
    if (hs_registry_open_metadata(&run->args->conf, &run->metadata, &run->err))
        return hs_args_failed(run->command, &run->err);
    if (hs_keys_bootstrap(run->metadata, run->clock, &run->args->conf, &made, &run->err))
        rc = hs_args_failed(run->command, &run->err);
    else
        rc = action->run(run);
    if (made)
        fprintf(stderr, "an admin key was made: %s/secrets/admin.key\n", run->args->conf.data);
    hs_metadata_close(run->metadata);
    return rc;
}

static const struct action *find_action(const struct hs_args *args)
{
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(actions); i++)
        if (strcmp(actions[i].name, args->operands[0]) == 0 &&
            actions[i].operands_n == args->operands_n)
            return &actions[i];
    return NULL;
}

int hs_cmd_keys(int argc, char **argv)
{
    struct keys_run run = {
        .flags = {.name = "unnamed", .tenant = HS_TENANT_DEFAULT, .scopes = "ingest"}};
    const struct hs_flag flags[] = {
        {"name", "TEXT", "what the key is for", &run.flags.name},
        {"scopes", "LIST", "ingest (default), browser, import, read, edit, admin",
         &run.flags.scopes},
        {"tenant", "ID", "whose data; default: default", &run.flags.tenant},
        {"origins", "LIST", "browser keys: \"https://shop.example https://…\"", &run.flags.origins},
        {"expires", "TIME", "30d or 12h from now; default: never", &run.flags.expires},
        {"rate", "N", "events a second; default: ingest.rate", &run.flags.rate},
        {"retention-class", "N", "of a new tenant, 0 (default) to 3", &run.flags.retention_class},
        {NULL, NULL, NULL, NULL},
    };
    const struct hs_command command = {
        .name = "keys",
        .synopsis = "create | list | revoke ID | tenant ID",
        .about = "Makes, lists and revokes API keys, and makes tenants, in the data folder. A\n"
                 "running serve takes changes over within auth.reload. The text of a key is\n"
                 "printed once, when it is made.",
        .flags = flags,
        .operands_min = 1,
        .operands_max = 2,
    };
    const struct action *action;
    struct hs_args args;
    int rc = hs_args_parse_conf(&command, argc, argv, &args);

    if (rc >= 0)
        return rc;
    run.command = &command;
    run.args = &args;
    action = find_action(&args);
    if (action)
        rc = run_action(&run, action);
    else
        rc = hs_args_usage_error(&command, "wants: %s", command.synopsis);
    hs_args_fini(&args);
    return rc;
}
