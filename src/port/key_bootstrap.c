/*
 * The first start. Order matters, because the process may die anywhere and others may start beside
 * it: the key's text is first put into the file, by link(2), which only one can win; whoever comes
 * takes the text from the file; only then is its hash stored, together with the marker. So the file
 * always holds the key that is stored.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/killpoint.h"
#include "base/rand.h"
#include "port/keys_int.h"

static int is_made(struct hs_metadata *metadata, bool *out, struct hs_err *err)
{
    struct hs_arena arena;
    struct hs_entry entry;
    int rc;

    hs_arena_init(&arena, 1 << 16);
    rc = hs_metadata_get(metadata, KEYS_SPACE_META, HS_STR(KEYS_META_ADMIN_MADE), &arena, &entry,
                         err);
    hs_arena_fini(&arena);
    *out = rc == HS_OK;
    return rc == HS_ENOTFOUND ? HS_OK : rc;
}

static int write_new(const char *path, struct hs_err *err)
{
    char text[HS_KEY_TEXT_LEN + 1];
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int rc;

    if (fd < 0)
        return hs_err_sys(err, "open %s", path);
    key_text_make(HS_SCOPE_ADMIN, text);
    text[HS_KEY_TEXT_LEN] = '\n';
    rc = hs_fs_write_all(fd, text, sizeof(text), err);
    if (rc == HS_OK && fsync(fd) != 0)
        rc = hs_err_sys(err, "fsync %s", path);
    close(fd);
    return rc;
}

/* Puts a new key into dir/admin.key unless that file exists. */
static int offer_file(const char *dir, const char *path, struct hs_err *err)
{
    char name[64], temporary[HS_PATH_MAX];
    uint64_t random;
    int rc;

    hs_rand_secret(&random, sizeof(random));
    snprintf(name, sizeof(name), ".admin.key.%016" PRIx64, random);
    rc = hs_fs_join(temporary, dir, name, err);
    if (rc)
        return rc;
    rc = write_new(temporary, err);
    if (rc == HS_OK && link(temporary, path) != 0 && errno != EEXIST)
        rc = hs_err_sys(err, "link %s", path);
    unlink(temporary);
    return rc ? rc : hs_fs_sync_dir(dir, err);
}

static int read_file(const char *path, char text[HS_KEY_TEXT_LEN + 1], struct hs_err *err)
{
    struct hs_buf buf;
    struct hs_str content;
    int rc;

    hs_buf_init(&buf, 4096);
    rc = hs_fs_read(path, &buf, err);
    content = hs_str_trim(hs_buf_str(&buf));
    if (rc == HS_OK && !key_text_ok(content))
        rc = hs_err_set(err, HS_ECORRUPT, 0, "%s holds no key; remove it to have one made", path);
    if (rc == HS_OK) {
        memcpy(text, content.p, HS_KEY_TEXT_LEN);
        text[HS_KEY_TEXT_LEN] = '\0';
    }
    hs_buf_fini(&buf);
    return rc;
}

static int make_admin(struct hs_metadata *metadata, const struct hs_clock *clock,
                      const struct hs_conf *conf, struct hs_err *err)
{
    const struct hs_key_spec spec = {
        .tenant = HS_STR(HS_TENANT_DEFAULT),
        .name = HS_STR("made at the first start"),
        .scopes = HS_SCOPE_ADMIN,
    };
    char dir[HS_PATH_MAX], path[HS_PATH_MAX], text[HS_KEY_TEXT_LEN + 1];
    int rc = hs_conf_path(conf, "secrets", dir, err);

    if (rc == HS_OK)
        rc = hs_fs_mkdirs(dir, 0700, err);
    if (rc == HS_OK)
        rc = hs_fs_join(path, dir, "admin.key", err);
    if (rc == HS_OK)
        rc = offer_file(dir, path, err);
    hs_killpoint("keys_bootstrap_file");
    if (rc == HS_OK)
        rc = read_file(path, text, err);
    return rc ? rc : key_store(metadata, clock, &spec, text, KEYS_META_ADMIN_MADE, err);
}

int hs_keys_bootstrap(struct hs_metadata *metadata, const struct hs_clock *clock,
                      const struct hs_conf *conf, bool *out_made, struct hs_err *err)
{
    bool made = false;
    int rc = is_made(metadata, &made, err);

    *out_made = false;
    if (rc || made)
        return rc;
    rc = hs_tenants_create(metadata, clock, HS_STR(HS_TENANT_DEFAULT), 0, err);
    if (rc == HS_OK || rc == HS_ECONFLICT)
        rc = make_admin(metadata, clock, conf, err);
    if (rc == HS_ECONFLICT)
        return HS_OK; /* another process has just made it */
    *out_made = rc == HS_OK;
    return rc;
}
