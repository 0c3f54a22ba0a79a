#include "cmd/running.h"

#include <stdio.h>
#include <yyjson.h>

#include "base/fs.h"

enum { RUN_FILE_MAX = 65536 };

static void take_url(yyjson_val *listen, const char *name, char out[HS_RUNNING_URL_MAX])
{
    const char *address = yyjson_get_str(yyjson_obj_get(listen, name));

    out[0] = '\0';
    if (address)
        snprintf(out, HS_RUNNING_URL_MAX, "http://%s", address);
}

static int parse(const char *path, struct hs_str text, struct hs_running *out, struct hs_err *err)
{
    yyjson_doc *doc = yyjson_read(text.p, text.n, 0);
    yyjson_val *root = yyjson_doc_get_root(doc);
    yyjson_val *listen = yyjson_obj_get(root, "listen");
    int rc = HS_OK;

    if (yyjson_is_obj(listen)) {
        out->pid = yyjson_get_sint(yyjson_obj_get(root, "pid"));
        take_url(listen, "gateway", out->gateway);
        take_url(listen, "otlp_http", out->otlp);
        take_url(listen, "store", out->store);
    } else {
        rc = hs_err_set(err, HS_ECORRUPT, 0, "%s is not what serve writes there", path);
    }
    yyjson_doc_free(doc);
    return rc;
}

int hs_running_read(const char *data, struct hs_running *out, struct hs_err *err)
{
    char path[HS_PATH_MAX];
    struct hs_buf text;
    int rc = hs_fs_join(path, data, "run.json", err);

    if (rc != HS_OK)
        return rc;
    hs_buf_init(&text, RUN_FILE_MAX);
    rc = hs_fs_read(path, &text, err);
    if (rc == HS_ENOTFOUND)
        rc = hs_err_set(err, HS_ENOTFOUND, 0,
                        "nothing runs with the data folder %s (it has no run.json); start it with: "
                        "haystat serve --data %s",
                        data, data);
    if (rc == HS_OK)
        rc = parse(path, hs_buf_str(&text), out, err);
    hs_buf_fini(&text);
    return rc;
}
