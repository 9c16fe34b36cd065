/* devices.c: `dropcl devices`: lists the OpenCL devices and which one is the default. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "command/command.h"
#include "command/files.h"

enum { MOST = 128 };

static const char *type_name(int type)
{
    return type == DCL_TYPE_GPU ? "GPU" : type == DCL_TYPE_CPU ? "CPU" : "other";
}

/* What matrix products do on a device: its variant and what the self-test found. */
static void test_products(int index, uint32_t dtype, char *variant, size_t size)
{
    dcl_device *device = NULL;
    dcl_error error;
    char selector[16];
    const char *name, *note;
    snprintf(selector, sizeof selector, "%d", index);
    dcl_status status = dcl__open_device(selector, &device, &error);
    if (status == DCL_OK)
        status = dcl_device_gemm(device, dtype, &name, &note, &error);
    if (status == DCL_OK)
        snprintf(variant, size, "%s (%s)", name, note);
    else
        snprintf(variant, size, "unusable: %.900s", error.text);
    dcl_device_close(device);
}

static void print_device(const dcl_device_info *info, int index, const char *reason, int test)
{
    char products[1024];
    printf("%d  %s\n", index, info->name);
    if (reason)
        printf("   default     yes, %s\n", reason);
    printf("   platform    #%d %s, device #%d\n", info->platform_index, info->platform, info->device_index);
    printf("   type        %s, %lld compute units\n", type_name(info->type), (long long)info->compute_units);
    printf("   memory      %.1f GiB, at most %.1f GiB in one buffer, %.0f KiB local\n",
           (double)info->memory_bytes / 1073741824, (double)info->allocation_bytes / 1073741824,
           (double)info->local_bytes / 1024);
    printf("   precision   %s\n", info->fp64 ? "f32, f64" : "f32");
    printf("   driver      %s, %s\n", info->driver, info->version);
    for (uint32_t dtype = DCL_F32; test && dtype <= (info->fp64 ? DCL_F64 : DCL_F32); dtype *= 2) {
        test_products(index, dtype, products, sizeof products);
        printf("   gemm %s    %s\n", dtype == DCL_F64 ? "f64" : "f32", products);
    }
}

static json_t *device_json(const dcl_device_info *info, int index, const char *reason, int test)
{
    char products[1024] = "not tested";
    if (test)
        test_products(index, DCL_F32, products, sizeof products);
    return json_pack("{s:i, s:s, s:s, s:s, s:i, s:i, s:I, s:I, s:I, s:I, s:b, s:s, s:s, s:s, s:b, s:s}",
                     "index", index, "name", info->name, "type", type_name(info->type), "platform", info->platform,
                     "platform_index", info->platform_index, "device_index", info->device_index,
                     "compute_units", (json_int_t)info->compute_units, "memory_bytes", (json_int_t)info->memory_bytes,
                     "allocation_bytes", (json_int_t)info->allocation_bytes,
                     "local_bytes", (json_int_t)info->local_bytes, "fp64", info->fp64, "driver", info->driver,
                     "version", info->version, "gemm", products, "default", reason != NULL,
                     "reason", reason ? reason : "");
}

static void print_all(const dcl_device_info *infos, size_t count, size_t chosen, const char *reason, int json,
                      int test)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        const char *why = i == chosen ? reason : NULL;
        if (json)
            json_array_append_new(list, device_json(&infos[i], (int)i, why, test));
        else
            print_device(&infos[i], (int)i, why, test);
    }
    if (json)
        dcl__print_json(list);
    json_decref(list);
}

int dcl__command_devices(int argc, char **argv)
{
    int json = 0, quick = 0;
    const dcl__option options[] = {
        {"--json", NULL, "write JSON", DCL__OPTION_FLAG, &json},
        {"--quick", NULL, "do not test matrix products", DCL__OPTION_FLAG, &quick},
        {0}};
    const dcl__usage usage = {"devices", "[--json]", "Lists the OpenCL devices, in the order of `clinfo -l`, with what "
                              "they offer, the matrix\nproduct variant that is used there, and which one is the "
                              "default and why.", NULL, options, 0, 0};
    const char *positional[DCL__MOST_ARGUMENTS];
    int over = dcl__parse(&usage, argc, argv, positional);
    if (over != DCL__GO_ON)
        return over;
    dcl_device_info infos[MOST];
    size_t count, chosen = MOST;
    char reason[128] = "";
    dcl_error error;
    dcl_status status = dcl_device_list(infos, MOST, &count, &error);
    if (status)
        return dcl__exit(status, &error);
    count = count < MOST ? count : MOST;
    if (dcl_device_choose(infos, count, NULL, &chosen, reason, &error))
        dcl__complain("%s", error.text);
    print_all(infos, count, chosen, reason, json, !quick);
    return DCL__EXIT_DONE;
}
