#include "sim/vocab.h"

#include "base/mem.h"

enum { WORDS = 4096, WORD_MAX = 14, WORDS_A_QUERY_MAX = 4, TEXTS_MAX = 4 << 20 };

struct word {
    uint8_t n;
    char p[WORD_MAX];
};

struct hs_sim_vocab {
    struct word *words;
    char *texts;    /* all queries behind each other */
    uint32_t *ends; /* where the text of each rank ends */
    struct hs_sim_alias zipf;
};

static const char *const onsets[] = {"b", "d", "f", "g", "k",  "l",  "m",  "n",  "p",
                                     "r", "s", "t", "v", "br", "tr", "sh", "st", "pl"};
static const char *const vowels[] = {"a", "e", "i", "o", "u", "ea", "ou", "é", "ü"};
static const char *const codas[] = {"", "", "", "n", "r", "s", "t", "l"};

static void add(struct word *word, const char *text)
{
    size_t n = strlen(text);

    if (word->n + n <= WORD_MAX) {
        memcpy(word->p + word->n, text, n);
        word->n = (uint8_t)(word->n + n);
    }
}

/* Letters beyond ASCII are a seventh of the others, as in a shop of several languages. */
static const char *pick_vowel(struct hs_rand *rand)
{
    size_t plain = HS_ARRAY_LEN(vowels) - 2;

    if (hs_rand_below(rand, 24) == 0)
        return vowels[plain + hs_rand_below(rand, 2)];
    return vowels[hs_rand_below(rand, plain)];
}

static void make_word(struct word *word, struct hs_rand *rand)
{
    uint64_t syllables = 1 + hs_rand_below(rand, 3);

    word->n = 0;
    while (syllables-- > 0) {
        add(word, onsets[hs_rand_below(rand, HS_ARRAY_LEN(onsets))]);
        add(word, pick_vowel(rand));
        add(word, codas[hs_rand_below(rand, HS_ARRAY_LEN(codas))]);
    }
}

/* Head queries have one or two words, tail queries up to four. */
static uint64_t words_of_rank(uint32_t rank, struct hs_rand *rand)
{
    if (rank < HS_SIM_HEAD_RANKS)
        return 1 + hs_rand_below(rand, 2);
    if (rank < HS_SIM_TORSO_RANKS)
        return 1 + hs_rand_below(rand, 3);
    return 2 + hs_rand_below(rand, WORDS_A_QUERY_MAX - 1);
}

static void make_queries(struct hs_sim_vocab *vocab, struct hs_rand *rand)
{
    uint32_t rank, at = 0;

    for (rank = 0; rank < HS_SIM_QUERIES; rank++) {
        uint64_t left = words_of_rank(rank, rand);

        while (left-- > 0) {
            const struct word *word = &vocab->words[hs_rand_below(rand, WORDS)];

            memcpy(vocab->texts + at, word->p, word->n);
            at += word->n;
            if (left > 0)
                vocab->texts[at++] = ' ';
        }
        vocab->ends[rank] = at;
    }
    HS_ASSERT(at <= TEXTS_MAX);
}

struct hs_sim_vocab *hs_sim_vocab_new(uint64_t seed)
{
    struct hs_sim_vocab *vocab = hs_xalloc(sizeof(*vocab));
    struct hs_rand rand;
    size_t i;

    hs_rand_init(&rand, seed);
    vocab->words = hs_xcalloc(WORDS, sizeof(*vocab->words));
    vocab->texts = hs_xalloc(TEXTS_MAX);
    vocab->ends = hs_xcalloc(HS_SIM_QUERIES, sizeof(*vocab->ends));
    for (i = 0; i < WORDS; i++)
        make_word(&vocab->words[i], &rand);
    make_queries(vocab, &rand);
    hs_sim_zipf_init(&vocab->zipf, HS_SIM_QUERIES, HS_SIM_ZIPF_EXPONENT);
    return vocab;
}

void hs_sim_vocab_free(struct hs_sim_vocab *vocab)
{
    if (!vocab)
        return;
    hs_sim_alias_fini(&vocab->zipf);
    hs_free(vocab->words);
    hs_free(vocab->texts);
    hs_free(vocab->ends);
    hs_free(vocab);
}

uint32_t hs_sim_vocab_pick(const struct hs_sim_vocab *vocab, struct hs_rand *rand)
{
    return (uint32_t)hs_sim_alias_pick(&vocab->zipf, rand);
}

struct hs_str hs_sim_vocab_text(const struct hs_sim_vocab *vocab, uint32_t rank)
{
    uint32_t from = rank == 0 ? 0 : vocab->ends[rank - 1];

    HS_ASSERT(rank < HS_SIM_QUERIES);
    return hs_str_n(vocab->texts + from, vocab->ends[rank] - from);
}

static size_t add_number(char *out, uint64_t v)
{
    char digits[20];
    size_t n = 0, i;

    do {
        digits[n++] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    for (i = 0; i < n; i++)
        out[i] = digits[n - 1 - i];
    return n;
}

/* The longest text, four words and a fifth or a number of four digits, fits HS_SIM_QUERY_MAX. */
size_t hs_sim_vocab_variant(const struct hs_sim_vocab *vocab, uint32_t rank, uint64_t variant,
                            char out[HS_SIM_QUERY_MAX])
{
    struct hs_str text = hs_sim_vocab_text(vocab, rank);
    uint64_t bits = hs_sim_mix(variant);
    size_t n = text.n;

    memcpy(out, text.p, n);
    if (variant == 0)
        return n;
    out[n++] = ' ';
    if (bits & 1) {
        const struct word *word = &vocab->words[(bits >> 8) % WORDS];

        memcpy(out + n, word->p, word->n);
        return n + word->n;
    }
    return n + add_number(out + n, (bits >> 8) % 10000);
}
