/* device_list.c: finds the devices of all OpenCL platforms and chooses one. */
#include "core/device_list.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MOST_PLATFORMS = 32, MOST_DEVICES = 64 };

static void platform_text(cl_platform_id platform, cl_platform_info what, char *text, size_t size)
{
    text[0] = '\0';
    if (clGetPlatformInfo(platform, what, size, text, NULL) != CL_SUCCESS)
        snprintf(text, size, "unknown");
}

static void device_text(cl_device_id id, cl_device_info what, char *text, size_t size)
{
    text[0] = '\0';
    if (clGetDeviceInfo(id, what, size, text, NULL) != CL_SUCCESS)
        snprintf(text, size, "unknown");
}

/* A property of 4 or 8 bytes, little-endian on every host that OpenCL runs on. Notes the first failure. */
static int64_t device_number(cl_device_id id, cl_device_info what, size_t bytes, int *code)
{
    cl_ulong number = 0;
    int failed = clGetDeviceInfo(id, what, bytes, &number, NULL);
    *code = *code ? *code : failed;
    return failed ? 0 : (int64_t)number;
}

static int device_type(cl_device_id id, int *code)
{
    int64_t type = device_number(id, CL_DEVICE_TYPE, sizeof(cl_device_type), code);
    return type & CL_DEVICE_TYPE_GPU ? DCL_TYPE_GPU : type & CL_DEVICE_TYPE_CPU ? DCL_TYPE_CPU : DCL_TYPE_OTHER;
}

/* Texts may be unknown, numbers may not: plans are made with them. */
static dcl_status describe(dcl__listed *listed, dcl_error *error)
{
    dcl_device_info *info = &listed->info;
    cl_device_id id = listed->id;
    int code = CL_SUCCESS, no_fp64 = CL_SUCCESS;
    platform_text(listed->platform, CL_PLATFORM_NAME, info->platform, sizeof info->platform);
    platform_text(listed->platform, CL_PLATFORM_VERSION, info->platform_version, sizeof info->platform_version);
    device_text(id, CL_DEVICE_NAME, info->name, sizeof info->name);
    device_text(id, CL_DEVICE_VENDOR, info->vendor, sizeof info->vendor);
    device_text(id, CL_DEVICE_VERSION, info->version, sizeof info->version);
    device_text(id, CL_DRIVER_VERSION, info->driver, sizeof info->driver);
    info->type = device_type(id, &code);
    /* A 1.1 driver may not know the question: then it has no double precision. */
    info->fp64 = device_number(id, CL_DEVICE_DOUBLE_FP_CONFIG, sizeof(cl_device_fp_config), &no_fp64) != 0;
    info->unified_memory = device_number(id, CL_DEVICE_HOST_UNIFIED_MEMORY, sizeof(cl_bool), &code) != 0;
    info->lanes_f32 = device_number(id, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, sizeof(cl_uint), &code);
    info->lanes_f64 = device_number(id, CL_DEVICE_NATIVE_VECTOR_WIDTH_DOUBLE, sizeof(cl_uint), &code);
    info->compute_units = device_number(id, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof(cl_uint), &code);
    info->memory_bytes = device_number(id, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof(cl_ulong), &code);
    info->allocation_bytes = device_number(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, sizeof(cl_ulong), &code);
    info->local_bytes = device_number(id, CL_DEVICE_LOCAL_MEM_SIZE, sizeof(cl_ulong), &code);
    info->work_group = device_number(id, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof(size_t), &code);
    return dcl__cl_check(error, code, "clGetDeviceInfo", "asking device '%s' what it offers", info->name);
}

static dcl_status no_device(dcl_error *error)
{
    const char *vendors = getenv("OCL_ICD_VENDORS");
    return dcl__fail(error, DCL_ENODEVICE, "no OpenCL device found (drivers are registered in %s; install the "
                     "driver of your GPU, or on Debian `apt install pocl-opencl-icd` to use the CPU)",
                     vendors ? vendors : "/etc/OpenCL/vendors");
}

static dcl_status list_platform(cl_platform_id platform, int index, dcl__listed *list, size_t *count,
                                dcl_error *error)
{
    cl_device_id ids[MOST_DEVICES];
    cl_uint found = 0;
    int code = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, MOST_DEVICES, ids, &found);
    if (code == CL_DEVICE_NOT_FOUND)
        return DCL_OK;
    if (code != CL_SUCCESS)
        return dcl__cl_check(error, code, "clGetDeviceIDs", "listing the devices of platform %d", index);
    dcl_status status = DCL_OK;
    for (cl_uint i = 0; i < found && i < MOST_DEVICES && *count < DCL__MOST_LISTED; i++) {
        dcl__listed *listed = &list[*count];
        *listed = (dcl__listed){.platform = platform, .id = ids[i]};
        listed->info.platform_index = index;
        listed->info.device_index = (int)i;
        dcl_status described = describe(listed, error);
        if (described == DCL_OK)
            ++*count;
        else
            status = described;
    }
    return status;
}

/* One broken driver must not stop the others: its failure counts only when nothing else is found. */
dcl_status dcl__list_devices(dcl__listed *list, size_t *count, dcl_error *error)
{
    cl_platform_id platforms[MOST_PLATFORMS];
    cl_uint found = 0;
    int code = clGetPlatformIDs(MOST_PLATFORMS, platforms, &found);
    if (code == -1001 /* CL_PLATFORM_NOT_FOUND_KHR */ || (code == CL_SUCCESS && found == 0))
        return no_device(error);
    dcl_status status = dcl__cl_check(error, code, "clGetPlatformIDs", "looking for OpenCL drivers");
    if (status)
        return status;
    *count = 0;
    for (cl_uint i = 0; i < found && i < MOST_PLATFORMS; i++) {
        dcl_status listed = list_platform(platforms[i], (int)i, list, count, error);
        status = status ? status : listed;
    }
    if (*count > 0)
        return DCL_OK;
    return status ? status : no_device(error);
}

dcl_status dcl_device_list(dcl_device_info *infos, size_t capacity, size_t *count, dcl_error *error)
{
    dcl__listed *list = calloc(DCL__MOST_LISTED, sizeof *list);
    if (!list)
        return dcl__no_memory(error, "the list of devices", DCL__MOST_LISTED * (int64_t)sizeof *list);
    size_t found;
    dcl_status status = dcl__list_devices(list, &found, error);
    if (status == DCL_OK) {
        for (size_t i = 0; i < found && i < capacity; i++)
            infos[i] = list[i].info;
        *count = found;
    }
    free(list);
    return status;
}

/* ---- Choosing ---- */

static int starts_with(const char *text, const char *part)
{
    while (*part && tolower((unsigned char)*text) == tolower((unsigned char)*part)) {
        text++;
        part++;
    }
    return !*part;
}

static int contains(const char *text, const char *part)
{
    for (; *text; text++)
        if (starts_with(text, part))
            return 1;
    return 0;
}

static int is_software_renderer(const dcl_device_info *info)
{
    return contains(info->name, "llvmpipe") || contains(info->name, "softpipe") ||
           contains(info->name, "oclgrind");
}

/* Higher is better; compute units decide between equals. */
static int rank_of(const dcl_device_info *info)
{
    if (is_software_renderer(info))
        return 0;
    if (info->type == DCL_TYPE_GPU)
        return info->unified_memory ? 3 : 4;
    return info->type == DCL_TYPE_CPU ? 1 : 2;
}

static const char *describe_rank(const dcl_device_info *info)
{
    static const char *const words[] = {"a software renderer, nothing else is there", "CPU, no GPU found",
                                        "accelerator, no GPU found", "integrated GPU", "discrete GPU"};
    return words[rank_of(info)];
}

static size_t choose_best(const dcl_device_info *infos, size_t count, int type)
{
    size_t best = count;
    for (size_t i = 0; i < count; i++) {
        if (type && infos[i].type != type)
            continue;
        int lead = best == count ? 1 : rank_of(&infos[i]) - rank_of(&infos[best]);
        if (lead > 0 || (lead == 0 && infos[i].compute_units > infos[best].compute_units))
            best = i;
    }
    return best;
}

static size_t choose_by_name(const dcl_device_info *infos, size_t count, const char *part)
{
    for (size_t i = 0; i < count; i++)
        if (contains(infos[i].name, part) || contains(infos[i].platform, part) || contains(infos[i].vendor, part))
            return i;
    return count;
}

static size_t choose_by_selector(const dcl_device_info *infos, size_t count, const char *selector)
{
    char *end;
    unsigned long index = strtoul(selector, &end, 10);
    if (isdigit((unsigned char)*selector) && !*end)
        return index < count ? index : count;
    if (strcasecmp(selector, "gpu") == 0)
        return choose_best(infos, count, DCL_TYPE_GPU);
    if (strcasecmp(selector, "cpu") == 0)
        return choose_best(infos, count, DCL_TYPE_CPU);
    return choose_by_name(infos, count, selector);
}

dcl_status dcl_device_choose(const dcl_device_info *infos, size_t count, const char *selector, size_t *chosen,
                             char reason[128], dcl_error *error)
{
    const char *variable = getenv("DROPCL_DEVICE");
    int asked = selector && *selector;
    if (!asked)
        selector = variable && *variable ? variable : NULL;
    size_t best = selector ? choose_by_selector(infos, count, selector) : choose_best(infos, count, 0);
    if (best == count)
        return dcl__fail(error, DCL_ENODEVICE, "no device matches '%s'%s (give an index, a part of a name, gpu or "
                         "cpu; `dropcl devices` lists them)", selector ? selector : "",
                         asked || !selector ? "" : " from DROPCL_DEVICE");
    if (reason && selector)
        snprintf(reason, 128, asked ? "asked for: '%.80s'" : "DROPCL_DEVICE is '%.80s'", selector);
    else if (reason)
        snprintf(reason, 128, "default: %s", describe_rank(&infos[best]));
    *chosen = best;
    return DCL_OK;
}
