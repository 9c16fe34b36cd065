/* gemm_packed.c: the matrix product for CPU devices, by cl/gemm_packed.cl: what is packed, in which pieces. */
#include <inttypes.h>
#include <stdio.h>

#include "core/buffer.h"
#include "core/gemm.h"
#include "core/program.h"
#include "core/tensor.h"
#include "gemm_packed.cl.h"

/* A panel of COLUMNS x `depth` stays in the first level cache; SLICE rows are packed by one work-item. */
enum { STANDARD_DEPTH = 384, SLICE = 16 };

/* Room for the packed pieces of one operand, and for a group's rows of A: to stay in the outer and the second
 * level cache. */
enum { PANEL_BYTES = 8 << 20, BLOCK_BYTES = 256 << 10 };

/* A product is small when packing B takes as long as multiplying, and B and its last panel stay in cache. */
enum { MOST_SMALL = 256 * 256 * 256, SMALL_BYTES = 256 << 10, SMALL_BLOCK_BYTES = 32 << 10 };

/* Packing rows of A pays when they are used for more than so many panels, and when they are longer than a block. */
enum { FEW_PANELS = 8 };

/* A piece of the product that fits into the panels: rows first_m.. of C, columns first_n.., depth first_k... */
typedef struct piece {
    int64_t m, n, k, first_m, first_n, first_k;
} piece;

/* How the work is cut for one device. */
typedef struct cut {
    dcl__tile tile;
    int64_t size;                /* of an element                                                    */
    int64_t depth;               /* of a panel                                                       */
    int64_t m, n, k;             /* at most, of a piece                                              */
} cut;

static int64_t divide_up(int64_t count, int64_t by)
{
    return (count + by - 1) / by;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static dcl__tile make_tile(int64_t lanes, int64_t rows, int64_t vectors)
{
    dcl__tile tile = {.lanes = lanes, .rows = rows, .columns = lanes * vectors};
    snprintf(tile.defines, sizeof tile.defines, "LANES=%" PRId64 " ROWS=%" PRId64 " VECTORS=%" PRId64, lanes, rows,
             vectors);
    return tile;
}

dcl__tile dcl__tile_of(const dcl_device *device, uint32_t dtype)
{
    int64_t size = dcl__dtype_size(dtype), lanes = dtype == DCL_F64 ? device->info.lanes_f64 : device->info.lanes_f32;
    lanes = least(lanes * size < 16 ? 16 / size : lanes, 16);
    /* Vectors of 512 bits come with 32 registers, narrower ones mostly with 16. */
    int wide = lanes * size >= 64;
    return make_tile(lanes, wide ? 8 : 6, wide ? 3 : 2);
}

void dcl__packed_standard(const dcl_device *device, uint32_t dtype, int64_t *values)
{
    const dcl__tile tile = dcl__tile_of(device, dtype);
    values[DCL__LANES] = tile.lanes;
    values[DCL__ROWS] = tile.rows;
    values[DCL__VECTORS] = tile.columns / tile.lanes;
    values[DCL__DEPTH] = STANDARD_DEPTH;
}

/* Tile and depth of panels, tuned or standard. */
static cut cut_tile(const dcl_device *device, uint32_t dtype)
{
    const dcl__tuning *tuning = dcl__tuning_of(device, dtype);
    const int64_t *v = tuning->values[DCL__PACKED];
    cut c = {.tile = dcl__tile_of(device, dtype), .size = dcl__dtype_size(dtype), .depth = STANDARD_DEPTH};
    if (tuning->given[DCL__PACKED]) {
        c.tile = make_tile(v[DCL__LANES], v[DCL__ROWS], v[DCL__VECTORS]);
        c.depth = v[DCL__DEPTH];
    }
    return c;
}

/* The largest piece: whole blocks of `depth`, or all of k where it is shorter. */
static cut cut_product(const dcl_device *device, const dcl__product *p)
{
    cut c = cut_tile(device, p->dtype);
    int64_t elements = PANEL_BYTES / c.size, block = least(p->k, c.depth);
    int64_t across = p->transpose & DCL_TRANSPOSE_A ? c.tile.rows : 0;
    c.n = least(p->n, elements / block / c.tile.columns * c.tile.columns);
    c.m = across ? least(p->m, elements / block / across * across) : p->m;
    int64_t widest = divide_up(c.n, c.tile.columns) * c.tile.columns;
    int64_t tallest = divide_up(c.m, c.tile.rows) * c.tile.rows;
    int64_t most = elements / (across && tallest > widest ? tallest : widest);
    most = most >= p->k ? p->k : most / c.depth * c.depth;
    c.k = least(p->k, divide_up(divide_up(p->k, divide_up(p->k, most)), c.depth) * c.depth);
    return c;
}

static dcl_status get_kernel(dcl_device *device, const dcl__product *p, const cut *c, const char *name,
                             cl_kernel *kernel, dcl_error *error)
{
    char defines[DCL__TILE_DEFINES + 64];
    snprintf(defines, sizeof defines, "%s DEPTH=%" PRId64 " SLICE=%d", c->tile.defines, c->depth, SLICE);
    const dcl__build build = {.owner = "gemm_packed", .source = gemm_packed_cl, .real = p->dtype, .defines = defines};
    return dcl__kernel(device, &build, name, kernel, error);
}

/* Packs depth x count elements of an operand; element (p, j) is at offset + p * stride + j, or `across`, at offset +
 * p + j * stride. */
static dcl_status pack(dcl_device *device, const dcl__product *p, const cut *c, const char *name,
                       const dcl__matrix *from, int64_t offset, int across, int64_t depth, int64_t count, cl_mem to,
                       dcl_error *error)
{
    static const uint64_t one[] = {1, 1};
    const uint64_t slices[] = {(uint64_t)divide_up(depth, SLICE)};
    const uint64_t blocks[] = {(uint64_t)divide_up(count, c->tile.columns), (uint64_t)divide_up(depth, c->depth)};
    const size_t integer = sizeof depth, memory = sizeof(cl_mem);
    const dcl__kernel_argument arguments[] = {{integer, &depth}, {integer, &count}, {memory, &from->buffer},
                                              {integer, &offset}, {integer, &from->stride}, {memory, &to}};
    cl_kernel kernel;
    dcl_status status = get_kernel(device, p, c, name, &kernel, error);
    if (status == DCL_OK)
        status = dcl__set_kernel_arguments(kernel, name, arguments, 6, error);
    return status ? status : dcl__enqueue(device, kernel, name, across ? 2 : 1, across ? blocks : slices, one, error);
}

/* Strips and panels of one group: enough groups for all compute units, few enough that a group's rows of A
 * stay in cache. */
static void cut_groups(const dcl_device *device, const cut *c, const piece *at, int64_t *strips, int64_t *panels)
{
    int64_t all_strips = divide_up(at->m, c->tile.rows), all_panels = divide_up(at->n, c->tile.columns);
    int64_t room = least(BLOCK_BYTES, device->info.local_bytes / 2), units = device->info.compute_units;
    int64_t most = room / (c->tile.rows * least(at->k, c->depth) * c->size);
    int64_t groups = divide_up(all_strips, most > 0 ? most : 1);
    groups = least(all_strips, divide_up(groups, units) * units);
    *strips = divide_up(all_strips, groups);
    *panels = divide_up(all_panels, least(all_panels, divide_up(units, groups)));
}

static dcl_status multiply(dcl_device *device, const dcl__product *p, const cut *c, const piece *at,
                           dcl_error *error)
{
    static const uint64_t one[] = {1, 1};
    int64_t strips, panels;
    cut_groups(device, c, at, &strips, &panels);
    const size_t room = (size_t)(strips * c->tile.rows * least(at->k, c->depth) * c->size);
    const int packed = (p->transpose & DCL_TRANSPOSE_A) != 0;
    const int direct = !packed && (divide_up(at->n, c->tile.columns) <= FEW_PANELS || at->k <= c->depth ||
                                   room > (size_t)device->info.local_bytes);
    const char *name = packed ? "multiply_panels" : direct ? "multiply_direct" : "multiply_block";
    const dcl__real alpha = dcl__real_of(p->dtype, p->alpha);
    const dcl__real beta = dcl__real_of(p->dtype, at->first_k == 0 ? p->beta : 1);
    const int64_t a_offset = packed ? 0 : p->a.offset + at->first_m * p->a.stride + at->first_k;
    const int64_t c_offset = p->c.offset + at->first_m * p->c.stride + at->first_n;
    const size_t integer = sizeof a_offset, memory = sizeof(cl_mem), real = (size_t)c->size;
    const size_t block = packed || direct ? real : room;
    const dcl__kernel_argument arguments[] = {
        {integer, &at->m}, {integer, &at->n}, {integer, &at->k}, {real, &alpha},
        {memory, packed ? &device->gemm->panels[0] : &p->a.buffer}, {integer, &a_offset}, {integer, &p->a.stride},
        {memory, &device->gemm->panels[1]}, {real, &beta}, {memory, &p->c.buffer}, {integer, &c_offset},
        {integer, &p->c.stride}, {integer, &strips}, {integer, &panels}, {block, NULL}};
    const uint64_t groups[] = {(uint64_t)divide_up(divide_up(at->m, c->tile.rows), strips),
                               (uint64_t)divide_up(divide_up(at->n, c->tile.columns), panels)};
    cl_kernel kernel;
    dcl_status status = get_kernel(device, p, c, name, &kernel, error);
    if (status == DCL_OK)
        status = dcl__set_kernel_arguments(kernel, name, arguments, 15, error);
    return status ? status : dcl__enqueue(device, kernel, name, 2, groups, one, error);
}

static dcl_status run_piece(dcl_device *device, const dcl__product *p, const cut *c, const piece *at,
                            dcl_error *error)
{
    const int ta = (p->transpose & DCL_TRANSPOSE_A) != 0, tb = (p->transpose & DCL_TRANSPOSE_B) != 0;
    const int64_t first_b = tb ? at->first_n * p->b.stride + at->first_k : at->first_k * p->b.stride + at->first_n;
    const int64_t first_a = at->first_k * p->a.stride + at->first_m;
    dcl_status status = DCL_OK;
    if (at->first_m == 0)        /* else the panels of op(B) are there already */
        status = pack(device, p, c, tb ? "pack_right_across" : "pack_right", &p->b, p->b.offset + first_b, tb, at->k,
                      at->n, device->gemm->panels[1], error);
    if (status == DCL_OK && ta)
        status = pack(device, p, c, "pack_left", &p->a, p->a.offset + first_a, 0, at->k, at->m, device->gemm->panels[0],
                      error);
    return status ? status : multiply(device, p, c, at, error);
}

/* Room for panels; whole tiles are written beyond the last row or column. */
static dcl_status reserve(dcl_device *device, int operand, int64_t bytes, dcl_error *error)
{
    dcl__gemm *state = device->gemm;
    if (state->panel_bytes[operand] >= bytes)
        return DCL_OK;
    dcl__buffer_release(device, state->panels[operand]);
    state->panels[operand] = NULL;
    state->panel_bytes[operand] = 0;
    dcl_status status = dcl__buffer_create(device, "packed panels", bytes, &state->panels[operand], error);
    if (status == DCL_OK)
        state->panel_bytes[operand] = bytes;
    return status;
}

static int is_small(const dcl_device *device, const dcl__product *p, const cut *c)
{
    const int64_t block = p->k * c->tile.columns * c->size;
    return p->transpose == 0 && (double)p->m * (double)p->n * (double)p->k <= MOST_SMALL &&
           p->k * p->n * c->size <= SMALL_BYTES && block <= least(SMALL_BLOCK_BYTES, device->info.local_bytes);
}

static dcl_status run_small(dcl_device *device, const dcl__product *p, const cut *c, dcl_error *error)
{
    static const uint64_t one[] = {1, 1};
    static const char name[] = "multiply_small";
    const piece whole = {.m = p->m, .n = p->n, .k = p->k};
    const dcl__real alpha = dcl__real_of(p->dtype, p->alpha), beta = dcl__real_of(p->dtype, p->beta);
    const size_t integer = sizeof p->m, memory = sizeof(cl_mem), real = (size_t)c->size;
    int64_t strips, panels;
    cut_groups(device, c, &whole, &strips, &panels);
    const dcl__kernel_argument arguments[] = {
        {integer, &p->m}, {integer, &p->n}, {integer, &p->k}, {real, &alpha}, {memory, &p->a.buffer},
        {integer, &p->a.offset}, {integer, &p->a.stride}, {memory, &p->b.buffer}, {integer, &p->b.offset},
        {integer, &p->b.stride}, {real, &beta}, {memory, &p->c.buffer}, {integer, &p->c.offset},
        {integer, &p->c.stride}, {integer, &strips}, {integer, &panels},
        {(size_t)(p->k * c->tile.columns) * real, NULL}};
    const uint64_t groups[] = {(uint64_t)divide_up(divide_up(p->m, c->tile.rows), strips),
                               (uint64_t)divide_up(divide_up(p->n, c->tile.columns), panels)};
    cl_kernel kernel;
    dcl_status status = get_kernel(device, p, c, name, &kernel, error);
    if (status == DCL_OK)
        status = dcl__set_kernel_arguments(kernel, name, arguments, 17, error);
    return status ? status : dcl__enqueue(device, kernel, name, 2, groups, one, error);
}

static dcl_status run_packed(dcl_device *device, const dcl__product *p, dcl_error *error)
{
    const cut c = cut_product(device, p);
    if (is_small(device, p, &c))
        return run_small(device, p, &c, error);
    const int64_t rows = divide_up(c.m, c.tile.rows) * c.tile.rows;
    const int64_t columns = divide_up(c.n, c.tile.columns) * c.tile.columns;
    dcl_status status = reserve(device, 1, columns * c.k * c.size, error);
    if (status == DCL_OK && (p->transpose & DCL_TRANSPOSE_A))
        status = reserve(device, 0, rows * c.k * c.size, error);
    piece at = {0};
    for (at.first_n = 0; at.first_n < p->n; at.first_n += c.n)
        for (at.first_k = 0; at.first_k < p->k; at.first_k += c.k)
            for (at.first_m = 0; at.first_m < p->m && status == DCL_OK; at.first_m += c.m) {
                at.m = least(c.m, p->m - at.first_m);
                at.n = least(c.n, p->n - at.first_n);
                at.k = least(c.k, p->k - at.first_k);
                status = run_piece(device, p, &c, &at, error);
            }
    return status;
}

void dcl__gemm_packed_release(dcl_device *device)
{
    for (int i = 0; i < 2; i++)
        dcl__buffer_release(device, device->gemm->panels[i]);
}

const dcl__gemm_variant dcl__gemm_packed = {.name = "packed", .run = run_packed, .long_loops = 1};
