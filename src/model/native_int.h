/*
 * A column's type as a tree; shared by the parser of type texts (native_type.c) and the reader of
 * data (native.c).
 */
#ifndef HS_MODEL_NATIVE_INT_H
#define HS_MODEL_NATIVE_INT_H

#include <stdbool.h>

#include "model/native.h"

enum native_code {
    NATIVE_UINT,    /* width 1, 2, 4, 8 */
    NATIVE_INT,     /* width 1, 2, 4, 8 */
    NATIVE_FLOAT,   /* width 4, 8 */
    NATIVE_BFLOAT,  /* width 2 */
    NATIVE_STRING,  /* varint length and bytes */
    NATIVE_FIXED,   /* width bytes */
    NATIVE_UUID,    /* width 16 */
    NATIVE_IPV4,    /* width 4 */
    NATIVE_IPV6,    /* width 16 */
    NATIVE_ENUM,    /* width 1, 2 */
    NATIVE_DECIMAL, /* width 4, 8, 16, with a scale */
    NATIVE_WIDE,    /* UInt128; Int128 is NATIVE_DECIMAL with scale 0 */
    NATIVE_NOTHING, /* width 1 */
    NATIVE_ARRAY,
    NATIVE_MAP,
    NATIVE_TUPLE,
};

struct native_enum {
    int16_t value;
    struct hs_str name;
};

struct native_node {
    struct hs_str name; /* of a column or a tuple's element */
    struct hs_str type; /* its text */
    enum native_code code;
    unsigned width; /* bytes of one value of fixed width */
    unsigned scale; /* DECIMAL: digits after the point */
    bool nullable;
    bool low_cardinality;
    struct native_enum *names; /* ENUM */
    size_t names_n;
    struct native_node *children; /* ARRAY 1, MAP 2, TUPLE any */
    size_t children_n;

    uint64_t rows;   /* counted by the measuring pass */
    uint64_t filled; /* stored by the second pass */
    uint8_t *nulls;
    uint64_t *offsets;
    void *values; /* rows of the kind's C type */
};

/* Fills node from its type text; everything in arena. HS_ECORRUPT, HS_EUNSUP, HS_ELIMIT. */
int native_type_parse(struct hs_str text, const struct hs_native_limits *limits,
                      struct hs_arena *arena, struct native_node *node, struct hs_err *err);

#endif
