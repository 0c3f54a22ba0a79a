/*
 * haystat version: the release and what this build contains.
 */
#include <stdio.h>

#include "cmd/args.h"
#include "cmd/cmd.h"

int hs_cmd_version(int argc, char **argv)
{
    static const struct hs_command command = {
        .name = "version",
        .synopsis = "",
        .about = "Prints the version of the program.",
    };
    struct hs_args args;
    int rc = hs_args_parse(&command, argc, argv, &args);

    if (rc >= 0)
        return rc;
    printf("haystat %s\n", HS_VERSION);
    return HS_EXIT_DONE;
}
