/*
 * The text form of keys and scopes.
 */
#include <string.h>

#include "base/mem.h"
#include "base/rand.h"
#include "port/keys_int.h"

enum { PREFIX_LEN = 5, RANDOM_LEN = 43, CHECK_LEN = 6 };

static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

struct scope_row {
    const char *name;
    char letter;
    unsigned scope;
};

/* Strongest first: the first one that a key has gives its letter. */
static const struct scope_row scope_rows[] = {
    {"admin", 'a', HS_SCOPE_ADMIN},   {"edit", 'e', HS_SCOPE_EDIT},
    {"import", 'm', HS_SCOPE_IMPORT}, {"ingest", 'i', HS_SCOPE_INGEST},
    {"read", 'r', HS_SCOPE_READ},     {"browser", 'b', HS_SCOPE_BROWSER},
};

int hs_scopes_parse(struct hs_str text, unsigned *out, struct hs_err *err)
{
    struct hs_str part;
    unsigned scopes = 0;

    while (hs_str_split(&text, ',', &part)) {
        struct hs_str word = hs_str_trim(part);
        size_t i;

        for (i = 0; i < HS_ARRAY_LEN(scope_rows); i++)
            if (hs_str_eq_c(word, scope_rows[i].name))
                break;
        if (i == HS_ARRAY_LEN(scope_rows))
            return hs_err_set(err, HS_EINVAL, 0,
                              "scope \"%.*s\" is not one of ingest, browser, import, read, edit, "
                              "admin",
                              (int)HS_MIN(word.n, (size_t)100), word.p ? word.p : "");
        scopes |= scope_rows[i].scope;
    }
    if (scopes == 0)
        return hs_err_set(err, HS_EINVAL, 0, "no scope is named");
    *out = scopes;
    return HS_OK;
}

void hs_scopes_format(unsigned scopes, struct hs_buf *out)
{
    const char *comma = "";
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(scope_rows); i++) {
        if (!(scopes & scope_rows[i].scope))
            continue;
        hs_buf_addf(out, "%s%s", comma, scope_rows[i].name);
        comma = ",";
    }
}

static char letter_of(unsigned scopes)
{
    size_t i = 0;

    while (!(scopes & scope_rows[i].scope)) {
        i++;
        HS_ASSERT(i < HS_ARRAY_LEN(scope_rows));
    }
    return scope_rows[i].letter;
}

/* 43 characters out of 62, each equally likely, hold 256.03 bits. */
static void add_random(char out[RANDOM_LEN])
{
    size_t n = 0;

    while (n < RANDOM_LEN) {
        unsigned char bytes[RANDOM_LEN];
        size_t i;

        hs_rand_secret(bytes, sizeof(bytes));
        for (i = 0; i < sizeof(bytes) && n < RANDOM_LEN; i++)
            if (bytes[i] < 248) /* 4 * 62: no character is likelier */
                out[n++] = alphabet[bytes[i] % 62];
    }
}

/* CRC32C of what stands before, in base 62. */
static void check_of(const char *text, char out[CHECK_LEN])
{
    uint32_t crc = hs_crc32c(0, text, PREFIX_LEN + RANDOM_LEN);
    int i;

    for (i = CHECK_LEN - 1; i >= 0; i--) {
        out[i] = alphabet[crc % 62];
        crc /= 62;
    }
}

void key_text_make(unsigned scopes, char out[HS_KEY_TEXT_LEN + 1])
{
    memcpy(out, "hs_?_", PREFIX_LEN);
    out[3] = letter_of(scopes);
    add_random(out + PREFIX_LEN);
    check_of(out, out + PREFIX_LEN + RANDOM_LEN);
    out[HS_KEY_TEXT_LEN] = '\0';
}

bool key_text_ok(struct hs_str text)
{
    char check[CHECK_LEN];

    if (text.n != HS_KEY_TEXT_LEN || memcmp(text.p, "hs_", 3) != 0 || text.p[4] != '_')
        return false;
    check_of(text.p, check);
    return memcmp(check, text.p + PREFIX_LEN + RANDOM_LEN, CHECK_LEN) == 0;
}

void key_text_id(const unsigned char hash[HS_SHA256_BYTES], char out[HS_KEY_ID_LEN + 1])
{
    hs_hex_encode(hash, HS_KEY_ID_LEN / 2, out);
    out[HS_KEY_ID_LEN] = '\0';
}
