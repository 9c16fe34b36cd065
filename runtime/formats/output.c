/* output.c: files that appear complete or not at all, and folders for them. */
#include "formats/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/memory.h"

static dcl_status cannot_write(const char *path, int number, dcl_error *error)
{
    return dcl__fail(error, DCL_EIO, "%s: the file cannot be written (%s); check its folder, the permissions "
                     "and the space left", path, strerror(number));
}

/* Whether `path` is a device or a pipe, which a rename would replace instead of writing to it. What is in /dev is one
 * also where it leads to a file: /dev/stdout, when the shell redirects. */
static int is_special(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && (!S_ISREG(about.st_mode) || strncmp(path, "/dev/", 5) == 0);
}

static int is_folder(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

/* Creates a file beside `path`, under a name that nothing else uses; returns its descriptor or -1. */
static int create_temporary(const char *path, char *name, size_t size)
{
    static atomic_uint counter;
    int descriptor;
    do {
        snprintf(name, size, "%s.%ld-%u.partial", path, (long)getpid(), atomic_fetch_add(&counter, 1));
        descriptor = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    } while (descriptor < 0 && errno == EEXIST);
    return descriptor;
}

/* Opens output->stream; returns 0 or the error number. */
static int open_stream(dcl__output *output, size_t name_size)
{
    int direct = is_special(output->path);
    int descriptor = direct ? open(output->path, O_WRONLY | O_CLOEXEC)
                            : create_temporary(output->path, output->temporary, name_size);
    int number = descriptor < 0 ? errno : 0;
    if (direct || number) {
        free(output->temporary);
        output->temporary = NULL;
    }
    if (number)
        return number;
    output->stream = fdopen(descriptor, "wb");
    if (output->stream)
        return 0;
    number = errno;
    close(descriptor);
    return number;
}

dcl_status dcl__output_open(const char *path, dcl__output *output, dcl_error *error)
{
    if (is_folder(path))
        return dcl__fail(error, DCL_EIO, "%s: this is a folder; give the name of a file", path);
    size_t name_size = strlen(path) + 64;
    dcl__output opened = {.path = strdup(path), .temporary = malloc(name_size)};
    if (!opened.path || !opened.temporary) {
        free(opened.path);
        free(opened.temporary);
        return dcl__no_memory(error, "the name of a file", (int64_t)name_size);
    }
    int number = open_stream(&opened, name_size);
    if (number) {
        dcl__output_discard(&opened);
        return cannot_write(path, number, error);
    }
    *output = opened;
    return DCL_OK;
}

void dcl__output_write(dcl__output *output, const void *data, size_t bytes)
{
    if (fwrite(data, 1, bytes, output->stream) != bytes && !output->failure)
        output->failure = errno;
}

/* Closes the stream; returns 0 or the error number. Where an fprintf failed and left no number behind, it
 * counts as an input/output error. */
static int finish(dcl__output *output)
{
    int number = output->failure;
    errno = 0;
    if (fflush(output->stream) != 0 || ferror(output->stream)
        || (output->temporary && fsync(fileno(output->stream)) != 0))
        number = number ? number : errno ? errno : EIO;
    if (fclose(output->stream) != 0 && !number)
        number = errno;
    output->stream = NULL;
    if (!number && output->temporary && rename(output->temporary, output->path) != 0)
        number = errno;
    return number;
}

dcl_status dcl__output_commit(dcl__output *output, dcl_error *error)
{
    int number = finish(output);
    dcl_status status = number ? cannot_write(output->path, number, error) : DCL_OK;
    if (!number) {
        free(output->temporary);
        output->temporary = NULL;
    }
    dcl__output_discard(output);
    return status;
}

void dcl__output_discard(dcl__output *output)
{
    if (output->stream)
        fclose(output->stream);
    if (output->temporary)
        unlink(output->temporary);
    free(output->temporary);
    free(output->path);
    *output = (dcl__output){0};
}

static dcl_status create_one(const char *path, dcl_error *error)
{
    if (mkdir(path, 0777) == 0)
        return DCL_OK;
    int number = errno;
    if (is_folder(path))
        return DCL_OK;
    return dcl__fail(error, DCL_EIO, "%s: the folder cannot be created (%s); choose another name, or check "
                     "the folder above", path, strerror(number));
}

dcl_status dcl__folder_create(const char *path, dcl_error *error)
{
    char *part = dcl__copy_string(path, error);
    if (!part)
        return DCL_ENOMEM;
    dcl_status status = DCL_OK;
    for (char *at = part + (*part == '/'); *at && !status; at++) {
        if (*at == '/') {
            *at = '\0';
            status = create_one(part, error);
            *at = '/';
        }
    }
    if (!status)
        status = create_one(part, error);
    free(part);
    if (!status && access(path, W_OK | X_OK) != 0)
        return dcl__fail(error, DCL_EIO, "%s: nothing can be written into the folder (%s); choose another one", path,
                         strerror(errno));
    return status;
}
