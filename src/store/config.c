#include "store/config.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"

enum { CONFIG_MAX = 65536 };

#define MIB (1024ULL * 1024)
#define MEMORY_CEILING (2048 * MIB)

/* Memory that the control group allows, UINT64_MAX without a limit. */
static uint64_t group_memory(void)
{
    static const char *const files[] = {"/sys/fs/cgroup/memory.max",
                                        "/sys/fs/cgroup/memory/memory.limit_in_bytes"};
    uint64_t least = UINT64_MAX;
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(files); i++) {
        uint64_t value;
        struct hs_buf buf;

        hs_buf_init(&buf, 64);
        if (hs_fs_read(files[i], &buf, NULL) == HS_OK &&
            hs_str_to_u64(hs_str_trim(hs_buf_str(&buf)), &value) == HS_OK)
            least = HS_MIN(least, value);
        hs_buf_fini(&buf);
    }
    return least;
}

uint64_t hs_store_memory_default(void)
{
    uint64_t machine = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t quarter = HS_MIN(machine, group_memory()) / 4;

    return HS_MIN(quarter, (uint64_t)MEMORY_CEILING);
}

static void add_xml(struct hs_buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '&')
            HS_BUF_ADD_LIT(out, "&amp;");
        else if (*text == '<')
            HS_BUF_ADD_LIT(out, "&lt;");
        else if (*text == '>')
            HS_BUF_ADD_LIT(out, "&gt;");
        else
            hs_buf_add_char(out, *text);
    }
}

/* <name>DIR/sub</name> */
static void add_path(struct hs_buf *out, const struct hs_store_plan *plan, const char *name,
                     const char *sub)
{
    hs_buf_addf(out, "  <%s>", name);
    add_xml(out, plan->dir);
    hs_buf_addf(out, "/%s</%s>\n", sub, name);
}

/*
 * On loopback a page in the user's browser must not reach the store, whatever name it gave to
 * 127.0.0.1 and whatever password the browser remembers: Host and Origin have to be loopback.
 */
static void add_http_rule(struct hs_buf *out, const struct hs_store_plan *plan, const char *url,
                          const char *methods, const char *handler)
{
    static const char *const local = "(127\\.[0-9.]+|localhost|\\[::1\\])(:[0-9]+)?";

    hs_buf_addf(out, "    <rule><url>%s</url><methods>%s</methods>", url, methods);
    if (plan->http.is_loopback)
        hs_buf_addf(out,
                    "<headers><Host>regex:%s</Host>"
                    "<Origin>regex:(https?://%s)?</Origin></headers>",
                    local, local);
    hs_buf_addf(out, "<handler>%s</handler></rule>\n", handler);
}

static void add_http_handlers(struct hs_buf *out, const struct hs_store_plan *plan)
{
    HS_BUF_ADD_LIT(out, "  <http_handlers>\n");
    add_http_rule(out, plan, "/ping", "GET,HEAD", "<type>ping</type>");
    add_http_rule(out, plan, "/play", "GET,HEAD", "<type>play</type>");
    add_http_rule(out, plan, "/dashboard", "GET,HEAD", "<type>dashboard</type>");
    add_http_rule(out, plan, "/js/uplot.js", "GET,HEAD", "<type>js</type>");
    add_http_rule(out, plan, "/js/lz-string.js", "GET,HEAD", "<type>js</type>");
    add_http_rule(out, plan, "/", "GET,HEAD,POST",
                  "<type>dynamic_query_handler</type>"
                  "<query_param_name>query</query_param_name>");
    HS_BUF_ADD_LIT(out, "  </http_handlers>\n");
}

/* Caches far below ClickHouse's defaults (5 GiB each): they are part of the memory that counts. */
static void add_limits(struct hs_buf *out, const struct hs_store_plan *plan)
{
    hs_buf_addf(out, "  <max_server_memory_usage>%llu</max_server_memory_usage>\n",
                (unsigned long long)plan->memory_max);
    hs_buf_addf(out, "  <mark_cache_size>%llu</mark_cache_size>\n",
                (unsigned long long)(plan->memory_max / 16));
    hs_buf_addf(out, "  <primary_index_cache_size>%llu</primary_index_cache_size>\n",
                (unsigned long long)(plan->memory_max / 32));
    HS_BUF_ADD_LIT(
        out, "  <index_mark_cache_size>16777216</index_mark_cache_size>\n"
             "  <uncompressed_cache_size>0</uncompressed_cache_size>\n"
             "  <compiled_expression_cache_size>16777216</compiled_expression_cache_size>\n"
             "  <vector_similarity_index_cache_size>0</vector_similarity_index_cache_size>\n"
             "  <text_index_tokens_cache_size>1048576</text_index_tokens_cache_size>\n"
             "  <text_index_header_cache_size>1048576</text_index_header_cache_size>\n"
             "  <text_index_postings_cache_size>1048576</text_index_postings_cache_size>\n"
             "  <max_concurrent_queries>100</max_concurrent_queries>\n"
             "  <max_connections>512</max_connections>\n"
             "  <max_thread_pool_size>256</max_thread_pool_size>\n"
             "  <max_thread_pool_free_size>8</max_thread_pool_free_size>\n"
             "  <max_parts_cleaning_thread_pool_size>2</max_parts_cleaning_thread_pool_size>\n"
             "  <max_active_parts_loading_thread_pool_size>4"
             "</max_active_parts_loading_thread_pool_size>\n"
             "  <max_outdated_parts_loading_thread_pool_size>2"
             "</max_outdated_parts_loading_thread_pool_size>\n"
             "  <parts_killer_pool_size>2</parts_killer_pool_size>\n"
             "  <snapshot_cleaner_pool_size>2</snapshot_cleaner_pool_size>\n");
}

/* The store syncs nothing by itself (engine/durable.h). Until the next syncfs the parts that a
 * merge replaced must stay, and parts that a power loss broke, however many, must not keep a table
 * from opening: they are filled again from the stream. Nothing reads column statistics, which every
 * insert would compute. */
static void add_table_defaults(struct hs_buf *out)
{
    HS_BUF_ADD_LIT(out, "  <merge_tree>\n"
                        "    <old_parts_lifetime>480</old_parts_lifetime>\n"
                        "    <max_suspicious_broken_parts>1000000</max_suspicious_broken_parts>\n"
                        "    <max_suspicious_broken_parts_bytes>1099511627776"
                        "</max_suspicious_broken_parts_bytes>\n"
                        "    <auto_statistics_types></auto_statistics_types>\n"
                        "  </merge_tree>\n");
}

void hs_store_config_server(const struct hs_store_plan *plan, struct hs_buf *out)
{
    HS_BUF_ADD_LIT(out, "<clickhouse>\n"
                        "  <logger><level>none</level><console>0</console></logger>\n");
    HS_BUF_ADD_LIT(out, "  <user_directories><users_xml>\n");
    add_path(out, plan, "path", "users.xml");
    HS_BUF_ADD_LIT(out, "  </users_xml></user_directories>\n");
    hs_buf_addf(out, "  <listen_host>%s</listen_host>\n  <timezone>UTC</timezone>\n",
                plan->http.host);
    HS_BUF_ADD_LIT(
        out,
        "  <access_control_improvements>\n"
        "    <table_engines_require_grant>true</table_engines_require_grant>\n"
        "    <select_from_system_db_requires_grant>true"
        "</select_from_system_db_requires_grant>\n"
        "    <select_from_information_schema_requires_grant>true"
        "</select_from_information_schema_requires_grant>\n"
        "    <settings_constraints_replace_previous>true</settings_constraints_replace_previous>\n"
        "  </access_control_improvements>\n"
        "  <remote_url_allow_hosts/>\n"
        "  <allow_experimental_webterminal>0</allow_experimental_webterminal>\n");
    hs_buf_addf(out, "  <macros><%s>%s</%s></macros>\n", HS_STORE_START_ID_MACRO, plan->start_id,
                HS_STORE_START_ID_MACRO);
    add_path(out, plan, "tmp_path", "db/tmp/");
    add_path(out, plan, "user_files_path", "files/");
    add_path(out, plan, "format_schema_path", "files/");
    add_path(out, plan, "google_protos_path", "files/");
    add_path(out, plan, "user_scripts_path", "files/");
    add_path(out, plan, "top_level_domains_path", "files/");
    add_path(out, plan, "dictionaries_lib_path", "files/");
    add_path(out, plan, "dynamic_user_defined_executable_functions_path", "files/");
    add_limits(out, plan);
    add_table_defaults(out);
    add_http_handlers(out, plan);
    HS_BUF_ADD_LIT(out, "</clickhouse>\n");
}

static int write_one(const struct hs_store_plan *plan, const char *name,
                     void (*make)(const struct hs_store_plan *, struct hs_buf *),
                     struct hs_err *err)
{
    char path[HS_PATH_MAX];
    struct hs_buf text;
    int rc = hs_fs_join(path, plan->dir, name, err);

    hs_buf_init(&text, CONFIG_MAX);
    make(plan, &text);
    if (rc == HS_OK && !hs_buf_ok(&text))
        rc = hs_err_set(err, HS_ELIMIT, 0, "%s passes %d bytes", name, CONFIG_MAX);
    if (rc == HS_OK)
        rc = hs_fs_write_atomic(path, hs_buf_str(&text), 0600, err);
    hs_buf_fini(&text);
    return rc;
}

int hs_store_config_write(const struct hs_store_plan *plan, struct hs_err *err)
{
    static const char *const folders[] = {"db/tmp", "files"};
    char path[HS_PATH_MAX];
    size_t i;
    int rc = HS_OK;

    for (i = 0; i < HS_ARRAY_LEN(folders) && rc == HS_OK; i++) {
        rc = hs_fs_join(path, plan->dir, folders[i], err);
        if (rc == HS_OK)
            rc = hs_fs_mkdirs(path, 0700, err);
    }
    if (rc == HS_OK)
        rc = write_one(plan, "config.xml", hs_store_config_server, err);
    if (rc == HS_OK)
        rc = write_one(plan, "users.xml", hs_store_config_users, err);
    return rc;
}

void hs_store_config_forget_users(const struct hs_store_plan *plan)
{
    char path[HS_PATH_MAX];

    if (hs_fs_join(path, plan->dir, "users.xml", NULL) == HS_OK)
        unlink(path);
}
