/* From the options to the plan of one start of the engine. */
#ifndef HS_STORE_PLAN_H
#define HS_STORE_PLAN_H

#include "conf/conf.h"
#include "store/config.h"

/* Checks the addresses, makes folders and passwords, picks free ports and a start id. HS_EINVAL
 * names the option. @blocks */
int hs_store_plan_make(const struct hs_conf *conf, struct hs_store_plan *out, struct hs_err *err);

#endif
