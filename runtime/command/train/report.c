/* report.c: everything that `dropcl train` leaves in its folder and on the screen. */
#include "command/train/report.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "command/files.h"
#include "core/tensor.h"
#include "formats/archive.h"
#include "formats/json.h"
#include "formats/output.h"
#include "formats/plot.h"

static const char *const activations[] = {"", "linear", "relu", "tanh"};
static const char *const noises[] = {"none", "none", "dropout", "dropblock", "dropconnect"};
static const char *const losses[] = {"", "squared", "cross-entropy"};
static const char *const optimizers[] = {"adam", "sgd", "momentum", "adam"};

/* ---- Weights ---- */

static int64_t inputs_of(const dcl__train_facts *f, int layer)
{
    return layer == 0 ? f->features : f->options->layers[layer - 1].width;
}

enum { NAME_SIZE = 40 };

static const char *name_of(char name[NAME_SIZE], int layer, const char *what)
{
    snprintf(name, NAME_SIZE, "layers.%d.%s", layer, what);
    return name;
}

/* Adds a matrix or vector (columns 0) of doubles as an array of the run's dtype. */
static dcl_status add_array(dcl__archive *archive, uint32_t dtype, const char *name, int64_t rows, int64_t columns,
                            const double *data, dcl_error *error)
{
    dcl__array array = {0};
    dcl_status status = dcl__array_allocate(&array, dtype, columns ? 2 : 1, (int64_t[]){rows, columns}, error);
    if (status)
        return status;
    dcl__convert(dtype, array.data, DCL_F64, data, rows * (columns ? columns : 1));
    return dcl__archive_add(archive, name, &array, error);
}

static dcl_status add_layer(const dcl__train_facts *f, dcl_network *network, int layer, dcl__archive *archive,
                            dcl_error *error)
{
    char name[NAME_SIZE];
    const int64_t width = f->options->layers[layer].width, inputs = inputs_of(f, layer);
    double *weight = malloc((size_t)(width * (inputs + 1)) * sizeof *weight), *bias = weight + width * inputs;
    if (!weight)
        return dcl__no_memory(error, "the weights", width * (inputs + 1) * (int64_t)sizeof *weight);
    dcl_status status = dcl_network_weights(network, layer, weight, bias, error);
    if (status == DCL_OK)
        status = add_array(archive, f->dtype, name_of(name, layer, "weight"), width, inputs, weight, error);
    if (status == DCL_OK && f->options->layers[layer].bias)
        status = add_array(archive, f->dtype, name_of(name, layer, "bias"), width, 0, bias, error);
    free(weight);
    return status;
}

static dcl_status write_weights(const dcl__train_facts *f, dcl_network *network, dcl_error *error)
{
    dcl__archive archive = {0};
    dcl__path npz = dcl__join(f->folder, "weights.npz"), safetensors = dcl__join(f->folder, "weights.safetensors");
    dcl_status status = DCL_OK;
    for (int i = 0; i < f->options->layer_count && status == DCL_OK; i++)
        status = add_layer(f, network, i, &archive, error);
    if (status == DCL_OK)
        status = dcl__npz_write(npz.text, &archive, error);
    if (status == DCL_OK)
        status = dcl__results_replace(f->folder, "train", &(dcl__texts){{"weights.npz"}, 1}, error);
    if (status == DCL_OK)
        status = dcl__safetensors_write(safetensors.text, &archive, error);
    dcl__archive_free(&archive);
    return status;
}

/* The numbers of an array that must be rows x columns, or a vector (columns 0). */
static dcl_status take_array(const dcl__archive *archive, const char *name, int64_t rows, int64_t columns,
                             const double **data, dcl_error *error)
{
    char found[DCL__SHAPE_TEXT], wanted[DCL__SHAPE_TEXT];
    const dcl__array *array = dcl__archive_find(archive, name);
    dcl__dimensions_text(columns ? 2 : 1, (int64_t[]){rows, columns}, wanted);
    if (!array)
        return dcl__fail(error, DCL_EFORMAT, "there is no array '%s' (%s)", name, wanted);
    if (array->rank != (columns ? 2u : 1u) || array->dim[0] != rows || (columns && array->dim[1] != columns))
        return dcl__fail(error, DCL_EFORMAT, "'%s' is %s, but the network has %s there; give the same --layers", name,
                         dcl__dimensions_text(array->rank, array->dim, found), wanted);
    *data = array->data;
    for (int64_t i = 0; i < rows * (columns ? columns : 1); i++)
        if (!isfinite((*data)[i]))
            return dcl__fail(error, DCL_EFORMAT, "number %" PRId64 " of '%s' is not finite, and nothing can be trained "
                             "from there; give weights from before the loss grew", i + 1, name);
    return DCL_OK;
}

dcl_status dcl__weights_read(const char *file, const dcl__train_facts *f, dcl_network *network, dcl_error *error)
{
    char name[NAME_SIZE];
    dcl__archive archive = {0};
    dcl_status status = dcl__archive_read(file, DCL_F64, &archive, error);
    if (status)
        return status;
    for (int i = 0; i < f->options->layer_count && status == DCL_OK; i++) {
        const double *weight = NULL, *bias = NULL;
        const dcl_layer *layer = &f->options->layers[i];
        status = take_array(&archive, name_of(name, i, "weight"), layer->width, inputs_of(f, i), &weight, error);
        if (status == DCL_OK && layer->bias)
            status = take_array(&archive, name_of(name, i, "bias"), layer->width, 0, &bias, error);
        if (status == DCL_OK)
            status = dcl_network_set_weights(network, i, weight, bias, error);
    }
    dcl__archive_free(&archive);
    return status ? dcl__prefix(error, status, "%s", file) : DCL_OK;
}

/* ---- report.json ---- */

static json_t *describe_layers(const dcl_network_options *o)
{
    json_t *list = json_array();
    for (int i = 0; i < o->layer_count; i++) {
        const dcl_layer *l = &o->layers[i];
        const int noisy = l->noise > DCL_NOISE_NONE;
        list = dcl__json_append(list, json_pack("{s:I, s:s, s:b, s:s, s:o, s:o, s:s}", "width", (json_int_t)l->width,
            "activation", activations[l->activation], "bias", l->bias, "noise", noises[l->noise],
            "retain", noisy ? dcl__json_from_number(l->retain) : json_null(),
            "block", l->noise == DCL_NOISE_DROPBLOCK ? json_integer(l->block) : json_null(),
            "mask", l->mask == DCL_MASK_SAMPLE && l->noise != DCL_NOISE_DROPCONNECT ? "sample" : "step"));
    }
    return list;
}

static json_t *describe_run(const dcl__train_facts *f)
{
    const dcl_device_info *info = dcl_device_describe(f->device);
    const dcl_network_options *o = f->options;
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:s, s:s, s:o, s:s, s:I, s:I}",
        "version", dcl_version(), "command", "train", "device", info->name, "platform", info->platform,
        "driver", info->driver, "dtype", dcl__dtype_name(f->dtype), "seed", (json_int_t)o->seed,
        "samples", (json_int_t)f->samples, "features", (json_int_t)f->features, "targets", (json_int_t)f->classes,
        "validation_samples", (json_int_t)f->validation, "test_samples", (json_int_t)f->tested,
        "layers", describe_layers(o), "loss", losses[o->loss], "optimizer", optimizers[o->optimizer],
        "rate", dcl__json_from_number(o->rate), "schedule", o->schedule, "batch", (json_int_t)o->batch,
        "patience", (json_int_t)o->patience);
}

/* What noise costs in the last layer, beside the least that it can cost. */
static json_t *describe_last(const dcl_last_layer *last)
{
    if (!last)
        return json_null();
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "objective", dcl__json_from_number(last->objective),
                     "data_term", dcl__json_from_number(last->data_term),
                     "regularizer", dcl__json_from_number(last->regularizer),
                     "lower_bound", dcl__json_from_number(last->bound.minimum - last->bound.error),
                     "tau", dcl__json_from_number(last->bound.tau));
}

static json_t *describe_result(const dcl__train_facts *f, const dcl_epoch *history, int64_t count, int64_t best)
{
    const dcl_epoch *end = &history[(best && f->options->patience ? best : count) - 1];
    const double first = history[0].seconds, last = history[count - 1].seconds;
    return json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I}", "epochs", (json_int_t)count,
        "steps", (json_int_t)history[count - 1].step, "best_epoch", best ? json_integer(best) : json_null(),
        "seconds", dcl__json_from_number(last),
        "seconds_per_epoch", count > 1 ? dcl__json_from_number((last - first) / (double)(count - 1)) : json_null(),
        "training_loss", dcl__json_number_or_null(end->training_loss),
        "training_error", dcl__json_number_or_null(end->training_error),
        "validation_loss", dcl__json_number_or_null(end->validation_loss),
        "validation_error", dcl__json_number_or_null(end->validation_error),
        "test_loss", f->tested ? dcl__json_number_or_null(f->test_loss) : json_null(),
        "test_error", f->tested ? dcl__json_number_or_null(f->test_error) : json_null(),
        "last_layer", describe_last(f->last),
        "kernels_launched", (json_int_t)dcl_device_statistics(f->device).kernels_launched);
}

/* ---- history.csv and the picture ---- */

static dcl_status write_history(const char *folder, const dcl_epoch *history, int64_t count, dcl_error *error)
{
    dcl__path path = dcl__join(folder, "history.csv");
    dcl__output output;
    dcl_status status = dcl__output_open(path.text, &output, error);
    if (status)
        return status;
    fputs("epoch,step,seconds,training_loss,training_error,validation_loss,validation_error\n", output.stream);
    for (int64_t i = 0; i < count; i++)
        fprintf(output.stream, "%" PRId64 ",%" PRId64 ",%.6f,%.17g,%.17g,%.17g,%.17g\n", history[i].epoch,
                history[i].step, history[i].seconds, history[i].training_loss, history[i].training_error,
                history[i].validation_loss, history[i].validation_error);
    return dcl__output_commit(&output, error);
}

static int is_noisy(const dcl__train_facts *f)
{
    for (int i = 0; i < f->options->layer_count; i++)
        if (f->options->layers[i].noise > DCL_NOISE_NONE)
            return 1;
    return 0;
}

static dcl_status draw(const dcl__train_facts *f, const double *curves, int64_t count, dcl_error *error)
{
    char title[160], facts[160] = "";
    const double *loss = curves, *error_rate = curves + count, *seen = curves + 2 * count, *missed = curves + 3 * count;
    const char *const training = is_noisy(f) ? "training, with noise" : "training";
    const dcl__series lines[2][2] = {
        {{training, count, NULL, loss, DCL__LINE, DCL__BLUE, 0, 0, 0},
         {"validation", count, NULL, seen, DCL__LINE, DCL__VERMILION, 0, 0, 0}},
        {{training, count, NULL, error_rate, DCL__LINE, DCL__BLUE, 0, 0, 0},
         {"validation", count, NULL, missed, DCL__LINE, DCL__VERMILION, 0, 0, 0}}};
    const dcl__level tested[2] = {{"test", f->test_loss, DCL__BLACK}, {"test", f->test_error, DCL__BLACK}};
    const int curves_shown = f->validation ? 2 : 1;
    const dcl__panel panels[] = {
        {.title = "Loss", .x_label = "epoch", .y_label = "mean loss", .log_y = 1, .series = lines[0],
         .series_count = curves_shown, .levels = &tested[0], .level_count = f->tested > 0},
        {.title = "Errors", .x_label = "epoch", .y_label = "share of samples", .series = lines[1],
         .series_count = curves_shown, .levels = &tested[1], .level_count = f->tested > 0}};
    snprintf(title, sizeof title, "dropcl train: %" PRId64 " samples, %d layers, %s loss", f->samples,
             f->options->layer_count, losses[f->options->loss]);
    if (f->tested && isfinite(f->test_error))
        snprintf(facts, sizeof facts, "test loss %.4g, test error %.2f %%", f->test_loss, 100 * f->test_error);
    else if (f->tested)
        snprintf(facts, sizeof facts, "test loss %.4g", f->test_loss);
    dcl__path svg = dcl__join(f->folder, "report.svg"), png = dcl__join(f->folder, "report.png");
    const int panel_count = f->classes > 1 ? 2 : 1;
    const dcl__page page = {title, facts, panels, panel_count, panel_count};
    return dcl__plot_write(svg.text, png.text, &page, error);
}

static dcl_status write_picture(const dcl__train_facts *f, const dcl_epoch *history, int64_t count, dcl_error *error)
{
    double *curves = malloc((size_t)(4 * count) * sizeof *curves);
    if (!curves)
        return dcl__no_memory(error, "the picture", 4 * count * (int64_t)sizeof *curves);
    for (int64_t i = 0; i < count; i++) {
        curves[i] = history[i].training_loss;
        curves[count + i] = history[i].training_error;
        curves[2 * count + i] = history[i].validation_loss;
        curves[3 * count + i] = history[i].validation_error;
    }
    dcl_status status = draw(f, curves, count, error);
    free(curves);
    return status;
}

/* ---- All of it ---- */

/* Samples are right or wrong where there is more than one output. */
static void print_result(const char *name, double loss, double error_rate, const char *remark)
{
    printf("%-14s loss %.6g", name, loss);
    if (isfinite(error_rate))
        printf(", errors %.2f %%", 100 * error_rate);
    printf("%s\n", remark);
}

static void print_summary(const dcl__train_facts *f, const dcl_epoch *history, int64_t count, int64_t best)
{
    const dcl_epoch *last = &history[count - 1];
    char remark[64];
    printf("device         %s (%s)\n", dcl_device_describe(f->device)->name, dcl_device_reason(f->device));
    printf("network        %" PRId64, f->features);
    for (int i = 0; i < f->options->layer_count; i++)
        printf("-%" PRId64, f->options->layers[i].width);
    printf(", %s loss, %s\n", losses[f->options->loss], dcl__dtype_name(f->dtype));
    printf("time           %.2f s, %" PRId64 " epochs, %" PRId64 " steps of %" PRId64 " samples\n", last->seconds,
           count, last->step, f->options->batch);
    printf("files          %s: weights.npz weights.safetensors report.json history.csv report.svg report.png\n",
           f->folder);
    print_result("training", last->training_loss, last->training_error,
                 is_noisy(f) ? " (with noise, last epoch)" : " (last epoch)");
    snprintf(remark, sizeof remark, " (epoch %" PRId64 ", the best)", best);
    if (best)
        print_result("validation", history[best - 1].validation_loss, history[best - 1].validation_error, remark);
    if (f->tested)
        print_result("test", f->test_loss, f->test_error, "");
    if (f->last)
        printf("last layer     objective %.9g, no network reaches less than %.9g\n", f->last->objective,
               f->last->bound.minimum - f->last->bound.error);
}

static dcl_status write_files(const dcl__train_facts *f, dcl_network *network, const json_t *report,
                              const dcl_epoch *history, int64_t count, dcl_error *error)
{
    dcl__path json = dcl__join(f->folder, "report.json");
    dcl_status status = write_weights(f, network, error);
    if (status == DCL_OK)
        status = write_history(f->folder, history, count, error);
    return status ? status : dcl__json_write(json.text, report, error);
}

dcl_status dcl__report_training(const dcl__train_facts *f, dcl_network *network, dcl_error *error)
{
    int64_t count, best = dcl_network_best(network);
    const dcl_epoch *history = dcl_network_history(network, &count);
    json_t *report = dcl__json_join(describe_run(f), describe_result(f, history, count, best));
    if (!report)
        return dcl__no_memory(error, "the report", 0);
    dcl_status status = write_files(f, network, report, history, count, error);
    if (status == DCL_OK && f->json)
        dcl__print_json(report);
    else if (status == DCL_OK)
        print_summary(f, history, count, best);
    json_decref(report);
    return status ? status : write_picture(f, history, count, error);
}
