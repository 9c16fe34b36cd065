/* plugin.c: loads one plugin file under the rules of the contract. */
#include "core/plugin.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/host.h"
#include "core/memory.h"
#include "core/schema.h"

/* The contract that this runtime speaks: major 1, minors up to DCL_HEADER_MINOR. */
enum { NEWEST_MINOR = DCL_HEADER_MINOR, OTHER_MAJORS = 9 };

/* The sizes of the records of 1.0: the floor that never moves. */
enum {
    OP_FLOOR = offsetof(dcl_op, reference) + sizeof(void *),
    PLUGIN_FLOOR = offsetof(dcl_plugin, init) + sizeof(void *)
};

/* Another major version of the symbol, 0 when there is none. */
static int other_major(void *library)
{
    for (int major = 2; major <= OTHER_MAJORS; major++) {
        char name[32];
        snprintf(name, sizeof name, "dcl_plugin_v%d", major);
        if (dlsym(library, name))
            return major;
    }
    return 0;
}

/* Puts what dlopen says into words: its text names the missing library or the damage. */
static dcl_status open_failed(const char *file, const char *reason, dcl_error *error)
{
    reason = reason ? reason : "unknown reason";
    const char *missing = strstr(reason, ": cannot open shared object file");
    if (missing && strncmp(reason, file, strlen(file)) != 0)
        return dcl__fail(error, DCL_EPLUGIN, "plugin %s: it depends on the library %.*s, which is not installed",
                         file, (int)(missing - reason), reason);
    if (strstr(reason, "file too short") || strstr(reason, "ELF") || strstr(reason, "cannot read file data"))
        return dcl__fail(error, DCL_EPLUGIN, "plugin %s: the file is damaged or no shared library (%s)", file, reason);
    return dcl__fail(error, DCL_EPLUGIN, "plugin %s: it cannot be loaded (%s)", file, reason);
}

/* ---- Whole files ---- */

/* The last byte that an ELF file's headers speak of; 0 when it is not a file for this machine. */
static uint64_t spoken_size(FILE *in)
{
    const int class = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;
    ElfW(Ehdr) header;
    if (fread(&header, sizeof header, 1, in) != 1 || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
        header.e_ident[EI_CLASS] != class || header.e_phentsize != sizeof(ElfW(Phdr)))
        return 0;
    uint64_t most = header.e_shoff + (uint64_t)header.e_shnum * header.e_shentsize;
    ElfW(Phdr) part;
    fseek(in, (long)header.e_phoff, SEEK_SET);
    for (int i = 0; i < header.e_phnum && fread(&part, sizeof part, 1, in) == 1; i++)
        if (part.p_type == PT_LOAD && part.p_offset + part.p_filesz > most)
            most = part.p_offset + part.p_filesz;
    return most;
}

/* The loader maps files without looking at their size, and a file that was cut kills the process with
 * SIGBUS. What else is wrong with a file the loader says itself. */
static dcl_status check_whole(const char *file, dcl_error *error)
{
    struct stat info;
    FILE *in = fopen(file, "rb");
    if (!in)
        return DCL_OK;
    uint64_t wanted = spoken_size(in);
    int is_cut = fstat(fileno(in), &info) == 0 && (uint64_t)info.st_size < wanted;
    fclose(in);
    return is_cut ? dcl__fail(error, DCL_EPLUGIN, "plugin %s: the file is damaged: it has %lld bytes and should have "
                              "%" PRIu64 " (copy or build it again)", file, (long long)info.st_size, wanted)
                  : DCL_OK;
}

static dcl_status find_record(void *library, const char *file, const dcl_plugin **record, dcl_error *error)
{
    *record = dlsym(library, "dcl_plugin_v1");
    if (*record)
        return DCL_OK;
    int major = other_major(library);
    if (major)
        return dcl__fail(error, DCL_EPLUGIN, "plugin %s: built for plugin contract %d, this runtime speaks 1 (get a "
                         "newer dropcl, or a build of the plugin for contract 1)", file, major);
    return dcl__fail(error, DCL_EPLUGIN, "plugin %s: not an op plugin (it exports no dcl_plugin_v1)", file);
}

static dcl_status check_record(const dcl_plugin *record, const char *file, dcl_error *error)
{
    if (record->size < PLUGIN_FLOOR)
        return dcl__fail(error, DCL_EPLUGIN, "plugin %s: its record has %zu bytes, contract 1.0 has %d (rebuild it "
                         "against dropcl/op.h)", file, record->size, (int)PLUGIN_FLOOR);
    if (record->need_minor > NEWEST_MINOR)
        return dcl__fail(error, DCL_EPLUGIN, "plugin %s: it needs plugin contract 1.%" PRIu32 ", this runtime has 1.%d "
                         "(get a newer dropcl)", file, record->need_minor, (int)NEWEST_MINOR);
    if (record->flags)
        return dcl__fail(error, DCL_EPLUGIN, "plugin %s: it has flags that this runtime does not know (get a newer "
                         "dropcl)", file);
    if (!record->id || !*record->id || !record->version || !record->ops)
        return dcl__fail(error, DCL_EPLUGIN, "plugin %s: its record lacks id, version or ops", file);
    return DCL_OK;
}

/* ---- Ops ---- */

/* Ports, attributes and the op itself are shown to people: each has a line about it. */
static int lacks_doc(const dcl_op *op)
{
    for (const dcl_port *port = op->inputs; port && port->name; port++)
        if (!port->doc)
            return 1;
    for (const dcl_port *port = op->outputs; port && port->name; port++)
        if (!port->doc)
            return 1;
    return !op->doc;
}

/* What this runtime knows; anything else came with a newer contract. */
enum {
    KNOWN_DTYPES = DCL_REAL | DCL_I64,
    KNOWN_PORT_FLAGS = DCL_PORT_OPTIONAL | DCL_PORT_CONSTANT | DCL_PORT_INPLACE,
    KNOWN_OP_FLAGS = DCL_OP_RANDOM | DCL_OP_WAITS | DCL_OP_ACCUMULATES,
    KNOWN_CASE_FLAGS = DCL_CASE_REFUSED | DCL_CASE_NO_GRADIENT
};

static int has_unknown_port(const dcl_port *ports)
{
    for (; ports && ports->name; ports++)
        if ((ports->dtypes & ~(uint32_t)KNOWN_DTYPES) || (ports->flags & ~(uint32_t)KNOWN_PORT_FLAGS))
            return 1;
    return 0;
}

static int has_unknown_bits(const dcl_op *op)
{
    int unknown = (op->flags & ~(uint32_t)KNOWN_OP_FLAGS) || (op->needs & ~(uint32_t)DCL_NEEDS_FP64) || op->reserved ||
                  has_unknown_port(op->inputs) || has_unknown_port(op->outputs);
    for (const dcl_attribute *a = op->attributes; a && a->name; a++)
        unknown |= (a->flags & ~(uint32_t)DCL_ATTRIBUTE_REQUIRED) != 0;
    for (const dcl_case *c = op->cases; c && c->inputs; c++)
        unknown |= (c->flags & ~(uint32_t)KNOWN_CASE_FLAGS) != 0;
    return unknown;
}

static const char *attribute_fault(const dcl_attribute *attribute)
{
    if (!attribute->doc)
        return "an attribute has no doc";
    if (attribute->kind < DCL_INTEGER || attribute->kind > DCL_LIST)
        return "an attribute has an unknown kind";
    if (attribute->least > attribute->most)
        return "an attribute has a lower bound above its upper bound";
    return NULL;
}

/* What is wrong with an op's record, NULL when nothing is. */
static const char *op_fault(const dcl_op *op)
{
    if (op->size < OP_FLOOR)
        return "its record is smaller than that of contract 1.0";
    if (!op->infer || !op->run)
        return "it lacks infer or run";
    if (dcl__port_count(op->outputs) < 1 || dcl__port_count(op->outputs) > DCL_MAX_PORTS)
        return "it must have 1 to 8 outputs";
    if (dcl__port_count(op->inputs) > DCL_MAX_PORTS)
        return "it has more than 8 inputs";
    if (lacks_doc(op))
        return "the op or one of its ports has no doc";
    if (has_unknown_bits(op))
        return "it uses flags or element types that this runtime does not know (get a newer dropcl)";
    for (const dcl_attribute *a = op->attributes; a && a->name; a++)
        if (attribute_fault(a))
            return attribute_fault(a);
    return NULL;
}

static dcl_status check_ops(const dcl_plugin *record, const char *file, dcl_error *error)
{
    for (const dcl_op *const *op = record->ops; *op; op++) {
        if ((*op)->size < sizeof(size_t) + sizeof(char *) || !(*op)->name || !*(*op)->name)
            return dcl__fail(error, DCL_EPLUGIN, "plugin %s: an op has no name", file);
        const char *fault = op_fault(*op);
        if (fault)
            return dcl__fail(error, DCL_EPLUGIN, "plugin %s: op '%s': %s", file, (*op)->name, fault);
    }
    return DCL_OK;
}

void dcl__plugin_copy_op(const dcl_op *record, dcl_op *op)
{
    memset(op, 0, sizeof *op);
    memcpy(op, record, record->size < sizeof *op ? record->size : sizeof *op);
}

/* ---- Loading ---- */

static dcl_status initialise(const dcl_plugin *plugin, const char *file, dcl_error *error)
{
    char why[512] = "no reason given";
    if (!plugin->init || plugin->init(&dcl__host, why, sizeof why) == DCL_OK)
        return DCL_OK;
    why[sizeof why - 1] = '\0';
    return dcl__fail(error, DCL_EPLUGIN, "plugin %s: it refuses to start: %s", file, why);
}

dcl_status dcl__plugin_load(const char *file, dcl__plugin *plugin, dcl_error *error)
{
    char *real = realpath(file, NULL);
    if (!real)
        return dcl__fail(error, DCL_EPLUGIN, "plugin %s: there is no such file", file);
    const dcl_plugin *record = NULL;
    dcl_status status = check_whole(real, error);
    void *library = status ? NULL : dlopen(real, RTLD_NOW | RTLD_LOCAL);
    if (status == DCL_OK)
        status = library ? find_record(library, real, &record, error) : open_failed(real, dlerror(), error);
    if (status == DCL_OK)
        status = check_record(record, real, error);
    if (status == DCL_OK)
        status = check_ops(record, real, error);
    if (status == DCL_OK)
        status = initialise(record, real, error);
    if (status) {
        free(real);
        return status;
    }
    memset(plugin, 0, sizeof *plugin);
    memcpy(&plugin->plugin, record, record->size < sizeof plugin->plugin ? record->size : sizeof plugin->plugin);
    plugin->file = real;
    return DCL_OK;
}
