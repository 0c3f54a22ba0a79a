/*
 * A metadata decorator whose database clock is set by the test; get and commit go through, scan is
 * left out.
 */
#ifndef HS_TESTS_SUPPORT_METADATA_CLOCK_H
#define HS_TESTS_SUPPORT_METADATA_CLOCK_H

#include "port/metadata.h"

struct metadata_clock {
    struct hs_metadata base;   /* first; give &base to the code under test */
    struct hs_metadata *inner; /* borrowed */
    int64_t now_ns;
    int fail_rc; /* not HS_OK: the next commit returns this code, once, */
    bool after;  /* after it was done; else it is not done */
};

void metadata_clock_init(struct metadata_clock *clock, struct hs_metadata *inner, int64_t now_ns);

#endif
