/* sparse.c: factors at the known entries of a matrix: products there, products with it, and its loss.
 *
 * A pattern is four index tensors, which every op here takes, so that each one's gradient has what it needs: the
 * entries in order of rows, `start` and `column`, and, in order of columns, `column_start` and for each entry the pair
 * of its row and of its position in the order of rows. An entry may occur several times, rows and columns may be
 * empty. Whoever makes a pattern sees to it that its indices are right: the device cannot say where they are not,
 * but reads nothing out of bounds then.
 *
 * No m x n array exists anywhere. The order of every sum follows from the sizes alone.
 */
#define DCL_NEED_MINOR 1u         /* the lanes of vectors */

#include <math.h>
#include <stdio.h>

#include "common.h"
#include "sparse.cl.h"

/* Rows and entries of a part, at least; parts at most; pairs of sums that one work-item adds. */
enum { LEAST_SHARE = 512, MOST_PARTS = 8192, FAN = 256 };

/* Vectors of a row that a work-item holds at most, and the widest vectors there are. */
enum { MOST_VECTORS = 8, WIDEST = 16 };

/* Entries that a work-item samples where there are many work-items at once. */
enum { FEW_SAMPLES = 4 };

/* The tensors of a pattern, counted from its first one. */
enum { START, COLUMN, COLUMN_START, BY_COLUMN, PATTERN };

enum { U, V, VALUE, ENTRIES, WEIGHT = ENTRIES + PATTERN };
enum { LOSS, GRADIENT_U, GRADIENT_V };
enum { SLOPES, CARRY, PARTIAL, NARROW };

/* Rows, or columns, with their entries, cut into parts. */
typedef struct side {
    const dcl_tensor *start, *index;         /* index: columns, or pairs of row and position         */
    int64_t rows, height, count;             /* height: how many there are of the other              */
    int64_t share, parts;
} side;

/* How numbers of a row are cut into vectors. */
typedef struct cut {
    int64_t lanes, vectors, pieces, stride;  /* pieces of so many vectors; elements of a padded row  */
} cut;

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* ---- Parts and vectors ---- */

static int64_t share_of(int64_t rows, int64_t count)
{
    return most(LEAST_SHARE, dcl__divide_up(rows + count, MOST_PARTS));
}

static int64_t part_count(int64_t rows, int64_t count)
{
    return dcl__divide_up(rows + count, share_of(rows, count));
}

/* The pattern from input `first` on, by rows, or by columns. */
static side side_of(const dcl_host *host, dcl_call *call, uint32_t first, int by_columns)
{
    const dcl_tensor *start = host->input(call, first + START), *other = host->input(call, first + COLUMN_START);
    side made = {.start = by_columns ? other : start, .count = host->input(call, first + COLUMN)->count,
                 .index = host->input(call, first + (by_columns ? BY_COLUMN : COLUMN))};
    made.rows = made.start->count - 1;
    made.height = (by_columns ? start : other)->count - 1;
    made.share = share_of(made.rows, made.count);
    made.parts = part_count(made.rows, made.count);
    return made;
}

static cut cut_width(const dcl_host *host, dcl_call *call, int64_t width)
{
    cut made = {.lanes = most(1, host->device(call, DCL_DEVICE_TILE_LANES)), .vectors = 1, .pieces = width,
                .stride = width};
    if (made.lanes == 1)
        return made;
    const int64_t vectors = dcl__divide_up(width, made.lanes);
    made.pieces = dcl__divide_up(vectors, MOST_VECTORS);
    made.vectors = dcl__divide_up(vectors, made.pieces);
    made.stride = made.pieces * made.vectors * made.lanes;
    return made;
}

/* What kernels are built with: those that hold rows as vectors, and the others, which no width compiles again. */
typedef struct build {
    char wide[128], narrow[128];
    int vectors;                 /* 1: each work-item is a group of its own                          */
} build;

static build build_of(const cut *c, int pairs, int fused, int logistic, int weighted, int slopes)
{
    static const char format[] = "LANES=%d VECTORS=%d PAIRS=%d FUSED=%d LOGISTIC=%d WEIGHTED=%d SLOPES=%d";
    build made = {.vectors = c->lanes > 1};
    snprintf(made.wide, sizeof made.wide, format, (int)c->lanes, (int)c->vectors, pairs, fused, fused && logistic,
             fused && weighted, fused && slopes);
    snprintf(made.narrow, sizeof made.narrow, format, (int)c->lanes, 0, 0, 0, logistic, weighted, 0);
    return made;
}

static dcl_status launch_with(const dcl_host *host, dcl_call *call, const char *defines, int is_alone, const char *name,
                              const dcl_argument *argument, uint32_t count, int64_t items)
{
    const uint64_t global = (uint64_t)items, one = 1;
    return host->launch(call, name, defines, argument, count, 1, &global, is_alone ? &one : NULL);
}

static dcl_status launch_wide(const dcl_host *host, dcl_call *call, const build *b, const char *name,
                              const dcl_argument *argument, uint32_t count, int64_t items)
{
    return launch_with(host, call, b->wide, b->vectors, name, argument, count, items);
}

static dcl_status launch_narrow(const dcl_host *host, dcl_call *call, const build *b, const char *name,
                                const dcl_argument *argument, uint32_t count, int64_t items)
{
    return launch_with(host, call, b->narrow, b->vectors, name, argument, count, items);
}

/* For kernels whose work-items do little. */
static dcl_status launch_small(const dcl_host *host, dcl_call *call, const build *b, const char *name,
                               const dcl_argument *argument, uint32_t count, int64_t items)
{
    return launch_with(host, call, b->narrow, 0, name, argument, count, items);
}

/* ---- Products ---- */

/* A matrix with rows of whole vectors: x itself, or a copy in scratch. */
static dcl_status pad(const dcl_host *host, dcl_call *call, const build *b, const cut *c, const dcl_tensor **x)
{
    const dcl_tensor *from = *x;
    if (from->dim[1] == c->stride)
        return DCL_OK;
    *x = host->scratch(call, NARROW);
    const dcl_argument argument[] = {dcl_arg_tensor(from), dcl_arg_tensor(*x), dcl_arg_long(from->dim[0]),
                                     dcl_arg_long(from->dim[1]), dcl_arg_long(c->stride)};
    return launch_small(host, call, b, "sparse_pad", argument, 5, from->dim[0]);
}

/* The sums of rows that parts have left over. Where a row is found costs more than its sums, unless there are many
 * work-items at once. */
static dcl_status add_carries(const dcl_host *host, dcl_call *call, const build *b, const side *s, int64_t width,
                              const dcl_tensor *out)
{
    if (s->parts == 1)
        return DCL_OK;
    const int64_t span = b->vectors ? width : 1;
    const dcl_argument argument[] = {
        dcl_arg_tensor(s->start), dcl_arg_long(s->rows), dcl_arg_long(s->count), dcl_arg_long(s->share),
        dcl_arg_long(s->parts), dcl_arg_long(width), dcl_arg_long(span), dcl_arg_tensor(host->scratch(call, CARRY)),
        dcl_arg_tensor(out)};
    return launch_small(host, call, b, "sparse_carry", argument, 9, s->parts * dcl__divide_up(width, span));
}

/* out = S x, where S has the given values. */
static dcl_status gather(const dcl_host *host, dcl_call *call, const build *b, const cut *c, const side *s,
                         const dcl_tensor *values, const dcl_tensor *x, const dcl_tensor *out)
{
    const int64_t width = x->dim[1];
    dcl_status status = pad(host, call, b, c, &x);
    if (status)
        return status;
    const dcl_argument argument[] = {
        dcl_arg_tensor(values), dcl_arg_tensor(s->start), dcl_arg_tensor(s->index), dcl_arg_tensor(x),
        dcl_arg_long(s->rows), dcl_arg_long(s->height), dcl_arg_long(s->count), dcl_arg_long(s->share),
        dcl_arg_long(s->parts), dcl_arg_long(c->pieces), dcl_arg_long(c->stride), dcl_arg_long(width),
        dcl_arg_tensor(out), dcl_arg_tensor(host->scratch(call, CARRY))};
    status = launch_wide(host, call, b, "sparse_gather", argument, 14, s->parts * c->pieces);
    return status ? status : add_carries(host, call, b, s, width, out);
}

/* out[p] = <u_row, v_column> for every entry. */
static dcl_status sample(const dcl_host *host, dcl_call *call, const build *b, const side *rows, const dcl_tensor *u,
                         const dcl_tensor *v, const dcl_tensor *out)
{
    const int64_t share = b->vectors ? rows->share : FEW_SAMPLES;
    const dcl_argument argument[] = {
        dcl_arg_tensor(u), dcl_arg_tensor(v), dcl_arg_tensor(rows->start), dcl_arg_tensor(rows->index),
        dcl_arg_long(rows->rows), dcl_arg_long(rows->height), dcl_arg_long(rows->count), dcl_arg_long(share),
        dcl_arg_long(u->dim[1]), dcl_arg_tensor(out)};
    return launch_narrow(host, call, b, "sparse_sample", argument, 10, dcl__divide_up(rows->count, share));
}

/* ---- Shapes ---- */

/* The pattern from input `first` on: of an m x n matrix with `count` entries. */
static dcl_status check_pattern(const dcl_host *host, dcl_call *call, uint32_t first, int64_t m, int64_t n,
                                int64_t count)
{
    const dcl_tensor *start = host->input(call, first + START), *column = host->input(call, first + COLUMN);
    const dcl_tensor *across = host->input(call, first + COLUMN_START), *pairs = host->input(call, first + BY_COLUMN);
    if (start->rank != 1 || column->rank != 1 || across->rank != 1 || pairs->rank != 2 || pairs->dim[1] != 2)
        return host->fail(call, DCL_EINVAL, "start, column and column_start must be vectors, by_column a matrix with "
                                            "two columns");
    if (start->count != m + 1 || across->count != n + 1)
        return host->fail(call, DCL_EINVAL, "start must have one element more than there are rows, column_start one "
                                            "more than columns");
    if (column->count != count || pairs->dim[0] != count)
        return host->fail(call, DCL_EINVAL, "column and by_column must have one row for each entry");
    return DCL_OK;
}

/* Scratch for products with matrices of `width` columns by either side of the pattern. */
static dcl_status set_scratch(const dcl_host *host, dcl_call *call, int64_t m, int64_t n, int64_t count, int64_t width)
{
    const int64_t carry[] = {most(part_count(m, count), part_count(n, count)), width};
    const int64_t narrow[] = {most(m, n), width + width / MOST_VECTORS + 2 * WIDEST};
    dcl_status status = host->set_scratch(call, CARRY, host->real(call), 2, carry);
    return status ? status : host->set_scratch(call, NARROW, host->real(call), 2, narrow);
}

/* ---- sampled_product ---- */

static dcl_status sampled_product_infer(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *u = host->input(call, U), *v = host->input(call, V), *column = host->input(call, 2 + COLUMN);
    if (u->rank != 2 || v->rank != 2 || u->dim[1] != v->dim[1])
        return host->fail(call, DCL_EINVAL, "u and v must be matrices with as many columns");
    dcl_status status = check_pattern(host, call, 2, u->dim[0], v->dim[0], column->count);
    return status ? status : host->set_output(call, 0, u->dtype, 1, &column->count);
}

static dcl_status sampled_product_run(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *u = host->input(call, U);
    const side rows = side_of(host, call, 2, 0);
    cut c = cut_width(host, call, u->dim[1]);
    c.vectors = 1;
    const build b = build_of(&c, 0, 0, 0, 0, 0);
    return sample(host, call, &b, &rows, u, host->input(call, V), host->output(call, 0));
}

static double dot(const dcl_tensor *u, int64_t i, const dcl_tensor *v, int64_t j)
{
    double sum = 0;
    for (int64_t q = 0; q < u->dim[1]; q++)
        sum += dcl__get(u, i * u->dim[1] + q) * dcl__get(v, j * u->dim[1] + q);
    return sum;
}

static dcl_status sampled_product_reference(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *u = host->input(call, U), *v = host->input(call, V);
    const int64_t *start = host->input(call, 2 + START)->data, *column = host->input(call, 2 + COLUMN)->data;
    for (int64_t i = 0; i < u->dim[0]; i++)
        for (int64_t p = start[i]; p < start[i + 1]; p++)
            dcl__set(host->output(call, 0), p, dot(u, i, v, column[p]));
    return DCL_OK;
}

/* A node of sampled_product or sparse_product, with the pattern that this op has from input `first` on. */
static dcl_value emit_product(const dcl_host *host, dcl_call *call, const char *op, uint32_t first, dcl_value x,
                              dcl_value y, const dcl_setting *settings)
{
    dcl_value values[2 + PATTERN] = {x, y};
    for (uint32_t i = 0; i < PATTERN; i++)
        values[2 + i] = host->input_value(call, first + i);
    return host->emit(call, op, values, 2 + PATTERN, settings);
}

static dcl_value emit_sampled(const dcl_host *host, dcl_call *call, uint32_t first, dcl_value u, dcl_value v)
{
    return emit_product(host, call, "sampled_product", first, u, v, NULL);
}

static dcl_value emit_sparse(const dcl_host *host, dcl_call *call, uint32_t first, dcl_value values, dcl_value x,
                             int transpose)
{
    const dcl_setting settings[] = {{.name = "transpose", .integer = transpose}, {0}};
    return emit_product(host, call, "sparse_product", first, values, x, settings);
}

/* With G, the slopes as a sparse matrix: G v and G' u. */
static dcl_status sampled_product_gradient(const dcl_host *host, dcl_call *call)
{
    const dcl_value slopes = host->output_gradient(call, 0);
    dcl_status status = DCL_OK;
    for (uint32_t i = U; i <= V && !status; i++)
        if (host->wants(call, i))
            status = host->set_gradient(call, i, emit_sparse(host, call, 2, slopes,
                                                             host->input_value(call, i == U ? V : U), i == V));
    return status;
}

/* ---- sparse_product ---- */

static dcl_status sparse_product_infer(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *values = host->input(call, 0), *x = host->input(call, 1);
    const int transpose = (int)host->integer(call, "transpose");
    if (values->rank != 1 || x->rank != 2)
        return host->fail(call, DCL_EINVAL, "values must be a vector and x a matrix");
    const int64_t result = host->input(call, 2 + (transpose ? COLUMN_START : START))->count - 1;
    const int64_t m = transpose ? x->dim[0] : result, n = transpose ? result : x->dim[0];
    const int64_t dim[] = {result, x->dim[1]};
    dcl_status status = check_pattern(host, call, 2, m, n, values->count);
    if (!status && result < 1)
        status = host->fail(call, DCL_EINVAL, "start and column_start must have two elements or more");
    if (!status)
        status = host->set_output(call, 0, x->dtype, 2, dim);
    return status ? status : set_scratch(host, call, m, n, values->count, x->dim[1]);
}

static dcl_status sparse_product_run(const dcl_host *host, dcl_call *call)
{
    const int transpose = (int)host->integer(call, "transpose");
    const dcl_tensor *x = host->input(call, 1);
    const side s = side_of(host, call, 2, transpose);
    const cut c = cut_width(host, call, x->dim[1]);
    const build b = build_of(&c, transpose, 0, 0, 0, 0);
    return gather(host, call, &b, &c, &s, host->input(call, 0), x, host->output(call, 0));
}

static dcl_status sparse_product_reference(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *values = host->input(call, 0), *x = host->input(call, 1), *out = host->output(call, 0);
    const int transpose = (int)host->integer(call, "transpose");
    const int64_t *start = host->input(call, 2 + START)->data, *column = host->input(call, 2 + COLUMN)->data;
    const int64_t rows = host->input(call, 2 + START)->count - 1, width = x->dim[1];
    for (int64_t i = 0; i < out->count; i++)
        dcl__set(out, i, 0);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t p = start[i]; p < start[i + 1]; p++)
            for (int64_t q = 0; q < width; q++) {
                const int64_t to = transpose ? column[p] : i, from = transpose ? i : column[p], at = to * width + q;
                dcl__set(out, at, dcl__get(out, at) + dcl__get(values, p) * dcl__get(x, from * width + q));
            }
    return DCL_OK;
}

/* With g, the slopes: <g_row, x_column> at every entry, and S' g. */
static dcl_status sparse_product_gradient(const dcl_host *host, dcl_call *call)
{
    const int transpose = (int)host->integer(call, "transpose");
    const dcl_value slopes = host->output_gradient(call, 0), x = host->input_value(call, 1);
    dcl_status status = DCL_OK;
    if (host->wants(call, 0))
        status = host->set_gradient(call, 0, transpose ? emit_sampled(host, call, 2, x, slopes)
                                                       : emit_sampled(host, call, 2, slopes, x));
    if (!status && host->wants(call, 1))
        status = host->set_gradient(call, 1, emit_sparse(host, call, 2, host->input_value(call, 0), slopes,
                                                         !transpose));
    return status;
}

/* ---- entries_error and entries_residual ---- */

/* One call. */
typedef struct step {
    const dcl_tensor *u, *v, *weight;        /* weight: value where there is none                    */
    int64_t width;
    int logistic, weighted, slopes;          /* slopes: the gradients are wanted as well             */
    side rows;
    cut cut;
} step;

static int is_logistic(const dcl_host *host, dcl_call *call)
{
    return host->string(call, "loss")[0] == 'l';
}

static step make_step(const dcl_host *host, dcl_call *call)
{
    step s = {.u = host->input(call, U), .v = host->input(call, V), .weight = host->input(call, WEIGHT),
              .logistic = is_logistic(host, call), .slopes = host->output(call, GRADIENT_U) != NULL,
              .rows = side_of(host, call, ENTRIES, 0)};
    s.weighted = s.weight != NULL;
    s.weight = s.weighted ? s.weight : host->input(call, VALUE);
    s.width = s.u->dim[1];
    s.cut = cut_width(host, call, s.width);
    return s;
}

/* The loss from `count` pairs. */
static dcl_status finish(const dcl_host *host, dcl_call *call, const build *b, int64_t count)
{
    const dcl_tensor *partial = host->scratch(call, PARTIAL);
    int64_t first = 0;
    dcl_status status = DCL_OK;
    while (count > FAN && !status) {
        const dcl_argument combine[] = {dcl_arg_tensor(partial), dcl_arg_long(first), dcl_arg_long(count),
                                        dcl_arg_long(FAN)};
        status = launch_small(host, call, b, "entries_combine", combine, 4, dcl__divide_up(count, FAN));
        first += count;
        count = dcl__divide_up(count, FAN);
    }
    const dcl_argument argument[] = {dcl_arg_tensor(partial), dcl_arg_long(first), dcl_arg_long(first + count),
                                     dcl_arg_tensor(host->output(call, LOSS))};
    return status ? status : launch_small(host, call, b, "entries_finish", argument, 4, 1);
}

/* Loss, slopes and the gradient by u in one pass over the entries, whose rows of v are read once. */
static dcl_status run_fused(const dcl_host *host, dcl_call *call, const step *s, const build *b)
{
    const dcl_tensor *v = s->v, *unused = host->output(call, LOSS);
    dcl_status status = pad(host, call, b, &s->cut, &v);
    if (status)
        return status;
    const dcl_tensor *gradient = s->slopes ? host->output(call, GRADIENT_U) : unused;
    const dcl_argument argument[] = {
        dcl_arg_tensor(s->u), dcl_arg_tensor(v), dcl_arg_tensor(host->input(call, VALUE)), dcl_arg_tensor(s->weight),
        dcl_arg_tensor(s->rows.start), dcl_arg_tensor(s->rows.index), dcl_arg_long(s->rows.rows),
        dcl_arg_long(s->rows.height), dcl_arg_long(s->rows.count), dcl_arg_long(s->rows.share), dcl_arg_long(s->width),
        dcl_arg_tensor(host->scratch(call, SLOPES)), dcl_arg_tensor(gradient),
        dcl_arg_tensor(host->scratch(call, CARRY)), dcl_arg_tensor(host->scratch(call, PARTIAL))};
    status = launch_wide(host, call, b, "entries_rows", argument, 15, s->rows.parts);
    if (!status && s->slopes)
        status = add_carries(host, call, b, &s->rows, s->width, gradient);
    return status ? status : finish(host, call, b, s->rows.parts);
}

/* The same one after the other: predictions, slopes and loss, the gradient. */
static dcl_status run_apart(const dcl_host *host, dcl_call *call, const step *s, const build *b)
{
    const dcl_tensor *slopes = host->scratch(call, SLOPES);
    const int64_t items = dcl__divide_up(s->rows.count, s->rows.share);
    const dcl_argument argument[] = {
        dcl_arg_tensor(slopes), dcl_arg_tensor(host->input(call, VALUE)), dcl_arg_tensor(s->weight),
        dcl_arg_long(s->rows.count), dcl_arg_long(s->rows.share), dcl_arg_tensor(host->scratch(call, PARTIAL))};
    dcl_status status = sample(host, call, b, &s->rows, s->u, s->v, slopes);
    if (!status)
        status = launch_narrow(host, call, b, "entries_slopes", argument, 6, items);
    if (!status)
        status = finish(host, call, b, items);
    if (status || !s->slopes)
        return status;
    return gather(host, call, b, &s->cut, &s->rows, slopes, s->v, host->output(call, GRADIENT_U));
}

static dcl_status entries_run(const dcl_host *host, dcl_call *call)
{
    const step s = make_step(host, call);
    const int fused = s.cut.lanes > 1 && s.cut.pieces == 1;
    /* Where the rows have a kernel of their own, that and the products of the columns are one build. */
    const build rows = build_of(&s.cut, fused, fused, s.logistic, s.weighted, s.slopes);
    const build columns = build_of(&s.cut, 1, fused, s.logistic, s.weighted, s.slopes);
    dcl_status status = fused ? run_fused(host, call, &s, &rows) : run_apart(host, call, &s, &rows);
    if (status || !s.slopes)
        return status;
    const side across = side_of(host, call, ENTRIES, 1);
    return gather(host, call, &columns, &s.cut, &across, host->scratch(call, SLOPES), s.u,
                  host->output(call, GRADIENT_V));
}

static dcl_status error_infer(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *u = host->input(call, U), *v = host->input(call, V), *value = host->input(call, VALUE);
    const dcl_tensor *weight = host->input(call, WEIGHT);
    if (u->rank != 2 || v->rank != 2 || u->dim[1] != v->dim[1])
        return host->fail(call, DCL_EINVAL, "u and v must be matrices with as many columns");
    if (value->rank != 1 || (weight && !dcl__same_shape(value, weight)))
        return host->fail(call, DCL_EINVAL, "value must be a vector, and weight one of the same length");
    const int64_t m = u->dim[0], n = v->dim[0], count = value->count, partial[] = {part_count(m, count) * 2 + FAN, 2};
    dcl_status status = check_pattern(host, call, ENTRIES, m, n, count);
    if (!status)
        status = host->set_output(call, LOSS, u->dtype, 0, NULL);
    if (!status)
        status = host->set_scratch(call, SLOPES, u->dtype, 1, &count);
    if (!status)
        status = host->set_scratch(call, PARTIAL, u->dtype, 2, partial);
    return status ? status : set_scratch(host, call, m, n, count, u->dim[1]);
}

static dcl_status residual_infer(const dcl_host *host, dcl_call *call)
{
    dcl_status status = error_infer(host, call);
    if (!status)
        status = dcl__set_like(host, call, GRADIENT_U, host->input(call, U));
    return status ? status : dcl__set_like(host, call, GRADIENT_V, host->input(call, V));
}

/* ---- The oracle ---- */

/* The loss of a prediction x of y, and its derivative by x. */
static double loss_of(int logistic, double x, double y, double *slope)
{
    if (!logistic) {
        *slope = 2 * (x - y);
        return (y - x) * (y - x);
    }
    *slope = -y / (1 + exp(y * x));
    return y * x > 0 ? log1p(exp(-y * x)) : log1p(exp(y * x)) - y * x;
}

static void add_row(const dcl_tensor *to, int64_t i, double factor, const dcl_tensor *from, int64_t j)
{
    const int64_t width = to->dim[1];
    for (int64_t q = 0; q < width; q++)
        dcl__set(to, i * width + q, dcl__get(to, i * width + q) + factor * dcl__get(from, j * width + q));
}

static dcl_status entries_reference(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *u = host->input(call, U), *v = host->input(call, V), *weight = host->input(call, WEIGHT);
    const dcl_tensor *gradient_u = host->output(call, GRADIENT_U), *gradient_v = host->output(call, GRADIENT_V);
    const int64_t *start = host->input(call, ENTRIES + START)->data;
    const int64_t *column = host->input(call, ENTRIES + COLUMN)->data;
    double loss = 0;
    for (uint32_t output = GRADIENT_U; gradient_u && output <= GRADIENT_V; output++)
        for (int64_t i = 0; i < host->output(call, output)->count; i++)
            dcl__set(host->output(call, output), i, 0);
    for (int64_t i = 0; i < u->dim[0]; i++)
        for (int64_t p = start[i]; p < start[i + 1]; p++) {
            const double share = weight ? dcl__get(weight, p) : 1;
            double slope;
            loss += share * loss_of(is_logistic(host, call), dot(u, i, v, column[p]),
                                    dcl__get(host->input(call, VALUE), p), &slope);
            if (gradient_u) {
                add_row(gradient_u, i, share * slope, v, column[p]);
                add_row(gradient_v, column[p], share * slope, u, i);
            }
        }
    dcl__set(host->output(call, LOSS), 0, loss);
    return DCL_OK;
}

/* ---- The gradient ---- */

/* What flows back so far, and one term more; 0 for none. */
static dcl_value plus(const dcl_host *host, dcl_call *call, dcl_value sum, dcl_value term)
{
    return sum ? dcl__emit_binary(host, call, "add", sum, term) : term;
}

/* x times the weights, where there are some. */
static dcl_value weighted(const dcl_host *host, dcl_call *call, dcl_value x)
{
    return host->input(call, WEIGHT) ? dcl__emit_binary(host, call, "multiply", x, host->input_value(call, WEIGHT)) : x;
}

/* First and second derivative of the loss of every entry by its prediction. */
typedef struct derivatives {
    dcl_value first, second;
} derivatives;

/* 2 (x - y) and 2; or, as 1 / (1 + exp(yx)) is (1 - t) / 2 with t = tanh(yx / 2): -y (1 - t) / 2 and
 * y^2 (1 - t^2) / 4. */
static derivatives emit_derivatives(const dcl_host *host, dcl_call *call)
{
    const dcl_value y = host->input_value(call, VALUE);
    const dcl_value x = emit_sampled(host, call, ENTRIES, host->input_value(call, U), host->input_value(call, V));
    const int64_t count = host->input(call, VALUE)->count;
    if (!is_logistic(host, call)) {
        const dcl_value difference = dcl__emit_binary(host, call, "subtract", x, y);
        return (derivatives){weighted(host, call, dcl__emit_scale(host, call, difference, 2)),
                             weighted(host, call, host->constant(call, 1, &count, 2))};
    }
    const dcl_value margin = dcl__emit_scale(host, call, dcl__emit_binary(host, call, "multiply", y, x), 0.5);
    const dcl_value t = dcl__emit_unary(host, call, "tanh", margin), one = host->constant(call, 0, NULL, 1);
    const dcl_value less = dcl__emit_binary(host, call, "subtract", one, t);
    const dcl_value more = dcl__emit_binary(host, call, "add", one, t);
    const dcl_value below = dcl__emit_binary(host, call, "multiply", y, less);
    const dcl_value above = dcl__emit_binary(host, call, "multiply", y, more);
    const dcl_value both = dcl__emit_binary(host, call, "multiply", below, above);
    return (derivatives){weighted(host, call, dcl__emit_scale(host, call, below, -0.5)),
                         weighted(host, call, dcl__emit_scale(host, call, both, 0.25))};
}

/* What flows back into gradient_u and gradient_v, and what comes of it: with s and c, the derivatives of the losses,
 * <a, gradient_u> + <b, gradient_v> is the sum over entries of s t with t = <a_row, v_column> + <u_row, b_column>. Its
 * gradient by u is (c t) v + s b, by v (c t)' u + s' a, with c t and s as sparse matrices. */
typedef struct second_order {
    dcl_value a, b, slopes, along;           /* along: c t                                           */
} second_order;

static second_order make_second_order(const dcl_host *host, dcl_call *call)
{
    second_order s = {.a = host->output_gradient(call, GRADIENT_U), .b = host->output_gradient(call, GRADIENT_V)};
    if (!s.a && !s.b)
        return s;
    const derivatives d = emit_derivatives(host, call);
    dcl_value t = s.a ? emit_sampled(host, call, ENTRIES, s.a, host->input_value(call, V)) : 0;
    if (s.b)
        t = plus(host, call, t, emit_sampled(host, call, ENTRIES, host->input_value(call, U), s.b));
    s.slopes = d.first;
    s.along = dcl__emit_binary(host, call, "multiply", d.second, t);
    return s;
}

static dcl_status residual_gradient(const dcl_host *host, dcl_call *call)
{
    const dcl_value loss = host->output_gradient(call, LOSS);
    const second_order s = make_second_order(host, call);
    dcl_status status = DCL_OK;
    for (uint32_t i = U; i <= V && !status; i++) {
        const dcl_value other = host->input_value(call, i == U ? V : U), direction = i == U ? s.b : s.a;
        if (!host->wants(call, i))
            continue;
        dcl_value sum = s.along ? emit_sparse(host, call, ENTRIES, s.along, other, i == V) : 0;
        if (direction)
            sum = plus(host, call, sum, emit_sparse(host, call, ENTRIES, s.slopes, direction, i == V));
        if (loss)
            sum = plus(host, call, sum, dcl__emit_binary(host, call, "multiply",
                                                         host->output_value(call, GRADIENT_U + i), loss));
        status = sum ? host->set_gradient(call, i, sum) : DCL_OK;
    }
    return status;
}

/* entries_residual with the same inputs gives both gradients. */
static dcl_status error_gradient(const dcl_host *host, dcl_call *call)
{
    dcl_value values[WEIGHT + 1];
    const dcl_setting settings[] = {{.name = "loss", .string = host->string(call, "loss")}, {0}};
    const uint32_t count = host->input(call, WEIGHT) ? WEIGHT + 1 : WEIGHT;
    for (uint32_t i = 0; i < count; i++)
        values[i] = host->input_value(call, i);
    const dcl_value loss = host->emit(call, "entries_residual", values, count, settings);
    dcl_status status = DCL_OK;
    for (uint32_t i = U; i <= V && !status; i++)
        if (host->wants(call, i))
            status = host->set_gradient(call, i, dcl__emit_binary(host, call, "multiply",
                                                                  loss ? loss + (dcl_value)(GRADIENT_U + i) : 0,
                                                                  host->output_gradient(call, LOSS)));
    return status;
}

/* ---- Tables ---- */

#define PATTERN_PORTS                                                                                               \
    {"start", "m + 1: where each row of entries begins, and the last one ends", DCL_I64, DCL_PORT_CONSTANT},        \
    {"column", "count: the column of each entry", DCL_I64, DCL_PORT_CONSTANT},                                      \
    {"column_start", "n + 1: where each column begins in by_column", DCL_I64, DCL_PORT_CONSTANT},                   \
    {"by_column", "count x 2: column by column, each entry's row and its place in column", DCL_I64, DCL_PORT_CONSTANT}

static const dcl_port sampled_inputs[] = {
    {"u", "m x r", DCL_REAL, 0},
    {"v", "n x r", DCL_REAL, 0},
    PATTERN_PORTS,
    {0},
};
static const dcl_port sampled_outputs[] = {{"result", "count: <u_row, v_column> of each entry", DCL_REAL, 0}, {0}};

static const dcl_port sparse_inputs[] = {
    {"values", "count: the entries of S", DCL_REAL, 0},
    {"x", "n x r; m x r with transpose", DCL_REAL, 0},
    PATTERN_PORTS,
    {0},
};
static const dcl_port sparse_outputs[] = {{"result", "m x r; n x r with transpose", DCL_REAL, 0}, {0}};
static const dcl_attribute sparse_attributes[] = {{.name = "transpose", .doc = "1: S' x", .kind = DCL_FLAG}, {0}};

static const dcl_port inputs[] = {
    {"u", "m x r", DCL_REAL, 0},
    {"v", "n x r", DCL_REAL, 0},
    {"value", "count: the data y", DCL_REAL, DCL_PORT_CONSTANT},
    PATTERN_PORTS,
    {"weight", "count: what the loss of each entry is multiplied by; 1 when left out", DCL_REAL,
     DCL_PORT_OPTIONAL | DCL_PORT_CONSTANT},
    {0},
};
static const dcl_port error_outputs[] = {{"loss", "scalar: the sum of the losses of all entries", DCL_REAL, 0}, {0}};
static const dcl_port outputs[] = {
    {"loss", "scalar: the sum of the losses of all entries", DCL_REAL, 0},
    {"gradient_u", "m x r: its gradient by u", DCL_REAL, 0},
    {"gradient_v", "n x r: its gradient by v", DCL_REAL, 0},
    {0},
};
static const dcl_attribute attributes[] = {
    {.name = "loss", .doc = "of an entry y, x = <u_row, v_column>: (y - x)^2 or log(1 + exp(-y x))", .kind = DCL_STRING,
     .words = "squared|logistic"},
    {0},
};

static const dcl_case sampled_cases[] = {
    {"5x3 4x3 6@entries 11 5 11x2", NULL, 1e-6, 1e-14, 0, 0},
    {"1x1 1x1 2@entries 1 2 1x2", NULL, 1e-6, 1e-15, 0, 0},
    {"3x10 7x10 4@entries 30 8 30x2", NULL, 2e-6, 1e-14, 0, 0},
    {"40x8 1x8 41@entries 7 2 7x2", NULL, 1e-6, 1e-14, 0, 0},
    {"90x67 80x67 91@entries 3001 81 3001x2", NULL, 1e-5, 1e-14, DCL_CASE_NO_GRADIENT, 0},
    {"5x3 4x2 6@entries 11 5 11x2", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {"4x3 4x3 6@entries 11 5 11x2", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {"5x3 5x3 6@entries 11 5 11x2", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {0},
};

/* The sums of the large cases have some 40 terms, of the heavy row 3000. */
static const dcl_case sparse_cases[] = {
    {"11 4x3 6@entries 11 5 11x2", NULL, 1e-6, 1e-14, 0, 0},
    {"11 5x3 6@entries 11 5 11x2", "transpose=1", 1e-6, 1e-14, 0, 0},
    {"1 1x1 2@entries 1 2 1x2", NULL, 1e-6, 1e-15, 0, 0},
    {"30 7x10 4@entries 30 8 30x2", NULL, 2e-6, 1e-14, 0, 0},
    {"7 40x8 41@entries 7 2 7x2", "transpose=1", 1e-6, 1e-14, 0, 0},
    {"3001 80x67 91@entries 3001 81 3001x2", NULL, 1e-5, 1e-14, DCL_CASE_NO_GRADIENT, 0},
    {"3001 90x67 91@entries 3001 81 3001x2", "transpose=1", 1e-5, 1e-14, DCL_CASE_NO_GRADIENT, 0},
    {"3001 3000x10 3001@entries 3001 2 3001x2", "transpose=1", 1e-4, 1e-13, DCL_CASE_NO_GRADIENT, 0},
    {"3001 3000x10 2@entries 3001 3001 3001x2", NULL, 1e-4, 1e-13, DCL_CASE_NO_GRADIENT, 0},
    {"11 5x3 6@entries 11 5 11x2", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {"10 4x3 6@entries 11 5 11x2", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {0},
};

static const dcl_case cases[] = {
    {"5x3 4x3 11 6@entries 11 5 11x2", NULL, 4e-6, 1e-14, 0, 0},
    {"5x3 4x3 11 6@entries 11 5 11x2 11@0..2", NULL, 4e-6, 1e-14, 0, 0},
    {"5x3 4x3 11 6@entries 11 5 11x2", "loss=logistic", 4e-6, 1e-14, 0, 0},
    {"5x3 4x3 11 6@entries 11 5 11x2 11@0..2", "loss=logistic", 4e-6, 1e-14, 0, 0},
    {"1x1 1x1 1 2@entries 1 2 1x2", NULL, 1e-6, 1e-15, 0, 0},
    {"3x10 7x10 30 4@entries 30 8 30x2", NULL, 4e-6, 1e-14, 0, 0},
    {"2x17 60x17 90 3@entries 90 61 90x2 90@0..1", NULL, 1e-5, 1e-13, 0, 0},
    {"40x8 1x8 7 41@entries 7 2 7x2", "loss=logistic", 4e-6, 1e-14, 0, 0},
    {"6x4@-30..30 5x4@-30..30 19@-1..1 7@entries 19 6 19x2", "loss=logistic", 1e-5, 1e-14, DCL_CASE_NO_GRADIENT, 0},
    {"90x10 80x10 3001 91@entries 3001 81 3001x2", NULL, 1e-5, 1e-13, DCL_CASE_NO_GRADIENT, 0},
    {"90x64 80x64 3001 91@entries 3001 81 3001x2 3001@0..1", NULL, 4e-5, 1e-13, DCL_CASE_NO_GRADIENT, 0},
    {"30x203 20x203 301 31@entries 301 21 301x2", NULL, 4e-5, 1e-13, DCL_CASE_NO_GRADIENT, 0},
    {"3000x10 1x10 3001 3001@entries 3001 2 3001x2", "loss=logistic", 1e-4, 1e-13, DCL_CASE_NO_GRADIENT, 0},
    {"1x10 3000x10 3001 2@entries 3001 3001 3001x2", NULL, 1e-4, 1e-13, DCL_CASE_NO_GRADIENT, 0},
    {"5x3 4x2 11 6@entries 11 5 11x2", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {"5x3 4x3 10 6@entries 11 5 11x2", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {"5x3 4x3 11 6@entries 11 5 11x2 10", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {"5x3 4x3 11 6@entries 11 5 11x2", "loss=absolute", 0, 0, DCL_CASE_REFUSED, 0},
    {0},
};

static const dcl_op sampled_product = {
    .size = sizeof sampled_product,
    .name = "sampled_product",
    .doc = "<u_row, v_column> for each entry of a pattern: u v' there and nowhere else",
    .semantics = 1,
    .inputs = sampled_inputs,
    .outputs = sampled_outputs,
    .source = sparse_cl,
    .cases = sampled_cases,
    .infer = sampled_product_infer,
    .run = sampled_product_run,
    .gradient = sampled_product_gradient,
    .reference = sampled_product_reference,
};

static const dcl_op sparse_product = {
    .size = sizeof sparse_product,
    .name = "sparse_product",
    .doc = "S x or S' x, where the m x n matrix S has the given values at the entries of a pattern, else 0",
    .semantics = 1,
    .inputs = sparse_inputs,
    .outputs = sparse_outputs,
    .attributes = sparse_attributes,
    .source = sparse_cl,
    .cases = sparse_cases,
    .infer = sparse_product_infer,
    .run = sparse_product_run,
    .gradient = sparse_product_gradient,
    .reference = sparse_product_reference,
};

static const dcl_op entries_residual = {
    .size = sizeof entries_residual,
    .name = "entries_residual",
    .doc = "sum over entries of weight * loss(y, <u_row, v_column>) and its gradients, without an m x n array",
    .semantics = 1,
    .inputs = inputs,
    .outputs = outputs,
    .attributes = attributes,
    .source = sparse_cl,
    .cases = cases,
    .infer = residual_infer,
    .run = entries_run,
    .gradient = residual_gradient,
    .reference = entries_reference,
};

static const dcl_op entries_error = {
    .size = sizeof entries_error,
    .name = "entries_error",
    .doc = "sum over entries of weight * loss(y, <u_row, v_column>), without an m x n array",
    .semantics = 1,
    .inputs = inputs,
    .outputs = error_outputs,
    .attributes = attributes,
    .source = sparse_cl,
    .cases = cases,
    .infer = error_infer,
    .run = entries_run,
    .gradient = error_gradient,
    .reference = entries_reference,
};

static const dcl_op *const ops[] = {&sampled_product, &sparse_product, &entries_error, &entries_residual, NULL};

const dcl_plugin dcl_plugin_v1 = {
    .size = sizeof dcl_plugin_v1,
    .need_minor = DCL_NEED_MINOR,
    .id = "dropcl.sparse",
    .version = "0.1.0",
    .license = "Apache-2.0",
    .ops = ops,
};
