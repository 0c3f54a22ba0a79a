#include "cmd/simulate_minutes.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cmd/args.h"
#include "cmd/cmd.h"
#include "sim/minutes.h"

enum { MINUTE_S = 60, DAY_S = 86400 };

static struct {
    const char *qps, *seed, *from, *duration, *fault, *service, *at, *lasting, *size;
} flags;

static const struct hs_flag table[] = {
    {"qps", "N", "searches a second of all eight services; default 500", &flags.qps},
    {"seed", "N", "equal seeds give equal minutes; default 1", &flags.seed},
    {"from", "TIME", "RFC 3339; default 2026-03-10T00:00:00Z, in the third week clocks change",
     &flags.from},
    {"duration", "TIME", "7d, 12h …; default 28d", &flags.duration},
    {"fault", "NAME",
     "errors, latency, volume, outage, zero_results, ctr, silence, producer, stall, no_clicks",
     &flags.fault},
    {"service", "NAME", "that the fault is of; default product-search", &flags.service},
    {"at", "TIME", "of the fault, from the start", &flags.at},
    {"for", "TIME", "it lasts so long; default 30m", &flags.lasting},
    {"size", "N", "of the fault; 0.5: half the effect; default 1", &flags.size},
    {NULL, NULL, NULL, NULL},
};

static const struct hs_command command = {
    .name = "simulate minutes",
    .synopsis = "",
    .about =
        "Prints minutes of simulated traffic as CSV, without the searches: what rollups would\n"
        "hold of each service, for `haystat detect --replay --timezone " HS_SIM_MINUTES_ZONE "`.",
    .flags = table,
};

static int read_number(const char *name, const char *text, double max, double *out)
{
    if (text && (hs_str_to_double(hs_str_c(text), out) != HS_OK || !(*out >= 0) || *out > max))
        return hs_args_usage_error(&command, "--%s is \"%s\", wants a number 0 to %g", name, text,
                                   max);
    return -1;
}

static int read_minutes(const char *name, const char *text, int64_t *out)
{
    int64_t seconds;

    if (!text)
        return -1;
    seconds = hs_args_seconds(text);
    if (seconds < MINUTE_S)
        return hs_args_usage_error(&command, "--%s is \"%s\", wants 1m to 365d", name, text);
    *out = seconds / MINUTE_S;
    return -1;
}

static int read_numbers(struct hs_sim_minutes_conf *conf)
{
    double seed = 1;
    int rc = read_number("qps", flags.qps, 1e6, &conf->qps);

    if (rc < 0)
        rc = read_number("seed", flags.seed, 9e15, &seed);
    if (rc < 0)
        rc = read_number("size", flags.size, 100, &conf->fault_size);
    if (rc < 0)
        rc = read_minutes("duration", flags.duration, &conf->minutes);
    if (rc < 0)
        rc = read_minutes("at", flags.at, &conf->fault_minute);
    if (rc < 0)
        rc = read_minutes("for", flags.lasting, &conf->fault_minutes);
    conf->seed = (uint64_t)seed;
    return rc;
}

static int read_names(struct hs_sim_minutes_conf *conf)
{
    int64_t from_ns = conf->start_s * HS_NS_PER_S;

    if (flags.from && (hs_time_parse_rfc3339(hs_str_c(flags.from), &from_ns) != HS_OK ||
                       from_ns % (MINUTE_S * HS_NS_PER_S) != 0))
        return hs_args_usage_error(&command, "--from is \"%s\", wants a whole minute in RFC 3339",
                                   flags.from);
    conf->start_s = from_ns / HS_NS_PER_S;
    if (flags.fault && !hs_sim_fault_parse(flags.fault, &conf->fault))
        return hs_args_usage_error(&command, "--fault is \"%s\", which is none; see --help",
                                   flags.fault);
    while (flags.service && strcmp(hs_sim_service(conf->service)->name, flags.service) != 0)
        if (++conf->service == HS_SIM_SERVICES)
            return hs_args_usage_error(&command, "--service is \"%s\", which is none",
                                       flags.service);
    return -1;
}

int hs_simulate_minutes(int argc, char **argv)
{
    struct hs_sim_minutes_conf conf = {.qps = 500,
                                       .start_s = 1773100800,
                                       .minutes = 28 * DAY_S / MINUTE_S,
                                       .fault_minutes = 30,
                                       .fault_size = 1};
    struct hs_args args;
    struct hs_err err;
    int rc = hs_args_parse(&command, argc, argv, &args);

    if (rc < 0)
        rc = read_numbers(&conf);
    if (rc < 0)
        rc = read_names(&conf);
    if (rc >= 0)
        return rc;
    return hs_sim_minutes_write(&conf, stdout, &err) == HS_OK ? HS_EXIT_DONE
                                                              : hs_args_failed(&command, &err);
}
