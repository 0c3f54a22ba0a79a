/* users.xml: profiles, constraints and grants of the store's users; see store/config.h. */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "store/config.h"

/*
 * Settings that name files or disks. The server is built as a local tool and does not hold them to
 * its own folders, so haystat_rw may not set them; under readonly=1 nobody may.
 */
static const char *const fixed_settings[] = {
    "format_schema",
    "format_schema_source",
    "format_schema_message_name",
    "format_template_row",
    "format_template_row_format",
    "format_template_resultset",
    "format_template_resultset_format",
    "input_format_record_errors_file_path",
    "merge_tree_disk",
    "merge_tree_storage_policy",
    "merge_tree_table_disk",
};

/* What our own client and those of others send with each query and readonly=1 would refuse. */
static const char *const reader_settings[] = {
    "max_rows_to_read",
    "read_overflow_mode",
    "enable_http_compression",
    "http_zlib_compression_level",
    "send_progress_in_http_headers",
    "http_headers_progress_interval_ms",
    "cancel_http_readonly_queries_on_client_close",
    "log_comment",
    "session_timezone",
    "date_time_input_format",
    "date_time_output_format",
    "output_format_json_quote_64bit_integers",
    "output_format_json_quote_denormals",
    "output_format_native_encode_types_in_binary_format",
};

static const char *const grants_default[] = {
    "GRANT SYSTEM LISTEN ON *.*",
    "GRANT CREATE DATABASE ON haystat.*",
    "GRANT TABLE ENGINE ON Atomic",
};

static const char *const grants_stop[] = {
    "GRANT KILL QUERY ON *.*",
    "GRANT SELECT ON system.processes",
};

/* No DROP DATABASE (it could come back with another engine), no dictionaries (their sources read
 * files, run programs and connect), no BACKUP, FREEZE or FETCH. Killing one's own queries needs no
 * grant. */
static const char *const grants_rw[] = {
    "GRANT SHOW, SELECT, INSERT, CREATE DATABASE, CREATE TABLE, CREATE VIEW, DROP TABLE, "
    "DROP VIEW, TRUNCATE, OPTIMIZE, CHECK, ALTER UPDATE, ALTER DELETE, ALTER COLUMN, ALTER INDEX, "
    "ALTER STATISTICS, ALTER PROJECTION, ALTER CONSTRAINT, ALTER TTL, ALTER SETTINGS, "
    "ALTER MODIFY COMMENT, ALTER MOVE PARTITION, ALTER VIEW, SYSTEM MERGES ON haystat.*",
    "GRANT TABLE ENGINE ON Atomic",
    "GRANT TABLE ENGINE ON MergeTree",
    "GRANT TABLE ENGINE ON ReplacingMergeTree",
    "GRANT TABLE ENGINE ON SummingMergeTree",
    "GRANT TABLE ENGINE ON AggregatingMergeTree",
    "GRANT TABLE ENGINE ON CollapsingMergeTree",
    "GRANT TABLE ENGINE ON VersionedCollapsingMergeTree",
    "GRANT TABLE ENGINE ON Memory",
    "GRANT TABLE ENGINE ON Null",
    "GRANT TABLE ENGINE ON View",
    "GRANT TABLE ENGINE ON MaterializedView",
};

static const char *const grants_ro[] = {"GRANT SHOW, SELECT ON haystat.*"};

/* Tables of system that tell about users, other people's queries, memory or keys. */
static const char *const hidden_tables[] = {
    "users",
    "roles",
    "grants",
    "role_grants",
    "quotas",
    "quota_limits",
    "quota_usage",
    "quotas_usage",
    "row_policies",
    "settings_profiles",
    "settings_profile_elements",
    "named_collections",
    "stack_trace",
    "certificates",
    "remote_data_paths",
    "jemalloc_profile_text",
    "user_processes",
    "models", /* reading it would start a helper program */
};

/* A statement with the longest condition of port/source.h. */
enum { QUERY_BYTES_MAX = 16 << 20 };

struct user {
    const char *name;
    const char *secret; /* NULL: no password, from this machine only */
    const char *profile;
    const char *const *grants;
    size_t grants_n;
    bool reads_system;
    bool hides_processes; /* sees no other user's running queries */
};

static void add_hash(struct hs_buf *out, const char *secret)
{
    unsigned char hash[HS_SHA256_BYTES];

    hs_sha256(hs_str_c(secret), hash);
    HS_BUF_ADD_LIT(out, "<password_sha256_hex>");
    hs_buf_add_hex(out, hash, sizeof(hash));
    HS_BUF_ADD_LIT(out, "</password_sha256_hex>");
}

static void add_grants(struct hs_buf *out, const struct user *user)
{
    size_t i;

    HS_BUF_ADD_LIT(out, "      <grants>\n");
    for (i = 0; i < user->grants_n; i++)
        hs_buf_addf(out, "        <query>%s</query>\n", user->grants[i]);
    if (user->reads_system) {
        HS_BUF_ADD_LIT(out, "        <query>GRANT SELECT ON system.*</query>\n"
                            "        <query>GRANT SELECT ON information_schema.*</query>\n"
                            "        <query>GRANT SELECT ON INFORMATION_SCHEMA.*</query>\n");
        for (i = 0; i < HS_ARRAY_LEN(hidden_tables); i++)
            hs_buf_addf(out, "        <query>REVOKE SELECT ON system.%s</query>\n",
                        hidden_tables[i]);
    }
    if (user->hides_processes)
        HS_BUF_ADD_LIT(out, "        <query>REVOKE SELECT ON system.processes</query>\n");
    HS_BUF_ADD_LIT(out, "      </grants>\n");
}

static void add_user(struct hs_buf *out, const struct hs_store_plan *plan, const struct user *user)
{
    bool is_local = !user->secret || plan->http.is_loopback;

    hs_buf_addf(out, "    <%s>", user->name);
    if (user->secret)
        add_hash(out, user->secret);
    else
        HS_BUF_ADD_LIT(out, "<no_password/>");
    hs_buf_addf(out, "<profile>%s</profile><quota>default</quota>\n      <networks>%s</networks>\n",
                user->profile, is_local ? "<ip>127.0.0.1</ip><ip>::1</ip>" : "<ip>::/0</ip>");
    if (user->secret)
        HS_BUF_ADD_LIT(out, "      <default_database>haystat</default_database>\n");
    add_grants(out, user);
    hs_buf_addf(out, "    </%s>\n", user->name);
}

static void add_constraints(struct hs_buf *out, const char *const *names, size_t n,
                            const char *kind)
{
    size_t i;

    for (i = 0; i < n; i++)
        hs_buf_addf(out, "        <%s><%s/></%s>\n", names[i], kind, names[i]);
}

static void add_profiles(struct hs_buf *out, const struct hs_store_plan *plan)
{
    HS_BUF_ADD_LIT(out, "  <profiles>\n"
                        "    <default><async_insert>0</async_insert>\n"
                        "      <s3_retry_attempts>1</s3_retry_attempts>\n"
                        "      <backup_restore_s3_retry_attempts>1"
                        "</backup_restore_s3_retry_attempts></default>\n"
                        "    <boot><max_sessions_for_user>1</max_sessions_for_user>\n"
                        "      <constraints><max_sessions_for_user><const/></max_sessions_for_user>"
                        "</constraints></boot>\n");
    hs_buf_addf(out,
                "    <rw><max_memory_usage>%llu</max_memory_usage>\n"
                "      <max_query_size>%d</max_query_size>\n      <constraints>\n",
                (unsigned long long)(plan->memory_max / 4 * 3), QUERY_BYTES_MAX);
    add_constraints(out, fixed_settings, HS_ARRAY_LEN(fixed_settings), "const");
    HS_BUF_ADD_LIT(out, "      </constraints></rw>\n");
    hs_buf_addf(out,
                "    <ro><readonly>1</readonly><max_memory_usage>%llu</max_memory_usage>\n"
                "      <max_query_size>%d</max_query_size>\n"
                "      <max_execution_time>60</max_execution_time>\n"
                "      <max_result_rows>10000000</max_result_rows>\n"
                "      <max_concurrent_queries_for_user>32</max_concurrent_queries_for_user>\n"
                "      <constraints>\n"
                "        <max_execution_time><min>0.001</min><max>60</max>"
                "<changeable_in_readonly/></max_execution_time>\n",
                (unsigned long long)(plan->memory_max / 2), QUERY_BYTES_MAX);
    add_constraints(out, reader_settings, HS_ARRAY_LEN(reader_settings), "changeable_in_readonly");
    HS_BUF_ADD_LIT(out, "      </constraints></ro>\n  </profiles>\n");
}

void hs_store_config_users(const struct hs_store_plan *plan, struct hs_buf *out)
{
    const struct user users[] = {
        {.name = "default",
         .profile = "boot",
         .grants = grants_default,
         .grants_n = HS_ARRAY_LEN(grants_default)},
        {.name = HS_STORE_USER_STOP,
         .secret = plan->secret_stop,
         .profile = "default",
         .grants = grants_stop,
         .grants_n = HS_ARRAY_LEN(grants_stop)},
        {.name = "haystat_rw",
         .secret = plan->secret_rw,
         .profile = "rw",
         .grants = grants_rw,
         .grants_n = HS_ARRAY_LEN(grants_rw),
         .reads_system = true},
        {.name = "haystat_ro",
         .secret = plan->secret_ro,
         .profile = "ro",
         .grants = grants_ro,
         .grants_n = HS_ARRAY_LEN(grants_ro),
         .reads_system = true,
         .hides_processes = true},
    };
    size_t i;

    HS_BUF_ADD_LIT(out, "<clickhouse>\n");
    add_profiles(out, plan);
    HS_BUF_ADD_LIT(out, "  <quotas><default/></quotas>\n  <users>\n");
    for (i = 0; i < HS_ARRAY_LEN(users); i++)
        add_user(out, plan, &users[i]);
    HS_BUF_ADD_LIT(out, "  </users>\n</clickhouse>\n");
}
