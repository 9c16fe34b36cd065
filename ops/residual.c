/* residual.c: ||Y - U V'||^2 with dropped units, and both gradients, in one pass over Y.
 *
 * The residual R = U V' - Y exists in small pieces only. Units that the mask of the step drops are neither
 * multiplied nor read: the mask is a function of seed and step, so the host knows how many are kept without
 * asking the device. Devices whose fast kernels have explicit vectors take one kernel that computes loss and
 * gradients tile by tile; on others R is made in slabs of rows, by matrix products and one kernel that subtracts.
 * Where every row of a factor has a mask of its own, tiles are those of row_masks.c, and slabs multiply zeros.
 */
#define DCL_NEED_MINOR 1u         /* gemm_view, the register tile */

#include <stdio.h>

#include "residual.cl.h"
#include "residual.h"

/* Work-items that sum squares side by side, and how many of their sums one work-item adds. */
enum { ITEMS = 65536, FAN = 256 };

/* Rows that a work-item copies where it is a group of its own. */
enum { ROWS_A_GROUP = 32 };

/* Rows of a tile of R start at different places of a cache. */
enum { LINE_BYTES = 64, WIDEST_TILE = 64 };

/* How Y is cut into bands and tiles. */
typedef struct tiling {
    int64_t lanes, rows, columns;            /* of the register tile; lanes 0: none                  */
    int64_t groups, band_rows, band_columns;
    int64_t high, wide, row;                 /* tile of R, and the distance of its rows              */
    int64_t stride, work;                    /* of the kept columns of U; elements of a group's work */
} tiling;

static int64_t round_up(int64_t count, int64_t to)
{
    return dcl__divide_up(count, to) * to;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* ---- The mask ---- */

int64_t dcl__mask_threshold(const dcl_host *host, dcl_call *call)
{
    return dcl__keep_below(host->number(call, "retain"));
}

/* Whether units are kept in this step, by draws of the op's mask. */
typedef struct mask {
    uint32_t key[4], words[4];
    int64_t block, threshold, quarter;       /* quarter: the Philox index that words hold, -1: none  */
    int64_t draws;                           /* of a row                                             */
} mask;

static mask make_mask(const dcl_host *host, dcl_call *call)
{
    mask made = {.block = host->integer(call, "block"), .threshold = dcl__mask_threshold(host, call), .quarter = -1};
    made.draws = dcl__divide_up(host->input(call, 1)->dim[1], made.block);
    host->key(call, (uint32_t)host->integer(call, "stream"), made.key);
    return made;
}

static int is_kept(const dcl_host *host, mask *m, int64_t row, int64_t i)
{
    const int64_t draw = row * m->draws + i / m->block;
    if (draw / 4 != m->quarter) {
        m->quarter = draw / 4;
        host->random(m->key, (uint64_t)m->quarter, m->words);
    }
    return m->words[draw % 4] < m->threshold;
}

static int64_t count_kept(const dcl_host *host, dcl_call *call, int64_t width)
{
    mask m = make_mask(host, call);
    int64_t kept = 0;
    for (int64_t i = 0; i < width; i++)
        kept += is_kept(host, &m, 0, i);
    return kept;
}

static dcl__residual make_residual(const dcl_host *host, dcl_call *call)
{
    dcl__residual s = {.y = host->input(call, 0), .u = host->input(call, 1), .v = host->input(call, 2),
                       .slopes = host->output(call, DCL__GRADIENT_U) != NULL,
                       .row_masks = (int)host->integer(call, "row_masks")};
    s.m = s.y->dim[0];
    s.n = s.y->dim[1];
    s.width = s.u->dim[1];
    s.kept = s.row_masks ? s.width : count_kept(host, call, s.width);
    s.scale = s.kept > 0 ? 1 / host->number(call, "retain") : 0;
    s.kept = most(s.kept, 1);
    return s;
}

/* ---- Kernels that both ways share ---- */

/* One dimension of work-items. */
static dcl_status launch(const dcl_host *host, dcl_call *call, const dcl__residual *s, const char *name,
                         const dcl_argument *argument, uint32_t count, int64_t items)
{
    const uint64_t global = (uint64_t)items;
    return host->launch(call, name, s->defines, argument, count, 1, &global, NULL);
}

static dcl_status keep_units(const dcl_host *host, dcl_call *call, const dcl__residual *s)
{
    const mask m = make_mask(host, call);
    const dcl_argument argument[] = {
        dcl_arg_tensor(host->scratch(call, DCL__LIST)), dcl_arg_long(s->width), dcl_arg_long(m.block),
        dcl_arg_long(m.threshold), dcl_arg_key(m.key)};
    return launch(host, call, s, "residual_keep", argument, 5, 1);
}

dcl_status dcl__residual_launch_rows(const dcl_host *host, dcl_call *call, const dcl__residual *s, const char *name,
                                     dcl_argument *argument, uint32_t count, int64_t rows)
{
    const int64_t share = s->tiled ? ROWS_A_GROUP : 1;
    const uint64_t global = (uint64_t)dcl__divide_up(rows, share), one = 1;
    argument[count - 1] = dcl_arg_long(share);
    return host->launch(call, name, s->defines, argument, count, 1, &global, s->tiled ? &one : NULL);
}

/* The kept columns of rows first.. of a factor, to `to` at an offset, with rows of `stride` elements. */
static dcl_status gather(const dcl_host *host, dcl_call *call, const dcl__residual *s, const dcl_tensor *from,
                         int64_t first, int64_t rows, double scale, const dcl_tensor *to, int64_t offset,
                         int64_t stride)
{
    dcl_argument argument[11] = {
        dcl_arg_tensor(from), dcl_arg_tensor(host->scratch(call, DCL__LIST)), dcl_arg_tensor(to), dcl_arg_long(offset),
        dcl_arg_long(rows), dcl_arg_long(first), dcl_arg_long(s->width), dcl_arg_long(s->kept), dcl_arg_long(stride),
        dcl_arg_real(scale)};
    return dcl__residual_launch_rows(host, call, s, "residual_gather", argument, 11, rows);
}

/* The gradients, whose kept columns stand side by side, get their zeros between. */
static dcl_status spread(const dcl_host *host, dcl_call *call, const dcl__residual *s)
{
    if (s->kept == s->width || !s->slopes)
        return DCL_OK;
    dcl_argument argument[7] = {
        dcl_arg_tensor(host->output(call, DCL__GRADIENT_U)), dcl_arg_long(s->m),
        dcl_arg_tensor(host->output(call, DCL__GRADIENT_V)), dcl_arg_long(s->n),
        dcl_arg_tensor(host->scratch(call, DCL__LIST)), dcl_arg_long(s->width)};
    return dcl__residual_launch_rows(host, call, s, "residual_spread", argument, 7, s->m + s->n);
}

dcl_status dcl__residual_finish(const dcl_host *host, dcl_call *call, const dcl__residual *s, int64_t count)
{
    const dcl_tensor *partial = host->scratch(call, DCL__PARTIAL);
    int64_t first = 0;
    if (count > FAN) {
        const dcl_argument combine[] = {dcl_arg_tensor(partial), dcl_arg_long(count), dcl_arg_long(FAN)};
        dcl_status status = launch(host, call, s, "residual_combine", combine, 3, dcl__divide_up(count, FAN));
        if (status)
            return status;
        first = count;
        count = dcl__divide_up(count, FAN);
    }
    const dcl_argument argument[] = {dcl_arg_tensor(partial), dcl_arg_long(first), dcl_arg_long(first + count),
                                     dcl_arg_tensor(host->output(call, DCL__LOSS))};
    return launch(host, call, s, "residual_finish", argument, 4, 1);
}

/* ---- By bands and tiles ---- */

/* As many bands each way as there are compute units, none of them empty. */
static void cut_bands(const dcl__residual *s, int64_t units, tiling *t)
{
    for (t->groups = units; t->groups > 0; t->groups--) {
        t->band_rows = round_up(dcl__divide_up(s->m, t->groups), t->rows);
        t->band_columns = round_up(dcl__divide_up(s->n, t->groups), t->columns);
        if ((t->groups - 1) * t->band_rows < s->m && (t->groups - 1) * t->band_columns < s->n)
            return;
    }
}

/* The widest tile of R that fits into `room` elements together with its columns of V, twice; strips along and
 * across it shall come out even. */
static void cut_tile(const dcl__residual *s, int64_t room, int64_t size, tiling *t)
{
    int64_t even = t->columns % t->rows == 0 ? t->columns : t->columns * t->rows / 2, line = LINE_BYTES / size;
    t->high = least(t->band_rows, DCL__TILE_ROWS);
    t->wide = room / (t->high + t->stride + s->kept);
    t->wide = t->wide >= even ? t->wide / even * even : t->columns;
    t->wide = least(t->wide, t->band_columns);
    /* Rows an even number of cache lines apart share few of the places that a cache has. */
    t->row = t->wide / line % 2 ? t->wide : t->wide + line;
    t->work = t->high * t->row + t->wide * (t->stride + s->kept);
}

static int cut_work(const dcl_host *host, dcl_call *call, dcl__residual *s, tiling *t)
{
    *t = (tiling){.lanes = host->device(call, DCL_DEVICE_TILE_LANES), .rows = host->device(call, DCL_DEVICE_TILE_ROWS),
                  .columns = host->device(call, DCL_DEVICE_TILE_COLUMNS)};
    if (t->lanes == 0)
        return 0;
    const int64_t size = s->y->dtype == DCL_F64 ? 8 : 4, all = host->scratch(call, DCL__WORK)->count;
    const int64_t most_groups = host->device(call, DCL_DEVICE_COMPUTE_UNITS);
    t->stride = round_up(s->kept, t->lanes);
    for (int64_t units = most_groups; units > 0; units = t->groups - 1) {
        cut_bands(s, units, t);
        cut_tile(s, DCL__TILE_BYTES / size, size, t);
        if (t->work * t->groups <= all)
            break;
    }
    /* A narrow Y has too few bands for many compute units; slabs use them all. */
    s->tiled = t->groups > 0 && t->work * t->groups <= all && 2 * t->groups >= most_groups;
    if (s->tiled)
        snprintf(s->defines, sizeof s->defines, "TILED=1 LANES=%d ROWS=%d VECTORS=%d", (int)t->lanes, (int)t->rows,
                 (int)(t->columns / t->lanes));
    return s->tiled;
}

static dcl_status run_round(const dcl_host *host, dcl_call *call, const dcl__residual *s, const tiling *t,
                            int64_t round)
{
    const uint64_t groups = (uint64_t)t->groups, one = 1;
    const dcl_tensor *unused = host->output(call, DCL__LOSS);
    const dcl_argument argument[] = {
        dcl_arg_long(s->m), dcl_arg_long(s->n), dcl_arg_tensor(s->y), dcl_arg_tensor(host->scratch(call, DCL__NARROW)),
        dcl_arg_tensor(s->v), dcl_arg_tensor(host->scratch(call, DCL__LIST)), dcl_arg_long(s->width),
        dcl_arg_long(s->kept), dcl_arg_long(s->slopes), dcl_arg_long(t->stride), dcl_arg_real(s->scale),
        dcl_arg_long(t->band_rows), dcl_arg_long(t->band_columns),
        dcl_arg_long(t->high), dcl_arg_long(t->wide), dcl_arg_long(t->row), dcl_arg_long(round),
        dcl_arg_tensor(host->scratch(call, DCL__WORK)), dcl_arg_long(t->work),
        dcl_arg_tensor(s->slopes ? host->output(call, DCL__GRADIENT_U) : unused),
        dcl_arg_tensor(s->slopes ? host->output(call, DCL__GRADIENT_V) : unused),
        dcl_arg_tensor(host->scratch(call, DCL__PARTIAL))};
    return host->launch(call, "residual_bands", s->defines, argument, 22, 1, &groups, &one);
}

static dcl_status run_bands(const dcl_host *host, dcl_call *call, const dcl__residual *s, const tiling *t)
{
    dcl_status status = keep_units(host, call, s);
    if (!status)
        status = gather(host, call, s, s->u, 0, s->m, s->scale, host->scratch(call, DCL__NARROW), 0, t->stride);
    for (int64_t round = 0; round < t->groups && !status; round++)
        status = run_round(host, call, s, t, round);
    if (!status)
        status = spread(host, call, s);
    return status ? status : dcl__residual_finish(host, call, s, t->groups * t->lanes);
}

/* ---- By slabs of rows ---- */

/* A slab: rows first.. of Y, of U and V what the masks keep, and the gradients that it gives. */
typedef struct slab {
    int64_t first, rows;
    dcl_view u, v, residual, gradient_u, gradient_v;
} slab;

static slab make_slab(const dcl_host *host, dcl_call *call, const dcl__residual *s, int64_t first, int64_t rows)
{
    const dcl_tensor *work = host->scratch(call, DCL__WORK), *narrow = host->scratch(call, DCL__NARROW);
    const int all = s->kept == s->width && s->scale == 1, row_masks = s->row_masks;
    return (slab){
        .first = first, .rows = rows,
        .u = all || row_masks == DCL__ROWS_OF_V ? (dcl_view){s->u, first * s->width, rows, s->width, s->width}
                 : (dcl_view){work, rows * s->n, rows, s->kept, s->kept},
        .v = all || row_masks == DCL__ROWS_OF_U ? dcl_view_of(s->v) : (dcl_view){narrow, 0, s->n, s->kept, s->kept},
        .residual = {work, 0, rows, s->n, s->n},
        .gradient_u = {host->output(call, DCL__GRADIENT_U), first * s->width, rows, s->kept, s->width},
        .gradient_v = {host->output(call, DCL__GRADIENT_V), 0, s->n, s->kept, s->width}};
}

static int64_t item_count(const dcl__residual *s)
{
    return least(ITEMS, round_up(s->m * s->n, FAN));
}

static dcl_status subtract(const dcl_host *host, dcl_call *call, const dcl__residual *s, const slab *at)
{
    const int64_t items = item_count(s);
    const dcl_argument argument[] = {
        dcl_arg_tensor(at->residual.tensor), dcl_arg_tensor(s->y), dcl_arg_long(at->first * s->n),
        dcl_arg_long(at->rows * s->n), dcl_arg_tensor(host->scratch(call, DCL__PARTIAL)), dcl_arg_long(items),
        dcl_arg_long(at->first == 0)};
    return launch(host, call, s, "residual_subtract", argument, 7, items);
}

/* What the masks keep of U, scaled, where it is not all. */
static dcl_status mask_left(const dcl_host *host, dcl_call *call, const dcl__residual *s, const slab *at)
{
    if (at->u.tensor == s->u)
        return DCL_OK;
    if (s->row_masks == DCL__ROWS_OF_U)
        return dcl__row_masks_apply(host, call, s, s->u, at->first * s->width, at->u.tensor, at->u.offset, at->rows,
                                    at->first, s->scale);
    return gather(host, call, s, s->u, at->first, at->rows, s->scale, at->u.tensor, at->u.offset, s->kept);
}

/* The same of V; only its own masks scale it. */
static dcl_status mask_right(const dcl_host *host, dcl_call *call, const dcl__residual *s)
{
    const dcl_tensor *narrow = host->scratch(call, DCL__NARROW);
    if ((s->kept == s->width && s->scale == 1) || s->row_masks == DCL__ROWS_OF_U)
        return DCL_OK;
    if (s->row_masks == DCL__ROWS_OF_V)
        return dcl__row_masks_apply(host, call, s, s->v, 0, narrow, 0, s->n, 0, s->scale);
    dcl_status status = keep_units(host, call, s);
    return status ? status : gather(host, call, s, s->v, 0, s->n, 1, narrow, 0, s->kept);
}

/* The gradients of dropped numbers are 0. */
static dcl_status mask_gradients(const dcl_host *host, dcl_call *call, const dcl__residual *s)
{
    if (s->row_masks == DCL__ROWS_NONE || !s->slopes)
        return spread(host, call, s);
    const int of_u = s->row_masks == DCL__ROWS_OF_U;
    const dcl_tensor *gradient = host->output(call, of_u ? DCL__GRADIENT_U : DCL__GRADIENT_V);
    return dcl__row_masks_apply(host, call, s, gradient, 0, gradient, 0, of_u ? s->m : s->n, 0, s->scale);
}

static dcl_status run_slab(const dcl_host *host, dcl_call *call, const dcl__residual *s, const slab *at)
{
    const double scale = s->row_masks ? 1 : s->scale;
    dcl_status status = mask_left(host, call, s, at);
    if (!status)
        status = host->gemm_view(call, DCL_TRANSPOSE_B, 1, &at->u, &at->v, 0, &at->residual);
    if (!status)
        status = subtract(host, call, s, at);
    if (!status && s->slopes)
        status = host->gemm_view(call, 0, scale, &at->residual, &at->v, 0, &at->gradient_u);
    if (!status && s->slopes)
        status = host->gemm_view(call, DCL_TRANSPOSE_A, 1, &at->residual, &at->u, at->first > 0, &at->gradient_v);
    return status;
}

static dcl_status run_slabs(const dcl_host *host, dcl_call *call, const dcl__residual *s)
{
    const int64_t most_rows = most(1, host->scratch(call, DCL__WORK)->count / (s->n + s->kept));
    const int64_t rows = dcl__divide_up(s->m, dcl__divide_up(s->m, most_rows));
    dcl_status status = mask_right(host, call, s);
    for (int64_t first = 0; first < s->m && !status; first += rows) {
        const slab at = make_slab(host, call, s, first, least(rows, s->m - first));
        status = run_slab(host, call, s, &at);
    }
    if (!status)
        status = mask_gradients(host, call, s);
    return status ? status : dcl__residual_finish(host, call, s, item_count(s));
}

static dcl_status residual_run(const dcl_host *host, dcl_call *call)
{
    dcl__residual s = make_residual(host, call);
    tiling t;
    if (!s.row_masks)
        return cut_work(host, call, &s, &t) ? run_bands(host, call, &s, &t) : run_slabs(host, call, &s);
    int done;
    dcl_status status = dcl__row_masks_run(host, call, &s, &done);
    return status || done ? status : run_slabs(host, call, &s);
}

/* ---- Shapes ---- */

/* Scratch for both ways, whose choice depends on the device. */
static dcl_status set_scratch(const dcl_host *host, dcl_call *call, int64_t m, int64_t n, int64_t width)
{
    const int64_t row_masks = host->integer(call, "row_masks");
    const uint32_t dtype = host->real(call);
    int64_t narrow = (most(m, n) + WIDEST_TILE) * (width + WIDEST_TILE), list = width;       /* of two ints */
    int64_t tile = DCL__TILE_ROWS * 2 * WIDEST_TILE + WIDEST_TILE * 2 * (width + WIDEST_TILE);
    if (row_masks) {
        int64_t lists;
        dcl__row_masks_scratch(row_masks == DCL__ROWS_OF_U ? m : n, width, &lists, &list);
        narrow = most(narrow, lists);
        tile = most(tile, dcl__row_masks_work(width));
    }
    const int64_t area = m > DCL__MOST_WORK / (n + width) ? DCL__MOST_WORK : m * (n + width);
    const int64_t work = most(most(area, tile), n + width), partial[] = {ITEMS + FAN, 2};
    dcl_status status = host->set_scratch(call, DCL__NARROW, dtype, 1, &narrow);
    if (!status)
        status = host->set_scratch(call, DCL__WORK, dtype, 1, &work);
    if (!status)
        status = host->set_scratch(call, DCL__PARTIAL, dtype, 2, partial);
    return status ? status : host->set_scratch(call, DCL__LIST, DCL_I64, 1, &list);
}

static dcl_status error_infer(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *y = host->input(call, 0), *u = host->input(call, 1), *v = host->input(call, 2);
    if (y->rank != 2 || u->rank != 2 || v->rank != 2)
        return host->fail(call, DCL_EINVAL, "y, u and v must be matrices, with two dimensions each");
    if (u->dim[0] != y->dim[0] || v->dim[0] != y->dim[1] || u->dim[1] != v->dim[1])
        return host->fail(call, DCL_EINVAL, "y must be m x n, u m x r and v n x r");
    if (!(host->number(call, "retain") > 0))
        return host->fail(call, DCL_EINVAL, "retain must be above 0: nothing would be kept");
    dcl_status status = host->set_output(call, DCL__LOSS, y->dtype, 0, NULL);
    return status ? status : set_scratch(host, call, y->dim[0], y->dim[1], u->dim[1]);
}

static dcl_status residual_infer(const dcl_host *host, dcl_call *call)
{
    dcl_status status = error_infer(host, call);
    if (!status)
        status = dcl__set_like(host, call, DCL__GRADIENT_U, host->input(call, 1));
    return status ? status : dcl__set_like(host, call, DCL__GRADIENT_V, host->input(call, 2));
}

/* ---- The oracle ---- */

/* Whether unit q is kept where row i of u meets row j of v. */
static int meets(const dcl_host *host, const dcl__residual *s, mask *m, int64_t i, int64_t j, int64_t q)
{
    return is_kept(host, m, s->row_masks == DCL__ROWS_OF_U ? i : s->row_masks == DCL__ROWS_OF_V ? j : 0, q);
}

static void add_element(const dcl_host *host, dcl_call *call, const dcl__residual *s, mask *m, int64_t i, int64_t j,
                        double difference)
{
    const dcl_tensor *gradient_u = host->output(call, DCL__GRADIENT_U);
    const dcl_tensor *gradient_v = host->output(call, DCL__GRADIENT_V);
    for (int64_t q = 0; q < s->width; q++)
        if (meets(host, s, m, i, j, q)) {
            const int64_t at_u = i * s->width + q, at_v = j * s->width + q;
            const double slope = 2 * difference * s->scale;
            dcl__set(gradient_u, at_u, dcl__get(gradient_u, at_u) + slope * dcl__get(s->v, at_v));
            dcl__set(gradient_v, at_v, dcl__get(gradient_v, at_v) + slope * dcl__get(s->u, at_u));
        }
}

static dcl_status residual_reference(const dcl_host *host, dcl_call *call)
{
    const dcl__residual s = make_residual(host, call);
    mask m = make_mask(host, call);
    double loss = 0;
    for (int output = DCL__GRADIENT_U; s.slopes && output <= DCL__GRADIENT_V; output++)
        for (int64_t i = 0; i < host->output(call, (uint32_t)output)->count; i++)
            dcl__set(host->output(call, (uint32_t)output), i, 0);
    for (int64_t i = 0; i < s.m; i++)
        for (int64_t j = 0; j < s.n; j++) {
            double difference = -dcl__get(s.y, i * s.n + j);
            for (int64_t q = 0; q < s.width; q++)
                if (meets(host, &s, &m, i, j, q))
                    difference += s.scale * dcl__get(s.u, i * s.width + q) * dcl__get(s.v, j * s.width + q);
            loss += difference * difference;
            if (s.slopes)
                add_element(host, call, &s, &m, i, j, difference);
        }
    dcl__set(host->output(call, DCL__LOSS), 0, loss);
    return DCL_OK;
}

/* ---- The gradient ---- */

/* op(x) op(y) as another node. */
static dcl_value product(const dcl_host *host, dcl_call *call, dcl_value x, uint32_t transpose, dcl_value y)
{
    const dcl_value inputs[] = {x, y};
    const dcl_setting settings[] = {{.name = "transpose_a", .integer = (transpose & DCL_TRANSPOSE_A) != 0},
                                    {.name = "transpose_b", .integer = (transpose & DCL_TRANSPOSE_B) != 0}, {0}};
    return host->emit(call, "matmul", inputs, 2, settings);
}

/* The mask that this op draws, 1 x r or one a row, as another node; 0 where it keeps all. */
static dcl_value emit_mask(const dcl_host *host, dcl_call *call)
{
    const int64_t row_masks = host->integer(call, "row_masks");
    const int64_t rows = row_masks ? host->input(call, row_masks == DCL__ROWS_OF_U ? 1 : 2)->dim[0] : 1;
    const int64_t shape[] = {rows, host->input(call, 1)->dim[1]};
    const dcl_setting settings[] = {
        {.name = "shape", .list = shape, .count = 2}, {.name = "retain", .number = host->number(call, "retain")},
        {.name = "block", .integer = host->integer(call, "block")},
        {.name = "stream", .integer = host->integer(call, "stream")}, {0}};
    return host->number(call, "retain") < 1 ? host->emit(call, "mask", NULL, 0, settings) : 0;
}

/* x times the mask; either may be 0. */
static dcl_value masked(const dcl_host *host, dcl_call *call, dcl_value x, dcl_value mask)
{
    return x && mask ? dcl__emit_binary(host, call, "multiply", x, mask) : x;
}

/* What flows back so far, and one term more; 0 for none. */
static dcl_value plus(const dcl_host *host, dcl_call *call, dcl_value sum, dcl_value term)
{
    return sum ? dcl__emit_binary(host, call, "add", sum, term) : term;
}

/* The slopes of the three outputs, and the values that their terms share; 0 where nothing flows. */
typedef struct slopes {
    dcl_value loss, a, b;        /* of the loss, of gradient_u, of gradient_v                        */
    dcl_value y, u, v, mask;
    uint32_t masked;             /* the input that the mask belongs to, multiplied by it as is its slope */
} slopes;

/* Masks v where its rows have masks, else u; and the slope of that gradient. */
static void mask_slopes(const dcl_host *host, dcl_call *call, slopes *s)
{
    const int of_v = host->integer(call, "row_masks") == DCL__ROWS_OF_V;
    dcl_value *factor = of_v ? &s->v : &s->u, *slope = of_v ? &s->b : &s->a;
    s->masked = of_v ? 2 : 1;
    s->mask = emit_mask(host, call);
    *factor = masked(host, call, *factor, s->mask);
    *slope = masked(host, call, *slope, s->mask);
}

/* With R = u v' - y, gradient_u = 2 R v and gradient_v = 2 R' u, the product <a, gradient_u> + <b, gradient_v> is
 * 2 <R, w> with w = a v' + u b'. Its gradient is 2 (w v + R b) for u and 2 (w' u + R' a) for v; nothing m x n is
 * formed: w v = a (v' v) + u (b' v), and R b = u (v' b) - y b. */
static dcl_value second_order(const dcl_host *host, dcl_call *call, dcl_value a, dcl_value b, dcl_value u, dcl_value v,
                              dcl_value y, uint32_t transpose)
{
    dcl_value sum = 0;
    if (a)
        sum = product(host, call, a, 0, product(host, call, v, DCL_TRANSPOSE_A, v));
    if (b) {
        sum = plus(host, call, sum, product(host, call, u, 0, product(host, call, b, DCL_TRANSPOSE_A, v)));
        sum = plus(host, call, sum, product(host, call, u, 0, product(host, call, v, DCL_TRANSPOSE_A, b)));
        sum = dcl__emit_binary(host, call, "subtract", sum, product(host, call, y, transpose, b));
    }
    return sum ? dcl__emit_scale(host, call, sum, 2) : 0;
}

static dcl_status set_factor_gradient(const dcl_host *host, dcl_call *call, const slopes *s, uint32_t input)
{
    const int is_u = input == 1;
    if (!host->wants(call, input))
        return DCL_OK;
    dcl_value sum = is_u ? second_order(host, call, s->a, s->b, s->u, s->v, s->y, 0)
                         : second_order(host, call, s->b, s->a, s->v, s->u, s->y, DCL_TRANSPOSE_A);
    if (input == s->masked)
        sum = masked(host, call, sum, s->mask);
    if (s->loss)
        sum = plus(host, call, sum, dcl__emit_binary(host, call, "multiply", host->output_value(call, input), s->loss));
    return sum ? host->set_gradient(call, input, sum) : DCL_OK;
}

/* The one gradient that is as large as Y: -2 R times the slope of the loss, and -2 w. */
static dcl_status set_data_gradient(const dcl_host *host, dcl_call *call, const slopes *s)
{
    if (!host->wants(call, 0))
        return DCL_OK;
    dcl_value sum = 0;
    if (s->loss) {
        dcl_value made = product(host, call, s->u, DCL_TRANSPOSE_B, s->v);
        dcl_value residual = dcl__emit_binary(host, call, "subtract", made, s->y);
        sum = dcl__emit_binary(host, call, "multiply", residual, s->loss);
    }
    if (s->a)
        sum = plus(host, call, sum, product(host, call, s->a, DCL_TRANSPOSE_B, s->v));
    if (s->b)
        sum = plus(host, call, sum, product(host, call, s->u, DCL_TRANSPOSE_B, s->b));
    return sum ? host->set_gradient(call, 0, dcl__emit_scale(host, call, sum, -2)) : DCL_OK;
}

static dcl_status residual_gradient(const dcl_host *host, dcl_call *call)
{
    slopes s = {.loss = host->output_gradient(call, DCL__LOSS), .a = host->output_gradient(call, DCL__GRADIENT_U),
                .b = host->output_gradient(call, DCL__GRADIENT_V), .y = host->input_value(call, 0),
                .u = host->input_value(call, 1), .v = host->input_value(call, 2)};
    if (s.a || s.b || host->wants(call, 0))
        mask_slopes(host, call, &s);
    dcl_status status = set_data_gradient(host, call, &s);
    for (uint32_t input = 1; input <= 2 && !status; input++)
        status = set_factor_gradient(host, call, &s, input);
    return status;
}

/* low_rank_residual with the same attributes gives both gradients; that of y is -2 R. */
static dcl_status error_gradient(const dcl_host *host, dcl_call *call)
{
    const dcl_value values[] = {host->input_value(call, 0), host->input_value(call, 1), host->input_value(call, 2)};
    const dcl_setting settings[] = {
        {.name = "retain", .number = host->number(call, "retain")},
        {.name = "block", .integer = host->integer(call, "block")},
        {.name = "stream", .integer = host->integer(call, "stream")},
        {.name = "row_masks", .integer = host->integer(call, "row_masks")}, {0}};
    slopes s = {.loss = host->output_gradient(call, DCL__LOSS), .y = values[0], .u = values[1], .v = values[2]};
    dcl_status status = DCL_OK;
    if (host->wants(call, 0)) {
        mask_slopes(host, call, &s);
        status = set_data_gradient(host, call, &s);
    }
    if (status || (!host->wants(call, 1) && !host->wants(call, 2)))
        return status;
    const dcl_value loss = host->emit(call, "low_rank_residual", values, 3, settings);
    for (uint32_t input = 1; input <= 2 && !status; input++)
        if (host->wants(call, input))
            status = host->set_gradient(call, input, dcl__emit_binary(host, call, "multiply", loss ? loss + input : 0,
                                                                      s.loss));
    return status;
}

/* ---- Tables ---- */

static const dcl_port inputs[] = {
    {"y", "m x n", DCL_REAL, 0},
    {"u", "m x r", DCL_REAL, 0},
    {"v", "n x r", DCL_REAL, 0},
    {0},
};

static const dcl_port outputs[] = {
    {"loss", "scalar: ||y - u diag(mask) v'||^2", DCL_REAL, 0},
    {"gradient_u", "m x r: its gradient by u", DCL_REAL, 0},
    {"gradient_v", "n x r: its gradient by v", DCL_REAL, 0},
    {0},
};

static const dcl_attribute attributes[] = {
    {.name = "retain", .doc = "probability in (0, 1] that a unit is kept; kept ones are scaled by 1 / retain",
     .kind = DCL_NUMBER, .fallback = 1, .least = 0, .most = 1},
    {.name = "block", .doc = "neighbouring units that share one draw", .kind = DCL_INTEGER,
     .fallback = 1, .least = 1, .most = 9007199254740992.0},
    {.name = "stream", .doc = "the mask is that of the op mask with shape=1,r and this stream", .kind = DCL_INTEGER,
     .least = 0, .most = 4294967295.0},
    {.name = "row_masks", .doc = "0: one mask for all; 1: every row of u has its own (shape=m,r), 2: every row of v "
     "(shape=n,r)", .kind = DCL_INTEGER, .least = 0, .most = 2},
    {0},
};

/* A gradient of a large case is a sum of some 70 terms of up to 8, of either sign: allowed is the rounding of the
 * sum of their magnitudes. Sizes that fill tiles and bands are in tests/unit/test_residual.c. */
static const dcl_case cases[] = {
    {"5x4 5x3 4x3", NULL, 4e-6, 1e-14, 0, 0},
    {"5x4 5x3 4x3", "retain=0.5", 4e-6, 1e-14, 0, 3},
    {"7x9 7x6 9x6", "retain=0.6 block=2 stream=5", 4e-6, 1e-14, 0, 1},
    {"1x1 1x1 1x1", NULL, 1e-6, 1e-15, 0, 0},
    {"1x7 1x2 7x2", NULL, 4e-6, 1e-14, 0, 0},
    {"6x5 6x4 5x4", "retain=1e-12", 4e-6, 1e-14, 0, 0},
    {"4x4@0..0 4x2 4x2", NULL, 4e-6, 1e-14, 0, 0},
    {"4x3 4x9 3x9", "retain=0.9", 4e-6, 1e-14, 0, 2},
    {"5x4 5x3 4x3", "retain=0.5 row_masks=1", 4e-6, 1e-14, 0, 3},
    {"4x5 4x3 5x3", "retain=0.6 row_masks=2 stream=5", 4e-6, 1e-14, 0, 1},
    {"7x9 7x6 9x6", "retain=0.6 block=4 row_masks=1", 4e-6, 1e-14, 0, 2},
    {"7x9 7x6 9x6", "retain=0.6 block=4 row_masks=2", 4e-6, 1e-14, 0, 2},
    {"6x5 6x4 5x4", "retain=1e-12 row_masks=1", 4e-6, 1e-14, 0, 0},
    {"6x5 6x4 5x4", "row_masks=2", 4e-6, 1e-14, 0, 0},
    {"50x70 50x21 70x21", NULL, 4e-5, 1e-13, DCL_CASE_NO_GRADIENT, 0},
    {"70x50 70x40 50x40", "retain=0.5", 4e-5, 1e-13, DCL_CASE_NO_GRADIENT, 7},
    {"20x30 20x100 30x100", "retain=0.8 block=7", 4e-5, 1e-13, DCL_CASE_NO_GRADIENT, 1},
    {"70x50 70x40 50x40", "retain=0.5 row_masks=1", 4e-5, 1e-13, DCL_CASE_NO_GRADIENT, 7},
    {"70x50 70x40 50x40", "retain=0.5 row_masks=2", 4e-5, 1e-13, DCL_CASE_NO_GRADIENT, 7},
    {"5x4 5x3 4x3", "retain=0", 0, 0, DCL_CASE_REFUSED, 0},
    {"5x4 4x3 5x3", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {"5x4 5x3 4x2", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {"5 5x3 4x3", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {0},
};

static const dcl_op low_rank_residual = {
    .size = sizeof low_rank_residual,
    .name = "low_rank_residual",
    .doc = "||y - u diag(mask) v'||^2 and its gradients, in one pass over y, without dropped units",
    .semantics = 1,
    .flags = DCL_OP_RANDOM,
    .inputs = inputs,
    .outputs = outputs,
    .attributes = attributes,
    .source = residual_cl,
    .cases = cases,
    .infer = residual_infer,
    .run = residual_run,
    .gradient = residual_gradient,
    .reference = residual_reference,
};

static const dcl_port error_outputs[] = {{"loss", "scalar: ||y - u diag(mask) v'||^2", DCL_REAL, 0}, {0}};

static const dcl_op low_rank_error = {
    .size = sizeof low_rank_error,
    .name = "low_rank_error",
    .doc = "||y - u diag(mask) v'||^2 in one pass over y, without dropped units",
    .semantics = 1,
    .flags = DCL_OP_RANDOM,
    .inputs = inputs,
    .outputs = error_outputs,
    .attributes = attributes,
    .source = residual_cl,
    .cases = cases,
    .infer = error_infer,
    .run = residual_run,
    .gradient = error_gradient,
    .reference = residual_reference,
};

static const dcl_op *const ops[] = {&low_rank_error, &low_rank_residual, NULL};

const dcl_plugin dcl_plugin_v1 = {
    .size = sizeof dcl_plugin_v1,
    .need_minor = DCL_NEED_MINOR,
    .id = "dropcl.residual",
    .version = "0.1.0",
    .license = "Apache-2.0",
    .ops = ops,
};
