/* program.c: kernels by name: built on first use, kept in memory, and cached on disk. */
#include "core/program.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cache.h"
#include "core/memory.h"
#include "philox.cl.h"
#include "prelude.cl.h"

enum { OPTIONS_SIZE = 512 };

typedef struct named_kernel {
    struct named_kernel *next;
    char *name;
    cl_kernel kernel;
} named_kernel;

struct dcl__program {
    dcl__program *next;
    const char *source;
    char *options;
    cl_program program;
    named_kernel *kernels;
    int fresh;                   /* built from source and not yet saved                              */
    char key[DCL__KEY_TEXT];
};

/* ---- Options ---- */

/* One word of `defines`: NAME=number and nothing else, so that no driver needs to be trusted with quoting. */
static int is_define(const char *word, size_t length)
{
    size_t i = 0;
    while (i < length && (isupper((unsigned char)word[i]) || word[i] == '_' || (i && isdigit((unsigned char)word[i]))))
        i++;
    if (i == 0 || i == length || word[i++] != '=' || i == length)
        return 0;
    if (word[i] == '-')
        i++;
    for (; i < length; i++)
        if (!isdigit((unsigned char)word[i]) && word[i] != '.')
            return 0;
    return 1;
}

static dcl_status write_options(const dcl__build *build, char options[OPTIONS_SIZE], dcl_error *error)
{
    size_t used = (size_t)snprintf(options, OPTIONS_SIZE, "-D DCL_REAL_BITS=%d", build->real == DCL_F64 ? 64 : 32);
    for (const char *word = build->defines ? build->defines : ""; *word;) {
        size_t length = strcspn(word, " ");
        if (!is_define(word, length) || used + length + 5 > OPTIONS_SIZE)
            return dcl__fail(error, DCL_EINVAL, "op '%s': '%.*s' is not a define of the form NAME=number",
                             build->owner, (int)length, word);
        used += (size_t)snprintf(options + used, OPTIONS_SIZE - used, " -D %.*s", (int)length, word);
        word += length + (word[length] == ' ');
    }
    return DCL_OK;
}

/* ---- Building ---- */

/* The compiler's log, to be freed; NULL when the driver gives none. */
static char *build_log(const dcl_device *device, cl_program program)
{
    size_t size = 0;
    clGetProgramBuildInfo(program, device->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &size);
    char *log = size > 1 ? calloc(1, size + 1) : NULL;
    if (log)
        clGetProgramBuildInfo(program, device->id, CL_PROGRAM_BUILD_LOG, size, log, NULL);
    return log;
}

static dcl_status build_failed(const dcl_device *device, const dcl__build *build, const dcl__program *made,
                               int code, dcl_error *error)
{
    char *log = build_log(device, made->program);
    dcl__fail(error, DCL_EBUILD, "the kernels of op '%s' do not build: clBuildProgram failed with %s (%d) on device "
              "'%s', driver %s, %s, options '%s'. The compiler says: %s", build->owner, dcl__cl_name(code), code,
              device->info.name, device->info.driver, device->info.platform_version, made->options,
              log ? log : "nothing");
    free(log);
    return DCL_EBUILD;
}

/* A program from the disk cache; 0 when there is none that this driver takes. */
static int load_cached(dcl_device *device, dcl__program *made)
{
    size_t size;
    unsigned char *binary = dcl__cache_load(made->key, &size);
    if (!binary)
        return 0;
    cl_int code, loaded;
    made->program = clCreateProgramWithBinary(device->context, 1, &device->id, &size,
                                              (const unsigned char **)&binary, &loaded, &code);
    free(binary);
    if (code == CL_SUCCESS && loaded == CL_SUCCESS &&
        clBuildProgram(made->program, 1, &device->id, made->options, NULL, NULL) == CL_SUCCESS) {
        device->counts.programs_cached++;
        return 1;
    }
    if (code == CL_SUCCESS)
        clReleaseProgram(made->program);
    made->program = NULL;
    return 0;
}

static dcl_status compile(dcl_device *device, const dcl__build *build, const char *const texts[4],
                          dcl__program *made, dcl_error *error)
{
    cl_int code;
    made->program = clCreateProgramWithSource(device->context, 4, (const char **)texts, NULL, &code);
    dcl_status status = dcl__cl_check(error, code, "clCreateProgramWithSource", "building op '%s'", build->owner);
    if (status)
        return status;
    code = clBuildProgram(made->program, 1, &device->id, made->options, NULL, NULL);
    if (code != CL_SUCCESS)
        return build_failed(device, build, made, code, error);
    device->counts.programs_compiled++;
    made->fresh = 1;
    return DCL_OK;
}

/* Saved when the device is closed: some drivers compile for the binary once more, each kernel for groups of any
 * size, which would delay the first step by seconds. And not before a kernel exists: some compile only then. */
static void save(dcl__program *made)
{
    size_t size = 0;
    if (!made->fresh || !made->kernels ||
        clGetProgramInfo(made->program, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL) || size == 0)
        return;
    unsigned char *binary = malloc(size);
    if (binary && clGetProgramInfo(made->program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL) == CL_SUCCESS)
        dcl__cache_store(made->key, binary, size);
    free(binary);
}

static void release_program(dcl__program *made)
{
    while (made->kernels) {
        named_kernel *kernel = made->kernels;
        made->kernels = kernel->next;
        if (kernel->kernel)
            clReleaseKernel(kernel->kernel);
        free(kernel->name);
        free(kernel);
    }
    if (made->program)
        clReleaseProgram(made->program);
    free(made->options);
    free(made);
}

static dcl_status make_program(dcl_device *device, const dcl__build *build, const char *options,
                               dcl__program **program, dcl_error *error)
{
    dcl__program *made = calloc(1, sizeof *made);
    if (!made)
        return dcl__no_memory(error, "a program", sizeof *made);
    made->source = build->source;
    made->options = dcl__copy_string(options, error);
    /* With #line, compilers speak of the lines of the op's own source. */
    const char *const texts[] = {prelude_cl, philox_cl, "#line 1\n", build->source};
    const char *const identity[] = {texts[0], texts[1], texts[3], options, device->info.name, device->info.version,
                                    device->info.driver, device->info.platform_version};
    dcl__cache_key(identity, sizeof identity / sizeof *identity, made->key);
    dcl_status status = made->options ? DCL_OK : DCL_ENOMEM;
    if (status == DCL_OK && !load_cached(device, made))
        status = compile(device, build, texts, made, error);
    if (status) {
        release_program(made);
        return status;
    }
    made->next = device->programs;
    device->programs = made;
    *program = made;
    return DCL_OK;
}

/* ---- Finding ---- */

static dcl__program *find_program(const dcl_device *device, const char *source, const char *options)
{
    dcl__program *program = device->programs;
    while (program && (program->source != source || strcmp(program->options, options) != 0))
        program = program->next;
    return program;
}

static dcl_status make_kernel(dcl_device *device, const dcl__build *build, dcl__program *program, const char *name,
                              cl_kernel *kernel, dcl_error *error)
{
    named_kernel *made = calloc(1, sizeof *made);
    if (!made)
        return dcl__no_memory(error, "a kernel", sizeof *made);
    cl_int code;
    made->name = dcl__copy_string(name, error);
    made->kernel = clCreateKernel(program->program, name, &code);
    made->next = program->kernels;
    program->kernels = made;
    dcl_status status = dcl__cl_check(error, code, "clCreateKernel", "getting kernel '%s' of op '%s' on device '%s'",
                                      name, build->owner, device->info.name);
    if (code != CL_SUCCESS)
        made->kernel = NULL;
    if (status == DCL_OK && !made->name)
        status = DCL_ENOMEM;
    if (status == DCL_OK)
        *kernel = made->kernel;
    return status;
}

dcl_status dcl__kernel(dcl_device *device, const dcl__build *build, const char *name, cl_kernel *kernel,
                       dcl_error *error)
{
    char options[OPTIONS_SIZE];
    dcl_status status = write_options(build, options, error);
    if (status)
        return status;
    dcl__program *program = find_program(device, build->source, options);
    if (!program)
        status = make_program(device, build, options, &program, error);
    if (status)
        return status;
    for (named_kernel *known = program->kernels; known; known = known->next)
        if (known->kernel && known->name && strcmp(known->name, name) == 0) {
            *kernel = known->kernel;
            return DCL_OK;
        }
    return make_kernel(device, build, program, name, kernel, error);
}

/* ---- Launching ---- */

/* Work-items of a group when the op does not say: 256 in a row, 16x16, 4x4x4, within what the kernel can
 * take, and not far beyond the range itself. */
static void choose_local(uint32_t dims, const uint64_t *global, size_t most, size_t local[3])
{
    static const size_t wish[4] = {0, 256, 16, 4};
    for (uint32_t i = 0; i < dims; i++) {
        local[i] = wish[dims];
        while (local[i] > 1 && local[i] / 2 >= global[i])
            local[i] /= 2;
    }
    for (uint32_t i = 0; local[0] * (dims > 1 ? local[1] : 1) * (dims > 2 ? local[2] : 1) > most; i = (i + 1) % dims)
        if (local[i] > 1)
            local[i] /= 2;
}

dcl_status dcl__enqueue(dcl_device *device, cl_kernel kernel, const char *name, uint32_t dims,
                        const uint64_t *global, const uint64_t *local, dcl_error *error)
{
    size_t group[3], range[3], most = 1;
    int code = clGetKernelWorkGroupInfo(kernel, device->id, CL_KERNEL_WORK_GROUP_SIZE, sizeof most, &most, NULL);
    dcl_status status = dcl__cl_check(error, code, "clGetKernelWorkGroupInfo", "launching kernel '%s'", name);
    if (status)
        return status;
    if (local)
        for (uint32_t i = 0; i < dims; i++)
            group[i] = local[i] > 0 ? (size_t)local[i] : 1;
    else
        choose_local(dims, global, most > 0 ? most : 1, group);
    for (uint32_t i = 0; i < dims; i++)
        range[i] = (size_t)((global[i] + group[i] - 1) / group[i] * group[i]);
    code = clEnqueueNDRangeKernel(device->queue, kernel, dims, NULL, range, group, 0, NULL, NULL);
    device->counts.kernels_launched++;
    return dcl__cl_check(error, code, "clEnqueueNDRangeKernel", "launching kernel '%s' on device '%s'", name,
                         device->info.name);
}

static void release_programs(dcl_device *device, int save_them)
{
    while (device->programs) {
        dcl__program *program = device->programs;
        device->programs = program->next;
        if (save_them)
            save(program);
        release_program(program);
    }
}

void dcl__programs_release(dcl_device *device)
{
    release_programs(device, 1);
}

void dcl__programs_discard(dcl_device *device)
{
    release_programs(device, 0);
}
