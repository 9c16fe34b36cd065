/* noise.c: reads what `dropcl factorize` is told about noise, and says what contradicts itself. */
#include "command/factorize/noise.h"

#include <inttypes.h>
#include <math.h>

#include "command/command.h"
#include "command/files.h"
#include "core/error.h"

/* The words of --noise count from 1 in an order of their own. */
static int kind_of(const dcl__noise_request *q)
{
    return q->kind == 1 ? DCL_NOISE_DROPOUT : q->kind == 2 ? DCL_NOISE_NONE : q->kind;
}

const char *dcl__noise_name(int kind)
{
    static const char *const names[] = {"", "none", "dropout", "dropblock", "dropconnect", "correlated"};
    return names[kind];
}

/* ---- Contradictions ---- */

static int check_rates(const dcl__noise_request *q)
{
    if (!isnan(q->lambda) && !(q->lambda >= 0))
        return dcl__misuse("factorize", "--lambda is %g, it must be at least 0", q->lambda);
    if (!isnan(q->lambda) && !isnan(q->retain))
        return dcl__misuse("factorize", "--lambda and --retain say the same, give one of them");
    if (kind_of(q) == DCL_NOISE_NONE && (q->lambda > 0 || q->retain < 1))
        return dcl__misuse("factorize", "--noise none keeps every unit, --retain and --lambda say otherwise");
    if (!isnan(q->retain) && !(q->retain > 0 && q->retain <= 1))
        return dcl__misuse("factorize", "--retain is %g, it must be above 0 and at most 1", q->retain);
    if (!isnan(q->retain_right) && !(q->retain_right > 0 && q->retain_right <= 1))
        return dcl__misuse("factorize", "--retain-v is %g, it must be above 0 and at most 1", q->retain_right);
    return DCL__GO_ON;
}

static int check_dropconnect(const dcl__noise_request *q)
{
    const int is_it = kind_of(q) == DCL_NOISE_DROPCONNECT, both = q->side == DCL_SIDE_BOTH;
    if (q->side && !is_it)
        return dcl__misuse("factorize", "--side says whose entries are dropped, it needs --noise dropconnect");
    if (!isnan(q->retain_right) && !(is_it && both))
        return dcl__misuse("factorize", "--retain-v is for the entries of V where U has its own: it needs --noise "
                           "dropconnect --side both (for one side --retain is enough)");
    if (is_it && q->mask == 2)
        return dcl__misuse("factorize", "--mask sample draws units for every column of Y, DropConnect draws entries "
                           "of the factors once a step: leave out --mask");
    return DCL__GO_ON;
}

static int check_blocks(const dcl__noise_request *q, int64_t rank)
{
    if (q->block && kind_of(q) != DCL_NOISE_DROPBLOCK)
        return dcl__misuse("factorize", "--block is the size of DropBlock's blocks, it needs --noise dropblock");
    if (kind_of(q) == DCL_NOISE_DROPBLOCK && !q->block)
        return dcl__misuse("factorize", "--noise dropblock needs --block B: how many units share a draw?");
    if (q->block && rank && rank % q->block)
        return dcl__misuse("factorize", "--rank %" PRId64 " cannot be cut into blocks of %" PRId64 ": take --rank %"
                           PRId64, rank, q->block, (rank / q->block + 1) * q->block);
    return DCL__GO_ON;
}

static int check_correlated(const dcl__noise_request *q, int solver)
{
    const int is_it = kind_of(q) == DCL_NOISE_CORRELATED;
    if (q->factor && !is_it)
        return dcl__misuse("factorize", "--mask-factor makes masks correlated, it needs --noise correlated");
    if (is_it && !q->factor)
        return dcl__misuse("factorize", "--noise correlated needs --mask-factor A.npy: masks are 1 + A (z - 1)");
    if (is_it && solver == DCL_SOLVER_CLOSED_FORM)
        return dcl__misuse("factorize", "correlated noise has no closed form, only a lower bound: take --solver "
                           "explicit");
    return DCL__GO_ON;
}

static int check_variable_rate(const dcl__noise_request *q)
{
    const int kind = kind_of(q);
    if (!q->variable_rate)
        return DCL__GO_ON;
    if (kind == DCL_NOISE_NONE)
        return dcl__misuse("factorize", "--noise none has no rate that could vary: leave out --variable-rate");
    if (kind == DCL_NOISE_CORRELATED)
        return dcl__misuse("factorize", "--variable-rate is for independent draws; scale A instead");
    if (q->side == DCL_SIDE_BOTH)
        return dcl__misuse("factorize", "--variable-rate sets one rate, --side both has two: take --side u or v");
    return DCL__GO_ON;
}

int dcl__check_noise(const dcl__noise_request *q, int solver, int64_t rank)
{
    int over = check_rates(q);
    if (over == DCL__GO_ON && kind_of(q) == DCL_NOISE_NONE && q->mask)
        over = dcl__misuse("factorize", "--noise none draws no masks: leave out --mask");
    if (over == DCL__GO_ON)
        over = check_dropconnect(q);
    if (over == DCL__GO_ON)
        over = check_blocks(q, rank);
    if (over == DCL__GO_ON)
        over = check_correlated(q, solver);
    return over == DCL__GO_ON ? check_variable_rate(q) : over;
}

/* ---- Options of the recipe ---- */

static dcl_status read_factor(const dcl__noise_request *q, int64_t rank, dcl_factorize_options *options,
                              dcl__array *factor, dcl_error *error)
{
    dcl_status status = dcl__read_scaled(q->factor, DCL_F64, 1, factor, error);
    if (status)
        return status;
    if (rank && rank != factor->dim[0])
        return dcl__fail(error, DCL_EINVAL, "%s: A has %" PRId64 " rows, one for each unit, and --rank is %" PRId64
                         ": they must be equal", q->factor, factor->dim[0], rank);
    options->width = factor->dim[0];
    options->mask_factor = factor->data;
    options->mask_factor_columns = factor->dim[1];
    return DCL_OK;
}

dcl_status dcl__apply_noise(const dcl__noise_request *q, int64_t rank, dcl_factorize_options *options,
                            dcl__array *factor, dcl_error *error)
{
    options->noise = kind_of(q);
    options->retain = isnan(q->retain) ? options->retain : q->retain;
    options->lambda = isnan(q->lambda) ? -1 : q->lambda;
    options->retain_right = isnan(q->retain_right) ? 0 : q->retain_right;
    options->side = q->side;
    options->mask = q->mask == 2 ? DCL_MASK_SAMPLE : DCL_MASK_STEP;
    options->variable_rate = q->variable_rate;
    options->block = q->block;
    if (rank)
        options->width = rank;
    else if (q->block)           /* as many whole blocks as the default has, but one at least */
        options->width = options->width < q->block ? q->block : options->width / q->block * q->block;
    return q->factor ? read_factor(q, rank, options, factor, error) : DCL_OK;
}
