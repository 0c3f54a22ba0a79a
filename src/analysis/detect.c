#include "analysis/detect.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "analysis/novelty.h"
#include "analysis/rarity.h"
#include "analysis/season.h"
#include "analysis/transitions.h"
#include "base/mem.h"

enum { ROUGH_ROWS = 16, SEASON_ROWS = 24, ONCE_ROWS_MAX = 600 };

static const double score_half = 2.9;
static const double once_rows_per_root = 3.5;
static const double band_scales = 3;
/* Deviations beyond this many scales are all the same. */
static const double z_max = 1e9;
/* Added before a logarithm of roughness, which may be 0. */
static const double roughness_min = 1e-9;

/* Rarity of the distance to the nearest earlier value. */
struct rare_value {
    struct hs_novelty novelty;
    struct hs_rarity rarity;
};

/* The mean of the last rows, as a ring. */
struct trailing {
    double values[SEASON_ROWS];
    size_t rows; /* of the window, <= SEASON_ROWS */
    size_t n, next;
};

/* Evidence of earlier rows that no later one reached, falling. */
struct peak {
    uint64_t row;
    double evidence;
};

struct hs_detector {
    unsigned parts;
    uint64_t rows;
    double last;
    struct rare_value value, roughness, season_novelty;
    struct trailing steps, residuals;
    struct hs_transitions transitions;
    struct hs_season season;
    struct hs_rarity season_rarity;
    struct peak peaks[ONCE_ROWS_MAX + 1]; /* a ring */
    size_t peaks_first, peaks_n;
};

static void rare_value_init(struct rare_value *rare)
{
    hs_novelty_init(&rare->novelty);
    hs_rarity_init(&rare->rarity);
}

struct hs_detector *hs_detector_new(unsigned parts)
{
    struct hs_detector *detector = hs_xalloc(sizeof(*detector));

    detector->parts = parts;
    rare_value_init(&detector->value);
    rare_value_init(&detector->roughness);
    rare_value_init(&detector->season_novelty);
    detector->steps.rows = ROUGH_ROWS;
    detector->residuals.rows = SEASON_ROWS;
    hs_transitions_init(&detector->transitions);
    hs_season_init(&detector->season);
    hs_rarity_init(&detector->season_rarity);
    return detector;
}

void hs_detector_free(struct hs_detector *detector)
{
    if (!detector)
        return;
    hs_novelty_fini(&detector->value.novelty);
    hs_novelty_fini(&detector->roughness.novelty);
    hs_novelty_fini(&detector->season_novelty.novelty);
    hs_free(detector);
}

/* ---- parts */

static double rare_value_push(struct rare_value *rare, double value)
{
    double distance = hs_novelty_push(&rare->novelty, value);

    return distance < 0 ? 0 : hs_rarity_push(&rare->rarity, distance);
}

/* The mean over a full window, NAN before. */
static double trailing_push(struct trailing *trailing, double value)
{
    double sum = 0;
    size_t i;

    trailing->values[trailing->next] = value;
    trailing->next = (trailing->next + 1) % trailing->rows;
    trailing->n += trailing->n < trailing->rows;
    if (trailing->n < trailing->rows)
        return NAN;
    for (i = 0; i < trailing->rows; i++)
        sum += trailing->values[i];
    return sum / (double)trailing->rows;
}

static double roughness_part(struct hs_detector *detector, double value)
{
    double roughness;

    if (detector->rows == 0)
        return 0;
    roughness = trailing_push(&detector->steps, fabs(value - detector->last));
    if (isnan(roughness))
        return 0;
    return rare_value_push(&detector->roughness, log(roughness + roughness_min)) / 2;
}

static double season_part(struct hs_detector *detector, const struct hs_season_normal *normal,
                          double value)
{
    double z = 0;
    double mean;
    double rare;

    if (normal->seasonal && value != normal->hour)
        z = fmin(fmax((value - normal->hour) / normal->hour_scale, -z_max), z_max);
    mean = trailing_push(&detector->residuals, z);
    if (!normal->seasonal || isnan(mean))
        return 0;
    rare = hs_rarity_push(&detector->season_rarity, fabs(mean)) +
           rare_value_push(&detector->season_novelty, mean);
    return normal->strength * rare / 2;
}

/* ---- an anomaly once */

static struct peak *peak_at(struct hs_detector *detector, size_t i)
{
    return &detector->peaks[(detector->peaks_first + i) % HS_ARRAY_LEN(detector->peaks)];
}

/* Whether the evidence is above that of the rows before; then it is one of them. */
static bool is_peak(struct hs_detector *detector, double evidence)
{
    double reach = fmin(ONCE_ROWS_MAX, once_rows_per_root * sqrt((double)detector->rows));
    bool highest;

    while (detector->peaks_n > 0 && peak_at(detector, 0)->row + (uint64_t)reach < detector->rows) {
        detector->peaks_first = (detector->peaks_first + 1) % HS_ARRAY_LEN(detector->peaks);
        detector->peaks_n--;
    }
    highest = detector->peaks_n == 0 || peak_at(detector, 0)->evidence < evidence;
    while (detector->peaks_n > 0 && peak_at(detector, detector->peaks_n - 1)->evidence <= evidence)
        detector->peaks_n--;
    *peak_at(detector, detector->peaks_n++) =
        (struct peak){.row = detector->rows, .evidence = evidence};
    return highest;
}

/* ---- a row */

static double evidence_of(struct hs_detector *detector, const struct hs_season_normal *normal,
                          double value)
{
    double evidence = 0;

    if (detector->parts & HS_DETECT_VALUE)
        evidence += rare_value_push(&detector->value, value);
    if (detector->parts & HS_DETECT_ROUGHNESS)
        evidence += roughness_part(detector, value);
    if (detector->parts & HS_DETECT_TRANSITION)
        evidence +=
            (double)hs_transitions_push(&detector->transitions, value) / HS_TRANSITIONS_ORDERS / 2;
    if (detector->parts & HS_DETECT_SEASON)
        evidence += season_part(detector, normal, value);
    return evidence;
}

static void judge(const struct hs_season_normal *normal, bool first, double value,
                  struct hs_detection *out)
{
    out->expected = first ? NAN : normal->expected;
    out->low = out->expected - band_scales * normal->scale;
    out->high = out->expected + band_scales * normal->scale;
    out->z = normal->scale > 0 ? (value - normal->expected) / normal->scale : NAN;
}

void hs_detector_push(struct hs_detector *detector, int64_t local_s, double value,
                      struct hs_detection *out)
{
    struct hs_season_normal normal;
    double evidence;

    HS_ASSERT(fabs(value) <= HS_DETECT_VALUE_MAX);
    hs_season_at(&detector->season, local_s, &normal);
    judge(&normal, detector->rows == 0, value, out);
    evidence = evidence_of(detector, &normal, value);
    if ((detector->parts & HS_DETECT_ONCE) && !is_peak(detector, evidence))
        evidence = 0;
    out->score = evidence / (evidence + score_half);
    hs_season_push(&detector->season, local_s, value);
    detector->last = value;
    detector->rows++;
}
