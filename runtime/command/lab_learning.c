/* lab_learning.c: a network learns Fashion-MNIST by plain backpropagation and with dropout. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "command/files.h"
#include "command/lab.h"
#include "command/train_data.h"
#include "core/error.h"

/* Only what the last layer reads is masked: with both hidden layers masked, a network is far behind after so few
 * epochs. */
enum { HIDDEN = 1024, NETS = 2, LAYERS = 3, BATCH = 256, EPOCHS = 28 };
static const char *const NAME[NETS] = {"without", "with dropout"};
static const int COLORS[NETS] = {DCL__VERMILION, DCL__BLUE};

/* Least share of test images that the network with dropout must get right. */
static const double BAR = 0.89;

typedef struct study {
    const dcl__lab *lab;
    dcl__samples training, test;
    dcl_network *net[NETS];
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
    dcl__lab_show(s->lab, "learning-curve: %s, epoch %lld, test error %.2f %%", s->now, (long long)epoch->epoch,
                  100 * epoch->validation_error);
    return dcl__interrupted();
}

/* The first samples only, for --quick. */
static dcl_matrix some(const dcl__lab *lab, const dcl__array *array)
{
    return dcl__rows_of(array, 0, lab->quick && array->dim[0] > 2000 ? 2000 : array->dim[0]);
}

static dcl_status learn(study *s, int i, dcl_error *error)
{
    const int64_t hidden = s->lab->quick ? 128 : HIDDEN;
    const dcl_layer layers[LAYERS] = {
        {.width = hidden, .activation = DCL_ACTIVATION_RELU, .noise = DCL_NOISE_NONE, .retain = 1, .bias = 1},
        {.width = hidden, .activation = DCL_ACTIVATION_RELU, .noise = DCL_NOISE_NONE, .retain = 1, .bias = 1},
        {.width = s->training.targets.dim[1], .activation = DCL_ACTIVATION_LINEAR,
         .noise = i ? DCL_NOISE_DROPOUT : DCL_NOISE_NONE, .retain = i ? 0.5 : 1, .mask = DCL_MASK_SAMPLE, .bias = 1}};
    const dcl_network_options options = {.layers = layers, .layer_count = LAYERS, .loss = DCL_LOSS_CROSS_ENTROPY,
                                         .batch = BATCH, .epochs = s->lab->quick ? 3 : EPOCHS, .seed = s->lab->seed,
                                         .progress = show_epoch, .user = s};
    const dcl_matrix x = some(s->lab, &s->training.inputs), t = some(s->lab, &s->training.targets);
    const dcl_matrix test_x = some(s->lab, &s->test.inputs), test_t = some(s->lab, &s->test.targets);
    s->now = NAME[i];
    dcl_status status = dcl_network_create(s->lab->tools.registry, s->lab->tools.device, &x, &t, &test_x, &test_t,
                                           &options, &s->net[i], error);
    return status ? status : dcl_network_run(s->net[i], error);
}

/* ---- The picture ---- */

/* Two curves a net; what is seen in training is that of the epoch's batches, with the noise. */
static void add_curves(dcl__sheet *sheet, const study *s, int losses)
{
    for (int i = 0; i < NETS; i++) {
        int64_t count;
        const dcl_epoch *epochs = dcl_network_history(s->net[i], &count);
        int test = dcl__sheet_series(sheet, DCL__LINE, COLORS[i], "%s, test", NAME[i]);
        int training = dcl__sheet_series(sheet, DCL__LINE, COLORS[i], "%s, training", NAME[i]);
        sheet->series[training].dashed = 1;
        for (const dcl_epoch *e = epochs; e < epochs + count; e++) {
            dcl__sheet_point(sheet, test, (double)e->epoch, losses ? e->validation_loss : 100 * e->validation_error);
            dcl__sheet_point(sheet, training, (double)e->epoch, losses ? e->training_loss : 100 * e->training_error);
        }
    }
}

static void judge(const study *s, dcl__finding *finding)
{
    double right[NETS], fitted[NETS], loss[NETS];
    for (int i = 0; i < NETS; i++) {
        int64_t count;
        const dcl_epoch *epochs = dcl_network_history(s->net[i], &count);
        right[i] = count > 0 ? 1 - epochs[count - 1].validation_error : 0;
        fitted[i] = count > 0 ? 1 - epochs[count - 1].training_error : 0;
        loss[i] = count > 0 ? epochs[count - 1].validation_loss : INFINITY;
    }
    const double bar = s->lab->quick ? 0.5 : BAR;
    finding->figure = right[1];
    finding->allowed = bar;
    finding->holds = right[1] >= bar && (s->lab->quick || right[1] > right[0]);
    snprintf(finding->expected, sizeof finding->expected, "with dropout at least %.0f %% of the test images are "
             "recognised%s", 100 * bar,
             s->lab->quick ? " (a small run)" : ", and more than without");
    snprintf(finding->found, sizeof finding->found, "%.2f %% with dropout and %.2f %% without, where %.2f %% and %.2f "
             "%% of the training images were; the cross-entropy of test images is %.3f with and %.3f without",
             100 * right[1], 100 * right[0], 100 * fitted[1], 100 * fitted[0], loss[1], loss[0]);
}

static dcl_status draw(const study *s, dcl_error *error)
{
    char subtitle[160];
    dcl__sheet sheet = {.panel_count = 0};
    dcl__sheet_panel(&sheet, "Errors", "epoch", "wrong, %");
    add_curves(&sheet, s, 0);
    dcl__sheet_panel(&sheet, "Losses", "epoch", "cross-entropy")->log_y = 1;
    add_curves(&sheet, s, 1);
    snprintf(subtitle, sizeof subtitle, "Fashion-MNIST, 784-%d-%d-10 network with relu, half of the last hidden "
             "units dropped for each sample", s->lab->quick ? 128 : HIDDEN, s->lab->quick ? 128 : HIDDEN);
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
