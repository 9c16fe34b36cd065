/* tuning.h: what `dropcl tune` measured on a device, as a file; and the results of CLBlast's own tuners.
 *
 * The file is JSON ("format": "dropcl-tuning/1"; docs/tuning.md), one for each device of a platform. It names the
 * driver that it was measured with, because another one wants other parameters. Functions may be called from any
 * thread. Messages begin with the path.
 */
#ifndef DCL__TUNING_H
#define DCL__TUNING_H

#include "core/gemm_tuning.h"

/* What is known of one dtype. */
typedef struct dcl__tuning_results {
    dcl__tuning tuning;
    int64_t tried[DCL__KERNELS];                 /* sets of parameters tried so far, good or bad     */
    double before[DCL__SHAPES], after[DCL__SHAPES];      /* GFLOP/s; 0: not measured                 */
    double packed_gain, clblast_gain;            /* speed over the variant's own parameters; 0: none */
} dcl__tuning_results;

typedef struct dcl__tuning_file {
    dcl__tuning_results f32, f64;
} dcl__tuning_file;

/* The user's file for a device: $XDG_DATA_HOME/dropcl/tuning/PLATFORM.DEVICE.json, where XDG_DATA_HOME is
 * ~/.local/share by default. To be freed with free(); NULL and a message when there is no such place. */
char *dcl__tuning_path(const dcl_device_info *info, dcl_error *error);

/* DCL_EIO when the file cannot be read; DCL_EFORMAT when it is damaged, or of another device or driver. */
dcl_status dcl__tuning_read(const char *path, const dcl_device_info *info, dcl__tuning_file *file, dcl_error *error);

/* Makes the folder where it is missing; the file appears complete or not at all. */
dcl_status dcl__tuning_write(const char *path, const dcl_device_info *info, const dcl__tuning_file *file,
                             dcl_error *error);

/* The same file on one line, to be freed with free(); NULL when memory is out. */
char *dcl__tuning_json(const dcl_device_info *info, const dcl__tuning_file *file);

/* The fastest result in a file that one of CLBlast's tuners wrote (clblast_xgemm_1_32.json, ...). */
typedef struct dcl__clblast_results {
    uint32_t dtype;
    int kernel;
    int64_t values[DCL__MOST_PARAMETERS];
    char device[256];            /* where it was measured                                            */
} dcl__clblast_results;

/* DCL_EFORMAT also for kernels that products do not use, and other precisions. */
dcl_status dcl__clblast_results_read(const char *path, dcl__clblast_results *results, dcl_error *error);

#endif
