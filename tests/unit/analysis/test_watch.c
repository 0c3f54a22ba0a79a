/* The parts that decide what is an incident, each by what it promises; test_detect_replay.py has
 * weeks of traffic. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "analysis/watch.h"
#include "analysis/watch_json.h"
#include "base/mem.h"
#include "base/rand.h"

enum { MINUTE_S = 60, HOUR_S = 3600, DAY_S = 86400, START_S = 1773100800 };

#define ASSERT_NEAR(a, b, off) assert_true(fabs((a) - (b)) <= (off))

/* ---- baseline */

static void baseline__is_that_of_the_hour_and_goes_in_lines_between(void **state)
{
    struct hs_rate_baseline baseline;
    int64_t at_s;

    (void)state;
    hs_rate_baseline_init(&baseline, 1);
    assert_true(hs_rate_baseline_at(&baseline, START_S) == 0);
    for (at_s = START_S; at_s < START_S + 14 * DAY_S; at_s += MINUTE_S)
        hs_rate_baseline_push(&baseline, at_s, 1, at_s % DAY_S < DAY_S / 2 ? 100 : 10, 1);
    ASSERT_NEAR(hs_rate_baseline_at(&baseline, START_S + 6 * HOUR_S), 100, 3);
    ASSERT_NEAR(hs_rate_baseline_at(&baseline, START_S + 18 * HOUR_S), 10, 3);
    ASSERT_NEAR(hs_rate_baseline_at(&baseline, START_S + 12 * HOUR_S), 55, 3);
    hs_rate_baseline_shift(&baseline, 2);
    ASSERT_NEAR(hs_rate_baseline_at(&baseline, START_S + 6 * HOUR_S), 200, 6);
    assert_false(hs_rate_baseline_stale(&baseline, START_S + 14 * DAY_S));
    assert_true(hs_rate_baseline_stale(&baseline, START_S + 17 * DAY_S));
}

static void baseline__of_an_hour_not_known_leans_on_wider_ones(void **state)
{
    struct hs_rate_baseline baseline;
    int64_t at_s;

    (void)state;
    hs_rate_baseline_init(&baseline, 30);
    for (at_s = START_S; at_s < START_S + 6 * HOUR_S; at_s += MINUTE_S)
        hs_rate_baseline_push(&baseline, at_s, 1, 5, 1000);
    ASSERT_NEAR(hs_rate_baseline_at(&baseline, START_S + 20 * HOUR_S), 0.005, 1e-9);
}

/* ---- evidence */

static void evidence__comes_from_two_minutes_at_least_and_goes_back(void **state)
{
    const double worse[2] = {0.02, 0.06};
    struct hs_evidence_minute minute;
    struct hs_evidence evidence;
    int minutes = 0;

    (void)state;
    hs_evidence_init(&evidence);
    hs_evidence_share(500, 1000, 0.005, worse, &minute);
    assert_null(hs_evidence_push(&evidence, 60, &minute, 15));
    assert_non_null(hs_evidence_push(&evidence, 120, &minute, 15));
    assert_int_equal(hs_evidence_largest(&evidence)->start_s, 60);
    assert_int_equal(hs_evidence_largest(&evidence)->minutes, 2);
    hs_evidence_share(5, 1000, 0.005, worse, &minute);
    while (!hs_evidence_back(&evidence, &minute, 15))
        assert_true(++minutes < 20);
    assert_true(minutes >= 1);
}

static void evidence__by_chance_is_seldom_whatever_the_series(void **state)
{
    const double worse[2] = {0.02, 0.06};
    const double threshold = log(1e6);
    struct hs_evidence evidence;
    struct hs_rand rand;
    int reached = 0;
    int i, k;

    (void)state;
    hs_rand_init(&rand, 11);
    hs_evidence_init(&evidence);
    for (i = 0; i < 200000; i++) {
        struct hs_evidence_minute minute;
        double errors = 0;

        for (k = 0; k < 50; k++)
            errors += hs_rand_double(&rand) < 0.005;
        hs_evidence_share(errors, 50, 0.005, worse, &minute);
        if (hs_evidence_push(&evidence, (int64_t)i * MINUTE_S, &minute, threshold)) {
            hs_evidence_clear(&evidence);
            reached++;
        }
        hs_evidence_learn(&evidence, &minute);
    }
    assert_int_equal(reached, 0);
}

static void evidence__of_what_varies_more_counts_less(void **state)
{
    const double ratio[2] = {0.6, 0.2};
    struct hs_evidence steady, wild;
    struct hs_evidence_minute minute;
    int i;

    (void)state;
    hs_evidence_init(&steady);
    hs_evidence_init(&wild);
    for (i = 0; i < 2000; i++) {
        hs_evidence_count(1000 + (i % 2 ? 20 : -20), 1000, ratio, &minute);
        hs_evidence_learn(&steady, &minute);
        hs_evidence_count(1000 + (i % 2 ? 200 : -200), 1000, ratio, &minute);
        hs_evidence_learn(&wild, &minute);
    }
    assert_true(hs_evidence_deviation(&wild, &minute) >
                5 * hs_evidence_deviation(&steady, &minute));
    hs_evidence_count(700, 1000, ratio, &minute);
    hs_evidence_push(&steady, 0, &minute, 1000);
    hs_evidence_push(&wild, 0, &minute, 1000);
    assert_true(hs_evidence_largest(&steady)->nats > 5 * hs_evidence_largest(&wild)->nats);
}

/* ---- latency */

static void latency_bins__give_quantiles_to_a_bin(void **state)
{
    struct hs_latency_bins bins = {.n = 0};
    int i;

    (void)state;
    assert_true(hs_latency_bins_quantile(&bins, 0.99) == 0);
    for (i = 1; i <= 1000; i++) {
        bins.counts[hs_latency_bin(i)]++;
        bins.n++;
    }
    ASSERT_NEAR(hs_latency_bins_quantile(&bins, 0.5), 500, 40);
    ASSERT_NEAR(hs_latency_bins_quantile(&bins, 0.99), 990, 60);
    assert_int_equal(hs_latency_bin(0), 0);
    assert_int_equal(hs_latency_bin(1e300), HS_LATENCY_BINS - 1);
    ASSERT_NEAR(hs_latency_bin_ms(hs_latency_bin(100)), 100, 9);
    assert_true(hs_latency_bins_from(&bins, 0) == 1000);
}

/* ---- the watch */

struct seen {
    int opened, joined, closed, reopened;
    struct hs_watch_incident last;
};

static void on_event(void *arg, enum hs_watch_event event, const struct hs_watch_incident *incident)
{
    struct seen *seen = arg;

    seen->opened += event == HS_WATCH_OPENED;
    seen->joined += event == HS_WATCH_JOINED;
    seen->closed += event == HS_WATCH_CLOSED;
    seen->reopened += event == HS_WATCH_REOPENED;
    seen->last = *incident;
}

static int64_t no_offset(void *arg, int64_t utc_s)
{
    (void)arg;
    (void)utc_s;
    return 0;
}

struct fixture {
    struct seen seen;
    struct hs_watch *watch;
    struct hs_rand rand;
    int64_t now_s;
};

static int setup(void **state)
{
    struct fixture *fixture = hs_xalloc(sizeof(*fixture));
    const struct hs_watch_deps deps = {.tenant = HS_STR("default"),
                                       .offset_s = no_offset,
                                       .on_event = on_event,
                                       .arg = &fixture->seen};

    fixture->watch = hs_watch_new(&deps);
    fixture->now_s = START_S;
    hs_rand_init(&fixture->rand, 5);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    hs_watch_free(fixture->watch);
    hs_free(fixture);
    return 0;
}

/* Minutes of two services: `errors` of the 1,000 searches of the first fail. */
static void pass(struct fixture *fixture, int minutes, double errors, double count)
{
    int i;

    for (i = 0; i < minutes; i++) {
        struct hs_watch_row rows[2] = {
            {.service = HS_STR("web"), .environment = HS_STR("prod"), .count = count},
            {.service = HS_STR("app"), .environment = HS_STR("prod"), .count = 500}};

        rows[0].count += round(10 * hs_rand_normal(&fixture->rand));
        rows[0].errors = fmax(0, round(errors + hs_rand_normal(&fixture->rand)));
        rows[0].answered = rows[0].count - rows[0].errors;
        rows[0].zero_results = round(rows[0].answered / 10);
        hs_watch_minute(fixture->watch, fixture->now_s, rows, 2);
        fixture->now_s += MINUTE_S;
        hs_watch_tick(fixture->watch, fixture->now_s + 5);
    }
}

static void watch__opens_one_incident_of_the_service_and_metric_and_closes_it(void **state)
{
    struct fixture *fixture = *state;
    const struct seen *seen = &fixture->seen;

    pass(fixture, 300, 5, 1000);
    assert_int_equal(seen->opened, 0);
    pass(fixture, 3, 60, 1000);
    assert_int_equal(seen->opened, 1);
    assert_int_equal(seen->last.kind, HS_WATCH_SEARCH);
    assert_string_equal(hs_watch_incident_metric(&seen->last), "error_rate");
    assert_string_equal(seen->last.members[0].service, "web");
    assert_int_equal(seen->last.start_s, START_S + 300 * MINUTE_S);
    ASSERT_NEAR(seen->last.members[0].value, 0.06, 0.02);
    ASSERT_NEAR(seen->last.members[0].expected, 0.005, 0.002);
    assert_true(seen->last.members[0].score >= 0.5);
    pass(fixture, 60, 60, 1000);
    assert_int_equal(seen->closed, 0);
    pass(fixture, 10, 5, 1000);
    assert_int_equal(seen->closed, 1);
    assert_int_equal(seen->opened, 1);
    /* Within a quarter of an hour it is the same one. */
    pass(fixture, 5, 60, 1000);
    assert_int_equal(seen->reopened, 1);
    assert_int_equal(seen->opened, 1);
}

static void watch__takes_a_second_metric_of_the_service_into_the_incident(void **state)
{
    struct fixture *fixture = *state;

    pass(fixture, 300, 5, 1000);
    pass(fixture, 5, 60, 1000);
    pass(fixture, 10, 60, 200);
    assert_int_equal(fixture->seen.opened, 1);
    assert_int_equal(fixture->seen.joined, 1);
    assert_int_equal(fixture->seen.last.members_n, 2);
    assert_string_equal(hs_watch_metric_name(fixture->seen.last.members[1].metric), "volume");
}

static void watch__does_not_open_on_one_bad_minute_nor_on_too_little(void **state)
{
    struct fixture *fixture = *state;
    int i;

    pass(fixture, 300, 5, 1000);
    for (i = 0; i < 20; i++) {
        pass(fixture, 1, 300, 1000);
        pass(fixture, 30, 5, 1000);
    }
    pass(fixture, 300, 7, 1000);
    assert_int_equal(fixture->seen.opened, 0);
}

static void watch__accepts_what_people_call_normal(void **state)
{
    struct fixture *fixture = *state;
    uint64_t id;

    pass(fixture, 300, 5, 1000);
    pass(fixture, 30, 60, 1000);
    id = fixture->seen.last.id;
    assert_false(hs_watch_accept(fixture->watch, id + 1));
    assert_true(hs_watch_accept(fixture->watch, id));
    assert_int_equal(fixture->seen.closed, 1);
    pass(fixture, 300, 60, 1000);
    assert_int_equal(fixture->seen.opened, 1);
    assert_int_equal(fixture->seen.reopened, 0);
}

static void watch__says_late_when_minutes_stop_to_be_judged(void **state)
{
    struct fixture *fixture = *state;

    pass(fixture, 120, 5, 1000);
    hs_watch_tick(fixture->watch, fixture->now_s + 170);
    assert_int_equal(fixture->seen.opened, 0);
    hs_watch_tick(fixture->watch, fixture->now_s + 190);
    assert_int_equal(fixture->seen.opened, 1);
    assert_string_equal(hs_watch_type_name(fixture->seen.last.kind), "telemetry");
    assert_string_equal(hs_watch_incident_metric(&fixture->seen.last), "late");
    pass(fixture, 5, 5, 1000);
    assert_int_equal(fixture->seen.closed, 1);
}

static void watch__goes_on_with_an_incident_after_a_restart(void **state)
{
    struct fixture *fixture = *state;
    struct hs_watch_incident incident;
    struct hs_watch_row row = {.service = HS_STR("web"),
                               .environment = HS_STR("prod"),
                               .count = 1000 * 300,
                               .errors = 5 * 300};

    pass(fixture, 300, 5, 1000);
    pass(fixture, 5, 60, 1000);
    incident = fixture->seen.last;
    teardown(state);
    setup(state);
    fixture = *state;
    fixture->now_s = START_S + 305 * MINUTE_S;
    hs_watch_train(fixture->watch, START_S, 300, &row, 1);
    hs_watch_restore(fixture->watch, &incident);
    pass(fixture, 30, 60, 1000);
    assert_int_equal(fixture->seen.opened, 0);
    pass(fixture, 10, 5, 1000);
    assert_int_equal(fixture->seen.closed, 1);
    assert_true(fixture->seen.last.id == incident.id);
}

static void incidents__read_back_as_they_were_written(void **state)
{
    struct fixture *fixture = *state;
    struct hs_watch_incident incident;
    struct hs_json json;
    struct hs_buf buf;
    struct hs_err err;

    pass(fixture, 300, 5, 1000);
    pass(fixture, 5, 60, 1000);
    hs_buf_init(&buf, 1 << 16);
    hs_json_init(&json, &buf);
    hs_json_obj_open(&json);
    hs_watch_incident_write(&fixture->seen.last, &json);
    hs_json_obj_close(&json);
    assert_int_equal(hs_watch_incident_read(hs_buf_str(&buf), &incident, &err), HS_OK);
    assert_memory_equal(&incident, &fixture->seen.last, sizeof(incident));
    assert_int_equal(hs_watch_incident_read(HS_STR("{\"id\":1}"), &incident, &err), HS_ECORRUPT);
    hs_buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(baseline__is_that_of_the_hour_and_goes_in_lines_between),
        cmocka_unit_test(baseline__of_an_hour_not_known_leans_on_wider_ones),
        cmocka_unit_test(evidence__comes_from_two_minutes_at_least_and_goes_back),
        cmocka_unit_test(evidence__by_chance_is_seldom_whatever_the_series),
        cmocka_unit_test(evidence__of_what_varies_more_counts_less),
        cmocka_unit_test(latency_bins__give_quantiles_to_a_bin),
        cmocka_unit_test_setup_teardown(
            watch__opens_one_incident_of_the_service_and_metric_and_closes_it, setup, teardown),
        cmocka_unit_test_setup_teardown(
            watch__takes_a_second_metric_of_the_service_into_the_incident, setup, teardown),
        cmocka_unit_test_setup_teardown(watch__does_not_open_on_one_bad_minute_nor_on_too_little,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(watch__accepts_what_people_call_normal, setup, teardown),
        cmocka_unit_test_setup_teardown(watch__says_late_when_minutes_stop_to_be_judged, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(watch__goes_on_with_an_incident_after_a_restart, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(incidents__read_back_as_they_were_written, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
