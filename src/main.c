/*
 * The program's front: a table of commands. Each command is a file of its own in cmd/.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/killpoint.h"
#include "base/mem.h"
#include "cmd/cmd.h"
#include "conf/suggest.h"

struct command_row {
    const char *name;
    hs_cmd_fn *run;
    const char *help; /* one line */
};

static const struct command_row rows[] = {
    {"config", hs_cmd_config, "prints the options in force and where they came from"},
    {"detect", hs_cmd_detect, "finds anomalies in a series of values"},
    {"eval", hs_cmd_eval, "measures a run against judgments, as trec_eval does"},
    {"health", hs_cmd_health, "is everything up and ready; is what was sent what is stored"},
    {"keys", hs_cmd_keys, "makes, lists and revokes API keys"},
    {"serve", hs_cmd_serve, "runs the platform, or the roles that are asked for"},
    {"simulate", hs_cmd_simulate, "sends simulated searches"},
    {"store", hs_cmd_store, "runs the embedded store alone"},
    {"version", hs_cmd_version, "prints the version"},
};

static const struct command_row *find(const char *name)
{
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(rows); i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

static void print_help(FILE *out)
{
    size_t i;

    fprintf(out, "usage: haystat COMMAND [flags] [arguments]\n\n");
    for (i = 0; i < HS_ARRAY_LEN(rows); i++)
        fprintf(out, "  %-12s %s\n", rows[i].name, rows[i].help);
    fprintf(out, "\nhaystat COMMAND --help shows a command's flags.\n");
}

static int unknown(const char *name)
{
    struct hs_suggest suggest;
    size_t i;

    hs_suggest_init(&suggest, hs_str_c(name));
    for (i = 0; i < HS_ARRAY_LEN(rows); i++)
        hs_suggest_offer(&suggest, rows[i].name);
    fprintf(stderr, "haystat: there is no command \"%s\"%s%s%s\n", name,
            suggest.best ? "; did you mean " : "", suggest.best ? suggest.best : "",
            suggest.best ? "?" : "");
    fprintf(stderr, "Try: haystat --help\n");
    return HS_EXIT_USAGE;
}

/* "haystat help", "haystat help keys". */
static int run_help(int argc, char **argv)
{
    const struct command_row *row;
    char help[] = "--help";
    char *help_argv[] = {NULL, help, NULL};

    if (argc < 2) {
        print_help(stdout);
        return HS_EXIT_DONE;
    }
    row = find(argv[1]);
    if (!row)
        return unknown(argv[1]);
    help_argv[0] = argv[1];
    return row->run(2, help_argv);
}

int main(int argc, char **argv)
{
    const struct command_row *row;
    char version[] = "version";

    hs_mem_setup();
    hs_killpoint_configure(getenv("HAYSTAT_KILL"));
    if (argc < 2) {
        print_help(stderr);
        return HS_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0)
        argv[1] = version;
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
        strcmp(argv[1], "-h") == 0)
        return run_help(argc - 1, argv + 1);
    row = find(argv[1]);
    return row ? row->run(argc - 1, argv + 1) : unknown(argv[1]);
}
