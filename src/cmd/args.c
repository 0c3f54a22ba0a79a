#include "cmd/args.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cmd/cmd.h"
#include "conf/suggest.h"

enum { GO_ON = -1 };

struct parse {
    const struct hs_command *command;
    bool shared; /* the flags of commands with a configuration */
    const char *config;
    const char **sets;
    size_t sets_n;
    char **made; /* sets that --data and --roles became, to free */
    size_t made_n;
};

/* Shared flags; `set` is the option that the flag stands for, "" for --set itself. */
struct shared_flag {
    const char *name;
    const char *value_name;
    const char *set; /* NULL: --config */
    const char *help;
};

static const struct shared_flag shared_flags[] = {
    {"config", "FILE", NULL, "YAML file of options; else $HAYSTAT_CONFIG"},
    {"data", "DIR", "data", "same as --set data=DIR"},
    {"roles", "LIST", "roles", "same as --set roles=LIST"},
    {"set", "NAME=VALUE", "", "sets one option (see haystat config)"},
};

int hs_args_usage_error(const struct hs_command *command, const char *fmt, ...)
{
    char text[HS_ERR_TEXT_MAX + 128];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    fprintf(stderr, "haystat %s: %s\nTry: haystat %s --help\n", command->name, text, command->name);
    return HS_EXIT_USAGE;
}

int hs_args_failed(const struct hs_command *command, const struct hs_err *err)
{
    fprintf(stderr, "haystat %s: %s\n", command->name, err->text);
    return HS_EXIT_FAILED;
}

static void print_flag(const char *name, const char *value_name, const char *help)
{
    char left[64];

    snprintf(left, sizeof(left), "--%s%s%s", name, value_name ? " " : "",
             value_name ? value_name : "");
    printf("  %-26s %s\n", left, help);
}

static void print_help(const struct parse *parse)
{
    const struct hs_command *command = parse->command;
    const struct hs_flag *flag;
    size_t i;

    printf("usage: haystat %s%s%s%s\n\n%s\n\n", command->name,
           command->flags || parse->shared ? " [flags]" : "", *command->synopsis ? " " : "",
           command->synopsis, command->about);
    for (flag = command->flags; flag && flag->name; flag++)
        print_flag(flag->name, flag->value_name, flag->help);
    for (i = 0; parse->shared && i < HS_ARRAY_LEN(shared_flags); i++)
        print_flag(shared_flags[i].name, shared_flags[i].value_name, shared_flags[i].help);
    print_flag("help", NULL, "shows this");
}

static const struct hs_flag *find_own(const struct hs_command *command, struct hs_str name)
{
    const struct hs_flag *flag;

    for (flag = command->flags; flag && flag->name; flag++)
        if (hs_str_eq_c(name, flag->name))
            return flag;
    return NULL;
}

static const struct shared_flag *find_shared(const struct parse *parse, struct hs_str name)
{
    size_t i;

    for (i = 0; parse->shared && i < HS_ARRAY_LEN(shared_flags); i++)
        if (hs_str_eq_c(name, shared_flags[i].name))
            return &shared_flags[i];
    return NULL;
}

static int unknown_flag(const struct parse *parse, struct hs_str name)
{
    const struct hs_flag *flag;
    struct hs_suggest suggest;
    size_t i;

    hs_suggest_init(&suggest, name);
    for (flag = parse->command->flags; flag && flag->name; flag++)
        hs_suggest_offer(&suggest, flag->name);
    for (i = 0; parse->shared && i < HS_ARRAY_LEN(shared_flags); i++)
        hs_suggest_offer(&suggest, shared_flags[i].name);
    hs_suggest_offer(&suggest, "help");
    return hs_args_usage_error(parse->command, "there is no flag --%.*s%s%s%s", HS_STR_ARG(name),
                               suggest.best ? "; did you mean --" : "",
                               suggest.best ? suggest.best : "", suggest.best ? "?" : "");
}

static int take_shared(struct parse *parse, const struct shared_flag *flag, const char *value)
{
    size_t size;
    char *set;

    if (!flag->set) {
        parse->config = value;
        return GO_ON;
    }
    if (parse->sets_n == HS_ARGS_SETS_MAX)
        return hs_args_usage_error(parse->command, "more than %d options set", HS_ARGS_SETS_MAX);
    if (*flag->set == '\0') {
        parse->sets[parse->sets_n++] = value;
        return GO_ON;
    }
    size = strlen(flag->set) + strlen(value) + 2;
    set = hs_xalloc(size);
    snprintf(set, size, "%s=%s", flag->set, value);
    parse->made[parse->made_n++] = set;
    parse->sets[parse->sets_n++] = set;
    return GO_ON;
}

/* argv[*i] is a flag; moves *i to its last word. */
static int take_flag(struct parse *parse, int argc, char **argv, int *i)
{
    struct hs_str name = hs_str_c(argv[*i] + 2);
    size_t equals = hs_str_index(name, '=');
    const char *value = equals < name.n ? name.p + equals + 1 : NULL;
    const struct hs_flag *own;
    const struct shared_flag *shared;

    name.n = equals;
    own = find_own(parse->command, name);
    shared = own ? NULL : find_shared(parse, name);
    if (!own && !shared)
        return unknown_flag(parse, name);
    if (own && !own->value_name) {
        if (value)
            return hs_args_usage_error(parse->command, "--%s takes no value", own->name);
        *own->out = own->name;
        return GO_ON;
    }
    if (!value && *i + 1 < argc)
        value = argv[++*i];
    if (!value)
        return hs_args_usage_error(parse->command, "--%.*s takes a value", HS_STR_ARG(name));
    if (shared)
        return take_shared(parse, shared, value);
    *own->out = value;
    return GO_ON;
}

static int take_operand(const struct parse *parse, const char *operand, struct hs_args *out)
{
    if (out->operands_n >= parse->command->operands_max || out->operands_n == HS_ARGS_OPERANDS_MAX)
        return hs_args_usage_error(parse->command, "\"%s\" is one argument too many", operand);
    out->operands[out->operands_n++] = operand;
    return GO_ON;
}

/* argv[*i] stands where flags may stand; moves *i to its last word. */
static int take_word(struct parse *parse, int argc, char **argv, int *i, struct hs_args *out)
{
    const char *word = argv[*i];

    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        print_help(parse);
        return HS_EXIT_DONE;
    }
    if (word[0] != '-' || word[1] == '\0')
        return take_operand(parse, word, out);
    if (word[1] == '-')
        return take_flag(parse, argc, argv, i);
    return hs_args_usage_error(parse->command, "there is no flag %s", word);
}

static int parse_words(struct parse *parse, int argc, char **argv, struct hs_args *out)
{
    int rc = GO_ON;
    int i;

    memset(out, 0, sizeof(*out));
    for (i = 1; rc == GO_ON && i < argc && strcmp(argv[i], "--") != 0; i++)
        rc = take_word(parse, argc, argv, &i, out);
    for (i++; rc == GO_ON && i < argc; i++)
        rc = take_operand(parse, argv[i], out);
    if (rc == GO_ON && out->operands_n < parse->command->operands_min)
        rc = hs_args_usage_error(parse->command, "wants: %s", parse->command->synopsis);
    return rc;
}

int hs_args_parse(const struct hs_command *command, int argc, char **argv, struct hs_args *out)
{
    struct parse parse = {.command = command};

    return parse_words(&parse, argc, argv, out);
}

static const char *get_env(const char *name)
{
    return getenv(name);
}

static int load(const struct parse *parse, struct hs_args *out)
{
    struct hs_conf_source source = {
        .file = parse->config ? parse->config : getenv("HAYSTAT_CONFIG"),
        .getenv_fn = get_env,
        .sets = parse->sets,
        .sets_n = parse->sets_n,
    };
    struct hs_err err;

    if (hs_conf_load(&source, &out->conf, &err) == HS_OK)
        return GO_ON;
    return hs_args_usage_error(parse->command, "%s", err.text);
}

int hs_args_parse_conf(const struct hs_command *command, int argc, char **argv, struct hs_args *out)
{
    struct parse parse = {.command = command, .shared = true};
    int rc;

    parse.sets = hs_xcalloc(HS_ARGS_SETS_MAX, sizeof(*parse.sets));
    parse.made = hs_xcalloc(HS_ARGS_SETS_MAX, sizeof(*parse.made));
    rc = parse_words(&parse, argc, argv, out);
    if (rc == GO_ON)
        rc = load(&parse, out);
    while (parse.made_n > 0)
        hs_free(parse.made[--parse.made_n]);
    hs_free(parse.made);
    hs_free(parse.sets);
    return rc;
}

void hs_args_fini(struct hs_args *args)
{
    if (args)
        hs_conf_fini(&args->conf);
}

int64_t hs_args_seconds(const char *text)
{
    static const struct {
        char unit;
        int64_t s;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    struct hs_str s = hs_str_c(text);
    int64_t factor = 1;
    uint64_t value;
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(units); i++)
        if (s.n > 1 && s.p[s.n - 1] == units[i].unit)
            factor = units[i].s;
    if (s.n > 1 && (s.p[s.n - 1] < '0' || s.p[s.n - 1] > '9'))
        s.n--;
    if (hs_str_to_u64(s, &value) || value > 365ULL * 86400 ||
        (s.n < strlen(text) && factor == 1 && text[s.n] != 's'))
        return 0;
    return (int64_t)value * factor;
}
