/* differences.c: an op's gradient against central differences of its reference. */
#include "conformance/differences.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/trial.h"
#include "core/schema.h"

enum { SAMPLES = 12, SEED = 7 /* what dcl__case_infer sets */ };

/* The weight of an element of an output in the objective: from 0.5 to 1.5, either sign. */
static double weight(uint32_t output, int64_t index)
{
    uint32_t words[4];
    dcl_random_words(99, 0, output, (uint64_t)index, words);
    double size = 0.5 + words[0] * 0x1p-32;
    return words[1] & 1 ? size : -size;
}

/* ---- By differences ---- */

static dcl_status objective(const dcl__trial_case *made, dcl_device *device, double *value, dcl_error *error)
{
    dcl__outcome outcome = {0};
    dcl_status status = made->op->op.reference ? dcl__trial_reference(made, DCL_F64, &outcome, error)
                                               : dcl__trial_device(made, device, DCL_F64, 0, &outcome, error);
    *value = 0;
    for (uint32_t k = 0; k < outcome.count; k++)
        for (int64_t i = 0; (outcome.tensors[k].dtype & DCL_REAL) && i < outcome.tensors[k].count; i++)
            *value += weight(k, i) * outcome.data[k][i];
    dcl__outcome_free(&outcome);
    return status;
}

static dcl_status slope(const dcl__trial_case *made, dcl_device *device, uint32_t input, int64_t index, double *out,
                        dcl_error *error)
{
    double *element = &made->data[input][index], old = *element, width = 1e-5 * (1 + fabs(old)), right, left = 0;
    *element = old + width;
    dcl_status status = objective(made, device, &right, error);
    *element = old - width;
    if (status == DCL_OK)
        status = objective(made, device, &left, error);
    *element = old;
    *out = (right - left) / (2 * width);
    return status;
}

/* ---- By the graph ---- */

typedef struct built {
    dcl_graph *graph;
    dcl_session *session;
    dcl_value inputs[DCL_MAX_PORTS];
    double *gradients[DCL_MAX_PORTS];
} built;

static int is_differentiable(const dcl__trial_case *made, uint32_t i)
{
    return made->dtypes[i] == DCL_REAL && !(made->op->op.inputs[i].flags & DCL_PORT_CONSTANT);
}

static const char *numbered(char text[32], const char *prefix, uint32_t i)
{
    snprintf(text, 32, "%s%u", prefix, i);
    return text;
}

/* sum over outputs of sum(output * weights). */
static dcl_value add_objective(built *b, const dcl_op *op, dcl_value output)
{
    dcl_value sum = 0;
    char name[32];
    for (uint32_t k = 0; k < dcl__port_count(op->outputs); k++) {
        const dcl_tensor *found = dcl_value_tensor(b->graph, output + k);
        if (!found || !(found->dtype & DCL_REAL))
            continue;
        const dcl_tensor shape = *found;
        dcl_value weights = dcl_graph_input(b->graph, numbered(name, "weight", k), DCL_REAL, shape.rank, shape.dim);
        dcl_value product = dcl_graph_apply(b->graph, NULL, "multiply", (dcl_value[]){output + k, weights}, 2, NULL);
        dcl_value part = dcl_graph_apply(b->graph, NULL, "sum", &product, 1, NULL);
        sum = sum ? dcl_graph_apply(b->graph, NULL, "add", (dcl_value[]){sum, part}, 2, NULL) : part;
    }
    return sum;
}

static void build(built *b, const dcl__trial_case *made)
{
    char name[32];
    for (uint32_t i = 0; i < made->input_count; i++)
        if (made->dtypes[i])
            b->inputs[i] = dcl_graph_input(b->graph, numbered(name, "input", i), made->dtypes[i], made->ranks[i],
                                           made->dims[i]);
    dcl_value output = dcl_graph_apply(b->graph, "case", made->op->op.name, b->inputs, made->input_count,
                                       made->settings);
    dcl_value sum = add_objective(b, &made->op->op, output);
    for (uint32_t i = 0; i < made->input_count; i++) {
        dcl_value gradient = 0;
        if (is_differentiable(made, i) && dcl_graph_gradient(b->graph, sum, &b->inputs[i], 1, &gradient) == DCL_OK)
            dcl_graph_result(b->graph, numbered(name, "gradient", i), gradient);
    }
}

static dcl_status feed_weights(built *b, const dcl__trial_case *made, dcl_error *error)
{
    char name[32];
    dcl_status status = DCL_OK;
    for (uint32_t k = 0; k < dcl__port_count(made->op->op.outputs) && status == DCL_OK; k++) {
        dcl_value value = dcl_value_find(b->graph, numbered(name, "weight", k));
        if (!value)
            continue;
        int64_t count = dcl_value_tensor(b->graph, value)->count;
        double *weights = malloc((size_t)count * sizeof *weights);
        for (int64_t i = 0; weights && i < count; i++)
            weights[i] = weight(k, i);
        status = weights ? dcl_session_feed(b->session, name, DCL_F64, weights, error)
                         : dcl__no_memory(error, "weights", count * (int64_t)sizeof *weights);
        free(weights);
    }
    return status;
}

static dcl_status feed_inputs(built *b, const dcl__trial_case *made, dcl_error *error)
{
    char name[32];
    dcl_status status = DCL_OK;
    for (uint32_t i = 0; i < made->input_count && status == DCL_OK; i++) {
        numbered(name, "input", i);
        if (made->dtypes[i] == DCL_REAL)
            status = dcl_session_feed(b->session, name, DCL_F64, made->data[i], error);
        if (made->dtypes[i] != DCL_I64)
            continue;
        int64_t *whole = malloc((size_t)made->counts[i] * sizeof *whole);
        for (int64_t j = 0; whole && j < made->counts[i]; j++)
            whole[j] = (int64_t)made->data[i][j];
        status = whole ? dcl_session_feed(b->session, name, DCL_I64, whole, error)
                       : dcl__no_memory(error, "an input", made->counts[i] * (int64_t)sizeof *whole);
        free(whole);
    }
    return status;
}

static dcl_status fetch_gradients(built *b, const dcl__trial_case *made, dcl_error *error)
{
    char name[32];
    dcl_status status = DCL_OK;
    for (uint32_t i = 0; i < made->input_count && status == DCL_OK; i++) {
        if (!is_differentiable(made, i))
            continue;
        b->gradients[i] = calloc((size_t)made->counts[i], sizeof(double));
        status = b->gradients[i] ? dcl_session_fetch(b->session, numbered(name, "gradient", i), DCL_F64,
                                                     b->gradients[i], error)
                                 : dcl__no_memory(error, "a gradient", made->counts[i] * (int64_t)sizeof(double));
    }
    return status;
}

static dcl_status run_graph(built *b, const dcl_registry *registry, const dcl__trial_case *made, dcl_device *device,
                            uint32_t dtype, dcl_error *error)
{
    dcl_status status = dcl_graph_create(registry, dtype, SEED, &b->graph, error);
    if (status)
        return status;
    build(b, made);
    status = dcl_graph_status(b->graph, error);
    if (status == DCL_OK)
        status = dcl_session_create(device, b->graph, &b->session, error);
    if (status == DCL_OK) {
        dcl_session_set_steps(b->session, made->record->step);
        status = feed_weights(b, made, error);
    }
    if (status == DCL_OK)
        status = feed_inputs(b, made, error);
    return status ? status : fetch_gradients(b, made, error);
}

static void free_built(built *b)
{
    for (int i = 0; i < DCL_MAX_PORTS; i++)
        free(b->gradients[i]);
    dcl_session_free(b->session);
    dcl_graph_free(b->graph);
}

/* ---- Comparing ---- */

static dcl_status compare_input(const built *b, const dcl__trial_case *made, dcl_device *device, uint32_t input,
                                uint32_t dtype, dcl_error *error)
{
    const double tolerance = dtype == DCL_F64 ? 1e-6 : 2e-3;
    double scale = 1e-3;    /* below it differences drown in rounding */
    for (int64_t i = 0; i < made->counts[input]; i++)
        scale = fmax(scale, fabs(b->gradients[input][i]));
    for (int s = 0; s < SAMPLES; s++) {
        int64_t index = made->counts[input] <= SAMPLES ? s : (int64_t)s * made->counts[input] / SAMPLES;
        double wanted, found;
        if (index >= made->counts[input])
            break;
        dcl_status status = slope(made, device, input, index, &wanted, error);
        if (status)
            return status;
        found = b->gradients[input][index];
        if (!(fabs(found - wanted) <= tolerance * scale))
            return dcl__fail(error, DCL_EPLUGIN, "the gradient of input '%s'[%lld] is %.9g, differences say %.9g "
                             "(tolerance %.1g of %.3g)", made->op->op.inputs[input].name, (long long)index, found,
                             wanted, tolerance, scale);
    }
    return DCL_OK;
}

dcl_status dcl__check_differences(const dcl_registry *registry, const dcl__trial_case *made, dcl_device *device,
                                  uint32_t dtype, dcl_error *error)
{
    built b = {0};
    dcl_status status = run_graph(&b, registry, made, device, dtype, error);
    for (uint32_t i = 0; i < made->input_count && status == DCL_OK; i++)
        if (is_differentiable(made, i))
            status = compare_input(&b, made, device, i, dtype, error);
    free_built(&b);
    return status;
}
