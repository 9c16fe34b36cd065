/* mask.c: Bernoulli masks for units, blocks and entries, as values of the graph. */
#include "common.h"
#include "mask.cl.h"

/* How the draws cover the mask: the last dimension, `width` entries, is cut into `row_blocks` blocks of
 * `block` entries, the last one maybe shorter; draw d belongs to block d in row-major order. */
typedef struct layout {
    int64_t width, block, row_blocks, draws;
} layout;

static layout layout_of(const dcl_host *host, dcl_call *call, const dcl_tensor *mask)
{
    layout made = {.width = mask->dim[mask->rank - 1], .block = host->integer(call, "block")};
    if (made.block > made.width)
        made.block = made.width;
    made.row_blocks = (made.width + made.block - 1) / made.block;
    made.draws = mask->count / made.width * made.row_blocks;
    return made;
}

static double kept_value(const dcl_host *host, dcl_call *call)
{
    return host->integer(call, "scaled") ? 1 / host->number(call, "retain") : 1;
}

static dcl_status mask_infer(const dcl_host *host, dcl_call *call)
{
    int64_t rank;
    const int64_t *shape = host->list(call, "shape", &rank);
    if (rank < 1 || rank > DCL_MAX_RANK)
        return host->fail(call, DCL_EINVAL, "shape must have 1 to 8 dimensions");
    if (!(host->number(call, "retain") > 0))
        return host->fail(call, DCL_EINVAL, "retain must be above 0: nothing would be kept");
    return host->set_output(call, 0, host->real(call), (uint32_t)rank, shape);
}

static dcl_status mask_run(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *mask = host->output(call, 0);
    layout plan = layout_of(host, call, mask);
    uint32_t key[4];
    host->key(call, (uint32_t)host->integer(call, "stream"), key);
    const dcl_argument argument[] = {
        dcl_arg_tensor(mask), dcl_arg_long(plan.draws), dcl_arg_long(plan.row_blocks),
        dcl_arg_long(plan.block), dcl_arg_long(plan.width), dcl_arg_long(dcl__keep_below(host->number(call, "retain"))),
        dcl_arg_real(kept_value(host, call)), dcl_arg_key(key),
    };
    return dcl__launch(host, call, "mask_draw", argument, 8, (plan.draws + 3) / 4 * plan.block);
}

static dcl_status mask_reference(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *mask = host->output(call, 0);
    layout plan = layout_of(host, call, mask);
    int64_t threshold = dcl__keep_below(host->number(call, "retain"));
    double kept = kept_value(host, call);
    uint32_t key[4], words[4];
    host->key(call, (uint32_t)host->integer(call, "stream"), key);
    for (int64_t i = 0; i < mask->count; i++) {
        int64_t draw = i / plan.width * plan.row_blocks + i % plan.width / plan.block;
        host->random(key, (uint64_t)draw / 4, words);
        dcl__set(mask, i, words[draw % 4] < threshold ? kept : 0);
    }
    return DCL_OK;
}

static const dcl_port outputs[] = {{"mask", "0 where dropped", DCL_REAL, 0}, {0}};

static const dcl_attribute attributes[] = {
    {.name = "shape", .doc = "units: r or 1,r for one mask a step; m,r for a mask of every entry",
     .kind = DCL_LIST, .flags = DCL_ATTRIBUTE_REQUIRED, .least = 1, .most = 9007199254740992.0},
    {.name = "retain", .doc = "probability in (0, 1] that a draw is kept", .kind = DCL_NUMBER,
     .fallback = 0.5, .least = 0, .most = 1},
    {.name = "block", .doc = "neighbours in the last dimension that share one draw", .kind = DCL_INTEGER,
     .fallback = 1, .least = 1, .most = 9007199254740992.0},
    {.name = "stream", .doc = "masks of one step with different streams are independent",
     .kind = DCL_INTEGER, .least = 0, .most = 4294967295.0},
    {.name = "scaled", .doc = "1: kept entries are 1 / retain, so that the mean is 1; 0: they are 1",
     .kind = DCL_FLAG, .fallback = 1},
    {0},
};

static const dcl_case cases[] = {
    {"", "shape=7", 0, 0, 0, 3},
    {"", "shape=1,64 retain=0.8 stream=3", 0, 0, 0, 0},
    {"", "shape=5,9 retain=0.3 scaled=0", 0, 0, 0, 3},
    {"", "shape=33,65 retain=0.75 stream=4294967295", 0, 0, 0, 0},
    {"", "shape=12 block=4", 0, 0, 0, 3},
    {"", "shape=3,10 block=4 retain=0.6", 0, 0, 0, 0},
    {"", "shape=6,5 block=9", 0, 0, 0, 3},
    {"", "shape=2,3,4,5 block=2", 0, 0, 0, 0},
    {"", "shape=40 retain=1", 0, 0, 0, 3},
    {"", "shape=40 retain=1e-12", 0, 0, 0, 0},
    {"", "shape=1,1,1,1,1,1,1,1", 0, 0, 0, 3},
    {"", "shape=7 retain=0", 0, 0, DCL_CASE_REFUSED, 0},
    {"", "shape=7 retain=1.5", 0, 0, DCL_CASE_REFUSED, 0},
    {"", "shape=7 block=0", 0, 0, DCL_CASE_REFUSED, 0},
    {"", "shape=0,3", 0, 0, DCL_CASE_REFUSED, 0},
    {"", "shape=1,1,1,1,1,1,1,1,1", 0, 0, DCL_CASE_REFUSED, 0},
    {"", "retain=0.5", 0, 0, DCL_CASE_REFUSED, 0},
    {0},
};

static const dcl_op mask = {
    .size = sizeof mask,
    .name = "mask",
    .doc = "Bernoulli mask of the step: each draw is kept with probability retain",
    .semantics = 1,
    .flags = DCL_OP_RANDOM,
    .outputs = outputs,
    .attributes = attributes,
    .source = mask_cl,
    .cases = cases,
    .infer = mask_infer,
    .run = mask_run,
    .reference = mask_reference,
};

static const dcl_op *const ops[] = {&mask, NULL};

const dcl_plugin dcl_plugin_v1 = {
    .size = sizeof dcl_plugin_v1,
    .need_minor = DCL_NEED_MINOR,
    .id = "dropcl.mask",
    .version = "0.1.0",
    .license = "Apache-2.0",
    .ops = ops,
};
