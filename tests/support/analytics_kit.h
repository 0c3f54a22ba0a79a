/*
 * What the contract tests of the analytics port share: one real server for the program, an open
 * port, short forms of the calls.
 */
#ifndef HS_TESTS_SUPPORT_ANALYTICS_KIT_H
#define HS_TESTS_SUPPORT_ANALYTICS_KIT_H

#include "port/analytics.h"
#include "support/store_fixture.h"

struct analytics_kit {
    struct store_fixture store;
    struct hs_analytics *analytics;
    struct hs_err err;
};

extern struct analytics_kit kit;

/* cmocka group fixtures. */
int kit_start(void **state);
int kit_stop(void **state);

/* A port to the given URLs; NULL: the kit's own. password NULL: the right one. */
struct hs_analytics *kit_open(const char *urls, const char *password);
/* Runs a statement as haystat_rw with 10 s; fails the test when that fails. */
void kit_exec(const char *sql);
/* The single number that a query gives. */
uint64_t kit_number(const char *sql);
/* A query as haystat_rw with 10 s. */
struct hs_query kit_query(const char *sql);
/* Inserts with 10 s into `table`; kit.err has the details. */
int kit_insert(const char *table, const char *token, const struct hs_block *block);

#endif
