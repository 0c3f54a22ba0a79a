#include "base/killpoint.h"

#ifdef HS_KILLPOINTS
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

static char kill_name[64];
static atomic_ullong passes_left;

void hs_killpoint_configure(const char *spec)
{
    struct hs_str s = hs_str_c(spec);
    size_t colon = hs_str_index(s, ':');
    uint64_t passes;
    int rc;

    if (!spec)
        return;
    HS_ASSERT(colon < s.n);
    HS_ASSERT(colon < sizeof(kill_name));
    rc = hs_str_to_u64(hs_str_n(s.p + colon + 1, s.n - colon - 1), &passes);
    HS_ASSERT(rc == HS_OK);
    HS_ASSERT(passes > 0);
    memcpy(kill_name, s.p, colon);
    kill_name[colon] = '\0';
    atomic_store(&passes_left, passes);
}

void hs_killpoint(const char *name)
{
    if (kill_name[0] == '\0' || strcmp(name, kill_name) != 0)
        return;
    if (atomic_fetch_sub(&passes_left, 1) == 1)
        kill(getpid(), SIGKILL);
}
#else
typedef int hs_killpoint_unused; /* ISO C wants a declaration in each file */
#endif
