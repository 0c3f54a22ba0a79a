#include "backend/analytics_clickhouse/errors.h"

#include "base/mem.h"

enum { TAIL_BYTES_MAX = 65536, CODE_252_TOO_MANY_PARTS = 252 };

/* Ascending by code. Each comment says why the class is right. */
const struct ch_code ch_codes[] = {
    {1, "UNSUPPORTED_METHOD", CH_WRONG},                     /* the engine cannot do that */
    {3, "UNEXPECTED_END_OF_FILE", CH_BROKEN},                /* a body cut on its way */
    {6, "CANNOT_PARSE_TEXT", CH_DATA},                       /* a value in a cast */
    {8, "THERE_IS_NO_COLUMN", CH_WRONG},                     /* the statement names it */
    {10, "NOT_FOUND_COLUMN_IN_BLOCK", CH_WRONG},             /* as 8 */
    {16, "NO_SUCH_COLUMN_IN_TABLE", CH_DATA},                /* the block has a column too many */
    {20, "NUMBER_OF_COLUMNS_DOESNT_MATCH", CH_DATA},         /* the block's shape */
    {26, "CANNOT_PARSE_QUOTED_STRING", CH_DATA},             /* a value */
    {27, "CANNOT_PARSE_INPUT_ASSERTION_FAILED", CH_DATA},    /* a value */
    {32, "ATTEMPT_TO_READ_AFTER_EOF", CH_BROKEN},            /* cut on its way: blocks are whole */
    {33, "CANNOT_READ_ALL_DATA", CH_BROKEN},                 /* as 32 */
    {34, "TOO_MANY_ARGUMENTS_FOR_FUNCTION", CH_WRONG},       /* the statement */
    {35, "TOO_FEW_ARGUMENTS_FOR_FUNCTION", CH_WRONG},        /* the statement */
    {36, "BAD_ARGUMENTS", CH_WRONG},                         /* the statement; too vague for DATA */
    {38, "CANNOT_PARSE_DATE", CH_DATA},                      /* a value */
    {41, "CANNOT_PARSE_DATETIME", CH_DATA},                  /* a value */
    {42, "NUMBER_OF_ARGUMENTS_DOESNT_MATCH", CH_WRONG},      /* the statement */
    {43, "ILLEGAL_TYPE_OF_ARGUMENT", CH_WRONG},              /* the statement */
    {44, "ILLEGAL_COLUMN", CH_WRONG},                        /* the statement or a schema */
    {46, "UNKNOWN_FUNCTION", CH_WRONG},                      /* the statement */
    {47, "UNKNOWN_IDENTIFIER", CH_WRONG},                    /* the statement */
    {48, "NOT_IMPLEMENTED", CH_WRONG},                       /* not in this server */
    {50, "UNKNOWN_TYPE", CH_DATA},                           /* a column of the block */
    {53, "TYPE_MISMATCH", CH_DATA},                          /* a column of the block */
    {57, "TABLE_ALREADY_EXISTS", CH_WRONG},                  /* DDL */
    {60, "UNKNOWN_TABLE", CH_WRONG},                         /* a migration may bring it */
    {62, "SYNTAX_ERROR", CH_WRONG},                          /* the statement */
    {63, "UNKNOWN_AGGREGATE_FUNCTION", CH_WRONG},            /* the statement */
    {69, "ARGUMENT_OUT_OF_BOUND", CH_DATA},                  /* a value */
    {70, "CANNOT_CONVERT_TYPE", CH_DATA},                    /* a column of the block */
    {72, "CANNOT_PARSE_NUMBER", CH_DATA},                    /* a value */
    {73, "UNKNOWN_FORMAT", CH_WRONG},                        /* the statement */
    {81, "UNKNOWN_DATABASE", CH_WRONG},                      /* a migration may bring it */
    {82, "DATABASE_ALREADY_EXISTS", CH_WRONG},               /* DDL */
    {115, "UNKNOWN_SETTING", CH_WRONG},                      /* an older server */
    {117, "INCORRECT_DATA", CH_DATA},                        /* a value or a name in the block */
    {130, "CANNOT_READ_ARRAY_FROM_TEXT", CH_DATA},           /* a value */
    {131, "TOO_LARGE_STRING_SIZE", CH_DATA},                 /* a value */
    {153, "ILLEGAL_DIVISION", CH_WRONG},                     /* the statement */
    {158, "TOO_MANY_ROWS", CH_LIMIT},                        /* max_rows_to_read */
    {159, "TIMEOUT_EXCEEDED", CH_TIMEOUT},                   /* max_execution_time */
    {160, "TOO_SLOW", CH_TIMEOUT},                           /* the estimate passes it */
    {161, "TOO_MANY_COLUMNS", CH_LIMIT},                     /* max_columns_to_read */
    {162, "TOO_DEEP_SUBQUERIES", CH_WRONG},                  /* the statement */
    {164, "READONLY", CH_WRONG},                             /* not this user's to do */
    {168, "TOO_BIG_AST", CH_WRONG},                          /* the statement */
    {184, "ILLEGAL_AGGREGATION", CH_WRONG},                  /* the statement */
    {190, "SIZES_OF_ARRAYS_DONT_MATCH", CH_DATA},            /* Nested columns of a row */
    {191, "SET_SIZE_LIMIT_EXCEEDED", CH_LIMIT},              /* max_rows_in_set */
    {192, "UNKNOWN_USER", CH_REFUSED},                       /* before anything ran */
    {193, "WRONG_PASSWORD", CH_REFUSED},                     /* as 192 */
    {194, "REQUIRED_PASSWORD", CH_REFUSED},                  /* as 192 */
    {195, "IP_ADDRESS_NOT_ALLOWED", CH_REFUSED},             /* as 192 */
    {201, "QUOTA_EXCEEDED", CH_LIMIT},                       /* may come in the middle */
    {202, "TOO_MANY_SIMULTANEOUS_QUERIES", CH_BUSY},         /* checked before the query begins */
    {203, "NO_FREE_CONNECTION", CH_BROKEN},                  /* between servers, in the middle */
    {209, "SOCKET_TIMEOUT", CH_BROKEN},                      /* between servers, in the middle */
    {210, "NETWORK_ERROR", CH_BROKEN},                       /* between servers, in the middle */
    {215, "NOT_AN_AGGREGATE", CH_WRONG},                     /* the statement */
    {216, "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING", CH_BUSY}, /* an earlier attempt lives */
    {225, "NO_ZOOKEEPER", CH_BROKEN},                        /* replicated: in the middle too */
    {236, "ABORTED", CH_BROKEN},                             /* shutting down */
    {241, "MEMORY_LIMIT_EXCEEDED", CH_LIMIT},                /* in the middle; a part may be in */
    {242, "TABLE_IS_READ_ONLY", CH_BROKEN},                  /* Keeper lost, in the middle too */
    {243, "NOT_ENOUGH_SPACE", CH_BROKEN},                    /* in the middle */
    {252, "TOO_MANY_PARTS", CH_BUSY},                        /* see ch_classify */
    {285, "TOO_FEW_LIVE_REPLICAS", CH_BROKEN},               /* quorum */
    {286, "UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE", CH_BROKEN}, /* quorum */
    {307, "TOO_MANY_BYTES", CH_LIMIT},                         /* max_bytes_to_read */
    {319, "UNKNOWN_STATUS_OF_INSERT", CH_BROKEN},              /* says so itself */
    {321, "VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE", CH_DATA},      /* a value */
    {349, "CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN", CH_DATA},   /* a value */
    {373, "SESSION_IS_LOCKED", CH_BUSY},                       /* before anything ran */
    {386, "NO_COMMON_TYPE", CH_WRONG},                         /* the statement */
    {394, "QUERY_WAS_CANCELLED", CH_BROKEN},                   /* KILL QUERY, in the middle */
    {395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO", CH_WRONG},    /* the statement asked for it */
    {396, "TOO_MANY_ROWS_OR_BYTES", CH_LIMIT},                 /* max_result_rows, …_bytes */
    {407, "DECIMAL_OVERFLOW", CH_DATA},                        /* a value */
    {452, "SETTING_CONSTRAINT_VIOLATION", CH_WRONG},           /* not this user's to set */
    {456, "UNKNOWN_QUERY_PARAMETER", CH_WRONG},                /* the statement */
    {457, "BAD_QUERY_PARAMETER", CH_WRONG},                    /* a parameter's value */
    {469, "VIOLATED_CONSTRAINT", CH_DATA},                     /* a row */
    {497, "ACCESS_DENIED", CH_WRONG},                          /* a grant is missing */
    {516, "AUTHENTICATION_FAILED", CH_REFUSED},                /* before anything ran */
    {691, "UNKNOWN_ELEMENT_OF_ENUM", CH_DATA},                 /* a value */
    {999, "KEEPER_EXCEPTION", CH_BROKEN},                      /* replicated: outcome unknown */
    {1000, "POCO_EXCEPTION", CH_BROKEN},                       /* system and network errors */
    {1001, "STD_EXCEPTION", CH_BROKEN},                        /* anything */
    {1002, "UNKNOWN_EXCEPTION", CH_BROKEN},                    /* anything */
};
const unsigned ch_codes_n = HS_ARRAY_LEN(ch_codes);

static const struct ch_code *find_code(int code)
{
    unsigned lo = 0;
    unsigned hi = ch_codes_n;

    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;

        if (ch_codes[mid].code == code)
            return &ch_codes[mid];
        if (ch_codes[mid].code < code)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

enum ch_class ch_classify(int code, int http_status, struct hs_str text)
{
    const struct ch_code *row = find_code(code);

    /* One code for two things: merges lag behind (wait), or the rows of one block lie in more
     * partitions than max_partitions_per_insert_block (the block will never fit). */
    if (code == CODE_252_TOO_MANY_PARTS && hs_str_contains(text, HS_STR("Too many partitions")))
        return CH_DATA;
    if (row)
        return row->class;
    return http_status == 400 || http_status == 404 ? CH_WRONG : CH_BROKEN;
}

int ch_class_rc(enum ch_class class, enum ch_op op)
{
    static const int rcs[][3] = {
        [CH_WRONG] = {HS_EINVAL, HS_EINVAL, HS_EAGAIN},
        [CH_DATA] = {HS_EINVAL, HS_EINVAL, HS_EINVAL},
        [CH_LIMIT] = {HS_ELIMIT, HS_ELIMIT, HS_EIO},
        [CH_BUSY] = {HS_EAGAIN, HS_EAGAIN, HS_EAGAIN},
        [CH_REFUSED] = {HS_EAGAIN, HS_EAGAIN, HS_EAGAIN},
        [CH_TIMEOUT] = {HS_ELIMIT, HS_ETIMEOUT, HS_ETIMEOUT},
        [CH_BROKEN] = {HS_EIO, HS_EIO, HS_EIO},
    };

    HS_ASSERT(class <= CH_BROKEN);
    HS_ASSERT(op <= CH_INSERT);
    return rcs[class][op];
}

/* ---- exceptions behind data */

int ch_exception_code(struct hs_str text)
{
    uint64_t code;
    size_t dot;

    text = hs_str_trim(text);
    if (!hs_str_starts_with(text, HS_STR("Code: ")))
        return 0;
    text = hs_str_n(text.p + 6, text.n - 6);
    dot = hs_str_index(text, '.');
    if (dot > 6 || hs_str_to_u64(hs_str_n(text.p, dot), &code) != HS_OK)
        return 0;
    return (int)code;
}

static bool find_tagged(struct hs_str tail, struct hs_str tag, struct ch_exception *out,
                        size_t *out_data_n)
{
    static const char mark[] = "\r\n__exception__\r\n";
    size_t mark_n = sizeof(mark) - 1;
    const char *at = tail.p;
    const char *end = tail.p + tail.n;

    while ((at = memmem(at, (size_t)(end - at), mark, mark_n)) != NULL) {
        struct hs_str rest = hs_str_n(at + mark_n, (size_t)(end - at) - mark_n);

        if (hs_str_starts_with(rest, tag)) {
            const char *close;

            rest = hs_str_trim(hs_str_n(rest.p + tag.n, rest.n - tag.n));
            close = memmem(rest.p, rest.n, mark, mark_n - 2);
            if (close) { /* the line before it holds length and tag */
                rest.n = (size_t)(close - rest.p);
                while (rest.n > 0 && rest.p[rest.n - 1] != '\n')
                    rest.n--;
            }
            out->text = hs_str_trim(rest);
            out->code = ch_exception_code(out->text);
            *out_data_n = (size_t)(at - tail.p);
            return true;
        }
        at += mark_n;
    }
    return false;
}

static bool find_plain(struct hs_str tail, bool broken, struct ch_exception *out,
                       size_t *out_data_n)
{
    static const char word[] = "Code: ";
    size_t i;

    if (!broken && !hs_str_ends_with(tail, HS_STR(")\n")))
        return false;
    for (i = tail.n; i-- > 0;) {
        struct hs_str rest = hs_str_n(tail.p + i, tail.n - i);

        if (rest.p[0] != 'C' || !hs_str_starts_with(rest, hs_str_n(word, sizeof(word) - 1)))
            continue;
        if (ch_exception_code(rest) > 0 && hs_str_contains(rest, HS_STR("DB::Exception: ")) &&
            (broken || hs_str_contains(rest, HS_STR("(version ")))) {
            out->text = hs_str_trim(rest);
            out->code = ch_exception_code(rest);
            *out_data_n = i;
            return true;
        }
    }
    return false;
}

bool ch_find_exception(struct hs_str body, struct hs_str tag, bool broken, struct ch_exception *out,
                       size_t *out_data_n)
{
    size_t tail_n = HS_MIN(body.n, (size_t)TAIL_BYTES_MAX);
    struct hs_str tail = hs_str_n(body.p ? body.p + body.n - tail_n : "", tail_n);
    bool found;

    found = tag.n > 0 ? find_tagged(tail, tag, out, out_data_n)
                      : find_plain(tail, broken, out, out_data_n);
    if (found)
        *out_data_n += body.n - tail_n;
    return found;
}
