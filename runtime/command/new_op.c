/* new_op.c: `dropcl new-op`: writes the skeleton of an op plugin. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/command.h"
#include "core/memory.h"
#include "skeleton.c.h"
#include "skeleton.cl.h"
#include "skeleton.md.h"
#include "skeleton.meson.h"

enum { LONGEST_NAME = 40, LONGEST_ID = 120 };

/* The files of a skeleton. In names and texts, @NAME@ is the plugin's name and @ID@ the op's. */
static const struct {
    const char *name, *text;
} files[] = {
    {"@NAME@.c", skeleton_c},
    {"@NAME@.cl", skeleton_cl},
    {"meson.build", skeleton_meson},
    {"README.md", skeleton_md},
};

enum { FILE_COUNT = sizeof files / sizeof *files };

typedef struct request {
    const char *name, *id, *folder;
} request;

/* ---- Names ---- */

/* The length of the word at the start of `text`: a lower-case letter, then such letters, digits and '_'. */
static size_t word_length(const char *text)
{
    size_t length = 0;
    while (islower((unsigned char)text[length]) ||
           (length && (isdigit((unsigned char)text[length]) || text[length] == '_')))
        length++;
    return length;
}

/* The name becomes part of C functions, kernels and file names. */
static int is_name(const char *name)
{
    size_t length = word_length(name);
    return length > 0 && length <= LONGEST_NAME && !name[length];
}

/* Words with dots between them, at least one dot: names without are kept for the builtin ops. */
static int is_id(const char *id)
{
    int dots = 0;
    if (strlen(id) > LONGEST_ID)
        return 0;
    for (size_t length; (length = word_length(id)) > 0 && id[length] == '.'; id += length + 1)
        dots++;
    size_t last = word_length(id);
    return dots > 0 && last > 0 && !id[last];
}

/* ---- Writing ---- */

/* What the '@' at `at` stands for, and how many characters it takes. */
static const char *meaning(const request *r, const char *at, size_t *length)
{
    static const char name[] = "@NAME@", id[] = "@ID@";
    if (strncmp(at, name, *length = sizeof name - 1) == 0)
        return r->name;
    if (strncmp(at, id, *length = sizeof id - 1) == 0)
        return r->id;
    *length = 1;
    return "@";
}

/* Writes `text` with the placeholders filled in. */
static void substitute(FILE *out, const char *text, const request *r)
{
    size_t length;
    for (const char *at; (at = strchr(text, '@')); text = at + length) {
        fwrite(text, 1, (size_t)(at - text), out);
        fputs(meaning(r, at, &length), out);
    }
    fputs(text, out);
}

/* The path of the i-th file, to be freed. */
static char *file_path(const request *r, int i, dcl_error *error)
{
    char *path = NULL;
    size_t size;
    FILE *out = open_memstream(&path, &size);
    if (out) {
        fprintf(out, "%s/%s/", r->folder, r->name);
        substitute(out, files[i].name, r);
        fclose(out);
    }
    if (!path)
        dcl__no_memory(error, "the path of a file", LONGEST_ID);
    return path;
}

static dcl_status cannot_write(const char *path, dcl_error *error)
{
    return dcl__fail(error, DCL_EIO, "%s: cannot be written: %s", path, strerror(errno));
}

static dcl_status write_file(const request *r, int i, dcl_error *error)
{
    char *path = file_path(r, i, error);
    if (!path)
        return DCL_ENOMEM;
    FILE *out = fopen(path, "wx");
    dcl_status status = DCL_OK;
    if (out)
        substitute(out, files[i].text, r);
    if (!out || (ferror(out) | fclose(out)))
        status = cannot_write(path, error);
    free(path);
    return status;
}

/* Removes the files of a skeleton that could not be finished. */
static void remove_files(const request *r)
{
    for (int i = 0; i < FILE_COUNT; i++) {
        char *path = file_path(r, i, NULL);
        if (path)
            remove(path);
        free(path);
    }
}

static dcl_status make_folder(const char *folder, dcl_error *error)
{
    if (mkdir(folder, 0777) == 0)
        return DCL_OK;
    if (errno == EEXIST)
        return dcl__fail(error, DCL_EIO, "%s exists already; nothing was written (choose another name, "
                         "or another folder with -o)", folder);
    return cannot_write(folder, error);
}

/* Makes the folder, which must be new, and fills it; all or nothing. */
static dcl_status write_skeleton(const request *r, dcl_error *error)
{
    char *folder = dcl__format(error, "%s/%s", r->folder, r->name);
    if (!folder)
        return DCL_ENOMEM;
    dcl_status status = make_folder(folder, error);
    if (status == DCL_OK) {
        for (int i = 0; i < FILE_COUNT && status == DCL_OK; i++)
            status = write_file(r, i, error);
        if (status) {
            remove_files(r);
            rmdir(folder);
        }
    }
    free(folder);
    return status;
}

/* ---- The subcommand ---- */

static int new_op(const request *r)
{
    dcl_error error;
    dcl_status status = write_skeleton(r, &error);
    if (status)
        return dcl__exit(status, &error);
    printf("%s/%s: the op '%s', a smooth relu to start from. Build and check it:\n"
           "    cd %s/%s && meson setup build && meson test -C build --verbose\n",
           r->folder, r->name, r->id, r->folder, r->name);
    return DCL__EXIT_DONE;
}

int dcl__command_new_op(int argc, char **argv)
{
    request r = {.folder = "."};
    const dcl__option options[] = {
        {"-o", "FOLDER", "where the folder NAME is made (default: here)", DCL__OPTION_TEXT, &r.folder},
        {"--id", "ID", "full name of the op (default org.example.NAME)", DCL__OPTION_TEXT, &r.id},
        {0}};
    const dcl__usage usage = {
        "new-op", "NAME [-o FOLDER] [--id ID]",
        "Writes the skeleton of an op plugin into the new folder NAME: plugin, kernel, build file, readme.\n"
        "It builds against the installed dropcl and passes `dropcl check-op` as it is; edit it from there.\n"
        "docs/plugins.md is the guide.",
        "  dropcl new-op softplus --id com.mylab.softplus\n", options, 1, 1};
    const char *positional[DCL__MOST_ARGUMENTS];
    int over = dcl__parse(&usage, argc, argv, positional);
    if (over != DCL__GO_ON)
        return over;
    char standard_id[LONGEST_ID];
    r.name = positional[0];
    if (!is_name(r.name))
        return dcl__misuse(usage.name, "'%s' cannot be a plugin's name: up to %d lower-case letters, "
                           "digits and '_', a letter first", r.name, LONGEST_NAME);
    snprintf(standard_id, sizeof standard_id, "org.example.%s", r.name);
    r.id = r.id ? r.id : standard_id;
    if (!is_id(r.id))
        return dcl__misuse(usage.name, "'%s' cannot be an op's full name: lower-case words with dots "
                           "between them, like org.example.%s", r.id, r.name);
    return new_op(&r);
}
