/*
 * The commands of the program: one function each, listed in main.c. Each parses its flags, opens
 * ports, runs a service, closes in reverse order and returns an exit code.
 */
#ifndef HS_CMD_CMD_H
#define HS_CMD_CMD_H

enum hs_exit {
    HS_EXIT_DONE = 0,
    HS_EXIT_FAILED = 1,
    HS_EXIT_USAGE = 2,
    HS_EXIT_GATE = 3, /* done, and a gate did not hold */
};

/* argv[0] is the command's own name. */
typedef int hs_cmd_fn(int argc, char **argv);

hs_cmd_fn hs_cmd_serve;
hs_cmd_fn hs_cmd_store;
hs_cmd_fn hs_cmd_simulate;
hs_cmd_fn hs_cmd_eval;
hs_cmd_fn hs_cmd_detect;
hs_cmd_fn hs_cmd_keys;
hs_cmd_fn hs_cmd_health;
hs_cmd_fn hs_cmd_config;
hs_cmd_fn hs_cmd_version;

#endif
