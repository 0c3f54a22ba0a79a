#include "net/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void hs_base64_encode(struct hs_str bytes, struct hs_buf *out)
{
    size_t size = (bytes.n + 2) / 3 * 4;
    char *at = hs_buf_reserve(out, size);
    size_t i;

    if (!at)
        return;
    for (i = 0; i < bytes.n; i += 3) {
        size_t left = bytes.n - i;
        const unsigned char *p = (const unsigned char *)bytes.p + i;
        unsigned word =
            (unsigned)p[0] << 16 | (left > 1 ? (unsigned)p[1] << 8 : 0) | (left > 2 ? p[2] : 0);

        *at++ = alphabet[word >> 18];
        *at++ = alphabet[word >> 12 & 63];
        *at++ = left > 1 ? alphabet[word >> 6 & 63] : '=';
        *at++ = left > 2 ? alphabet[word & 63] : '=';
    }
    out->n += size;
}

static int digit_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

int hs_base64_decode(struct hs_str text, struct hs_buf *out)
{
    unsigned word = 0, bits = 0;
    size_t i;

    if (text.n > 0 && text.n % 4 == 0 && text.p[text.n - 1] == '=')
        text.n -= text.n > 1 && text.p[text.n - 2] == '=' ? 2 : 1;
    if (text.n % 4 == 1)
        return HS_EINVAL;
    for (i = 0; i < text.n; i++) {
        int digit = digit_of(text.p[i]);

        if (digit < 0)
            return HS_EINVAL;
        word = (word << 6 | (unsigned)digit) & 0xFFFF;
        bits += 6;
        if (bits < 8)
            continue;
        bits -= 8;
        hs_buf_add_char(out, (char)(word >> bits & 0xFF));
    }
    return HS_OK;
}
