/*
 * Between the files of the event reader: where a value stands in the event, and the checks of the
 * values that have a structure.
 */
#ifndef HS_MODEL_EVENT_INT_H
#define HS_MODEL_EVENT_INT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "model/event.h"

struct yyjson_val;

/* One step of a path like results[3].position, linked to the step before it. */
struct hs_spot {
    const struct hs_spot *up; /* NULL: the top */
    struct hs_str name;       /* p == NULL: the item `index` of an array */
    size_t index;
};

/* Fills err with "path text" and returns HS_EINVAL. */
int hs_spot_fail(const struct hs_spot *spot, enum hs_refusal refusal, struct hs_err *err,
                 const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* "is a string, must be " + rule. */
int hs_spot_fail_type(const struct hs_spot *spot, struct yyjson_val *val, const char *rule,
                      struct hs_err *err);

/* Each returns HS_OK or HS_EINVAL with the path in err. */
int hs_check_string(struct yyjson_val *val, double max, const struct hs_spot *spot,
                    struct hs_err *err);
int hs_check_word(struct yyjson_val *val, const char *const *words, const struct hs_spot *spot,
                  struct hs_err *err);
int hs_check_number(struct yyjson_val *val, double min, double max, const struct hs_spot *spot,
                    struct hs_err *err);
int hs_check_int(struct yyjson_val *val, double min, double max, const struct hs_spot *spot,
                 struct hs_err *err);
int hs_check_free(struct yyjson_val *val, const struct hs_spot *spot, struct hs_err *err);

/* What a structured value turned out to have. */
struct hs_shape_found {
    bool unknown;           /* keys of no known name, which no column would keep */
    bool positions_missing; /* an item without its position */
};

/* Checks the value of an OBJECT or ARRAY field (not HS_F_ATTRIBUTES). */
int hs_shape_check(enum hs_field field, struct yyjson_val *val, struct hs_shape_found *found,
                   struct hs_err *err);

#endif
