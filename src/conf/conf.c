/*
 * Loading: defaults, then file, environment and --set; each value remembers where it came from.
 */
#include "conf/conf.h"

#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "conf/option.h"
#include "conf/suggest.h"

enum { FILE_BYTES_MAX = 1 << 20, ENV_NAME_MAX = 96 };

/* One for each row of the option table. */
struct hs_conf_origin {
    char *text;    /* "file haystat.yaml:3", "HAYSTAT_DATA", "--set"; NULL: the default */
    unsigned line; /* where the file set it; 0: not set by the file */
};

static struct hs_conf_origin *origin_of(struct hs_conf *conf, const struct hs_option *option)
{
    return &conf->origins[option - hs_options];
}

static void origin_set(struct hs_conf *conf, const struct hs_option *option, const char *text)
{
    struct hs_conf_origin *origin = origin_of(conf, option);

    hs_free(origin->text);
    origin->text = hs_xstrdup(text);
}

void hs_conf_init(struct hs_conf *conf)
{
    size_t i;

    memset(conf, 0, sizeof(*conf));
    conf->origins = hs_xcalloc(hs_options_n, sizeof(*conf->origins));
    for (i = 0; i < hs_options_n; i++) {
        int rc = hs_option_parse(&hs_options[i], hs_str_c(hs_options[i].def), conf, NULL);

        HS_ASSERT(rc == HS_OK); /* a default that its own row refuses */
    }
}

void hs_conf_fini(struct hs_conf *conf)
{
    size_t i;

    if (!conf || !conf->origins)
        return;
    for (i = 0; i < hs_options_n; i++) {
        hs_free(conf->origins[i].text);
        if (hs_options[i].type != HS_OPTION_STRING && hs_options[i].type != HS_OPTION_ADDRESS)
            continue;
        hs_free(*(char **)((char *)conf + hs_options[i].offset));
    }
    hs_free(conf->origins);
    memset(conf, 0, sizeof(*conf));
}

static int find(struct hs_str name, const struct hs_option **out, struct hs_err *err)
{
    struct hs_suggest suggest;
    size_t i;

    *out = hs_option_find(name);
    if (*out)
        return HS_OK;
    hs_suggest_init(&suggest, name);
    for (i = 0; i < hs_options_n; i++)
        hs_suggest_offer(&suggest, hs_options[i].name);
    return hs_err_set(err, HS_EINVAL, 0, "there is no option \"%.*s\"%s%s%s",
                      (int)HS_MIN(name.n, (size_t)100), name.p ? name.p : "",
                      suggest.best ? "; did you mean " : "", suggest.best ? suggest.best : "",
                      suggest.best ? "?" : "");
}

int hs_conf_set(struct hs_conf *conf, struct hs_str name, struct hs_str value, struct hs_err *err)
{
    const struct hs_option *option;
    int rc = find(name, &option, err);

    if (rc == HS_OK)
        rc = hs_option_parse(option, value, conf, err);
    if (rc == HS_OK)
        origin_set(conf, option, "--set");
    return rc;
}

struct file_load {
    struct hs_conf *conf;
    const char *path;
};

static int set_from_file(void *arg, struct hs_str name, struct hs_str value, unsigned line,
                         struct hs_err *err)
{
    struct file_load *load = arg;
    const struct hs_option *option;
    struct hs_conf_origin *origin;
    struct hs_buf text;
    int rc;

    rc = find(name, &option, err);
    if (rc == HS_OK)
        rc = hs_option_parse(option, value, load->conf, err);
    if (rc) {
        hs_err_prefix(err, "line %u", line);
        return rc;
    }
    origin = origin_of(load->conf, option);
    if (origin->line > 0)
        return hs_err_set(err, HS_EINVAL, 0, "line %u: option %s stands on line %u already", line,
                          option->name, origin->line);
    hs_buf_init(&text, HS_PATH_MAX + 32);
    hs_buf_addf(&text, "file %s:%u", load->path, line);
    origin_set(load->conf, option, hs_buf_cstr(&text));
    origin->line = line;
    hs_buf_fini(&text);
    return HS_OK;
}

static int load_file(struct hs_conf *conf, const char *path, struct hs_err *err)
{
    struct file_load load = {.conf = conf, .path = path};
    struct hs_buf text;
    int rc;

    hs_buf_init(&text, FILE_BYTES_MAX);
    rc = hs_fs_read(path, &text, err);
    if (rc == HS_OK) {
        rc = hs_yaml_walk(hs_buf_str(&text), set_from_file, &load, err);
        if (rc)
            hs_err_prefix(err, "%s", path);
    }
    hs_buf_fini(&text);
    return rc;
}

static void env_name(const struct hs_option *option, char out[ENV_NAME_MAX])
{
    size_t i;

    snprintf(out, ENV_NAME_MAX, "HAYSTAT_%s", option->name);
    for (i = 0; out[i] != '\0'; i++) {
        if (out[i] == '.')
            out[i] = '_';
        else if (out[i] >= 'a' && out[i] <= 'z')
            out[i] = (char)(out[i] - 'a' + 'A');
    }
}

static int load_env(struct hs_conf *conf, hs_getenv_fn *getenv_fn, struct hs_err *err)
{
    char name[ENV_NAME_MAX];
    size_t i;

    for (i = 0; i < hs_options_n; i++) {
        const char *value;
        int rc;

        env_name(&hs_options[i], name);
        value = getenv_fn(name);
        if (!value)
            continue;
        rc = hs_option_parse(&hs_options[i], hs_str_c(value), conf, err);
        if (rc) {
            hs_err_prefix(err, "%s", name);
            return rc;
        }
        origin_set(conf, &hs_options[i], name);
    }
    return HS_OK;
}

static int load_sets(struct hs_conf *conf, const struct hs_conf_source *source, struct hs_err *err)
{
    size_t i;

    for (i = 0; i < source->sets_n; i++) {
        struct hs_str rest = hs_str_c(source->sets[i]);
        size_t equals = hs_str_index(rest, '=');
        int rc;

        if (equals == rest.n)
            return hs_err_set(err, HS_EINVAL, 0, "--set takes name=value, not \"%.100s\"",
                              source->sets[i]);
        rc = hs_conf_set(conf, hs_str_n(rest.p, equals),
                         hs_str_n(rest.p + equals + 1, rest.n - equals - 1), err);
        if (rc)
            return rc;
    }
    return HS_OK;
}

int hs_conf_load(const struct hs_conf_source *source, struct hs_conf *out, struct hs_err *err)
{
    struct hs_conf conf;
    int rc = HS_OK;

    hs_conf_init(&conf);
    if (source->file)
        rc = load_file(&conf, source->file, err);
    if (rc == HS_OK && source->getenv_fn)
        rc = load_env(&conf, source->getenv_fn, err);
    if (rc == HS_OK)
        rc = load_sets(&conf, source, err);
    if (rc) {
        hs_conf_fini(&conf);
        return rc;
    }
    *out = conf;
    return HS_OK;
}

int hs_conf_path(const struct hs_conf *conf, const char *name, char out[4096], struct hs_err *err)
{
    return hs_fs_join(out, conf->data, name, err);
}

/* A value of several lines would break the print-out: its line breaks show as \n. */
static void add_one_line(struct hs_buf *out, struct hs_str value)
{
    size_t i;

    for (i = 0; i < value.n; i++) {
        if (value.p[i] == '\n')
            HS_BUF_ADD_LIT(out, "\\n");
        else
            hs_buf_add_char(out, value.p[i]);
    }
}

void hs_conf_print(const struct hs_conf *conf, struct hs_buf *out)
{
    struct hs_buf value;
    size_t i;

    hs_buf_init(&value, 1 << 20);
    for (i = 0; i < hs_options_n; i++) {
        const char *origin = conf->origins[i].text;

        hs_buf_reset(&value);
        hs_option_format(&hs_options[i], conf, &value);
        hs_buf_addf(out, "%-26s ", hs_options[i].name);
        if (value.n == 0)
            HS_BUF_ADD_LIT(out, "\"\"");
        else
            add_one_line(out, hs_buf_str(&value));
        hs_buf_addf(out, "   # %s\n", origin ? origin : "default");
    }
    hs_buf_fini(&value);
}

static void print_manual_row(const struct hs_option *option, const struct hs_conf *conf,
                             struct hs_buf *out)
{
    struct hs_buf def;

    hs_buf_init(&def, 4096);
    hs_option_format(option, conf, &def);
    hs_buf_addf(out, "| `%s` | %s | ", option->name, hs_option_type_name(option->type));
    if (def.n == 0)
        HS_BUF_ADD_LIT(out, "(empty)");
    else
        hs_buf_addf(out, "`%s`", hs_buf_cstr(&def));
    HS_BUF_ADD_LIT(out, " | ");
    hs_option_format_range(option, out);
    hs_buf_addf(out, " | %s%s |\n", option->help,
                option->flags & HS_OPTION_SECRET ? " Secret: shown as `***`." : "");
    hs_buf_fini(&def);
}

static const char manual_head[] =
    "# Configuration\n"
    "\n"
    "This file is made from the option table by `haystat config --manual`; a test holds it "
    "fresh.\n"
    "\n"
    "Values come from, in this order, later ones winning: the defaults below, the YAML file given\n"
    "by `--config` (or `HAYSTAT_CONFIG`), environment variables, and `--set name=value`.\n"
    "`haystat config` prints what is in force and where each value came from. Unknown names,\n"
    "values that do not parse and values out of range stop the start.\n"
    "\n"
    "In the file, names are dotted or nested; where a name is both an option and a group\n"
    "(`stream`, `metadata`, `cache`), write its members dotted:\n"
    "\n"
    "```yaml\n"
    "data: /var/lib/haystat\n"
    "roles: [collector, engine]\n"
    "listen:\n"
    "  gateway: 0.0.0.0:8000\n"
    "  otlp_http: \"[::1]:4318\"\n"
    "stream.commit: 5ms\n"
    "```\n"
    "\n"
    "The variable of an option is `HAYSTAT_` and its name in upper case with `_` for `.`:\n"
    "`listen.gateway` is `HAYSTAT_LISTEN_GATEWAY`. Durations are numbers with a unit (`400ms`,\n"
    "`30s`, `5m`, `24h`, `30d`, `1h30m`), sizes plain bytes or numbers with a unit (`64MiB`,\n"
    "`2GiB`, `500MB`). `--data DIR` and `--roles LIST` stand for `--set data=` and `--set "
    "roles=`.\n"
    "\n"
    "| Option | Type | Default | Range | Meaning |\n"
    "| --- | --- | --- | --- | --- |\n";

void hs_conf_print_manual(struct hs_buf *out)
{
    struct hs_conf conf;
    size_t i;

    hs_conf_init(&conf);
    hs_buf_add_c(out, manual_head);
    for (i = 0; i < hs_options_n; i++)
        print_manual_row(&hs_options[i], &conf, out);
    hs_conf_fini(&conf);
}
