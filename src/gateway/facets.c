#include "gateway/facets.h"

#include "base/mem.h"
#include "conf/suggest.h"

static const struct hs_facet fields[] = {
    {"service", HS_FACET_BASE, "service::String", true},
    {"environment", HS_FACET_BASE, "environment::String", true},
    {"version", HS_FACET_DIM, "version::String", true},
    {"index", HS_FACET_DIM, "index::String", true},
    {"ranker", HS_FACET_DIM, "ranker::String", true},
    {"region", HS_FACET_DIM, "region::String", true},
    {"locale", HS_FACET_DIM, "locale::String", true},
    {"application", HS_FACET_DIM, "application::String", true},
    {"experiment", HS_FACET_EXPERIMENT,
     "arrayMap((k, v) -> concat(k, ':', v), mapKeys(experiments), mapValues(experiments))", true},
    {"status", HS_FACET_RAW, "status::String", true},
    {"kind", HS_FACET_RAW, "kind::String", false},
    {"source", HS_FACET_RAW, "source::String", true},
    {"surface", HS_FACET_RAW, "surface::String", true},
    {"tier", HS_FACET_RAW, "tier::String", true},
    {"host", HS_FACET_RAW, "host::String", true},
    {"index_version", HS_FACET_RAW, "index_version::String", true},
    {"country", HS_FACET_RAW, "country::String", true},
    {"device", HS_FACET_RAW, "device::String", true},
    {"fallback", HS_FACET_RAW, "fallback::String", true},
    {"sort", HS_FACET_RAW, "sort::String", false},
    {"synthetic", HS_FACET_RAW, "if(synthetic, 'true', 'false')", false},
    {"bot", HS_FACET_RAW, "if(bot, 'true', 'false')", false},
    {"cache_hit", HS_FACET_RAW, "multiIf(cache_hit IS NULL, '', cache_hit, 'true', 'false')",
     false},
    {"error_code", HS_FACET_RAW, "error_code::String", false},
    {"error_type", HS_FACET_RAW, "error_type::String", false},
    {"error_stage", HS_FACET_RAW, "error_stage::String", false},
    {"query", HS_FACET_RAW, "query_norm", true},
};

static const struct hs_facet attribute_field = {"attributes", HS_FACET_ATTRIBUTE, "attributes",
                                                false};

static int find_attribute(struct hs_str name, struct hs_str key, struct hs_facet_ref *out,
                          struct hs_err *err)
{
    if (key.n == 0 || key.n > HS_ATTRIBUTE_NAME_MAX)
        return hs_err_set(err, HS_EINVAL, 0,
                          "names an attribute of %zu bytes, must be 1 to %d after \"attributes.\"",
                          key.n, HS_ATTRIBUTE_NAME_MAX);
    *out = (struct hs_facet_ref){&attribute_field, name, key};
    return HS_OK;
}

int hs_facet_find(struct hs_str name, struct hs_facet_ref *out, struct hs_err *err)
{
    const struct hs_str prefix = HS_STR("attributes.");
    struct hs_suggest suggest;
    size_t i;

    if (hs_str_starts_with(name, prefix))
        return find_attribute(name, hs_str_n(name.p + prefix.n, name.n - prefix.n), out, err);
    hs_suggest_init(&suggest, name);
    for (i = 0; i < HS_ARRAY_LEN(fields); i++) {
        if (hs_str_eq_c(name, fields[i].name)) {
            *out = (struct hs_facet_ref){&fields[i], name, HS_STR("")};
            return HS_OK;
        }
        hs_suggest_offer(&suggest, fields[i].name);
    }
    return hs_err_set(err, HS_EINVAL, 0,
                      "\"%.*s\" is no known key%s%s%s; known are service, environment, version, "
                      "index, ranker, region, locale, experiment, application, fields of a search "
                      "and attributes.<name>",
                      HS_STR_ARG(hs_str_utf8_cut(name, 64)),
                      suggest.best ? ", did you mean \"" : "", suggest.best ? suggest.best : "",
                      suggest.best ? "\"" : "");
}

bool hs_facet_same(const struct hs_facet_ref *a, const struct hs_facet_ref *b)
{
    return a->field == b->field && hs_str_eq(a->attribute, b->attribute);
}
