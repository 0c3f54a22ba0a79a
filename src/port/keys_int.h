/*
 * What the files of keys and tenants share. Internal to port/.
 *
 * Spaces: "keys" (key id → record), "tenants" (tenant id → record) and "keys_meta", in which
 *     changed     is put by every commit that touches the others: its version tells readers to
 *                 load again
 *     made        counts the keys ever made, so that making one is bounded exactly
 *     admin_made  stands once the first admin key was made
 */
#ifndef HS_PORT_KEYS_INT_H
#define HS_PORT_KEYS_INT_H

#include "base/hash.h"
#include "port/keys.h"

#define KEYS_SPACE "keys"
#define KEYS_SPACE_TENANTS "tenants"
#define KEYS_SPACE_META "keys_meta"
#define KEYS_META_CHANGED "changed"
#define KEYS_META_MADE "made"
#define KEYS_META_ADMIN_MADE "admin_made"

/* Marks keys and tenants as changed; goes into the commit that changes them. */
struct hs_metadata_op keys_changed_op(void);

/* A record as stored. Views are into the entry. */
struct key_record {
    struct hs_key_info info;
    unsigned char hash[HS_SHA256_BYTES];
};
/* HS_ECORRUPT names the key's id. */
int key_record_parse(const struct hs_entry *entry, struct key_record *out, struct hs_err *err);

/* Text form: makes one for these scopes; checks form and check sum. */
void key_text_make(unsigned scopes, char out[HS_KEY_TEXT_LEN + 1]);
bool key_text_ok(struct hs_str text);
/* The id of a key is the start of its hash in hex. */
void key_text_id(const unsigned char hash[HS_SHA256_BYTES], char out[HS_KEY_ID_LEN + 1]);

/* Stores a key whose text is given; with a marker of space keys_meta that must be absent (NULL:
 * none). HS_ECONFLICT: key or marker exists. */
int key_store(struct hs_metadata *metadata, const struct hs_clock *clock,
              const struct hs_key_spec *spec, const char *text, const char *marker,
              struct hs_err *err);

#endif
