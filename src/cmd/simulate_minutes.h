/* haystat simulate minutes. */
#ifndef HS_CMD_SIMULATE_MINUTES_H
#define HS_CMD_SIMULATE_MINUTES_H

/* As a command; argv[0] is "minutes". */
int hs_simulate_minutes(int argc, char **argv);

#endif
