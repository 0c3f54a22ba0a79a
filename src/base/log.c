#include "base/log.h"

#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/json_out.h"
#include "base/mem.h"
#include "base/thread.h"

enum {
    LINE_MAX_BYTES = 8192,
    REPEAT_SLOTS = 64,    /* sentences watched for repeats at once */
    REPEATS_A_SECOND = 10 /* lines of one sentence written in a second */
};

struct repeat_slot {
    uint64_t sentence;
    int64_t second;
    unsigned lines;
    unsigned suppressed;
};

static atomic_int level_min = HS_LOG_INFO;
static atomic_bool as_json;
static pthread_mutex_t repeat_lock = PTHREAD_MUTEX_INITIALIZER;
static struct repeat_slot repeat_slots[REPEAT_SLOTS];

static const char *const level_names[] = {
    [HS_LOG_DEBUG] = "debug",
    [HS_LOG_INFO] = "info",
    [HS_LOG_WARN] = "warn",
    [HS_LOG_ERROR] = "error",
};

void hs_log_configure(enum hs_log_level level, bool json)
{
    atomic_store(&level_min, level);
    atomic_store(&as_json, json);
}

int hs_log_level_parse(struct hs_str s, enum hs_log_level *out)
{
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(level_names); i++) {
        if (hs_str_eq_c(s, level_names[i])) {
            *out = (enum hs_log_level)i;
            return HS_OK;
        }
    }
    return HS_EINVAL;
}

/* Whether the line is to be written; *out_suppressed is how many like it were not. */
static bool repeat_allows(const char *component, const char *sentence, int64_t now_ns,
                          unsigned *out_suppressed)
{
    uint64_t id = hs_hash64_seed(hs_str_c(sentence), hs_hash64(hs_str_c(component)));
    struct repeat_slot *slot = &repeat_slots[id % REPEAT_SLOTS];
    int64_t second = now_ns / HS_NS_PER_S;
    bool allowed;

    pthread_mutex_lock(&repeat_lock);
    if (slot->sentence != id)
        *slot = (struct repeat_slot){.sentence = id, .second = second};
    if (slot->second != second) {
        slot->second = second;
        slot->lines = 0;
    }
    allowed = slot->lines < REPEATS_A_SECOND;
    *out_suppressed = allowed ? slot->suppressed : 0;
    if (allowed) {
        slot->lines++;
        slot->suppressed = 0;
    } else {
        slot->suppressed++;
    }
    pthread_mutex_unlock(&repeat_lock);
    return allowed;
}

static bool plain_word(struct hs_str s)
{
    size_t i;

    for (i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7F)
            return false;
    }
    return s.n > 0;
}

static void add_value(struct hs_buf *buf, const struct hs_log_kv *kv, bool json)
{
    if (kv->type == HS_KV_I64)
        hs_buf_add_i64(buf, kv->i64);
    else if (kv->type == HS_KV_F64)
        hs_json_double(buf, kv->f64);
    else if (json || !plain_word(kv->str))
        hs_json_str(buf, kv->str);
    else
        hs_buf_add_str(buf, kv->str);
}

static void add_pair(struct hs_buf *buf, const struct hs_log_kv *kv, bool json)
{
    if (json) {
        if (buf->n > 1)
            hs_buf_add_char(buf, ',');
        hs_json_str(buf, hs_str_c(kv->key));
        hs_buf_add_char(buf, ':');
    } else {
        if (buf->n > 0)
            hs_buf_add_char(buf, ' ');
        hs_buf_add_c(buf, kv->key);
        hs_buf_add_char(buf, '=');
    }
    add_value(buf, kv, json);
}

void hs_log_write(enum hs_log_level level, const char *component, const char *sentence,
                  const struct hs_log_kv *kv)
{
    char time_text[HS_TIME_TEXT_MAX];
    bool json = atomic_load(&as_json);
    int64_t now_ns = hs_wall_ns(hs_clock_system());
    unsigned suppressed;
    struct hs_buf buf;
    size_t time_n;
    size_t i;

    if ((int)level < atomic_load(&level_min))
        return;
    if (!repeat_allows(component, sentence, now_ns, &suppressed))
        return;
    hs_buf_init(&buf, LINE_MAX_BYTES);
    if (json)
        hs_buf_add_char(&buf, '{');
    time_n = hs_time_format(now_ns, time_text);
    const struct hs_log_kv head[] = {
        HS_KV_V("time", hs_str_n(time_text, time_n)),
        HS_KV_S("level", level_names[level]),
        HS_KV_S("component", component),
        HS_KV_S("msg", sentence),
    };
    for (i = 0; i < HS_ARRAY_LEN(head); i++)
        add_pair(&buf, &head[i], json);
    for (i = 0; kv[i].key; i++)
        add_pair(&buf, &kv[i], json);
    if (suppressed > 0)
        add_pair(&buf, &HS_KV_I("suppressed", suppressed), json);
    if (json)
        hs_buf_add_char(&buf, '}');
    hs_buf_add_char(&buf, '\n');
    if (write(STDERR_FILENO, buf.p, buf.n) < 0)
        (void)0; /* nowhere left to say it */
    hs_buf_fini(&buf);
}
