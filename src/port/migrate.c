#include "port/migrate.h"

#include <stdio.h>

#include "base/hash.h"
#include "base/mem.h"

enum {
    STATEMENT_TIMEOUT_MS = 120000,
    NOTES_ARENA_BYTES = 16 << 20,
    CHECKSUM_CHARS = 2 * HS_SHA256_BYTES,
};

/* ---- statements */

/* Length of the comment at the start of s, 0 when there is none. An open one takes all. */
static size_t comment_len(struct hs_str s)
{
    const char *end;

    if (hs_str_starts_with(s, HS_STR("--")))
        return hs_str_index(s, '\n');
    if (!hs_str_starts_with(s, HS_STR("/*")))
        return 0;
    end = memmem(s.p + 2, s.n - 2, "*/", 2);
    return end ? (size_t)(end - s.p) + 2 : s.n;
}

/* Length of the quoted text at the start of s, 0 when there is none. A doubled quote inside looks
 * like two texts side by side, which is as good here. */
static size_t quoted_len(struct hs_str s)
{
    size_t i = 1;

    if (s.p[0] != '\'' && s.p[0] != '"' && s.p[0] != '`')
        return 0;
    while (i < s.n && s.p[i] != s.p[0])
        i += s.p[i] == '\\' ? 2 : 1;
    return HS_MIN(i + 1, s.n);
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Drops blanks, comments and stray semicolons at the front. */
static void skip_to_statement(struct hs_str *rest)
{
    while (rest->n > 0) {
        size_t n = is_blank(rest->p[0]) || rest->p[0] == ';' ? 1 : comment_len(*rest);

        if (n == 0)
            return;
        *rest = hs_str_n(rest->p + n, rest->n - n);
    }
}

bool hs_migrate_next_statement(struct hs_str *rest, struct hs_str *out)
{
    size_t i = 0;

    skip_to_statement(rest);
    if (rest->n == 0)
        return false;
    while (i < rest->n && rest->p[i] != ';') {
        struct hs_str s = hs_str_n(rest->p + i, rest->n - i);
        size_t skip = comment_len(s);

        if (skip == 0)
            skip = quoted_len(s);
        i += skip > 0 ? skip : 1;
    }
    *out = hs_str_trim(hs_str_n(rest->p, i));
    i = HS_MIN(i + 1, rest->n);
    *rest = hs_str_n(rest->p + i, rest->n - i);
    return true;
}

/* ---- files */

static int file_version(const struct hs_migration *file, uint32_t *out, struct hs_err *err)
{
    struct hs_str name = hs_str_c(file->name);
    size_t digits = strspn(file->name, "0123456789");
    uint64_t version;

    if (digits == 0 || digits > 9 || file->name[digits] != '_' ||
        !hs_str_ends_with(name, HS_STR(".sql")) ||
        hs_str_to_u64(hs_str_n(name.p, digits), &version) != HS_OK)
        return hs_err_set(err, HS_EINVAL, 0, "migration '%s': the name is not NNNN_words.sql",
                          file->name);
    *out = (uint32_t)version;
    return HS_OK;
}

static int check_files(const struct hs_migrations *set, struct hs_err *err)
{
    uint32_t last = 0;
    size_t i;

    for (i = 0; i < set->n; i++) {
        uint32_t version = 0;
        int rc = file_version(&set->files[i], &version, err);

        if (rc != HS_OK)
            return rc;
        if (version <= last)
            return hs_err_set(err, HS_EINVAL, 0, "migration '%s': version %u does not follow %u",
                              set->files[i].name, version, last);
        last = version;
    }
    return HS_OK;
}

static uint32_t version_of(const struct hs_migration *file)
{
    uint32_t version = 0;

    (void)file_version(file, &version, NULL); /* checked before */
    return version;
}

static void checksum_of(const struct hs_migration *file, char out[CHECKSUM_CHARS])
{
    unsigned char sum[HS_SHA256_BYTES];

    hs_sha256(hs_str_n(file->data, file->size), sum);
    hs_hex_encode(sum, sizeof(sum), out);
}

/* ---- the database */

static int exec(struct hs_analytics *analytics, const char *sql, const struct hs_param *params,
                size_t params_n, struct hs_err *err)
{
    const struct hs_query query = {
        .sql = sql,
        .params = params,
        .params_n = params_n,
        .user = HS_ANALYTICS_RW,
        .timeout_ms = STATEMENT_TIMEOUT_MS,
    };

    return hs_analytics_exec(analytics, &query, err);
}

static int make_notes_table(struct hs_analytics *analytics, struct hs_err *err)
{
    int rc = exec(analytics, "CREATE DATABASE IF NOT EXISTS haystat", NULL, 0, err);

    if (rc != HS_OK)
        return rc;
    return exec(analytics,
                "CREATE TABLE IF NOT EXISTS haystat.migrations (version UInt32, name String, "
                "checksum String, applied_at DateTime64(3)) ENGINE = MergeTree ORDER BY version",
                NULL, 0, err);
}

/* A note may be there twice, when its insert was repeated after an unknown outcome. */
static int read_notes(struct hs_analytics *analytics, struct hs_arena *arena, struct hs_table *out,
                      struct hs_err *err)
{
    const struct hs_query query = {
        .sql = "SELECT DISTINCT version, name, checksum FROM haystat.migrations ORDER BY version",
        .user = HS_ANALYTICS_RW,
        .timeout_ms = STATEMENT_TIMEOUT_MS,
    };

    return hs_analytics_query(analytics, &query, arena, out, err);
}

static int write_note(struct hs_analytics *analytics, const struct hs_migration *file,
                      struct hs_err *err)
{
    char version[16]; /* without leading zeros, which a UInt32 parameter refuses */
    char checksum[CHECKSUM_CHARS];
    int version_n = snprintf(version, sizeof(version), "%u", version_of(file));
    const struct hs_param params[] = {
        {"version", hs_str_n(version, (size_t)version_n)},
        {"name", hs_str_c(file->name)},
        {"checksum", hs_str_n(checksum, sizeof(checksum))},
    };

    checksum_of(file, checksum);
    return exec(analytics,
                "INSERT INTO haystat.migrations (version, name, checksum, applied_at) "
                "SELECT {version:UInt32}, {name:String}, {checksum:String}, now64(3)",
                params, HS_ARRAY_LEN(params), err);
}

static int apply(struct hs_analytics *analytics, const struct hs_migration *file,
                 struct hs_err *err)
{
    struct hs_str rest = hs_str_n(file->data, file->size);
    struct hs_str statement;
    unsigned n = 0;
    int rc = HS_OK;

    while (rc == HS_OK && hs_migrate_next_statement(&rest, &statement)) {
        char *sql = hs_xstrndup(statement.p, statement.n);

        n++;
        rc = exec(analytics, sql, NULL, 0, err);
        hs_free(sql);
    }
    if (rc == HS_OK)
        return write_note(analytics, file, err);
    hs_err_prefix(err, "migration '%s', statement %u", file->name, n);
    return rc;
}

/* ---- comparing */

static const struct hs_migration *find_file(const struct hs_migrations *set, uint64_t version)
{
    size_t i;

    for (i = 0; i < set->n; i++) {
        if (version_of(&set->files[i]) == version)
            return &set->files[i];
    }
    return NULL;
}

static int check_note(const struct hs_migrations *set, uint64_t version, struct hs_str name,
                      struct hs_str checksum, struct hs_err *err)
{
    const struct hs_migration *file = find_file(set, version);
    char ours[CHECKSUM_CHARS];

    if (!file)
        return hs_err_set(err, HS_ECONFLICT, 0,
                          "migration %llu '%.*s' was applied, and this program does not know it: "
                          "the database belongs to a newer one",
                          (unsigned long long)version, HS_STR_ARG(name));
    checksum_of(file, ours);
    if (!hs_str_eq(hs_str_n(ours, sizeof(ours)), checksum))
        return hs_err_set(err, HS_ECONFLICT, 0,
                          "migration '%s' was applied with checksum %.*s, the file has %.*s",
                          file->name, HS_STR_ARG(checksum), CHECKSUM_CHARS, ours);
    return HS_OK;
}

/* The columns of the notes; HS_ECORRUPT when the table is not ours. */
struct notes {
    const struct hs_column *version, *name, *checksum;
    size_t rows;
};

static int check_notes(const struct hs_table *table, const struct hs_migrations *set,
                       struct notes *out, struct hs_err *err)
{
    size_t i;
    int rc = HS_OK;

    *out = (struct notes){hs_table_column(table, "version"), hs_table_column(table, "name"),
                          hs_table_column(table, "checksum"), table->rows};
    if (table->rows == 0)
        return HS_OK;
    if (!out->version || out->version->kind != HS_COL_U64 || !out->name ||
        out->name->kind != HS_COL_STR || !out->checksum || out->checksum->kind != HS_COL_STR)
        return hs_err_set(err, HS_ECORRUPT, 0, "haystat.migrations has unexpected columns");
    for (i = 0; i < out->rows && rc == HS_OK; i++)
        rc = check_note(set, out->version->u64[i], out->name->str[i], out->checksum->str[i], err);
    return rc;
}

static bool is_applied(const struct notes *notes, uint32_t version)
{
    size_t i;

    for (i = 0; i < notes->rows; i++) {
        if (notes->version->u64[i] == version)
            return true;
    }
    return false;
}

static int apply_missing(struct hs_analytics *analytics, const struct notes *notes,
                         const struct hs_migrations *set, struct hs_migrate_result *result,
                         struct hs_err *err)
{
    uint64_t newest = notes->rows > 0 ? notes->version->u64[notes->rows - 1] : 0;
    size_t i;
    int rc = HS_OK;

    for (i = 0; i < set->n && rc == HS_OK; i++) {
        uint32_t version = version_of(&set->files[i]);

        result->version = version;
        if (is_applied(notes, version))
            continue;
        if (version < newest)
            return hs_err_set(err, HS_ECONFLICT, 0,
                              "migration '%s' is missing although version %llu was applied",
                              set->files[i].name, (unsigned long long)newest);
        rc = apply(analytics, &set->files[i], err);
        result->applied += rc == HS_OK;
    }
    return rc;
}

int hs_migrate(struct hs_analytics *analytics, const struct hs_migrations *set,
               struct hs_migrate_result *out, struct hs_err *err)
{
    struct hs_migrate_result result = {0};
    struct hs_arena arena;
    struct hs_table table = {0};
    struct notes notes;
    int rc = check_files(set, err);

    if (rc != HS_OK)
        return rc;
    hs_arena_init(&arena, NOTES_ARENA_BYTES);
    rc = make_notes_table(analytics, err);
    if (rc == HS_OK)
        rc = read_notes(analytics, &arena, &table, err);
    if (rc == HS_OK)
        rc = check_notes(&table, set, &notes, err);
    if (rc == HS_OK)
        rc = apply_missing(analytics, &notes, set, &result, err);
    hs_arena_fini(&arena);
    if (rc == HS_OK)
        *out = result;
    return rc;
}

static int migrate_host(const struct hs_analytics_ops *ops, const struct hs_conf *conf,
                        const struct hs_clock *clock, const struct hs_migrations *set,
                        struct hs_migrate_result *out, struct hs_err *err)
{
    struct hs_analytics *analytics = NULL;
    int rc = ops->open(conf, clock, &analytics, err);

    if (rc == HS_OK)
        rc = hs_migrate(analytics, set, out, err);
    hs_analytics_close(analytics);
    return rc;
}

int hs_migrate_hosts(const struct hs_analytics_ops *ops, const struct hs_conf *conf,
                     const struct hs_clock *clock, const struct hs_migrations *set,
                     struct hs_migrate_result *out, struct hs_err *err)
{
    struct hs_str rest = hs_str_c(conf->analytics_url);
    struct hs_migrate_result total = {0};
    struct hs_str url;
    unsigned host = 0;

    while (hs_str_split(&rest, ',', &url)) {
        struct hs_conf one = *conf; /* all but the URL is borrowed */
        struct hs_migrate_result result = {0};
        int rc;

        url = hs_str_trim(url);
        if (url.n == 0)
            continue;
        host++;
        one.analytics_url = hs_xstrndup(url.p, url.n);
        rc = migrate_host(ops, &one, clock, set, &result, err);
        hs_free(one.analytics_url);
        if (rc != HS_OK) {
            hs_err_prefix(err, "host %u", host);
            return rc;
        }
        total.applied += result.applied;
        total.version = result.version;
    }
    if (host == 0)
        return hs_err_set(err, HS_EINVAL, 0, "analytics.url is empty");
    *out = total;
    return HS_OK;
}
