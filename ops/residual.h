/* residual.h: one call of the low-rank residual: its sizes, its masks, and what its ways to compute it share. */
#ifndef DROPCL_OPS_RESIDUAL_H
#define DROPCL_OPS_RESIDUAL_H

#include "common.h"

enum { DCL__LOSS, DCL__GRADIENT_U, DCL__GRADIENT_V };

/* Scratch. NARROW and LIST are what the masks leave of a factor, and where that belongs. */
enum { DCL__NARROW, DCL__WORK, DCL__PARTIAL, DCL__LIST };

/* Elements of the piece of R that is held: 16 MiB of f32. */
enum { DCL__MOST_WORK = 4 << 20 };

/* What a CPU device's caches hold beside each other: a tile of R with what it is multiplied with in the second
 * level; rows of R are cut at TILE_ROWS. */
enum { DCL__TILE_BYTES = 224 << 10, DCL__TILE_ROWS = 96 };

/* Which factor has a mask for each of its rows. */
enum { DCL__ROWS_NONE, DCL__ROWS_OF_U, DCL__ROWS_OF_V };

/* One call: sizes, the masks of its step, and what the kernels are built with. */
typedef struct dcl__residual {
    const dcl_tensor *y, *u, *v;
    int64_t m, n, width, kept;   /* kept: units that the mask keeps, or all where every row has its own */
    double scale;                /* of kept units; 0 when none is kept and unit 0 stands in           */
    int slopes, tiled;           /* 1: the gradients are wanted as well; by bands and tiles           */
    int row_masks;               /* DCL__ROWS_...                                                     */
    char defines[96];
} dcl__residual;

/* A draw is kept when its word is below this: the integers below retain 2^32, as in the op `mask`. [run] */
int64_t dcl__mask_threshold(const dcl_host *host, dcl_call *call);

/* A kernel over rows, which takes the number of rows of a work-item as its last argument: one on devices that
 * have many work-items at once, more on those where one work-item is a whole group. [run] */
dcl_status dcl__residual_launch_rows(const dcl_host *host, dcl_call *call, const dcl__residual *s, const char *name,
                                     dcl_argument *argument, uint32_t count, int64_t rows);

/* The loss from `count` pairs of sums and what rounding lost of them. [run] */
dcl_status dcl__residual_finish(const dcl_host *host, dcl_call *call, const dcl__residual *s, int64_t count);

/* Masks of rows (row_masks.c). The elements of NARROW and LIST (of two ints) that they need at most. */
void dcl__row_masks_scratch(int64_t rows, int64_t width, int64_t *narrow, int64_t *list);

/* Elements of WORK that one group needs at most. */
int64_t dcl__row_masks_work(int64_t width);

/* Loss and gradients by bands and tiles. *done is 0 where the device has no tiles or the scratch no room. [run] */
dcl_status dcl__row_masks_run(const dcl_host *host, dcl_call *call, dcl__residual *s, int *done);

/* to = factor * from in rows first.. of a matrix of `width` units where their masks keep them, else 0; both
 * row-major, from an offset on, perhaps the same. [run] */
dcl_status dcl__row_masks_apply(const dcl_host *host, dcl_call *call, const dcl__residual *s, const dcl_tensor *from,
                                int64_t from_offset, const dcl_tensor *to, int64_t to_offset, int64_t rows,
                                int64_t first, double factor);

#endif
