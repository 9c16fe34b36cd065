/* learning.c: a network learns Fashion-MNIST by plain backpropagation and with dropout. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "command/files.h"
#include "command/lab/lab.h"
#include "command/train/data.h"
#include "core/error.h"

/* Both networks stop when the cross-entropy of images that are held out has not fallen for PATIENCE epochs, and keep
 * the weights with which it was least: that is where learning by heart begins. Trained on until the step size is zero,
 * the network without dropout recognises as many images as the other, at a far larger cross-entropy. Only the first
 * hidden units are masked: with both layers masked a network is far behind after so few epochs. */
enum { HIDDEN = 1024, NETS = 2, LAYERS = 3, BATCH = 256, EPOCHS = 26, PATIENCE = 6, HELD_OUT = 10000 };
static const char *const NAME[NETS] = {"without", "with dropout"};
static const int COLORS[NETS] = {DCL__VERMILION, DCL__BLUE};

/* Least share of test images that the network with dropout must get right. */
static const double BAR = 0.89;

typedef struct study {
    const dcl__lab *lab;
    dcl__samples training, test; /* the last HELD_OUT samples of training are held out               */
    dcl_network *net[NETS];
    double loss[NETS], wrong[NETS]; /* of the test images                                            */
    const char *now;             /* the network that learns                                          */
} study;

static dcl_status read_images(const dcl__lab *lab, const char *which, const dcl__samples *like, dcl__samples *samples,
                              dcl_error *error)
{
    char images[64], labels[64];
    snprintf(images, sizeof images, "%s-images-idx3-ubyte.gz", which);
    snprintf(labels, sizeof labels, "%s-labels-idx1-ubyte.gz", which);
    dcl_status status = dcl__samples_read(dcl__join(lab->data, images).text, dcl__join(lab->data, labels).text,
                                          lab->dtype, 1.0 / 255, 1, like, samples, error);
    if (status != DCL_EIO)
        return status;
    dcl_error reason = *error;
    return dcl__fail(error, DCL_EIO, "learning-curve needs Fashion-MNIST (install Debian's package "
                     "dataset-fashion-mnist, or name the folder of its files with --data): %.2000s", reason.text);
}

static int show_epoch(void *user, const dcl_epoch *epoch)
{
    const study *s = user;
    dcl__lab_show(s->lab, "learning-curve: %s, epoch %lld, cross-entropy of held-out images %.4f", s->now,
                  (long long)epoch->epoch, epoch->validation_loss);
    return dcl__interrupted();
}

/* `rows` samples from `first` on, for --quick only some of them. */
static dcl_matrix some(const dcl__lab *lab, const dcl__array *array, int64_t first, int64_t rows)
{
    return dcl__rows_of(array, first, lab->quick && rows > 2000 ? 2000 : rows);
}

static dcl_status learn(study *s, int i, dcl_error *error)
{
    const int64_t hidden = s->lab->quick ? 128 : HIDDEN;
    const dcl_layer layers[LAYERS] = {
        {.width = hidden, .activation = DCL_ACTIVATION_RELU, .noise = DCL_NOISE_NONE, .retain = 1, .bias = 1},
        {.width = hidden, .activation = DCL_ACTIVATION_RELU, .noise = i ? DCL_NOISE_DROPOUT : DCL_NOISE_NONE,
         .retain = i ? 0.5 : 1, .mask = DCL_MASK_SAMPLE, .bias = 1},
        {.width = s->training.targets.dim[1], .activation = DCL_ACTIVATION_LINEAR, .noise = DCL_NOISE_NONE, .retain = 1,
         .bias = 1}};
    const dcl_network_options options = {.layers = layers, .layer_count = LAYERS, .loss = DCL_LOSS_CROSS_ENTROPY,
                                         .batch = BATCH, .epochs = s->lab->quick ? 3 : EPOCHS, .patience = PATIENCE,
                                         .seed = s->lab->seed, .progress = show_epoch, .user = s};
    const int64_t held = HELD_OUT, learned = s->training.inputs.dim[0] - held, tested = s->test.inputs.dim[0];
    const dcl_matrix x = some(s->lab, &s->training.inputs, 0, learned);
    const dcl_matrix t = some(s->lab, &s->training.targets, 0, learned);
    const dcl_matrix held_x = some(s->lab, &s->training.inputs, learned, held);
    const dcl_matrix held_t = some(s->lab, &s->training.targets, learned, held);
    const dcl_matrix test_x = some(s->lab, &s->test.inputs, 0, tested);
    const dcl_matrix test_t = some(s->lab, &s->test.targets, 0, tested);
    s->now = NAME[i];
    dcl_status status = dcl_network_create(s->lab->tools.registry, s->lab->tools.device, &x, &t, &held_x, &held_t,
                                           &options, &s->net[i], error);
    if (status == DCL_OK)
        status = dcl_network_run(s->net[i], error);
    if (status || dcl__interrupted())
        return status;
    return dcl_network_evaluate(s->net[i], &test_x, &test_t, &s->loss[i], &s->wrong[i], error);
}

/* ---- The picture ---- */

/* Two curves a net, and a point for the test of the weights that were kept; what is seen in training is that of the
 * epoch's batches, with the noise. */
static void add_curves(dcl__sheet *sheet, const study *s, int losses)
{
    for (int i = 0; i < NETS; i++) {
        int64_t count;
        const dcl_epoch *epochs = dcl_network_history(s->net[i], &count);
        int held_out = dcl__sheet_series(sheet, DCL__LINE, COLORS[i], "%s, held out", NAME[i]);
        int training = dcl__sheet_series(sheet, DCL__LINE, COLORS[i], "%s, training", NAME[i]);
        sheet->series[training].dashed = 1;
        for (const dcl_epoch *e = epochs; e < epochs + count; e++) {
            dcl__sheet_point(sheet, held_out, (double)e->epoch,
                             losses ? e->validation_loss : 100 * e->validation_error);
            dcl__sheet_point(sheet, training, (double)e->epoch, losses ? e->training_loss : 100 * e->training_error);
        }
        int test = dcl__sheet_series(sheet, DCL__POINTS, COLORS[i], "%s, test", NAME[i]);
        dcl__sheet_point(sheet, test, (double)dcl_network_best(s->net[i]), losses ? s->loss[i] : 100 * s->wrong[i]);
    }
}

static void judge(const study *s, dcl__finding *finding)
{
    const double bar = s->lab->quick ? 0.5 : BAR;
    finding->figure = 1 - s->wrong[1];
    finding->allowed = bar;
    finding->holds = 1 - s->wrong[1] >= bar && (s->lab->quick || s->wrong[1] < s->wrong[0]);
    snprintf(finding->expected, sizeof finding->expected, "with the weights for which the cross-entropy of held-out "
             "images was least, with dropout at least %.0f %% of the test images are recognised%s", 100 * bar,
             s->lab->quick ? " (a small run)" : ", and more than without");
    snprintf(finding->found, sizeof finding->found, "%.2f %% with dropout, after %lld epochs, and %.2f %% without, "
             "after %lld; the cross-entropy of test images is %.3f with and %.3f without",
             100 * (1 - s->wrong[1]), (long long)dcl_network_best(s->net[1]), 100 * (1 - s->wrong[0]),
             (long long)dcl_network_best(s->net[0]), s->loss[1], s->loss[0]);
}

static dcl_status draw(const study *s, dcl_error *error)
{
    char subtitle[160];
    dcl__sheet sheet = {.panel_count = 0};
    dcl__sheet_panel(&sheet, "Errors", "epoch", "wrong, %");
    add_curves(&sheet, s, 0);
    dcl__sheet_panel(&sheet, "Losses", "epoch", "cross-entropy")->log_y = 1;
    add_curves(&sheet, s, 1);
    const int hidden = s->lab->quick ? 128 : HIDDEN;
    snprintf(subtitle, sizeof subtitle, "Fashion-MNIST, 784-%d-%d-10 network with relu, half of the first hidden "
             "units dropped for each sample, stopped early", hidden, hidden);
    dcl_status status = dcl__sheet_write(&sheet, s->lab, "learning-curve",
                                         "Dropout keeps a network from learning by heart", subtitle, 2, error);
    dcl__sheet_free(&sheet);
    return status;
}

dcl_status dcl__lab_learning_curve(const dcl__lab *lab, dcl__finding *finding, dcl_error *error)
{
    study s = {.lab = lab};
    dcl_status status = read_images(lab, "train", NULL, &s.training, error);
    if (status == DCL_OK)
        status = read_images(lab, "t10k", &s.training, &s.test, error);
    if (status == DCL_OK && s.training.inputs.dim[0] <= HELD_OUT)
        status = dcl__fail(error, DCL_EINVAL, "learning-curve holds out %d of the training images, but there are no "
                           "more", (int)HELD_OUT);
    if (status == DCL_OK)
        dcl__samples_shuffle(&s.training, lab->seed);
    for (int i = 0; i < NETS && status == DCL_OK && !dcl__interrupted(); i++)
        status = learn(&s, i, error);
    if (status == DCL_OK && !dcl__interrupted()) {
        judge(&s, finding);
        status = draw(&s, error);
    }
    for (int i = 0; i < NETS; i++)
        dcl_network_free(s.net[i]);
    dcl__samples_free(&s.training);
    dcl__samples_free(&s.test);
    return status;
}
