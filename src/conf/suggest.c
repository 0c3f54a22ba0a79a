#include "conf/suggest.h"

#include "base/mem.h"

enum { TEXT_MAX = 64 };

/* Optimal string alignment distance over three rows. */
size_t hs_suggest_distance(struct hs_str a, struct hs_str b, size_t max)
{
    size_t rows[3][TEXT_MAX + 1];
    size_t i, j;

    if (a.n > TEXT_MAX || b.n > TEXT_MAX)
        return max + 1;
    for (j = 0; j <= b.n; j++)
        rows[0][j] = j;
    for (i = 1; i <= a.n; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3];
        const size_t *above2 = rows[(i + 1) % 3];

        row[0] = i;
        for (j = 1; j <= b.n; j++) {
            size_t best = above[j - 1] + (a.p[i - 1] != b.p[j - 1]);

            best = HS_MIN(best, above[j] + 1);
            best = HS_MIN(best, row[j - 1] + 1);
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
                best = HS_MIN(best, above2[j - 2] + 1);
            row[j] = best;
        }
    }
    return HS_MIN(rows[a.n % 3][b.n], max + 1);
}

void hs_suggest_init(struct hs_suggest *suggest, struct hs_str wanted)
{
    suggest->wanted = wanted;
    suggest->distance = HS_MAX(wanted.n / 3, (size_t)2) + 1;
    suggest->best = NULL;
}

void hs_suggest_offer(struct hs_suggest *suggest, const char *name)
{
    size_t distance = hs_suggest_distance(suggest->wanted, hs_str_c(name), suggest->distance);

    if (distance < suggest->distance) {
        suggest->distance = distance;
        suggest->best = name;
    }
}
