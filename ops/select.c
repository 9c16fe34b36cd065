/* select.c: parts of a tensor along one axis, the way back, and the indices of minibatches. */
#include "common.h"
#include "select.cl.h"

/* A tensor seen as outer x length x inner around an axis. */
typedef struct view {
    int64_t outer, length, inner;
} view;

static view view_of(const dcl_tensor *tensor, int64_t axis)
{
    uint32_t d = (uint32_t)axis;
    view made = {dcl__product(tensor->dim, d), tensor->dim[d],
                 dcl__product(tensor->dim + d + 1, tensor->rank - d - 1)};
    return made;
}

static view view_along_axis(const dcl_host *host, dcl_call *call, const dcl_tensor *tensor)
{
    return view_of(tensor, host->integer(call, "axis"));
}

static dcl_status check_axis(const dcl_host *host, dcl_call *call)
{
    if (host->integer(call, "axis") >= host->input(call, 0)->rank)
        return host->fail(call, DCL_EINVAL, "axis names a dimension that x does not have; they count from 0");
    return DCL_OK;
}

/* Declares the output with the shape of x, but `length` along the axis. */
static dcl_status set_length(const dcl_host *host, dcl_call *call, int64_t length)
{
    const dcl_tensor *x = host->input(call, 0);
    int64_t dim[8];
    for (uint32_t d = 0; d < x->rank; d++)
        dim[d] = d == host->integer(call, "axis") ? length : x->dim[d];
    return host->set_output(call, 0, x->dtype, x->rank, dim);
}

/* ---- slice and pad ----------------------------------------------------------------------------- */

static dcl_status slice_infer(const dcl_host *host, dcl_call *call)
{
    dcl_status status = check_axis(host, call);
    if (status)
        return status;
    int64_t length = view_along_axis(host, call, host->input(call, 0)).length;
    int64_t start = host->integer(call, "start"), count = host->integer(call, "count");
    if (count > length || start > length - count)
        return host->fail(call, DCL_EINVAL, "start + count is beyond the length of x along the axis");
    return set_length(host, call, count);
}

static dcl_status pad_infer(const dcl_host *host, dcl_call *call)
{
    dcl_status status = check_axis(host, call);
    if (status)
        return status;
    int64_t length = view_along_axis(host, call, host->input(call, 0)).length;
    int64_t start = host->integer(call, "start"), count = host->integer(call, "count");
    if (length > count || start > count - length)
        return host->fail(call, DCL_EINVAL, "x does not fit: start + its length on the axis is beyond count");
    return set_length(host, call, count);
}

/* Entry j along the output's axis is entry j + offset of x, or zero. */
static dcl_status run_shift(const dcl_host *host, dcl_call *call, int64_t offset)
{
    const dcl_tensor *x = host->input(call, 0), *out = host->output(call, 0);
    view from = view_along_axis(host, call, x), to = view_along_axis(host, call, out);
    int64_t line = to.length * to.inner, pieces = dcl__pieces(line);
    const dcl_argument argument[] = {
        dcl_arg_tensor(x), dcl_arg_tensor(out), dcl_arg_long(to.outer * pieces), dcl_arg_long(pieces),
        dcl_arg_long(from.length * from.inner), dcl_arg_long(line), dcl_arg_long(offset * from.inner),
    };
    return dcl__launch(host, call, "select_shift", argument, 7, to.outer * pieces);
}

static dcl_status slice_run(const dcl_host *host, dcl_call *call)
{
    return run_shift(host, call, host->integer(call, "start"));
}

static dcl_status pad_run(const dcl_host *host, dcl_call *call)
{
    return run_shift(host, call, -host->integer(call, "start"));
}

/* Position of the element of `seen` that lies `shift` further along the axis than element i of `other`. */
static int64_t shifted(view other, int64_t i, int64_t shift, view seen)
{
    int64_t inside = i % other.inner, along = i / other.inner % other.length;
    int64_t outside = i / other.inner / other.length;
    return (outside * seen.length + along + shift) * seen.inner + inside;
}

static dcl_status slice_reference(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0), *out = host->output(call, 0);
    view from = view_along_axis(host, call, x), to = view_along_axis(host, call, out);
    for (int64_t i = 0; i < out->count; i++)
        dcl__set(out, i, dcl__get(x, shifted(to, i, host->integer(call, "start"), from)));
    return DCL_OK;
}

static dcl_status pad_reference(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0), *out = host->output(call, 0);
    view from = view_along_axis(host, call, x), to = view_along_axis(host, call, out);
    for (int64_t i = 0; i < out->count; i++)
        dcl__set(out, i, 0);
    for (int64_t i = 0; i < x->count; i++)
        dcl__set(out, shifted(from, i, host->integer(call, "start"), to), dcl__get(x, i));
    return DCL_OK;
}

/* The slope goes through `op`, the other one of the pair, which gives it the length of x. */
static dcl_status set_shifted(const dcl_host *host, dcl_call *call, const char *op)
{
    dcl_value slope = host->output_gradient(call, 0);
    const dcl_setting settings[] = {
        {.name = "axis", .integer = host->integer(call, "axis")},
        {.name = "start", .integer = host->integer(call, "start")},
        {.name = "count", .integer = view_along_axis(host, call, host->input(call, 0)).length},
        {0},
    };
    return host->set_gradient(call, 0, host->emit(call, op, &slope, 1, settings));
}

static dcl_status slice_gradient(const dcl_host *host, dcl_call *call)
{
    return set_shifted(host, call, "pad");
}

static dcl_status pad_gradient(const dcl_host *host, dcl_call *call)
{
    return set_shifted(host, call, "slice");
}

/* ---- gather and scatter ------------------------------------------------------------------------ */

static dcl_status check_indices(const dcl_host *host, dcl_call *call)
{
    if (host->input(call, 1)->rank != 1)
        return host->fail(call, DCL_EINVAL, "indices must be a vector");
    return check_axis(host, call);
}

static dcl_status gather_infer(const dcl_host *host, dcl_call *call)
{
    dcl_status status = check_indices(host, call);
    return status ? status : set_length(host, call, host->input(call, 1)->count);
}

static dcl_status gather_run(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0), *indices = host->input(call, 1), *out = host->output(call, 0);
    view from = view_along_axis(host, call, x);
    int64_t pieces = dcl__pieces(from.inner), items = from.outer * indices->count * pieces;
    const dcl_argument argument[] = {
        dcl_arg_tensor(x), dcl_arg_tensor(indices), dcl_arg_tensor(out), dcl_arg_long(items),
        dcl_arg_long(pieces), dcl_arg_long(from.length), dcl_arg_long(indices->count),
        dcl_arg_long(from.inner),
    };
    return dcl__launch(host, call, "select_gather", argument, 8, items);
}

static dcl_status gather_reference(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0), *out = host->output(call, 0);
    const int64_t *indices = host->input(call, 1)->data;
    view from = view_along_axis(host, call, x), to = view_along_axis(host, call, out);
    for (int64_t i = 0; i < out->count; i++) {
        int64_t along = i / to.inner % to.length, index = indices[along];
        int known = index >= 0 && index < from.length;
        dcl__set(out, i, known ? dcl__get(x, shifted(to, i, index - along, from)) : 0);
    }
    return DCL_OK;
}

static dcl_status gather_gradient(const dcl_host *host, dcl_call *call)
{
    const dcl_value operands[] = {host->output_gradient(call, 0), host->input_value(call, 1)};
    const dcl_setting settings[] = {
        {.name = "axis", .integer = host->integer(call, "axis")},
        {.name = "count", .integer = view_along_axis(host, call, host->input(call, 0)).length},
        {0},
    };
    return host->set_gradient(call, 0, host->emit(call, "scatter", operands, 2, settings));
}

static dcl_status scatter_infer(const dcl_host *host, dcl_call *call)
{
    dcl_status status = check_indices(host, call);
    if (status)
        return status;
    const dcl_tensor *indices = host->input(call, 1);
    if (indices->count != view_along_axis(host, call, host->input(call, 0)).length)
        return host->fail(call, DCL_EINVAL, "there must be one index for each entry of x along the axis");
    status = set_length(host, call, host->integer(call, "count"));
    for (uint32_t i = 0; i < 2 && status == DCL_OK; i++)
        status = host->set_scratch(call, i, DCL_I64, 1, &indices->count);
    const int64_t bounds = host->integer(call, "count") + 1;
    return status ? status : host->set_scratch(call, 2, DCL_I64, 1, &bounds);
}

/* Sorts the positions 0, 1, ... by their index: blocks first, then merges of runs twice as long each
 * time. On success *order is the scratch that holds them. */
static dcl_status sort_positions(const dcl_host *host, dcl_call *call, const dcl_tensor **order)
{
    enum { BLOCK = 128 };
    const dcl_tensor *indices = host->input(call, 1);
    const dcl_tensor *from = host->scratch(call, 0), *to = host->scratch(call, 1);
    const dcl_argument argument[] = {
        dcl_arg_tensor(indices), dcl_arg_tensor(from), dcl_arg_long(indices->count), dcl_arg_long(BLOCK),
    };
    dcl_status status = dcl__launch(host, call, "scatter_sort", argument, 4, indices->count);
    for (int64_t run = BLOCK; run < indices->count && status == DCL_OK; run *= 2) {
        const dcl_argument merging[] = {
            dcl_arg_tensor(indices), dcl_arg_tensor(from), dcl_arg_tensor(to), dcl_arg_long(indices->count),
            dcl_arg_long(run),
        };
        status = dcl__launch(host, call, "scatter_merge", merging, 5, indices->count);
        const dcl_tensor *merged = to;
        to = from;
        from = merged;
    }
    *order = from;
    return status;
}

static dcl_status scatter_run(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0), *indices = host->input(call, 1), *out = host->output(call, 0);
    const dcl_tensor *order, *bounds = host->scratch(call, 2);
    view to = view_along_axis(host, call, out);
    dcl_status status = sort_positions(host, call, &order);
    if (status == DCL_OK) {
        const dcl_argument argument[] = {
            dcl_arg_tensor(indices), dcl_arg_tensor(order), dcl_arg_tensor(bounds),
            dcl_arg_long(indices->count), dcl_arg_long(to.length),
        };
        status = dcl__launch(host, call, "scatter_bounds", argument, 5, to.length + 1);
    }
    if (status)
        return status;
    int64_t pieces = dcl__pieces(to.inner), items = to.outer * to.length * pieces;
    const dcl_argument argument[] = {
        dcl_arg_tensor(x), dcl_arg_tensor(order), dcl_arg_tensor(bounds), dcl_arg_tensor(out),
        dcl_arg_long(items), dcl_arg_long(pieces), dcl_arg_long(to.length), dcl_arg_long(indices->count),
        dcl_arg_long(to.inner),
    };
    return dcl__launch(host, call, "scatter_sum", argument, 9, items);
}

static dcl_status scatter_reference(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0), *out = host->output(call, 0);
    const int64_t *indices = host->input(call, 1)->data;
    view from = view_along_axis(host, call, x), to = view_along_axis(host, call, out);
    for (int64_t i = 0; i < out->count; i++) {
        int64_t along = i / to.inner % to.length;
        double sum = 0;
        for (int64_t k = 0; k < from.length; k++)
            if (indices[k] == along)
                sum += dcl__get(x, shifted(to, i, k - along, from));
        dcl__set(out, i, sum);
    }
    return DCL_OK;
}

static dcl_status scatter_gradient(const dcl_host *host, dcl_call *call)
{
    const dcl_value operands[] = {host->output_gradient(call, 0), host->input_value(call, 1)};
    const dcl_setting settings[] = {{.name = "axis", .integer = host->integer(call, "axis")}, {0}};
    return host->set_gradient(call, 0, host->emit(call, "gather", operands, 2, settings));
}

/* ---- batch ------------------------------------------------------------------------------------- */

/* Rounds of the Feistel network: 4 make a strong permutation when the halves are long, small populations
 * need some more. */
enum { BATCH_ROUNDS = 8, BATCH_LEAST_HALF_BITS = 4 };

/* Half of the bits of the network's range, the smallest even power of two that holds the population. */
static int64_t half_bits_of(int64_t population)
{
    int64_t half_bits = BATCH_LEAST_HALF_BITS;
    while ((int64_t)1 << 2 * half_bits < population)
        half_bits++;
    return half_bits;
}

static dcl_status batch_infer(const dcl_host *host, dcl_call *call)
{
    int64_t count = host->integer(call, "count");
    if (count > host->integer(call, "population"))
        return host->fail(call, DCL_EINVAL, "count must not be above population: nothing is drawn twice");
    return host->set_output(call, 0, DCL_I64, 1, &count);
}

/* The key of the op's stream; the word of the step is to be replaced by the epoch. */
static void batch_key(const dcl_host *host, dcl_call *call, uint32_t key[4])
{
    host->key(call, (uint32_t)host->integer(call, "stream"), key);
}

static dcl_status batch_run(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *out = host->output(call, 0);
    int64_t population = host->integer(call, "population");
    uint64_t first = (uint64_t)host->step(call) * (uint64_t)out->count;
    uint32_t key[4];
    batch_key(host, call, key);
    const dcl_argument argument[] = {
        dcl_arg_key(key), dcl_arg_tensor(out), dcl_arg_long(out->count),
        dcl_arg_long((int64_t)first), dcl_arg_long(population),
        dcl_arg_long(half_bits_of(population)), dcl_arg_long(BATCH_ROUNDS),
    };
    const uint64_t global = (uint64_t)out->count;
    return host->launch(call, "batch_indices", NULL, argument, 7, 1, &global, NULL);
}

/* One pass of a value through the network. */
static uint64_t encrypt(const dcl_host *host, const uint32_t key[4], int64_t half_bits, uint64_t value)
{
    uint64_t mask = ((uint64_t)1 << half_bits) - 1, left = value >> half_bits, right = value & mask;
    for (uint64_t turn = 0; turn < BATCH_ROUNDS; turn++) {
        uint32_t words[4];
        host->random(key, (uint64_t)1 << 63 | turn << 32 | right, words);
        uint64_t mixed = left ^ (words[0] & mask);
        left = right;
        right = mixed;
    }
    return left << half_bits | right;
}

static dcl_status batch_reference(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *out = host->output(call, 0);
    uint64_t population = (uint64_t)host->integer(call, "population");
    uint64_t position = (uint64_t)host->step(call) * (uint64_t)out->count;
    uint32_t key[4];
    batch_key(host, call, key);
    for (int64_t i = 0; i < out->count; i++, position++) {
        key[2] = (uint32_t)(position / population);
        uint64_t value = position % population;
        do
            value = encrypt(host, key, half_bits_of((int64_t)population), value);
        while (value >= population);
        ((int64_t *)out->data)[i] = (int64_t)value;
    }
    return DCL_OK;
}

/* ---- Tables ------------------------------------------------------------------------------------ */

#define LONGEST 9007199254740992.0
#define AXIS {.name = "axis", .doc = "dimension of x, counted from 0", .kind = DCL_INTEGER, .most = 7}

static const dcl_port inputs[] = {{"x", "any shape but a scalar", DCL_REAL, 0}, {0}};
static const dcl_port indexed_inputs[] = {
    {"x", "any shape but a scalar", DCL_REAL, 0},
    {"indices", "vector; indices count from 0", DCL_I64, DCL_PORT_CONSTANT},
    {0},
};
static const dcl_port outputs[] = {{"result", "shape of x but along the axis", DCL_REAL, 0}, {0}};
static const dcl_port batch_outputs[] = {{"indices", "vector of count indices", DCL_I64, 0}, {0}};

static const dcl_attribute slice_attributes[] = {
    AXIS,
    {.name = "start", .doc = "first entry", .kind = DCL_INTEGER, .most = LONGEST},
    {.name = "count", .doc = "number of entries", .kind = DCL_INTEGER, .flags = DCL_ATTRIBUTE_REQUIRED,
     .fallback = 1, .least = 1, .most = LONGEST},
    {0},
};
static const dcl_attribute pad_attributes[] = {
    AXIS,
    {.name = "start", .doc = "place of the first entry of x", .kind = DCL_INTEGER, .most = LONGEST},
    {.name = "count", .doc = "length of the result along the axis", .kind = DCL_INTEGER,
     .flags = DCL_ATTRIBUTE_REQUIRED, .fallback = 1, .least = 1, .most = LONGEST},
    {0},
};
static const dcl_attribute gather_attributes[] = {AXIS, {0}};
static const dcl_attribute scatter_attributes[] = {
    AXIS,
    {.name = "count", .doc = "length of the result along the axis", .kind = DCL_INTEGER,
     .flags = DCL_ATTRIBUTE_REQUIRED, .fallback = 1, .least = 1, .most = LONGEST},
    {0},
};
static const dcl_attribute batch_attributes[] = {
    {.name = "population", .doc = "indices are drawn from 0 to population - 1", .kind = DCL_INTEGER,
     .flags = DCL_ATTRIBUTE_REQUIRED, .fallback = 1, .least = 1, .most = LONGEST},
    {.name = "count", .doc = "indices of one step, at most population", .kind = DCL_INTEGER,
     .flags = DCL_ATTRIBUTE_REQUIRED, .fallback = 1, .least = 1, .most = LONGEST},
    {.name = "stream", .doc = "batches of different streams are independent", .kind = DCL_INTEGER,
     .most = 4294967295.0},
    {0},
};

static const dcl_case slice_cases[] = {
    {"7", "count=3", 0, 0, 0, 0},
    {"7", "start=4 count=3", 0, 0, 0, 0},
    {"1", "count=1", 0, 0, 0, 0},
    {"5x4", "start=1 count=2", 0, 0, 0, 0},
    {"5x4", "axis=1 start=3 count=1", 0, 0, 0, 0},
    {"5x4", "count=5", 0, 0, 0, 0},
    {"3x5x2", "axis=1 start=2 count=3", 0, 0, 0, 0},
    {"2x1x2x1x2x3x2x2", "axis=5 start=1 count=2", 0, 0, 0, 0},
    {"71x67", "axis=1 start=13 count=41", 0, 0, DCL_CASE_NO_GRADIENT, 0},
    {"5x4", "start=3 count=3", 0, 0, DCL_CASE_REFUSED, 0},
    {"5x4", "count=6", 0, 0, DCL_CASE_REFUSED, 0},
    {"5x4", "count=0", 0, 0, DCL_CASE_REFUSED, 0},
    {"5x4", "start=-1 count=2", 0, 0, DCL_CASE_REFUSED, 0},
    {"5x4", "axis=2 count=1", 0, 0, DCL_CASE_REFUSED, 0},
    {"5x4", "axis=1", 0, 0, DCL_CASE_REFUSED, 0},
    {"scalar", "count=1", 0, 0, DCL_CASE_REFUSED, 0},
    {0},
};

static const dcl_case pad_cases[] = {
    {"3", "count=7", 0, 0, 0, 0},
    {"3", "start=4 count=7", 0, 0, 0, 0},
    {"1", "count=1", 0, 0, 0, 0},
    {"2x4", "start=1 count=5", 0, 0, 0, 0},
    {"5x1", "axis=1 start=3 count=4", 0, 0, 0, 0},
    {"3x3x2", "axis=1 start=2 count=6", 0, 0, 0, 0},
    {"2x1x2x1x2x3x2x2", "axis=5 start=1 count=4", 0, 0, 0, 0},
    {"71x41", "axis=1 start=13 count=67", 0, 0, DCL_CASE_NO_GRADIENT, 0},
    {"3x4", "start=3 count=5", 0, 0, DCL_CASE_REFUSED, 0},
    {"3x4", "count=2", 0, 0, DCL_CASE_REFUSED, 0},
    {"3x4", "start=-1 count=5", 0, 0, DCL_CASE_REFUSED, 0},
    {"3x4", "axis=2 count=5", 0, 0, DCL_CASE_REFUSED, 0},
    {"scalar", "count=5", 0, 0, DCL_CASE_REFUSED, 0},
    {0},
};

/* Ranges beyond the axis hold indices that are out of range, on both sides. */
static const dcl_case gather_cases[] = {
    {"7 3@0..6", NULL, 0, 0, 0, 0},
    {"7 1@-3..-1", NULL, 0, 0, 0, 0},
    {"5x4 6@0..4", NULL, 0, 0, 0, 0},
    {"5x4 3@0..3", "axis=1", 0, 0, 0, 0},
    {"5x4 9@-2..6", NULL, 0, 0, 0, 0},
    {"5x4 9", NULL, 0, 0, 0, 0},
    {"3x5x2 4@0..4", "axis=1", 0, 0, 0, 0},
    {"2x1x2x1x2x3x2x2 4@0..2", "axis=5", 0, 0, 0, 0},
    {"71x67 301@0..70", NULL, 0, 0, DCL_CASE_NO_GRADIENT, 0},
    {"71x67 301@-3..70", "axis=1", 0, 0, DCL_CASE_NO_GRADIENT, 0},
    {"5x4 3@0..3", "axis=2", 0, 0, DCL_CASE_REFUSED, 0},
    {"5x4 2x2@0..3", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {"5x4 scalar@0..3", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {"scalar 3@0..3", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {0},
};

static const dcl_case scatter_cases[] = {
    {"3 3@0..6", "count=7", 3e-7, 1e-15, 0, 0},
    {"1 1@-3..-1", "count=4", 0, 0, 0, 0},
    {"6x4 6@0..4", "count=5", 6e-7, 1e-15, 0, 0},
    {"6x4 6@2..2", "count=5", 6e-7, 1e-15, 0, 0},
    {"5x3 3@0..3", "axis=1 count=4", 3e-7, 1e-15, 0, 0},
    {"9x4 9@-2..6", "count=5", 6e-7, 1e-15, 0, 0},
    {"9x4 9", "count=5", 6e-7, 1e-15, 0, 0},
    {"3x4x2 4@0..4", "axis=1 count=5", 3e-7, 1e-15, 0, 0},
    {"2x1x2x1x2x4x2x2 4@0..2", "axis=5 count=3", 3e-7, 1e-15, 0, 0},
    {"301x7 301@0..70", "count=71", 2e-6, 4e-15, DCL_CASE_NO_GRADIENT, 0},
    {"7x701 701@-9..60", "axis=1 count=53", 2e-6, 4e-15, DCL_CASE_NO_GRADIENT, 0},
    {"5x4 4@0..3", "count=5", 0, 0, DCL_CASE_REFUSED, 0},
    {"5x4 5@0..3", "count=0", 0, 0, DCL_CASE_REFUSED, 0},
    {"5x4 5@0..3", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {"5x4 5@0..3", "axis=2 count=5", 0, 0, DCL_CASE_REFUSED, 0},
    {"4x4 2x2@0..3", "count=5", 0, 0, DCL_CASE_REFUSED, 0},
    {"scalar 1@0..3", "count=5", 0, 0, DCL_CASE_REFUSED, 0},
    {0},
};

static const dcl_case batch_cases[] = {
    {"", "population=1 count=1", 0, 0, 0, 3},
    {"", "population=3 count=2", 0, 0, 0, 3},
    {"", "population=17 count=17", 0, 0, 0, 3},
    {"", "population=1000 count=100 stream=5", 0, 0, 0, 3},
    {"", "population=60000 count=3001 stream=4294967295", 0, 0, 0, 3},
    {"", "population=1000000000000 count=33", 0, 0, 0, 3},
    {"", "population=9007199254740992 count=5", 0, 0, 0, 3},
    {"", "population=10 count=11", 0, 0, DCL_CASE_REFUSED, 0},
    {"", "population=10 count=0", 0, 0, DCL_CASE_REFUSED, 0},
    {"", "population=0 count=1", 0, 0, DCL_CASE_REFUSED, 0},
    {"", "population=10", 0, 0, DCL_CASE_REFUSED, 0},
    {"", "population=10 count=5 stream=-1", 0, 0, DCL_CASE_REFUSED, 0},
    {0},
};

/* The members that all ops of this file have in common. */
#define SELECTION(name_, doc_)                                                                  \
    .size = sizeof(dcl_op), .name = #name_, .doc = doc_, .semantics = 1,                        \
    .attributes = name_##_attributes, .source = select_cl, .cases = name_##_cases,              \
    .infer = name_##_infer, .run = name_##_run, .reference = name_##_reference

static const dcl_op slice_op = {
    SELECTION(slice, "count entries of x along the axis, from start on"),
    .inputs = inputs, .outputs = outputs, .gradient = slice_gradient,
};
static const dcl_op pad_op = {
    SELECTION(pad, "x at place start of an axis of length count, zeros elsewhere"),
    .inputs = inputs, .outputs = outputs, .gradient = pad_gradient,
};
static const dcl_op gather_op = {
    SELECTION(gather, "entries indices[0], indices[1], ... of x along the axis; zeros where out of range"),
    .inputs = indexed_inputs, .outputs = outputs, .gradient = gather_gradient,
};
static const dcl_op scatter_op = {
    SELECTION(scatter, "adds entry k of x to entry indices[k] of zeros, along the axis, if there"),
    .inputs = indexed_inputs, .outputs = outputs, .gradient = scatter_gradient,
};
static const dcl_op batch_op = {
    SELECTION(batch, "indices of the step's minibatch: all indices in random order, anew in every epoch"),
    .outputs = batch_outputs, .flags = DCL_OP_RANDOM,
};

static const dcl_op *const ops[] = {&slice_op, &pad_op, &gather_op, &scatter_op, &batch_op, NULL};

const dcl_plugin dcl_plugin_v1 = {
    .size = sizeof dcl_plugin_v1,
    .need_minor = DCL_NEED_MINOR,
    .id = "dropcl.select",
    .version = "0.1.0",
    .license = "Apache-2.0",
    .ops = ops,
};
