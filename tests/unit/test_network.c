/* test_network.c: training of networks against what theory says of them, and against a forward pass by hand. */
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

Suite *network_suite(void);

enum { SAMPLES = 40, FEATURES = 6, TARGETS = 3, HIDDEN = 8 };

static double inputs[SAMPLES * FEATURES], targets[SAMPLES * TARGETS];
static const dcl_matrix x = {SAMPLES, FEATURES, DCL_F64, inputs}, t = {SAMPLES, TARGETS, DCL_F64, targets};

static void setup(void)
{
    open_device();
    draw(1, inputs, SAMPLES * FEATURES);
    draw(2, targets, SAMPLES * TARGETS);
}

static dcl_network_options options_of(const dcl_layer *layers, int count)
{
    return (dcl_network_options){.layers = layers, .layer_count = count, .loss = DCL_LOSS_SQUARED, .rate = 0.02,
                                 .batch = SAMPLES, .epochs = 300, .seed = 5};
}

static dcl_network *make(const dcl_network_options *options, const dcl_matrix *validation_x,
                         const dcl_matrix *validation_t)
{
    dcl_error error;
    dcl_network *network = NULL;
    ASSERT_OK(dcl_network_create(ops, device, &x, &t, validation_x, validation_t, options, &network, &error));
    return network;
}

static void train(dcl_network *network)
{
    dcl_error error;
    ASSERT_OK(dcl_network_run(network, &error));
}

static dcl_last_layer last_layer(dcl_network *network)
{
    dcl_error error;
    dcl_last_layer last;
    ASSERT_OK(dcl_network_last_layer(network, &last, &error));
    return last;
}

/* The least ||T - X B||^2, by LAPACK. */
static double least_squares(void)
{
    double a[SAMPLES * FEATURES], b[SAMPLES * TARGETS], rest = 0;
    memcpy(a, inputs, sizeof a);
    memcpy(b, targets, sizeof b);
    ck_assert_int_eq(LAPACKE_dgels(LAPACK_ROW_MAJOR, 'N', SAMPLES, FEATURES, TARGETS, a, FEATURES, b, TARGETS), 0);
    for (int i = FEATURES * TARGETS; i < SAMPLES * TARGETS; i++)
        rest += b[i] * b[i];
    return rest;
}

START_TEST(a_linear_network_reaches_least_squares)
{
    const dcl_layer layers[] = {{.width = HIDDEN, .activation = DCL_ACTIVATION_LINEAR},
                                {.width = TARGETS, .activation = DCL_ACTIVATION_LINEAR}};
    dcl_network_options options = options_of(layers, 2);
    options.epochs = 1500;
    dcl_network *network = make(&options, NULL, NULL);
    train(network);
    dcl_last_layer last = last_layer(network);
    ck_assert_double_eq_tol(last.objective, least_squares(), 1e-6);
    ck_assert_double_eq(last.regularizer, 0);
    ck_assert_double_le(last.bound.minimum, last.objective + 1e-12);
    dcl_network_free(network);
}
END_TEST

/* ---- A forward pass by hand ---- */

static double apply(int activation, double z)
{
    return activation == DCL_ACTIVATION_RELU ? fmax(z, 0) : activation == DCL_ACTIVATION_TANH ? tanh(z) : z;
}

static double cross_entropy(const double *z, const double *target)
{
    double sum = 0, along = 0;
    for (int j = 0; j < TARGETS; j++) {
        sum += exp(z[j]);
        along += z[j] * target[j];
    }
    return log(sum) - along;
}

/* The mean loss of a network of two layers. */
static double loss_by_hand(dcl_network *network, const dcl_layer layers[2], int squared)
{
    double w[2][HIDDEN * HIDDEN], b[2][HIDDEN], total = 0;
    dcl_error error;
    for (int l = 0; l < 2; l++)
        ASSERT_OK(dcl_network_weights(network, l, w[l], b[l], &error));
    for (int i = 0; i < SAMPLES; i++) {
        double h[HIDDEN], z[TARGETS];
        for (int j = 0; j < HIDDEN; j++) {
            h[j] = b[0][j];
            for (int k = 0; k < FEATURES; k++)
                h[j] += w[0][j * FEATURES + k] * inputs[i * FEATURES + k];
            h[j] = apply(layers[0].activation, h[j]);
        }
        for (int j = 0; j < TARGETS; j++) {
            z[j] = b[1][j];
            for (int k = 0; k < HIDDEN; k++)
                z[j] += w[1][j * HIDDEN + k] * h[k];
            z[j] = apply(layers[1].activation, z[j]);
            total += squared ? pow(z[j] - targets[i * TARGETS + j], 2) : 0;
        }
        total += squared ? 0 : cross_entropy(z, targets + i * TARGETS);
    }
    return total / SAMPLES;
}

START_TEST(evaluation_is_the_forward_pass)
{
    for (int activation = DCL_ACTIVATION_LINEAR; activation <= DCL_ACTIVATION_TANH; activation++)
        for (int loss = DCL_LOSS_SQUARED; loss <= DCL_LOSS_CROSS_ENTROPY; loss++) {
            const dcl_layer layers[] = {{.width = HIDDEN, .activation = activation, .bias = 1},
                                        {.width = TARGETS, .activation = DCL_ACTIVATION_LINEAR, .bias = 1,
                                         .noise = DCL_NOISE_DROPOUT, .retain = 0.7, .mask = DCL_MASK_SAMPLE}};
            dcl_network_options options = options_of(layers, 2);
            double found, errors;
            dcl_error error;
            options.loss = loss;
            options.epochs = 5;
            options.batch = 16;
            dcl_network *network = make(&options, NULL, NULL);
            train(network);
            ASSERT_OK(dcl_network_evaluate(network, &x, &t, &found, &errors, &error));
            ck_assert_double_eq_tol(found, loss_by_hand(network, layers, loss == DCL_LOSS_SQUARED), 1e-12);
            ck_assert_double_le(errors, 1);
            dcl_network_free(network);
        }
}
END_TEST

/* ---- Noise ---- */

/* Theory, section 7: E ||T - masked H W'||^2 is what last_layer reports, for every kind that it takes. */
static void assert_expectation(dcl_layer last_layer_as)
{
    enum { DRAWS = 4000 };
    const dcl_layer layers[] = {{.width = HIDDEN, .activation = DCL_ACTIVATION_TANH, .bias = 1}, last_layer_as};
    dcl_network_options options = options_of(layers, 2);
    double sum = 0, squares = 0;
    dcl_network *network = make(&options, NULL, NULL);
    dcl_session *session = dcl_network_session(network);
    for (int i = 0; i < DRAWS; i++) {
        double loss;
        dcl_session_set_steps(session, i);
        fetch(session, "loss", &loss);
        sum += loss;
        squares += loss * loss;
    }
    const double mean = sum / DRAWS, error = sqrt((squares / DRAWS - mean * mean) / DRAWS);
    dcl_last_layer last = last_layer(network);
    ck_assert_double_eq_tol(mean, last.objective, 4 * error);
    ck_assert_double_gt(fabs(mean - last.data_term), 8 * error);
    ck_assert_double_le(last.bound.minimum, last.objective);
    dcl_network_free(network);
}

START_TEST(noise_costs_what_theory_says)
{
    const dcl_layer last = {.width = TARGETS, .activation = DCL_ACTIVATION_LINEAR, .noise = DCL_NOISE_DROPOUT,
                            .retain = 0.6};
    dcl_layer others[] = {last, last, last};
    others[1].mask = DCL_MASK_SAMPLE;
    others[2].noise = DCL_NOISE_DROPCONNECT;
    for (int i = 0; i < ROWS(others); i++)
        assert_expectation(others[i]);
}
END_TEST

/* With DropBlock over all inputs, every sample is kept whole or dropped whole. */
START_TEST(blocks_are_dropped_together)
{
    const dcl_layer layers[] = {{.width = TARGETS, .activation = DCL_ACTIVATION_LINEAR, .noise = DCL_NOISE_DROPBLOCK,
                                 .retain = 0.5, .block = FEATURES, .mask = DCL_MASK_STEP}};
    dcl_network_options options = options_of(layers, 1);
    dcl_network *network = make(&options, NULL, NULL);
    dcl_session *session = dcl_network_session(network);
    double energy = 0, found[2] = {0};
    int seen[2] = {0, 0};
    for (int i = 0; i < SAMPLES * TARGETS; i++)
        energy += targets[i] * targets[i];
    for (int i = 0; i < 30; i++) {
        double loss;
        dcl_session_set_steps(session, i);
        fetch(session, "loss", &loss);
        const int kept = fabs(loss - energy) > 1e-9;
        ck_assert(!seen[kept] || fabs(found[kept] - loss) < 1e-9);
        found[kept] = loss;
        seen[kept] = 1;
    }
    ck_assert(seen[0] && seen[1]);
    dcl_network_free(network);
}
END_TEST

/* A linear layer on as many features as samples realises every hidden output, so the bound of the last layer is
 * attained, and nothing is below it. */
START_TEST(a_free_feature_map_attains_the_bound)
{
    enum { ALL = 12 };
    const dcl_layer layers[] = {{.width = 5, .activation = DCL_ACTIVATION_LINEAR},
                                {.width = TARGETS, .activation = DCL_ACTIVATION_LINEAR, .noise = DCL_NOISE_DROPOUT,
                                 .retain = 0.8, .mask = DCL_MASK_SAMPLE}};
    double identity[ALL * ALL] = {0};
    for (int i = 0; i < ALL; i++)
        identity[i * ALL + i] = 1;
    const dcl_matrix features = {ALL, ALL, DCL_F64, identity}, some = {ALL, TARGETS, DCL_F64, targets};
    dcl_network_options options = options_of(layers, 2);
    dcl_network *network = NULL;
    dcl_error error;
    options.batch = ALL;
    options.epochs = 4000;
    ASSERT_OK(dcl_network_create(ops, device, &features, &some, NULL, NULL, &options, &network, &error));
    dcl_last_layer before = last_layer(network);
    train(network);
    dcl_last_layer after = last_layer(network);
    ck_assert_double_eq(before.bound.minimum, after.bound.minimum);
    ck_assert_double_ge(before.objective, 1.5 * after.bound.minimum);
    ck_assert_double_ge(after.objective, after.bound.minimum * (1 - 1e-12));
    ck_assert_double_le(after.objective, 1.01 * after.bound.minimum);
    dcl_network_free(network);
}
END_TEST

/* ---- Runs ---- */

START_TEST(the_same_seed_gives_the_same_weights)
{
    const dcl_layer layers[] = {{.width = HIDDEN, .activation = DCL_ACTIVATION_RELU, .bias = 1},
                                {.width = TARGETS, .activation = DCL_ACTIVATION_LINEAR, .bias = 1,
                                 .noise = DCL_NOISE_DROPOUT, .retain = 0.5, .mask = DCL_MASK_SAMPLE}};
    double weight[3][HIDDEN * FEATURES];
    dcl_error error;
    for (int i = 0; i < 3; i++) {
        dcl_network_options options = options_of(layers, 2);
        options.seed = i < 2 ? 5 : 6;
        options.batch = 7;
        options.epochs = 3;
        dcl_network *network = make(&options, NULL, NULL);
        train(network);
        ASSERT_OK(dcl_network_weights(network, 0, weight[i], NULL, &error));
        dcl_network_free(network);
    }
    ck_assert_int_eq(memcmp(weight[0], weight[1], sizeof weight[0]), 0);
    ck_assert_int_ne(memcmp(weight[0], weight[2], sizeof weight[0]), 0);
}
END_TEST

/* Every batch size draws all samples in every epoch: the steps add up. */
START_TEST(epochs_end_when_every_sample_was_drawn)
{
    const dcl_layer layers[] = {{.width = TARGETS, .activation = DCL_ACTIVATION_LINEAR, .bias = 1}};
    const int64_t batches[] = {1, 7, 16, 40}, ends[][2] = {{40, 80}, {6, 12}, {3, 5}, {1, 2}};
    for (int i = 0; i < ROWS(batches); i++) {
        dcl_network_options options = options_of(layers, 1);
        int64_t count;
        options.batch = batches[i];
        options.epochs = 2;
        dcl_network *network = make(&options, NULL, NULL);
        train(network);
        const dcl_epoch *history = dcl_network_history(network, &count);
        ck_assert_int_eq(count, 2);
        for (int e = 0; e < 2; e++)
            ck_assert_int_eq(history[e].step, ends[i][e]);
        dcl_network_free(network);
    }
}
END_TEST

/* More samples than the device adds up at a time: none is left out. Both outputs are wrong, and stay so. */
START_TEST(an_epoch_counts_every_sample)
{
    enum { BATCH = 1 << 19, MANY = 3 * BATCH };
    const dcl_layer layers[] = {{.width = 2, .activation = DCL_ACTIVATION_LINEAR}};
    const dcl_network_options options = {.layers = layers, .layer_count = 1, .loss = DCL_LOSS_SQUARED, .rate = 1e-12,
                                         .batch = BATCH, .epochs = 1};
    double *numbers = calloc(3 * MANY, sizeof *numbers);
    dcl_network *network;
    dcl_error error;
    int64_t count;
    ck_assert_ptr_nonnull(numbers);
    for (int i = 0; i < MANY; i++)
        numbers[i] = numbers[MANY + 2 * i + 1] = 1;
    const dcl_matrix ones = {MANY, 1, DCL_F64, numbers}, second = {MANY, 2, DCL_F64, numbers + MANY};
    ASSERT_OK(dcl_network_create(ops, device, &ones, &second, NULL, NULL, &options, &network, &error));
    ASSERT_OK(dcl_network_set_weights(network, 0, (double[]){1, -1}, NULL, &error));
    train(network);
    const dcl_epoch *history = dcl_network_history(network, &count);
    ck_assert_double_eq(history[0].training_error, 1);
    ck_assert_double_eq_tol(history[0].training_loss, 5, 1e-5);
    dcl_network_free(network);
    free(numbers);
}
END_TEST

/* Targets of validation that training drives away from: the first epoch is the best. */
START_TEST(early_stopping_keeps_the_best_weights)
{
    const dcl_layer layers[] = {{.width = TARGETS, .activation = DCL_ACTIVATION_LINEAR, .bias = 1}};
    double opposite[SAMPLES * TARGETS], loss, errors;
    const dcl_matrix against = {SAMPLES, TARGETS, DCL_F64, opposite};
    dcl_network_options options = options_of(layers, 1);
    dcl_error error;
    int64_t count;
    for (int i = 0; i < SAMPLES * TARGETS; i++)
        opposite[i] = -10 * targets[i];
    options.patience = 4;
    options.rate = 0.1;
    dcl_network *network = make(&options, &x, &against);
    train(network);
    const dcl_epoch *history = dcl_network_history(network, &count);
    const int64_t best = dcl_network_best(network);
    ck_assert_int_eq(count, best + 4);
    for (int64_t i = 0; i < count; i++)
        ck_assert_double_ge(history[i].validation_loss, history[best - 1].validation_loss);
    ASSERT_OK(dcl_network_evaluate(network, &x, &against, &loss, &errors, &error));
    ck_assert_double_eq(loss, history[best - 1].validation_loss);
    dcl_network_free(network);
}
END_TEST

START_TEST(weights_can_be_set)
{
    const dcl_layer layers[] = {{.width = TARGETS, .activation = DCL_ACTIVATION_LINEAR, .bias = 1}};
    double weight[TARGETS * FEATURES], bias[TARGETS], back[TARGETS * FEATURES], back_bias[TARGETS];
    dcl_network_options options = options_of(layers, 1);
    dcl_error error;
    dcl_network *network = make(&options, NULL, NULL);
    draw(7, weight, TARGETS * FEATURES);
    draw(8, bias, TARGETS);
    ASSERT_OK(dcl_network_set_weights(network, 0, weight, bias, &error));
    ASSERT_OK(dcl_network_weights(network, 0, back, back_bias, &error));
    ck_assert_int_eq(memcmp(weight, back, sizeof weight), 0);
    ck_assert_int_eq(memcmp(bias, back_bias, sizeof bias), 0);
    ASSERT_FAILS(dcl_network_weights(network, 1, back, NULL, &error), DCL_EINVAL, "no layer 1");
    dcl_network_free(network);
}
END_TEST

START_TEST(what_cannot_be_is_refused)
{
    const dcl_layer good = {.width = TARGETS, .activation = DCL_ACTIVATION_LINEAR, .bias = 1};
    const struct {
        dcl_layer layer;
        const char *part;
    } layers[] = {
        {{.width = 2, .activation = DCL_ACTIVATION_LINEAR}, "outputs"},
        {{.width = 0, .activation = DCL_ACTIVATION_LINEAR}, "width"},
        {{.width = TARGETS, .activation = 9}, "activation"},
        {{.width = TARGETS, .activation = 1, .noise = DCL_NOISE_DROPOUT, .retain = 0}, "retain"},
        {{.width = TARGETS, .activation = 1, .noise = DCL_NOISE_CORRELATED, .retain = 0.5}, "noise"},
        {{.width = TARGETS, .activation = 1, .noise = DCL_NOISE_DROPOUT, .retain = 0.5, .block = 2}, "blocks"},
    };
    dcl_network *network = NULL;
    dcl_error error;
    for (int i = 0; i < ROWS(layers); i++) {
        const dcl_network_options options = options_of(&layers[i].layer, 1);
        ASSERT_FAILS(dcl_network_create(ops, device, &x, &t, NULL, NULL, &options, &network, &error), DCL_EINVAL,
                     layers[i].part);
    }
    dcl_network_options options = options_of(&good, 1);
    options.batch = SAMPLES + 1;
    ASSERT_FAILS(dcl_network_create(ops, device, &x, &t, NULL, NULL, &options, &network, &error), DCL_EINVAL, "batch");
    options.batch = 1;
    options.epochs = 1000000000;
    ASSERT_FAILS(dcl_network_create(ops, device, &x, &t, NULL, NULL, &options, &network, &error), DCL_EINVAL, "masks");
    options.epochs = 1;
    options.batch = SAMPLES;
    options.patience = 1;
    ASSERT_FAILS(dcl_network_create(ops, device, &x, &t, NULL, NULL, &options, &network, &error), DCL_EINVAL,
                 "validation");
    options.patience = 0;
    network = make(&options, NULL, NULL);
    dcl_last_layer last;
    ASSERT_FAILS(dcl_network_last_layer(network, &last, &error), DCL_EUNSUPPORTED, "without bias");
    dcl_network_free(network);
}
END_TEST

Suite *network_suite(void)
{
    return make_suite("network", setup, close_device, (const TTest *[]){
        a_linear_network_reaches_least_squares, evaluation_is_the_forward_pass, noise_costs_what_theory_says,
        blocks_are_dropped_together, a_free_feature_map_attains_the_bound,
        the_same_seed_gives_the_same_weights, epochs_end_when_every_sample_was_drawn, an_epoch_counts_every_sample,
        early_stopping_keeps_the_best_weights, weights_can_be_set, what_cannot_be_is_refused, NULL});
}
