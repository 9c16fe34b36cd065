/* row_masks.c: the low-rank residual where every row of a factor has a mask of its own, on devices with tiles.
 *
 * That factor is called left, of `rows` rows; the other has `columns`. Y is read where it is, as rows x columns.
 */
#include <stdio.h>

#include "residual.h"

/* A stripe of R or of the other factor is so many vectors wide; a panel of them, and a tile of R, stay in the first
 * level cache. */
enum { WIDEST_VECTOR = 16, WIDEST_STRIPE = 8, NARROWEST_STRIPE = 5, PANEL_BYTES = 24 << 10 };

/* Vectors that a step reads besides the stripe, about: a number, and where it belongs. */
enum { STEP_OVERHEAD = 2 };

/* Kept units of a row are multiplied so many at a time (cl/row_masks.cl), and a panel holds so many units at least. */
enum { UNITS_AT_ONCE = 6, FEWEST_UNITS = 24 };

/* A call as seen from the left factor, and how it is cut. */
typedef struct plan {
    const dcl_tensor *left, *right, *gradient_left, *gradient_right;
    int64_t rows, columns, y_row, y_column;
    int64_t span, stripe;                    /* vectors and elements of a stripe                     */
    int64_t units, stride;                   /* of a block of units; of the list of a row            */
    int64_t groups, band_rows, band_columns;
    int64_t high, stripes, work;             /* of a tile; panels of a group; elements of its work   */
} plan;

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* ---- Cutting ---- */

/* A row's list: each block of units filled up to whole turns of the kernel. */
static int64_t list_stride(int64_t width, int64_t units)
{
    return dcl__divide_up(width + (UNITS_AT_ONCE - 1) * dcl__divide_up(width, units), UNITS_AT_ONCE) * UNITS_AT_ONCE;
}

static int64_t narrow_size(int64_t rows, int64_t width, int64_t stride, int64_t high)
{
    return 3 * rows * stride + dcl__divide_up(rows, high) * high * width;
}

static int64_t list_size(int64_t rows, int64_t width, int64_t stride, int64_t units, int64_t high)
{
    const int64_t tiles = dcl__divide_up(rows, high);
    const int64_t counts = rows * dcl__divide_up(width, units) + tiles * width;
    const int64_t places = rows * stride + tiles * high * width;
    return dcl__divide_up(2 * counts + places, 4);
}

/* Tiles have at least half of TILE_ROWS rows, or there is one for a band of fewer: dcl__row_masks_run does without
 * tiles where the bands are so many that this is not enough. */
void dcl__row_masks_scratch(int64_t rows, int64_t width, int64_t *narrow, int64_t *list)
{
    const int64_t stride = list_stride(width, FEWEST_UNITS);
    *narrow = narrow_size(rows, width, stride, DCL__TILE_ROWS);
    *list = list_size(rows, width, stride, FEWEST_UNITS, 1 + least(rows, DCL__TILE_ROWS) / 2) + DCL__TILE_ROWS * width;
}

int64_t dcl__row_masks_work(int64_t width)
{
    return 2 * WIDEST_STRIPE * WIDEST_VECTOR * (DCL__TILE_ROWS + width);
}

static plan make_plan(const dcl_host *host, dcl_call *call, const dcl__residual *s)
{
    const dcl_tensor *u = host->output(call, s->slopes ? DCL__GRADIENT_U : DCL__LOSS);
    const dcl_tensor *v = host->output(call, s->slopes ? DCL__GRADIENT_V : DCL__LOSS);
    if (s->row_masks == DCL__ROWS_OF_U)
        return (plan){.left = s->u, .right = s->v, .gradient_left = u, .gradient_right = v, .rows = s->m,
                      .columns = s->n, .y_row = s->n, .y_column = 1};
    return (plan){.left = s->v, .right = s->u, .gradient_left = v, .gradient_right = u, .rows = s->n, .columns = s->m,
                  .y_row = 1, .y_column = s->n};
}

/* The width of stripes with which a band of columns takes least time: wide ones need fewer steps, but may not come
 * out even. */
static void cut_columns(int64_t lanes, plan *p)
{
    const int64_t band = dcl__divide_up(p->columns, p->groups);
    int64_t fastest = INT64_MAX;
    for (int64_t span = WIDEST_STRIPE; span >= NARROWEST_STRIPE; span--) {
        const int64_t count = dcl__divide_up(band, span * lanes), time = count * (span + STEP_OVERHEAD);
        if (time >= fastest)
            continue;
        fastest = time;
        p->span = span;
        p->stripe = span * lanes;
        p->band_columns = count * p->stripe;
    }
}

/* Tiles of equal height in a band of rows. */
static void cut_rows(plan *p)
{
    const int64_t band = dcl__divide_up(p->rows, p->groups), tiles = dcl__divide_up(band, DCL__TILE_ROWS);
    p->high = dcl__divide_up(band, tiles);
    p->band_rows = tiles * p->high;
}

/* As many panels as fit beside the lists of a tile of R. */
static void cut_panels(const dcl__residual *s, int64_t size, plan *p)
{
    const int64_t tile = 2 * p->high * p->stripe, panel = 2 * p->stripe * s->width, lists = 2 * p->high * s->width;
    const int64_t room = DCL__TILE_BYTES / size - tile - lists;
    p->units = least(s->width, PANEL_BYTES / size / p->stripe);
    p->stride = list_stride(s->width, p->units);
    p->stripes = most(1, least(room / panel, p->band_columns / p->stripe));
    p->work = tile + p->stripes * panel;
}

/* Whether no band is empty, and all lists and work find room. */
static int has_room(const dcl_host *host, dcl_call *call, const dcl__residual *s, const plan *p)
{
    return (p->groups - 1) * p->band_rows < p->rows && (p->groups - 1) * p->band_columns < p->columns &&
           p->work * p->groups <= host->scratch(call, DCL__WORK)->count && p->units >= least(FEWEST_UNITS, s->width) &&
           narrow_size(p->rows, s->width, p->stride, p->high) <= host->scratch(call, DCL__NARROW)->count &&
           list_size(p->rows, s->width, p->stride, p->units, p->high) <= host->scratch(call, DCL__LIST)->count;
}

static int cut(const dcl_host *host, dcl_call *call, dcl__residual *s, plan *p)
{
    const int64_t lanes = host->device(call, DCL_DEVICE_TILE_LANES), size = s->y->dtype == DCL_F64 ? 8 : 4;
    const int64_t most_groups = host->device(call, DCL_DEVICE_COMPUTE_UNITS);
    for (p->groups = lanes > 0 ? most_groups : 0; p->groups > 0; p->groups--) {
        cut_columns(lanes, p);
        cut_rows(p);
        cut_panels(s, size, p);
        if (has_room(host, call, s, p))
            break;
    }
    /* A narrow Y has too few bands for many compute units; slabs use them all. */
    s->tiled = p->groups > 0 && 2 * p->groups >= most_groups;
    if (s->tiled)
        snprintf(s->defines, sizeof s->defines, "TILED=1 LANES=%d ROWS=%d VECTORS=%d SPAN=%d", (int)lanes,
                 (int)host->device(call, DCL_DEVICE_TILE_ROWS),
                 (int)(host->device(call, DCL_DEVICE_TILE_COLUMNS) / lanes), (int)p->span);
    return s->tiled;
}

/* ---- Kernels ---- */

dcl_status dcl__row_masks_apply(const dcl_host *host, dcl_call *call, const dcl__residual *s, const dcl_tensor *from,
                                int64_t from_offset, const dcl_tensor *to, int64_t to_offset, int64_t rows,
                                int64_t first, double factor)
{
    uint32_t key[4];
    host->key(call, (uint32_t)host->integer(call, "stream"), key);
    dcl_argument argument[12] = {
        dcl_arg_tensor(from), dcl_arg_long(from_offset), dcl_arg_tensor(to), dcl_arg_long(to_offset),
        dcl_arg_long(rows), dcl_arg_long(first), dcl_arg_long(s->width), dcl_arg_long(host->integer(call, "block")),
        dcl_arg_long(dcl__mask_threshold(host, call)), dcl_arg_key(key), dcl_arg_real(factor)};
    return dcl__residual_launch_rows(host, call, s, "rows_mask", argument, 12, rows);
}

static dcl_status make_lists(const dcl_host *host, dcl_call *call, const dcl__residual *s, const plan *p)
{
    const uint64_t tiles = (uint64_t)dcl__divide_up(p->rows, p->high), one = 1;
    uint32_t key[4];
    host->key(call, (uint32_t)host->integer(call, "stream"), key);
    const dcl_argument argument[] = {
        dcl_arg_tensor(p->left), dcl_arg_tensor(host->scratch(call, DCL__NARROW)),
        dcl_arg_tensor(host->scratch(call, DCL__LIST)), dcl_arg_long(p->rows), dcl_arg_long(s->width),
        dcl_arg_long(p->stride), dcl_arg_long(p->units), dcl_arg_long(p->high),
        dcl_arg_long(host->integer(call, "block")), dcl_arg_long(dcl__mask_threshold(host, call)), dcl_arg_key(key),
        dcl_arg_real(s->scale)};
    return host->launch(call, "rows_list", s->defines, argument, 12, 1, &tiles, &one);
}

static dcl_status run_round(const dcl_host *host, dcl_call *call, const dcl__residual *s, const plan *p, int64_t round)
{
    const uint64_t groups = (uint64_t)p->groups, one = 1;
    const dcl_argument argument[] = {
        dcl_arg_long(p->rows), dcl_arg_long(p->columns), dcl_arg_tensor(s->y), dcl_arg_long(p->y_row),
        dcl_arg_long(p->y_column), dcl_arg_tensor(p->right), dcl_arg_long(s->width),
        dcl_arg_tensor(host->scratch(call, DCL__NARROW)), dcl_arg_tensor(host->scratch(call, DCL__LIST)),
        dcl_arg_long(p->stride), dcl_arg_long(p->units), dcl_arg_long(p->high), dcl_arg_long(p->stripes),
        dcl_arg_long(p->band_rows), dcl_arg_long(p->band_columns), dcl_arg_long(s->slopes), dcl_arg_long(round),
        dcl_arg_tensor(host->scratch(call, DCL__WORK)), dcl_arg_long(p->work), dcl_arg_tensor(p->gradient_right),
        dcl_arg_tensor(host->scratch(call, DCL__PARTIAL))};
    return host->launch(call, "rows_bands", s->defines, argument, 21, 1, &groups, &one);
}

static dcl_status spread(const dcl_host *host, dcl_call *call, const dcl__residual *s, const plan *p)
{
    dcl_argument argument[10] = {
        dcl_arg_tensor(host->scratch(call, DCL__NARROW)), dcl_arg_tensor(host->scratch(call, DCL__LIST)),
        dcl_arg_long(p->rows), dcl_arg_long(s->width), dcl_arg_long(p->stride), dcl_arg_long(p->units),
        dcl_arg_long(p->high), dcl_arg_real(s->scale), dcl_arg_tensor(p->gradient_left)};
    return dcl__residual_launch_rows(host, call, s, "rows_spread", argument, 10, p->rows);
}

dcl_status dcl__row_masks_run(const dcl_host *host, dcl_call *call, dcl__residual *s, int *done)
{
    plan p = make_plan(host, call, s);
    *done = cut(host, call, s, &p);
    if (!*done)
        return DCL_OK;
    dcl_status status = make_lists(host, call, s, &p);
    for (int64_t round = 0; round < p.groups && !status; round++)
        status = run_round(host, call, s, &p, round);
    if (!status && s->slopes)
        status = spread(host, call, s, &p);
    return status ? status
                  : dcl__residual_finish(host, call, s, p.groups * host->device(call, DCL_DEVICE_TILE_LANES));
}
