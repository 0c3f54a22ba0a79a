/*
 * haystat simulate: sends simulated searches and says what became of them.
 */
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "cmd/args.h"
#include "cmd/cmd.h"
#include "cmd/running.h"
#include "cmd/simulate_minutes.h"
#include "net/http_client.h"
#include "sim/run.h"

enum { URL_MAX = 512, BAR = 24, DAY_S = 86400, DEMO_S = 365 * DAY_S, PROBE_MS = 5000 };

struct flags {
    const char *qps, *scenario, *duration, *seed, *target, *otlp, *truth, *backfill, *demo, *key;
    const char *connections, *run, *results, *traces, *give_up;
};

struct simulate {
    const struct hs_command *command;
    struct hs_args args;
    struct flags flags;
    struct hs_sim_run_conf conf;
    char events_url[URL_MAX], spans_url[URL_MAX];
    char run_name[64];
    char truth_path[HS_PATH_MAX];
    sigset_t signals;
    bool shows;
    int64_t acknowledged, shown_ns; /* at the last progress line */
};

struct number_row {
    const char *flag, *text;
    double *out;
    double min, max;
};

static int parse_numbers(const struct simulate *simulate, const struct number_row *rows, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        const struct number_row *row = &rows[i];

        if (row->text && (hs_str_to_double(hs_str_c(row->text), row->out) || *row->out < row->min ||
                          *row->out > row->max))
            return hs_args_usage_error(simulate->command, "--%s is \"%s\", wants a number %g to %g",
                                       row->flag, row->text, row->min, row->max);
    }
    return -1;
}

static int parse_times(struct simulate *simulate)
{
    struct hs_sim_run_conf *conf = &simulate->conf;
    const struct flags *flags = &simulate->flags;
    int64_t give_up_s;

    conf->demo = flags->demo != NULL;
    conf->duration_s = flags->duration ? hs_args_seconds(flags->duration)
                       : conf->demo    ? DEMO_S
                                       : 60;
    if (conf->duration_s < 1 || conf->duration_s > DEMO_S)
        return hs_args_usage_error(simulate->command, "--duration is \"%s\", wants 1s to 365d",
                                   flags->duration);
    conf->backfill_s = flags->backfill ? hs_args_seconds(flags->backfill) : 0;
    if (flags->backfill && (conf->backfill_s < 1 || conf->backfill_s > 400LL * DAY_S))
        return hs_args_usage_error(simulate->command, "--backfill is \"%s\", wants 1s to 400d",
                                   flags->backfill);
    if (flags->backfill && conf->demo)
        return hs_args_usage_error(simulate->command, "--backfill and --demo exclude each other");
    give_up_s = flags->give_up ? hs_args_seconds(flags->give_up) : 60;
    if (give_up_s < 1 || give_up_s > DAY_S)
        return hs_args_usage_error(simulate->command, "--give-up is \"%s\", wants 1s to 1d",
                                   flags->give_up);
    conf->give_up_ms = give_up_s * 1000;
    return -1;
}

static int parse_flags(struct simulate *simulate)
{
    struct hs_sim_run_conf *conf = &simulate->conf;
    const struct flags *flags = &simulate->flags;
    double qps = flags->backfill ? 2 : flags->demo ? 20 : 100;
    double connections = 4, results = 5, seed = 1;
    double traces = flags->backfill ? 0.02 : 1;
    const struct number_row rows[] = {
        {"qps", flags->qps, &qps, 0.001, 1e6},
        {"seed", flags->seed, &seed, 0, 9e15},
        {"connections", flags->connections, &connections, 1, HS_SIM_CONNECTIONS_MAX},
        {"results", flags->results, &results, 0, HS_SIM_RESULTS_MAX},
        {"traces", flags->traces, &traces, 0, 1},
    };
    int rc = parse_numbers(simulate, rows, HS_ARRAY_LEN(rows));

    if (rc < 0 && flags->scenario && !hs_sim_scenario_parse(flags->scenario, &conf->scenario))
        rc = hs_args_usage_error(simulate->command,
                                 "--scenario is \"%s\", wants normal, error_spike, slow_queries or "
                                 "anomaly_spike",
                                 flags->scenario);
    if (rc >= 0)
        return rc;
    conf->qps = qps;
    conf->seed = (uint64_t)seed;
    conf->connections = (unsigned)connections;
    conf->results_max = (unsigned)results;
    conf->trace_share = traces;
    conf->key = flags->key;
    return parse_times(simulate);
}

static int make_urls(struct simulate *simulate, const char *target, const char *otlp)
{
    const char *import = simulate->conf.backfill_s > 0 ? "?import=1" : "";
    size_t n = strlen(target);
    int events, spans;

    if (n > 0 && target[n - 1] == '/')
        n--;
    events = snprintf(simulate->events_url, URL_MAX, "%.*s/api/v1/telemetry/batch%s", (int)n,
                      target, import);
    if (!otlp)
        spans = snprintf(simulate->spans_url, URL_MAX, "%.*s/v1/traces%s", (int)n, target, import);
    else if (strcmp(otlp, "none") == 0)
        spans = 0;
    else
        spans = snprintf(simulate->spans_url, URL_MAX, "%s/v1/traces%s", otlp, import);
    if (events >= URL_MAX || spans >= URL_MAX)
        return hs_args_usage_error(simulate->command, "an URL has more than %d bytes",
                                   URL_MAX - 64);
    simulate->conf.events_url = simulate->events_url;
    simulate->conf.spans_url = simulate->spans_url;
    return -1;
}

/* Where to send: --target, else what runs with the data folder, else the usual address. The truth
 * of a run against the data folder's own serve is kept there, for `haystat health --metrics`. */
static int find_target(struct simulate *simulate)
{
    const char *data = simulate->args.conf.data;
    const char *target = simulate->flags.target;
    struct hs_running running = {0};
    char usual[HS_RUNNING_URL_MAX];
    struct hs_err err;
    bool own = false;

    if (!target) {
        snprintf(usual, sizeof(usual), "http://%s", simulate->args.conf.listen_gateway);
        own = hs_running_read(data, &running, &err) == HS_OK && *running.gateway;
        target = own ? running.gateway : usual;
    }
    if (simulate->flags.truth)
        snprintf(simulate->truth_path, HS_PATH_MAX, "%s", simulate->flags.truth);
    else if (own)
        snprintf(simulate->truth_path, HS_PATH_MAX, "%.3900s/simulated/%s.json", data,
                 simulate->run_name);
    simulate->conf.truth_path = simulate->truth_path;
    return make_urls(simulate, target, simulate->flags.otlp);
}

/* Runs do not collide unless they are asked to: the default name is the time. */
static int name_run(struct simulate *simulate)
{
    const char *given = simulate->flags.run;
    size_t i;

    for (i = 0; given && given[i]; i++) {
        if (i >= sizeof(simulate->run_name) - 1 || strchr("/\\\"", given[i]))
            return hs_args_usage_error(simulate->command,
                                       "--run is \"%s\", wants at most %zu characters without "
                                       "slashes and quotes",
                                       given, sizeof(simulate->run_name) - 1);
    }
    if (given)
        snprintf(simulate->run_name, sizeof(simulate->run_name), "%s", given);
    else
        snprintf(simulate->run_name, sizeof(simulate->run_name), "%lld-%d",
                 hs_wall_ns(simulate->conf.clock) / HS_NS_PER_MS, (int)getpid());
    simulate->conf.run = simulate->run_name;
    return -1;
}

/* Sleeps on the signals, so that Ctrl-C ends the wait. The first one stops the sending, the second
 * the waiting for answers. */
static bool wait_or_stop(void *arg, int64_t wait_ms)
{
    struct simulate *simulate = arg;
    int64_t end_ns = hs_mono_ns(simulate->conf.clock) + wait_ms * HS_NS_PER_MS;

    for (;;) {
        int64_t left_ns = HS_MAX(end_ns - hs_mono_ns(simulate->conf.clock), 0);
        struct timespec left = {left_ns / HS_NS_PER_S, left_ns % HS_NS_PER_S};

        if (sigtimedwait(&simulate->signals, NULL, &left) > 0)
            return false;
        if (left_ns == 0)
            return true;
    }
}

static void show_progress(void *arg, double done, const struct hs_sim_send_stats *stats)
{
    struct simulate *simulate = arg;
    int64_t now_ns = hs_mono_ns(simulate->conf.clock);
    int64_t acknowledged = (int64_t)stats->sent[HS_SIM_EVENTS].acknowledged;
    double seconds = (double)(now_ns - simulate->shown_ns) / 1e9;
    char bar[BAR + 1];
    int i;

    for (i = 0; i < BAR; i++)
        bar[i] = i < (int)(done * BAR) ? '=' : ' ';
    bar[BAR] = '\0';
    fprintf(stderr, "\r[%s] %3.0f %%  %.0f events/s, p99 %.0f ms, retries %" PRIu64 "   ", bar,
            done * 100, (double)(acknowledged - simulate->acknowledged) / seconds,
            (double)hs_sim_histogram_quantile(&stats->latency_ns, 0.99) / 1e6, stats->retries);
    fflush(stderr);
    simulate->acknowledged = acknowledged;
    simulate->shown_ns = now_ns;
}

static void print_sent(const char *what, uint64_t generated, const struct hs_sim_sent *sent)
{
    printf("%-8s generated %" PRIu64 ", acknowledged %" PRIu64 ", rejected %" PRIu64
           ", unanswered %" PRIu64 "\n",
           what, generated, sent->acknowledged, sent->rejected, sent->unanswered);
}

static void print_latency(const struct hs_sim_histogram *latency)
{
    static const double quantiles[] = {0.5, 0.9, 0.99};
    size_t i;

    printf("latency ");
    for (i = 0; i < HS_ARRAY_LEN(quantiles); i++)
        printf(" p%.0f %.1f ms,", quantiles[i] * 100,
               (double)hs_sim_histogram_quantile(latency, quantiles[i]) / 1e6);
    printf(" max %.1f ms, of %" PRIu64 " batches, from the time they were meant to be sent\n",
           (double)latency->max / 1e6, latency->n);
}

static void print_report(const struct simulate *simulate, const struct hs_sim_report *report)
{
    const struct hs_sim_send_stats *stats = &report->stats;
    double seconds = (double)report->elapsed_ns / 1e9;
    size_t status;

    printf("run      %s, seed %" PRIu64 ", scenario %s\n", simulate->run_name, simulate->conf.seed,
           hs_sim_scenario_name(simulate->conf.scenario));
    printf("rate     %.1f searches/s", (double)report->searches / seconds);
    if (simulate->conf.backfill_s == 0)
        printf(" (asked: %g)", simulate->conf.qps);
    printf(", %.1f events/s, over %.1f s; the last answer after %.1f s\n",
           (double)(report->searches + report->actions) / seconds, seconds,
           (double)report->drained_ns / 1e9);
    print_sent("events", report->searches + report->actions, &stats->sent[HS_SIM_EVENTS]);
    if (report->spans > 0)
        print_sent("spans", report->spans, &stats->sent[HS_SIM_SPANS]);
    print_latency(&stats->latency_ns);
    printf("answers ");
    for (status = 1; status < HS_SIM_STATUS_MAX; status++)
        if (stats->statuses[status] > 0)
            printf(" %zu: %" PRIu64 ",", status, stats->statuses[status]);
    printf(" none: %" PRIu64 "; retries %" PRIu64 "\n", stats->statuses[0], stats->retries);
    if (*simulate->truth_path)
        printf("truth    %s\n", simulate->truth_path);
    if (*stats->last_error)
        printf("last error: %s\n", stats->last_error);
    if (!report->complete)
        printf("NOT everything was acknowledged.\n");
}

/* Says at once that nothing is there, rather than after a minute of retries. */
static int probe(const struct simulate *simulate, struct hs_err *err)
{
    struct hs_http_client *client = NULL;
    struct hs_http_call call = {.method = "GET",
                                .url = simulate->events_url,
                                .connect_ms = PROBE_MS,
                                .total_ms = PROBE_MS,
                                .response_max = 1 << 20};
    struct hs_http_reply reply;
    int rc = hs_http_client_open(1, &client, err);

    hs_http_reply_init(&reply);
    if (rc == HS_OK)
        rc = hs_http_client_call(client, &call, &reply, err);
    if (rc == HS_EAGAIN || rc == HS_ETIMEOUT)
        rc = hs_err_prefix(err, "nothing answers; is `haystat serve` running");
    hs_http_reply_fini(&reply);
    hs_http_client_close(client);
    return rc;
}

static int make_truth_folder(const struct simulate *simulate, struct hs_err *err)
{
    char folder[HS_PATH_MAX];

    if (simulate->flags.truth || !*simulate->truth_path)
        return HS_OK;
    snprintf(folder, sizeof(folder), "%.4000s/simulated", simulate->args.conf.data);
    return hs_fs_mkdirs(folder, 0700, err);
}

static int run(struct simulate *simulate)
{
    struct hs_sim_report *report = hs_xalloc(sizeof(*report));
    struct hs_err err;
    int rc;

    sigemptyset(&simulate->signals);
    sigaddset(&simulate->signals, SIGINT);
    sigaddset(&simulate->signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &simulate->signals, NULL);
    simulate->shows = isatty(STDERR_FILENO);
    simulate->conf.wait_fn = wait_or_stop;
    simulate->conf.progress_fn = simulate->shows ? show_progress : NULL;
    simulate->conf.arg = simulate;
    simulate->shown_ns = hs_mono_ns(simulate->conf.clock);
    rc = probe(simulate, &err);
    if (rc == HS_OK)
        rc = make_truth_folder(simulate, &err);
    if (rc == HS_OK)
        rc = hs_sim_run(&simulate->conf, report, &err);
    if (simulate->shows)
        fprintf(stderr, "\n");
    if (rc == HS_OK)
        print_report(simulate, report);
    rc = rc != HS_OK        ? hs_args_failed(simulate->command, &err)
         : report->complete ? HS_EXIT_DONE
                            : HS_EXIT_GATE;
    hs_free(report);
    return rc;
}

static int prepare_and_run(struct simulate *simulate)
{
    int rc = parse_flags(simulate);

    if (rc < 0)
        rc = name_run(simulate);
    if (rc < 0)
        rc = find_target(simulate);
    return rc < 0 ? run(simulate) : rc;
}

int hs_cmd_simulate(int argc, char **argv)
{
    struct simulate *simulate;
    struct flags flags = {.qps = NULL};
    const struct hs_flag table[] = {
        {"qps", "N", "searches a second; default 100, demo 20, backfill 2", &flags.qps},
        {"scenario", "NAME", "normal, error_spike, slow_queries, anomaly_spike", &flags.scenario},
        {"duration", "TIME", "60, 10m, 1h; default 60s, demo: until stopped", &flags.duration},
        {"seed", "N", "equal seeds give equal events; default 1", &flags.seed},
        {"run", "NAME", "part of all ids; default: the time", &flags.run},
        {"target", "URL", "gateway; default: what runs with --data", &flags.target},
        {"otlp", "URL", "where spans go, or none; default: the target", &flags.otlp},
        {"truth", "FILE", "gets what the metrics must be", &flags.truth},
        {"backfill", "TIME", "history of 7d, 12h …, at full speed", &flags.backfill},
        {"demo", NULL, "daily cycle, an incident now and then, until stopped", &flags.demo},
        {"key", "KEY", "API key; a backfill wants scope import", &flags.key},
        {"connections", "N", "at most so many requests at once; default 4", &flags.connections},
        {"results", "N", "results listed in a search, 0 to 20; default 5", &flags.results},
        {"traces", "SHARE", "of searches with spans; default 1, backfill 0.02", &flags.traces},
        {"give-up", "TIME", "unanswered batches are retried so long; default 60s", &flags.give_up},
        {NULL, NULL, NULL, NULL},
    };
    const struct hs_command command = {
        .name = "simulate",
        .synopsis = "[minutes]",
        .about = "Sends simulated searches at a fixed rate, whether or not they are answered in\n"
                 "time, with clicks and traces. Ends with 3 when not everything was acknowledged.\n"
                 "`haystat simulate minutes --help`: weeks of minutes for `detect --replay`.",
        .flags = table,
    };
    int rc;

    if (argc > 1 && strcmp(argv[1], "minutes") == 0)
        return hs_simulate_minutes(argc - 1, argv + 1);
    simulate = hs_xalloc(sizeof(*simulate));
    rc = hs_args_parse_conf(&command, argc, argv, &simulate->args);
    if (rc < 0) {
        simulate->flags = flags;
        simulate->command = &command;
        simulate->conf.clock = hs_clock_system();
        rc = prepare_and_run(simulate);
        hs_args_fini(&simulate->args);
    }
    hs_free(simulate);
    return rc;
}
