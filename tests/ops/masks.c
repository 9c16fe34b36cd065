/* masks.c: the masks of a device are, bit for bit, what the counter-based generator says on the host.
 *
 *     masks DEVICE
 *
 * Run on several devices it shows that they all draw the same masks. Exit status 77: no such device.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

enum { ROWS = 37, COLUMNS = 61, COUNT = ROWS * COLUMNS };

static const struct {
    uint64_t seed;
    int64_t step, stream, block, scaled;
    double retain;
} masks[] = {
    {1, 0, 0, 1, 0, 0.5},
    {1, 1, 0, 1, 1, 0.5},
    {0xFEDCBA9876543210, 12345, 7, 1, 1, 0.8},
    {42, 3, 4294967295, 1, 0, 1e-3},
    {42, 3, 2, 8, 1, 0.3},
    {42, 3, 3, 100, 0, 0.9},
    {42, 4294967295, 3, 1, 1, 1},
};

/* Entry (i, j): its draw is the block it lies in, four draws to an index, kept below retain 2^32. */
static float expected(size_t m, int64_t i, int64_t j)
{
    int64_t block = masks[m].block < COLUMNS ? masks[m].block : COLUMNS;
    int64_t draw = i * ((COLUMNS + block - 1) / block) + j / block;
    uint32_t words[4];
    dcl_random_words(masks[m].seed, (uint32_t)masks[m].step, (uint32_t)masks[m].stream, (uint64_t)draw / 4,
                     words);
    if (words[draw % 4] >= masks[m].retain * 0x1p32)
        return 0;
    return masks[m].scaled ? (float)(1 / masks[m].retain) : 1;
}

static dcl_status draw_on_device(const dcl_registry *ops, dcl_device *device, size_t m, float *drawn,
                                 dcl_error *error)
{
    dcl_graph *graph = NULL;
    dcl_session *session = NULL;
    const dcl_setting settings[] = {
        {.name = "shape", .list = (int64_t[]){ROWS, COLUMNS}, .count = 2},
        {.name = "retain", .number = masks[m].retain},
        {.name = "block", .integer = masks[m].block},
        {.name = "stream", .integer = masks[m].stream},
        {.name = "scaled", .integer = masks[m].scaled},
        {0},
    };
    dcl_status status = dcl_graph_create(ops, DCL_F32, masks[m].seed, &graph, error);
    if (status)
        return status;
    dcl_graph_result(graph, "mask", dcl_graph_apply(graph, NULL, "mask", NULL, 0, settings));
    status = dcl_session_create(device, graph, &session, error);
    if (status == DCL_OK) {
        dcl_session_set_steps(session, masks[m].step);
        status = dcl_session_fetch(session, "mask", DCL_F32, drawn, error);
    }
    dcl_session_free(session);
    dcl_graph_free(graph);
    return status;
}

static int mask_is_equal(const dcl_registry *ops, dcl_device *device, size_t m)
{
    static float drawn[COUNT], wanted[COUNT];
    dcl_error error;
    if (draw_on_device(ops, device, m, drawn, &error)) {
        printf("mask %zu: %s\n", m, error.text);
        return 0;
    }
    int different = 0, kept = 0;
    for (int64_t i = 0; i < COUNT; i++) {
        wanted[i] = expected(m, i / COLUMNS, i % COLUMNS);
        different += memcmp(&drawn[i], &wanted[i], sizeof *drawn) != 0;
        kept += wanted[i] != 0;
    }
    printf("mask %zu: %d of %d kept, %d differ\n", m, kept, COUNT, different);
    return different == 0;
}

int main(int argument_count, char **arguments)
{
    dcl_registry *ops = NULL;
    dcl_device *device = NULL;
    int result;
    if (open_or_skip(argument_count > 1 ? arguments[1] : NULL, NULL, &ops, &device, &result))
        return result;
    for (size_t m = 0; m < sizeof masks / sizeof *masks; m++)
        if (!mask_is_equal(ops, device, m))
            result = TEST_FAILED;
    dcl_device_close(device);
    dcl_registry_close(ops);
    return result;
}
