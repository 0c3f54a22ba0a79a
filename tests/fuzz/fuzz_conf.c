/*
 * The configuration file and values: any text loads or is refused; what loads prints and reads back
 * as the same.
 */
#include <stdint.h>

#include "base/mem.h"
#include "conf/option.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int set(void *arg, struct hs_str name, struct hs_str value, unsigned line,
               struct hs_err *err)
{
    struct hs_conf *conf = arg;
    const struct hs_option *option = hs_option_find(name);
    struct hs_buf first, second;

    HS_ASSERT(line > 0);
    if (hs_conf_set(conf, name, value, err))
        return HS_OK; /* refused; the rest is read all the same */
    HS_ASSERT(option != NULL);
    if (option->flags & HS_OPTION_SECRET)
        return HS_OK;
    hs_buf_init(&first, 1 << 17);
    hs_buf_init(&second, 1 << 17);
    hs_option_format(option, conf, &first);
    HS_ASSERT(hs_option_parse(option, hs_buf_str(&first), conf, NULL) == HS_OK);
    hs_option_format(option, conf, &second);
    HS_ASSERT(hs_str_eq(hs_buf_str(&first), hs_buf_str(&second)));
    hs_buf_fini(&first);
    hs_buf_fini(&second);
    return HS_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hs_conf conf;
    struct hs_err err;

    hs_conf_init(&conf);
    hs_yaml_walk(hs_str_n(data, size), set, &conf, &err);
    hs_conf_fini(&conf);
    return 0;
}
