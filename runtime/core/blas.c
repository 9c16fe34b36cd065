/* blas.c: chooses the variant of the matrix product for a device and dtype. */
#include "core/blas.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/gemm.h"
#include "core/tensor.h"

/* ---- What the variants share ---- */

dcl__real dcl__real_of(uint32_t dtype, double number)
{
    return dtype == DCL_F64 ? (dcl__real){.full = number} : (dcl__real){.single = (float)number};
}

dcl_status dcl__set_kernel_arguments(cl_kernel kernel, const char *name, const dcl__kernel_argument *arguments,
                                     cl_uint count, dcl_error *error)
{
    int code = CL_SUCCESS;
    for (cl_uint i = 0; i < count && code == CL_SUCCESS; i++)
        code = clSetKernelArg(kernel, i, arguments[i].size, arguments[i].at);
    return dcl__cl_check(error, code, "clSetKernelArg", "preparing kernel '%s'", name);
}

/* ---- The choice ---- */

static const dcl__gemm_variant *const variants[] = {&dcl__gemm_clblast, &dcl__gemm_packed, &dcl__gemm_plain};

const dcl__gemm_variant *dcl__gemm_variant_of(const char *name)
{
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++)
        if (strcmp(name, variants[i]->name) == 0)
            return variants[i];
    return NULL;
}

const char *dcl__gemm_variant_name(const char *name)
{
    const dcl__gemm_variant *variant = dcl__gemm_variant_of(name);
    return variant ? variant->name : NULL;
}

/* The variant that DROPCL_GEMM names; NULL when it names none. */
static dcl_status forced_variant(const dcl__gemm_variant **named, dcl_error *error)
{
    const char *forced = getenv("DROPCL_GEMM");
    *named = NULL;
    if (!forced || !*forced)
        return DCL_OK;
    *named = dcl__gemm_variant_of(forced);
    return *named ? DCL_OK : dcl__fail(error, DCL_EINVAL, "DROPCL_GEMM is '%s', it must be clblast, packed or plain",
                                       forced);
}

int dcl__takes_vectors(const dcl_device_info *info)
{
    return info->type == DCL_TYPE_CPU && info->lanes_f32 > 1;
}

const char *dcl__gemm_standard(const dcl_device *device)
{
    if (device->info.type != DCL_TYPE_CPU)
        return dcl__gemm_clblast.name;
    return dcl__takes_vectors(&device->info) ? dcl__gemm_packed.name : dcl__gemm_plain.name;
}

/* What a class of shapes should go by, and why: the forced variant, the tuned one, that of the kind of device. */
static dcl_status wanted_variant(const dcl_device *device, uint32_t dtype, int shape,
                                 const dcl__gemm_variant **wanted, const char **why, dcl_error *error)
{
    const char *tuned = dcl__tuning_of(device, dtype)->variant[shape];
    *why = "DROPCL_GEMM";
    dcl_status status = forced_variant(wanted, error);
    if (status || *wanted)
        return status;
    *wanted = dcl__gemm_variant_of(tuned ? tuned : dcl__gemm_standard(device));
    *why = tuned ? "tuned" : device->info.type == DCL_TYPE_CPU ? "CPU device" : "GPU device";
    return DCL_OK;
}

/* Takes the variant when it passes the test; leaves made->variant NULL when it does not. */
static dcl_status try_variant(dcl_device *device, uint32_t dtype, const dcl__gemm_variant *tried, const char *why,
                              dcl__gemm_choice *made, dcl_error *error)
{
    int passed = 0;
    dcl_status status = dcl__gemm_test(device, dtype, tried, &passed, error);
    if (status == DCL_OK && passed) {
        made->variant = tried;
        snprintf(made->note, sizeof made->note, "%s; self-test passed", why);
    }
    return status;
}

/* The wanted variant; `plain` where that is not right. */
static dcl_status decide(dcl_device *device, uint32_t dtype, const dcl__gemm_variant *wanted, const char *why,
                         dcl__gemm_choice *made, dcl_error *error)
{
    const int is_forced = strcmp(why, "DROPCL_GEMM") == 0;
    if (wanted != &dcl__gemm_plain) {
        dcl_error reason;
        dcl_status status = try_variant(device, dtype, wanted, why, made, is_forced ? error : &reason);
        if (made->variant || (status && is_forced))
            return status;
        dcl__log(device, DCL_LOG_WARNING, "%s %s for %s on device '%s', driver %s%s%.300s: using plain instead",
                 wanted->name, status ? "does not run" : "gives wrong results", dcl__dtype_name(dtype),
                 device->info.name, device->info.driver, status ? ": " : "", status ? reason.text : "");
        why = status ? "the faster variant does not run here" : "the faster variant gives wrong results here";
    }
    dcl_status status = try_variant(device, dtype, &dcl__gemm_plain, why, made, error);
    if (status == DCL_OK && !made->variant)
        return dcl__fail(error, DCL_EDEVICE, "device '%s', driver %s, multiplies %s matrices wrongly: no product "
                         "variant passes the self-test (update the driver or choose another device)",
                         device->info.name, device->info.driver, dcl__dtype_name(dtype));
    return status;
}

static dcl_status make_state(dcl_device *device, dcl_error *error)
{
    if (!device->gemm && !(device->gemm = calloc(1, sizeof *device->gemm)))
        return dcl__no_memory(error, "the state of matrix products", sizeof *device->gemm);
    return DCL_OK;
}

static dcl__gemm_state *state_of(const dcl_device *device, uint32_t dtype)
{
    return dtype == DCL_F64 ? &device->gemm->f64 : &device->gemm->f32;
}

/* Classes that want the same variant share one decision. */
static dcl_status get_choice(dcl_device *device, uint32_t dtype, int shape, const dcl__gemm_choice **made,
                             dcl_error *error)
{
    const dcl__gemm_variant *wanted;
    const char *why;
    dcl_status status = make_state(device, error);
    if (status)
        return status;
    dcl__gemm_choice *choices = state_of(device, dtype)->choices;
    *made = &choices[shape];
    if (choices[shape].wanted)
        return DCL_OK;
    status = wanted_variant(device, dtype, shape, &wanted, &why, error);
    for (int i = 0; i < DCL__SHAPES && status == DCL_OK && !choices[shape].wanted; i++)
        if (choices[i].wanted == wanted)
            choices[shape] = choices[i];
    if (status || choices[shape].wanted)
        return status;
    status = decide(device, dtype, wanted, why, &choices[shape], error);
    if (status == DCL_OK)
        choices[shape].wanted = wanted;
    return status;
}

dcl_status dcl__gemm_run(dcl_device *device, const dcl__product *product, dcl_error *error)
{
    const dcl__gemm_choice *made = NULL;
    dcl_status status = get_choice(device, product->dtype, dcl__shape_of(product->m, product->n, product->k), &made,
                                   error);
    return status ? status : made->variant->run(device, product, error);
}

dcl_status dcl__gemm_is_packed(dcl_device *device, uint32_t dtype, int *packed, dcl_error *error)
{
    const dcl__gemm_choice *made = NULL;
    dcl_status status = get_choice(device, dtype, DCL__EVEN, &made, error);
    if (status == DCL_OK)
        *packed = made->variant == &dcl__gemm_packed;
    return status;
}

dcl_status dcl_device_gemm(dcl_device *device, uint32_t dtype, const char **variant, const char **note,
                           dcl_error *error)
{
    if (dtype == DCL_F64 && !device->info.fp64)
        return dcl__fail(error, DCL_EUNSUPPORTED, "device '%s' has no double precision", device->info.name);
    const dcl__gemm_choice *made = NULL;
    dcl_status status = get_choice(device, dtype, DCL__EVEN, &made, error);
    if (status)
        return status;
    *variant = made->variant->name;
    if (note)
        *note = made->note;
    return DCL_OK;
}

/* ---- Tuning ---- */

const dcl__tuning *dcl__tuning_of(const dcl_device *device, uint32_t dtype)
{
    return &state_of(device, dtype)->tuning;
}

dcl_status dcl__gemm_tune(dcl_device *device, uint32_t dtype, const dcl__tuning *tuning, dcl_error *error)
{
    dcl_status status = make_state(device, error);
    if (status)
        return status;
    *state_of(device, dtype) = (dcl__gemm_state){.tuning = *tuning};
    dcl__gemm_clblast_retune();
    return DCL_OK;
}

void dcl__gemm_release(dcl_device *device)
{
    if (!device->gemm)
        return;
    dcl__gemm_packed_release(device);
    dcl__gemm_clblast_release(device);
    free(device->gemm);
    device->gemm = NULL;
}
