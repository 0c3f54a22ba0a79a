/*
 * haystat config: what is in force and where it came from, or the manual of all options.
 */
#include <stdio.h>

#include "cmd/args.h"
#include "cmd/cmd.h"

int hs_cmd_config(int argc, char **argv)
{
    const char *manual = NULL;
    const struct hs_flag flags[] = {
        {"manual", NULL, "prints docs/configuration.md: all options, types, ranges", &manual},
        {NULL, NULL, NULL, NULL},
    };
    const struct hs_command command = {
        .name = "config",
        .synopsis = "",
        .about = "Prints each option that is in force and where its value came from. Secrets are\n"
                 "shown as ***.",
        .flags = flags,
    };
    struct hs_args args;
    struct hs_buf out;
    int rc = hs_args_parse_conf(&command, argc, argv, &args);

    if (rc >= 0)
        return rc;
    hs_buf_init(&out, 4 << 20);
    if (manual)
        hs_conf_print_manual(&out);
    else
        hs_conf_print(&args.conf, &out);
    rc = fwrite(out.p, 1, out.n, stdout) == out.n && fflush(stdout) == 0 ? HS_EXIT_DONE
                                                                         : HS_EXIT_FAILED;
    hs_buf_fini(&out);
    hs_args_fini(&args);
    return rc;
}
