/* test_random.c: the counter-based generator against its published answers, and its normal numbers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "core/random.h"

Suite *random_suite(void);

/* Philox4x32-10 of the known-answer file kat_vectors of Random123 (Salmon, Moraes, Dror, Shaw 2011): the
 * counter is (index low, index high, step, stream), the key (seed low, seed high). */
static const struct {
    uint64_t seed, index;
    uint32_t step, stream, words[4];
} answers[] = {
    {0, 0, 0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {UINT64_MAX, UINT64_MAX, UINT32_MAX, UINT32_MAX, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {0x299f31d0a4093822, 0x85a308d3243f6a88, 0x13198a2e, 0x03707344,
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

START_TEST(words_are_those_of_the_paper)
{
    uint32_t words[4];
    dcl_random_words(answers[_i].seed, answers[_i].step, answers[_i].stream, answers[_i].index, words);
    ck_assert_mem_eq(words, answers[_i].words, sizeof words);
}
END_TEST

START_TEST(plugins_see_the_same_words)
{
    const uint32_t key[4] = {0xa4093822, 0x299f31d0, 0x13198a2e, 0x03707344};
    uint32_t words[4];
    dcl__philox(key, 0x85a308d3243f6a88, words);
    ck_assert_mem_eq(words, answers[2].words, sizeof words);
}
END_TEST

enum { COUNT = 200000 };

/* Draws of masks, kept with probability 0.6, beside draws one further along each axis, the last of which are words of
 * one index: what both say is that of independent draws, within five standard errors. */
static const struct {
    uint64_t seed, index;
    uint32_t step, stream, word;
} axes[] = {{.seed = 1}, {.seed = (uint64_t)1 << 32}, {.index = 1}, {.step = 1}, {.stream = 1}, {.word = 1},
            {.word = 2}};

START_TEST(neighbouring_draws_are_independent)
{
    const uint32_t threshold = 2576980378u;      /* 0.6 2^32 */
    const double variance = 0.6 * 0.4;
    double sum = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        const uint64_t seed = i % 7, index = i / 7 % 11;
        const uint32_t step = i / 77, stream = i % 3;
        uint32_t one[4], other[4];
        dcl_random_words(seed, step, stream, index, one);
        dcl_random_words(seed + axes[_i].seed, step + axes[_i].step, stream + axes[_i].stream, index + axes[_i].index,
                         other);
        sum += ((one[0] < threshold) - 0.6) * ((other[axes[_i].word] < threshold) - 0.6);
    }
    ck_assert_double_le(fabs(sum), 5 * variance * sqrt(COUNT));
}
END_TEST

static double *normal(uint64_t seed, dcl_initial initial, int64_t count)
{
    double *data = malloc((size_t)count * sizeof *data);
    ck_assert_ptr_nonnull(data);
    dcl__random_normal(seed, initial, DCL_F64, data, count);
    return data;
}

/* The first four moments; the bounds are five standard errors. */
START_TEST(normal_numbers_have_normal_moments)
{
    const double moments[] = {0, 1, 0, 3}, variances[] = {1, 2, 15, 96};
    double *data = normal(7, (dcl_initial){.deviation = 1, .stream = 3}, COUNT), sums[4] = {0};
    for (int i = 0; i < COUNT; i++)
        for (int power = 0; power < 4; power++)
            sums[power] += pow(data[i], power + 1);
    for (int power = 0; power < 4; power++)
        ck_assert_double_le(fabs(sums[power] / COUNT - moments[power]), 5 * sqrt(variances[power] / COUNT));
    free(data);
}
END_TEST

/* Runs must be repeatable for ever, so the way from words to numbers is fixed: Box and Muller's formula on
 * the words of index i / 2, the cosine first. */
START_TEST(each_pair_comes_from_its_own_words)
{
    double *data = normal(5, (dcl_initial){.deviation = 1, .stream = 4}, 20);
    for (uint64_t pair = 0; pair < 10; pair++) {
        uint32_t words[4];
        dcl_random_words(5, 0, 4, pair, words);
        double length = sqrt(-2 * log(((double)words[0] + 1 + words[1] * 0x1p-32) * 0x1p-32));
        double angle = 2 * acos(-1) * (words[2] + words[3] * 0x1p-32) * 0x1p-32;
        ck_assert_double_eq_tol(data[2 * pair], length * cos(angle), 1e-12);
        ck_assert_double_eq_tol(data[2 * pair + 1], length * sin(angle), 1e-12);
    }
    free(data);
}
END_TEST

/* Box and Muller make two numbers of one draw: they must not know of each other. */
START_TEST(neighbours_are_uncorrelated)
{
    double *data = normal(8, (dcl_initial){.deviation = 1}, COUNT), sum = 0, squares = 0;
    for (int i = 0; i < COUNT; i += 2) {
        sum += data[i] * data[i + 1];
        squares += (data[i] * data[i] - 1) * (data[i + 1] * data[i + 1] - 1);
    }
    ck_assert_double_le(fabs(sum / (COUNT / 2)), 5 / sqrt(COUNT / 2));
    ck_assert_double_le(fabs(squares / (COUNT / 2)), 5 * 2 / sqrt(COUNT / 2));
    free(data);
}
END_TEST

START_TEST(tails_are_as_long_as_they_should_be)
{
    double *data = normal(9, (dcl_initial){.deviation = 1}, COUNT);
    int beyond_two = 0;
    for (int i = 0; i < COUNT; i++) {
        ck_assert_double_lt(fabs(data[i]), 7);
        beyond_two += fabs(data[i]) > 2;
    }
    const double share = erfc(2 / sqrt(2));
    ck_assert_double_le(fabs(beyond_two - share * COUNT), 5 * sqrt(share * COUNT));
    free(data);
}
END_TEST

START_TEST(fill_and_deviation_place_and_stretch)
{
    double *plain = normal(1, (dcl_initial){.deviation = 1, .stream = 2}, 100);
    double *placed = normal(1, (dcl_initial){.fill = 10, .deviation = 0.5, .stream = 2}, 100);
    double *flat = normal(1, (dcl_initial){.fill = 0.1, .stream = 2}, 100);
    for (int i = 0; i < 100; i++) {
        ck_assert_double_eq(placed[i], 10 + 0.5 * plain[i]);
        ck_assert_double_eq(flat[i], 0.1);
    }
    free(plain);
    free(placed);
    free(flat);
}
END_TEST

START_TEST(single_precision_is_the_rounded_double)
{
    float narrow[101];
    dcl_initial initial = {.deviation = 1};
    double *wide = normal(5, initial, 101);
    dcl__random_normal(5, initial, DCL_F32, narrow, 101);
    for (int i = 0; i < 101; i++)
        ck_assert_float_eq(narrow[i], (float)wide[i]);
    free(wide);
}
END_TEST

START_TEST(streams_and_seeds_differ_and_longer_draws_only_go_on)
{
    double *first = normal(5, (dcl_initial){.deviation = 1}, 51);
    double *longer = normal(5, (dcl_initial){.deviation = 1}, 101);
    double *other_stream = normal(5, (dcl_initial){.deviation = 1, .stream = 1}, 51);
    double *other_seed = normal(6, (dcl_initial){.deviation = 1}, 51);
    ck_assert_mem_eq(first, longer, 51 * sizeof *first);
    ck_assert_double_ne(first[0], other_stream[0]);
    ck_assert_double_ne(first[0], other_seed[0]);
    free(first);
    free(longer);
    free(other_stream);
    free(other_seed);
}
END_TEST

Suite *random_suite(void)
{
    Suite *suite = make_suite("random", NULL, NULL, (const TTest *[]){
        plugins_see_the_same_words, each_pair_comes_from_its_own_words, normal_numbers_have_normal_moments,
        neighbours_are_uncorrelated, tails_are_as_long_as_they_should_be,
        fill_and_deviation_place_and_stretch, single_precision_is_the_rounded_double,
        streams_and_seeds_differ_and_longer_draws_only_go_on, NULL});
    TCase *published = tcase_create("known answers");
    tcase_add_loop_test(published, words_are_those_of_the_paper, 0, ROWS(answers));
    suite_add_tcase(suite, published);
    TCase *neighbours = tcase_create("neighbours");
    tcase_add_loop_test(neighbours, neighbouring_draws_are_independent, 0, ROWS(axes));
    suite_add_tcase(suite, neighbours);
    return suite;
}
