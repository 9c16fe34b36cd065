/* gemm_tuning.c: classes of shapes; kernels of products, their parameters, and which sets of them can work. */
#include "core/gemm_tuning.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- Classes of shapes ---- */

int dcl__shape_of(int64_t m, int64_t n, int64_t k)
{
    const int64_t shorter = m < n ? m : n, longer = m < n ? n : m;
    if ((double)m * (double)n * (double)k <= 160.0 * 160 * 160)
        return DCL__SMALL;
    if (k <= shorter / 4)
        return DCL__OUTER;
    if (k / 4 >= longer)
        return DCL__INNER;
    return longer / 4 >= shorter ? DCL__NARROW : DCL__EVEN;
}

const char *dcl__shape_name(int shape)
{
    static const char *const names[] = {"small", "even", "outer", "inner", "narrow"};
    return names[shape];
}

/* ---- Which sets of parameters can work ---- */

enum { GEMMK, KREG, KWG, KWI, MDIMA, MDIMC, MWG, NDIMB, NDIMC, NWG, SA, SB, STRM, STRN, VWM, VWN };
enum { KWID, MDIMAD, MDIMCD, NDIMBD, NDIMCD, PADA, PADB, VWMD, VWND, WGD };

/* Whether `threads` work-items, `across` of them side by side, load `depth` rows in whole steps. */
static int loads_evenly(int64_t depth, int64_t threads, int64_t across)
{
    return threads % across == 0 && depth % (threads / across) == 0;
}

static int is_valid_xgemm(const int64_t *v)
{
    const int64_t threads = v[MDIMC] * v[NDIMC];
    const int tiles = v[MWG] % (v[MDIMC] * v[VWM]) == 0 && v[NWG] % (v[NDIMC] * v[VWN]) == 0 &&
                      v[MWG] % (v[MDIMA] * v[VWM]) == 0 && v[NWG] % (v[NDIMB] * v[VWN]) == 0 && v[KWG] % v[KWI] == 0;
    if (v[GEMMK] == 1)
        return tiles && v[KREG] % v[VWN] == 0 && !v[SA] && !v[SB];
    return tiles && loads_evenly(v[KWG], threads, v[MDIMA]) && loads_evenly(v[KWG], threads, v[NDIMB]);
}

static int is_valid_direct(const int64_t *v)
{
    const int64_t threads = v[MDIMCD] * v[NDIMCD];
    return v[WGD] % v[KWID] == 0 && v[WGD] % (v[MDIMCD] * v[VWMD]) == 0 && v[WGD] % (v[NDIMCD] * v[VWND]) == 0 &&
           v[WGD] % (v[MDIMAD] * v[VWMD]) == 0 && v[WGD] % (v[NDIMBD] * v[VWND]) == 0 &&
           loads_evenly(v[WGD], threads, v[MDIMAD]) && loads_evenly(v[WGD], threads, v[NDIMBD]);
}

static int is_valid_packed(const int64_t *v)
{
    const int is_width = v[DCL__LANES] == 2 || v[DCL__LANES] == 4 || v[DCL__LANES] == 8 || v[DCL__LANES] == 16;
    return is_width && v[DCL__DEPTH] % 16 == 0;
}

/* ---- The kernels; parameters in the order of their names, as CLBlast has them ---- */

static const dcl__kernel_space spaces[DCL__KERNELS] = {
    [DCL__PACKED] = {"packed", 4, {
        {"LANES", 2, 16, 4, {8, 2, 4, 16}}, {"ROWS", 1, 16, 7, {6, 4, 5, 8, 10, 12, 14}},
        {"VECTORS", 1, 8, 4, {2, 1, 3, 4}}, {"DEPTH", 16, 1024, 7, {256, 96, 128, 192, 320, 384, 512}}},
        is_valid_packed},
    [DCL__XGEMM] = {"Xgemm", 16, {
        {"GEMMK", 0, 1, 2, {0, 1}}, {"KREG", 1, 64, 5, {1, 2, 4, 8, 16}}, {"KWG", 1, 256, 3, {32, 16, 8}},
        {"KWI", 1, 64, 3, {2, 4, 8}}, {"MDIMA", 1, 256, 4, {8, 4, 16, 32}}, {"MDIMC", 1, 256, 4, {8, 4, 16, 32}},
        {"MWG", 1, 1024, 4, {64, 16, 32, 128}}, {"NDIMB", 1, 256, 4, {8, 4, 16, 32}},
        {"NDIMC", 1, 256, 4, {8, 4, 16, 32}}, {"NWG", 1, 1024, 4, {64, 16, 32, 128}}, {"SA", 0, 1, 2, {1, 0}},
        {"SB", 0, 1, 2, {1, 0}}, {"STRM", 0, 1, 2, {0, 1}}, {"STRN", 0, 1, 2, {0, 1}},
        {"VWM", 1, 16, 4, {4, 1, 2, 8}}, {"VWN", 1, 16, 4, {4, 1, 2, 8}}},
        is_valid_xgemm},
    [DCL__XGEMM_DIRECT] = {"XgemmDirect", 10, {
        {"KWID", 1, 256, 4, {2, 4, 8, 16}}, {"MDIMAD", 1, 256, 3, {8, 16, 32}}, {"MDIMCD", 1, 256, 3, {8, 16, 32}},
        {"NDIMBD", 1, 256, 3, {8, 16, 32}}, {"NDIMCD", 1, 256, 3, {8, 16, 32}}, {"PADA", 0, 1, 2, {1, 0}},
        {"PADB", 0, 1, 2, {1, 0}}, {"VWMD", 1, 16, 4, {2, 1, 4, 8}}, {"VWND", 1, 16, 4, {2, 1, 4, 8}},
        {"WGD", 1, 256, 4, {32, 8, 16, 64}}},
        is_valid_direct},
    [DCL__COPY] = {"Copy", 4, {
        {"COPY_DIMX", 1, 256, 3, {8, 16, 32}}, {"COPY_DIMY", 1, 256, 3, {8, 16, 32}},
        {"COPY_VW", 1, 16, 4, {2, 1, 4, 8}}, {"COPY_WPT", 1, 64, 4, {1, 2, 4, 8}}}, NULL},
    [DCL__PAD] = {"Pad", 4, {
        {"PAD_DIMX", 1, 256, 3, {16, 8, 32}}, {"PAD_DIMY", 1, 256, 3, {8, 16, 32}},
        {"PAD_WPTX", 1, 64, 3, {1, 2, 4}}, {"PAD_WPTY", 1, 64, 3, {1, 2, 4}}}, NULL},
    [DCL__TRANSPOSE] = {"Transpose", 4, {
        {"TRA_DIM", 1, 64, 3, {8, 16, 32}}, {"TRA_PAD", 0, 1, 2, {0, 1}}, {"TRA_SHUFFLE", 0, 1, 2, {0, 1}},
        {"TRA_WPT", 1, 16, 4, {2, 1, 4, 8}}}, NULL},
    [DCL__PADTRANSPOSE] = {"Padtranspose", 3, {
        {"PADTRA_PAD", 0, 1, 2, {0, 1}}, {"PADTRA_TILE", 1, 64, 3, {16, 8, 32}},
        {"PADTRA_WPT", 1, 16, 3, {1, 2, 4}}}, NULL},
    [DCL__GEMM_ROUTINE] = {"GemmRoutine", 1, {
        {"XGEMM_MIN_INDIRECT_SIZE", 0, 1 << 20, 8, {512, 1, 128, 256, 384, 768, 1024, 1536}}}, NULL},
};

const dcl__kernel_space *dcl__kernel_space_of(int kernel)
{
    return &spaces[kernel];
}

dcl_status dcl__parameters_check(int kernel, const int64_t *values, dcl_error *error)
{
    const dcl__kernel_space *space = &spaces[kernel];
    for (int i = 0; i < space->count; i++) {
        const dcl__parameter *p = &space->parameters[i];
        if (values[i] < p->least || values[i] > p->most)
            return dcl__fail(error, DCL_EINVAL, "kernel '%s': %s is %" PRId64 ", it must be from %d to %d", space->name,
                             p->name, values[i], p->least, p->most);
    }
    if (space->is_valid && !space->is_valid(values))
        return dcl__fail(error, DCL_EINVAL, "kernel '%s' cannot be built with these parameters together: tiles must "
                         "be multiples of what the work-items load and compute at once", space->name);
    return DCL_OK;
}

/* ---- Drawing ---- */

/* More sums of a work-item than this spill everywhere. */
enum { MOST_SUMS = 128, MOST_DIRECT_SUMS = 64 };

/* A tile of packed in registers, of which there are 32; with vectors of 256 bits (AVX) there are 16. */
static int tile_fits(const dcl_device_info *info, uint32_t dtype, const int64_t *v)
{
    const int64_t size = dtype == DCL_F64 ? 8 : 4, lanes = dtype == DCL_F64 ? info->lanes_f64 : info->lanes_f32;
    const int64_t bytes = lanes * size < 16 ? 16 : lanes * size, wanted = v[DCL__LANES] * size;
    const int64_t registers = v[DCL__ROWS] * v[DCL__VECTORS] * ((wanted + bytes - 1) / bytes);
    return wanted >= 16 && wanted <= 64 && registers <= (bytes == 32 ? 16 : 32) &&
           v[DCL__ROWS] * v[DCL__DEPTH] * size <= info->local_bytes / 2;
}

static int fits(const dcl_device_info *info, uint32_t dtype, int kernel, const int64_t *v)
{
    const int64_t size = dtype == DCL_F64 ? 8 : 4;
    if (kernel == DCL__XGEMM)
        return v[MDIMC] * v[NDIMC] <= info->work_group &&
               size * v[KWG] * (v[SA] * v[MWG] + v[SB] * v[NWG]) <= info->local_bytes &&
               v[MWG] / v[MDIMC] * (v[NWG] / v[NDIMC]) <= MOST_SUMS;
    if (kernel == DCL__XGEMM_DIRECT)
        return v[MDIMCD] * v[NDIMCD] <= info->work_group &&
               size * v[WGD] * (2 * v[WGD] + v[PADA] + v[PADB]) <= info->local_bytes &&
               v[WGD] / v[MDIMCD] * (v[WGD] / v[NDIMCD]) <= MOST_DIRECT_SUMS;
    if (kernel == DCL__PACKED)
        return tile_fits(info, dtype, v);
    return 1;
}

/* Xgemm has two kernels; each knows some parameters in one setting only. */
static void settle_xgemm(int64_t *v)
{
    if (v[GEMMK] == 0) {
        v[KREG] = 1;
        return;
    }
    v[KWG] = v[KWI] = 1;
    v[SA] = v[SB] = v[STRM] = v[STRN] = 0;
    v[MDIMA] = v[MDIMC];
    v[NDIMB] = v[NDIMC];
}

void dcl__parameters_start(int kernel, int64_t *values)
{
    for (int i = 0; i < spaces[kernel].count; i++)
        values[i] = spaces[kernel].parameters[i].choices[0];
}

/* One attempt: every parameter anew, or about every fourth one. */
static void draw_once(int kernel, uint32_t index, uint32_t attempt, const int64_t *near, int64_t *values)
{
    static const uint64_t seed = 0x64726f70636c;
    for (int i = 0; i < spaces[kernel].count; i++) {
        const dcl__parameter *p = &spaces[kernel].parameters[i];
        uint32_t words[4];
        dcl_random_words(seed + (uint64_t)kernel, index, attempt, (uint64_t)i, words);
        values[i] = near && words[1] % 4 ? near[i] : p->choices[words[0] % (uint32_t)p->count];
    }
    if (kernel == DCL__XGEMM)
        settle_xgemm(values);
}

int dcl__parameters_draw(const dcl_device_info *info, uint32_t dtype, int kernel, uint32_t index,
                         const int64_t *near, int64_t *values)
{
    enum { ATTEMPTS = 2000 };
    const size_t bytes = (size_t)spaces[kernel].count * sizeof *values;
    for (uint32_t attempt = 0; attempt < ATTEMPTS; attempt++) {
        draw_once(kernel, index, attempt, near, values);
        if (near && memcmp(near, values, bytes) == 0)
            continue;
        if (dcl__parameters_check(kernel, values, NULL) == DCL_OK && fits(info, dtype, kernel, values))
            return 1;
    }
    return 0;
}

/* ---- The tuning ---- */

void dcl__tuning_text(const dcl__tuning *tuning, const char *variant, char text[DCL__TUNING_TEXT])
{
    const int packed = strcmp(variant, spaces[DCL__PACKED].name) == 0, clblast = strcmp(variant, "clblast") == 0;
    int used = 0;
    text[0] = '\0';
    for (int kernel = 0; kernel < DCL__KERNELS; kernel++) {
        if (!tuning->given[kernel] || !(kernel == DCL__PACKED ? packed : clblast))
            continue;
        used += snprintf(text + used, (size_t)(DCL__TUNING_TEXT - used), "%s", spaces[kernel].name);
        for (int i = 0; i < spaces[kernel].count; i++)
            used += snprintf(text + used, (size_t)(DCL__TUNING_TEXT - used), " %" PRId64, tuning->values[kernel][i]);
    }
}
