/* case.c: a test case of an op made concrete: shapes, attributes and input data. */
#include "conformance/case.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/schema.h"
#include "core/tensor.h"

/* How one input is drawn. */
typedef struct draw {
    double low, high;
    int definite;                /* "spd": a symmetric positive definite matrix                      */
    int entries;                 /* "entries": this and the next three inputs are a pattern          */
} draw;

/* Reads "3x4" or "scalar" up to '@' or the end. */
static int parse_shape(const char *word, uint32_t *rank, int64_t dim[DCL_MAX_RANK])
{
    *rank = 0;
    if (strncmp(word, "scalar", 6) == 0)
        return word[6] == '\0' || word[6] == '@';
    for (char *end;; word = end + 1) {
        if (*rank == DCL_MAX_RANK)
            return 0;
        dim[*rank] = strtoll(word, &end, 10);
        if (end == word || dim[(*rank)++] < 1)
            return 0;
        if (*end != 'x')
            return *end == '\0' || *end == '@';
    }
}

/* Reads "@0.5..2", "@spd" or "@entries"; nothing means the whole range. */
static int parse_draw(const char *word, draw *how)
{
    const char *at = strchr(word, '@');
    *how = (draw){-1, 1, 0, 0};
    if (!at)
        return 1;
    if (strcmp(at + 1, "spd") == 0)
        return how->definite = 1;
    if (strcmp(at + 1, "entries") == 0)
        return how->entries = 1;
    const char *dots = strstr(at, "..");
    char low[64] = "", *end;
    if (!dots || dots - at > (ptrdiff_t)sizeof low)
        return 0;
    memcpy(low, at + 1, (size_t)(dots - at - 1));   /* strtod would take the first dot for a decimal point */
    how->low = strtod(low, &end);
    if (*end || end == low)
        return 0;
    how->high = strtod(dots + 2, &end);
    return !*end && end != dots + 2;
}

/* A number in [0, 1) for an index of an input's stream. */
static double uniform(uint64_t seed, uint32_t stream, int64_t index)
{
    uint32_t words[4];
    dcl_random_words(seed, 0, stream, (uint64_t)index, words);
    return (words[0] + words[1] * 0x1p-32) * 0x1p-32;
}

static void fill_definite(double *data, int64_t side, uint64_t seed, uint32_t stream)
{
    for (int64_t i = 0; i < side; i++)
        for (int64_t j = 0; j < side; j++) {
            double sum = i == j ? 0.1 : 0;
            for (int64_t k = 0; k < side; k++)
                sum += (2 * uniform(seed, stream, i * side + k) - 1) * (2 * uniform(seed, stream, j * side + k) - 1);
            data[i * side + j] = sum;
        }
}

static void fill(dcl__trial_case *made, uint32_t i, const draw *how, uint64_t seed)
{
    if (how->definite) {
        fill_definite(made->data[i], made->dims[i][0], seed, i);
        return;
    }
    for (int64_t j = 0; j < made->counts[i]; j++) {
        double share = uniform(seed, i, j);
        made->data[i][j] = made->dtypes[i] == DCL_I64 ? floor(how->low + share * (how->high - how->low + 1))
                                                      : how->low + share * (how->high - how->low);
    }
}

/* ---- Patterns of entries ---- */

/* Draws the entries of a matrix: row by row where each row starts and the columns, column by column where each column
 * starts, and row and position of each entry. Entries may occur twice; rows and columns may be empty. */
static void fill_entries(dcl__trial_case *made, uint32_t first, uint64_t seed)
{
    for (uint32_t i = first; i < first + 4; i++)
        memset(made->data[i], 0, (size_t)made->counts[i] * sizeof *made->data[i]);
    double *start = made->data[first], *column = made->data[first + 1];
    double *column_start = made->data[first + 2], *by_column = made->data[first + 3];
    const int64_t rows = made->counts[first] - 1, columns = made->counts[first + 2] - 1;
    const int64_t count = made->counts[first + 1];
    int64_t placed = 0;
    for (int64_t p = 0; p < count; p++) {
        start[1 + (int64_t)(uniform(seed, first, p) * (double)rows)]++;
        column[p] = floor(uniform(seed, first + 1, p) * (double)columns);
    }
    for (int64_t i = 0; i < rows; i++)
        start[i + 1] += start[i];
    for (int64_t j = 0; j < columns; column_start[++j] = (double)placed)
        for (int64_t p = 0, row = 0; p < count; p++) {
            while (start[row + 1] <= (double)p)
                row++;
            if (column[p] == (double)j) {
                by_column[2 * placed] = (double)row;
                by_column[2 * placed++ + 1] = (double)p;
            }
        }
}

/* 1 when input `first` and the next three have the shapes of a pattern. */
static int is_pattern(const dcl__trial_case *made, uint32_t first)
{
    if (first + 4 > made->input_count)
        return 0;
    for (uint32_t i = first; i < first + 4; i++)
        if (made->dtypes[i] != DCL_I64 || made->ranks[i] != (i == first + 3 ? 2 : 1))
            return 0;
    return made->counts[first] > 1 && made->counts[first + 2] > 1 && made->dims[first + 3][1] == 2 &&
           made->dims[first + 3][0] == made->counts[first + 1];
}

static dcl_status bad_text(const dcl__trial_case *made, const char *word, dcl_error *error)
{
    return dcl__fail(error, DCL_EPLUGIN, "op '%s': the case '%s' cannot be read at '%s' (see dcl_case in dropcl/op.h)",
                     made->op->op.name, made->record->inputs, word);
}

static dcl_status make_input(dcl__trial_case *made, uint32_t i, const char *word, uint64_t seed, dcl_error *error)
{
    const dcl_port *port = &made->op->op.inputs[i];
    draw how;
    if (strcmp(word, "-") == 0)
        return DCL_OK;
    if (!parse_shape(word, &made->ranks[i], made->dims[i]) || !parse_draw(word, &how))
        return bad_text(made, word, error);
    if (how.definite && (made->ranks[i] != 2 || made->dims[i][0] != made->dims[i][1]))
        return bad_text(made, word, error);
    made->dtypes[i] = port->dtypes & DCL_REAL ? DCL_REAL : DCL_I64;
    made->counts[i] = 1;
    for (uint32_t d = 0; d < made->ranks[i]; d++)
        if (dcl__multiply(made->counts[i], made->dims[i][d], &made->counts[i]))
            return bad_text(made, word, error);
    made->data[i] = calloc((size_t)made->counts[i], sizeof *made->data[i]);
    if (!made->data[i])
        return dcl__no_memory(error, "the input of a case", made->counts[i] * (int64_t)sizeof(double));
    if (how.entries)
        made->pattern = (int)i;              /* filled when all of it is there */
    else
        fill(made, i, &how, seed);
    return DCL_OK;
}

static dcl_status make_inputs(dcl__trial_case *made, uint64_t seed, dcl_error *error)
{
    uint32_t ports = dcl__port_count(made->op->op.inputs);
    char *copy = dcl__copy_string(made->record->inputs, error), *rest = NULL;
    dcl_status status = copy ? DCL_OK : DCL_ENOMEM;
    for (char *word = copy ? strtok_r(copy, " ", &rest) : NULL; word && status == DCL_OK;
         word = strtok_r(NULL, " ", &rest))
        status = made->input_count < ports ? make_input(made, made->input_count++, word, seed, error)
                                           : bad_text(made, word, error);
    if (status == DCL_OK && made->pattern >= 0)
        status = is_pattern(made, (uint32_t)made->pattern) ? DCL_OK : bad_text(made, "@entries", error);
    if (status == DCL_OK && made->pattern >= 0)
        fill_entries(made, (uint32_t)made->pattern, seed);
    free(copy);
    return status;
}

dcl_status dcl__case_make(const dcl__op *op, const dcl_case *record, uint64_t seed, dcl__trial_case *made,
                          dcl_error *error)
{
    dcl_setting *given = NULL;
    memset(made, 0, sizeof *made);
    made->op = op;
    made->record = record;
    made->pattern = -1;
    dcl_status status = make_inputs(made, seed, error);
    if (status == DCL_OK)
        status = dcl__settings_parse(&op->op, record->attributes, &given, error);
    if (status == DCL_OK)
        status = dcl__settings_resolve(&op->op, given, &made->settings, error);
    dcl__settings_free(&op->op, given);
    return status;
}

void dcl__case_free(dcl__trial_case *made)
{
    for (int i = 0; i < DCL_MAX_PORTS; i++)
        free(made->data[i]);
    if (made->settings)
        dcl__settings_free(&made->op->op, made->settings);
    memset(made, 0, sizeof *made);
}

dcl_status dcl__case_infer(const dcl__trial_case *made, uint32_t real, dcl_call *call, dcl_error *error)
{
    memset(call, 0, sizeof *call);
    call->op = made->op;
    call->node = "case";
    call->settings = made->settings;
    call->real = real;
    call->seed = 7;
    call->step = made->record->step;
    call->input_count = made->input_count;
    call->output_count = dcl__port_count(made->op->op.outputs);
    for (uint32_t i = 0; i < made->input_count; i++) {
        if (!made->dtypes[i]) {
            if (!(made->op->op.inputs[i].flags & DCL_PORT_OPTIONAL))
                return dcl__fail(error, DCL_EGRAPH, "input '%s' is not optional", made->op->op.inputs[i].name);
            continue;
        }
        uint32_t dtype = made->dtypes[i] == DCL_I64 ? DCL_I64 : real;
        dcl_status status = dcl__tensor_init(&call->input_tensors[i], made->op->op.inputs[i].name, dtype,
                                             made->ranks[i], made->dims[i], error);
        if (status)
            return status;
        call->inputs[i] = &call->input_tensors[i];
    }
    for (uint32_t i = made->input_count; made->op->op.inputs && made->op->op.inputs[i].name; i++)
        if (!(made->op->op.inputs[i].flags & DCL_PORT_OPTIONAL))
            return dcl__fail(error, DCL_EGRAPH, "input '%s' is missing", made->op->op.inputs[i].name);
    return dcl__call(call, DCL__INFER, error);
}
