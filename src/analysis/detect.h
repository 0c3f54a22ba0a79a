/*
 * Anomalies in one series, as its values come: a score, and how far each value is from what is
 * normal. A row's answer depends on it and on earlier rows only.
 *
 * What adds up to the evidence S of a row (docs/detectors.md has what each adds):
 *   value       rarity of its distance to the nearest earlier value
 *   roughness   ½ · the same of the mean absolute step over the last 16 rows, as a logarithm
 *   transition  ½ · the share of contexts that it is unexpected in
 *   season      ½ · strength · (rarity of how far the last 24 rows are on average from the normal
 *               of their hours, and rarity of the distance of that to the nearest earlier one)
 * A row is told of only when its evidence is above that of all rows among the last
 * min(600, 3.5 · √rows): an anomaly is told once. score = S ÷ (S + 2.9), thus 0.5 where S is 2.9.
 *
 * Not thread-safe.
 */
#ifndef HS_ANALYSIS_DETECT_H
#define HS_ANALYSIS_DETECT_H

#include <stdint.h>

/* A row is an anomaly from this score on. */
#define HS_DETECT_SCORE_DEFAULT 0.5
/* Values up to this far from 0 are taken. */
#define HS_DETECT_VALUE_MAX 1e300

enum hs_detect_part {
    HS_DETECT_VALUE = 1 << 0,
    HS_DETECT_ROUGHNESS = 1 << 1,
    HS_DETECT_TRANSITION = 1 << 2,
    HS_DETECT_SEASON = 1 << 3,
    HS_DETECT_ONCE = 1 << 4, /* an anomaly is told once */
    HS_DETECT_ALL = (1 << 5) - 1,
};

struct hs_detection {
    double score;               /* 0…1 */
    double z;                   /* (value - expected) ÷ scale; NAN where nothing deviated before */
    double expected, low, high; /* the band is expected ± 3 scales; NAN for the first value */
};

struct hs_detector;

/* parts: a set of enum hs_detect_part. The caller ends with free. */
struct hs_detector *hs_detector_new(unsigned parts);
void hs_detector_free(struct hs_detector *detector);
/* Judges a value (at most HS_DETECT_VALUE_MAX from 0), then learns it. local_s: s since the epoch
 * plus the zone's offset; only the hour of the week is looked at. */
void hs_detector_push(struct hs_detector *detector, int64_t local_s, double value,
                      struct hs_detection *out);

#endif
