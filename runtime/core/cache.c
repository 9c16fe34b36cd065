/* cache.c: small files that are remembered between runs: kernel binaries and self-test results. */
#include "core/cache.h"

#include <dirent.h>
#include <errno.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 1024 };

static const char header[] = "dropcl-cache 1\n";
enum { HEADER_SIZE = sizeof header - 1, ENTRY_OVERHEAD = HEADER_SIZE + SHA256_DIGEST_SIZE };

void dcl__cache_key(const char *const *texts, size_t count, char key[DCL__KEY_TEXT])
{
    struct sha256_ctx hash;
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_init(&hash);
    for (size_t i = 0; i < count; i++)
        sha256_update(&hash, strlen(texts[i]) + 1, (const uint8_t *)texts[i]);
    sha256_digest(&hash, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(key + 2 * i, 3, "%02x", digest[i]);
}

/* Writes the folder's path; -1 when the environment names no place for it. */
static int folder_path(char *path, size_t size)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int used = cache && cache[0] == '/' ? snprintf(path, size, "%s/dropcl", cache)
               : home && home[0] == '/' ? snprintf(path, size, "%s/.cache/dropcl", home)
                                        : -1;
    return used > 0 && (size_t)used < size ? 0 : -1;
}

/* Makes the folder and those above it. It must be ours alone to write, because it holds code that will be run. */
static int make_folder(char *path)
{
    for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        int failed = mkdir(path, 0700) && errno != EEXIST;
        *slash = '/';
        if (failed)
            return -1;
    }
    struct stat info;
    if (mkdir(path, 0700) && errno != EEXIST)
        return -1;
    return stat(path, &info) == 0 && info.st_uid == geteuid() && !(info.st_mode & (S_IWGRP | S_IWOTH)) ? 0 : -1;
}

static int entry_path(const char *key, char path[PATH_SIZE])
{
    char folder[PATH_SIZE - DCL__KEY_TEXT - 8];
    if (folder_path(folder, sizeof folder))
        return -1;
    snprintf(path, PATH_SIZE, "%s/%s.bin", folder, key);
    return 0;
}

static char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    struct stat info;
    char *content = NULL;
    if (fstat(fileno(file), &info) == 0 && info.st_uid == geteuid() && (content = malloc((size_t)info.st_size + 1))) {
        *size = fread(content, 1, (size_t)info.st_size, file);
        content[*size] = '\0';
    }
    fclose(file);
    return content;
}

static void digest_of(const void *content, size_t size, uint8_t digest[SHA256_DIGEST_SIZE])
{
    struct sha256_ctx hash;
    sha256_init(&hash);
    sha256_update(&hash, size, content);
    sha256_digest(&hash, SHA256_DIGEST_SIZE, digest);
}

void *dcl__cache_load(const char *key, size_t *size)
{
    char path[PATH_SIZE];
    size_t length = 0;
    char *entry = entry_path(key, path) ? NULL : read_file(path, &length);
    if (!entry)
        return NULL;
    uint8_t digest[SHA256_DIGEST_SIZE];
    if (length >= ENTRY_OVERHEAD && memcmp(entry, header, HEADER_SIZE) == 0) {
        digest_of(entry + ENTRY_OVERHEAD, length - ENTRY_OVERHEAD, digest);
        if (memcmp(entry + HEADER_SIZE, digest, sizeof digest) == 0) {
            *size = length - ENTRY_OVERHEAD;
            memmove(entry, entry + ENTRY_OVERHEAD, *size + 1);
            return entry;
        }
    }
    free(entry);
    return NULL;
}

void dcl__cache_store(const char *key, const void *content, size_t size)
{
    char path[PATH_SIZE], folder[PATH_SIZE], temporary[PATH_SIZE + 8];
    if (entry_path(key, path) || folder_path(folder, sizeof folder) || make_folder(folder))
        return;
    snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    int descriptor = mkstemp(temporary);
    FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "wb");
    if (!file)
        return;
    uint8_t digest[SHA256_DIGEST_SIZE];
    digest_of(content, size, digest);
    int written = fwrite(header, HEADER_SIZE, 1, file) == 1 && fwrite(digest, sizeof digest, 1, file) == 1 &&
                  fwrite(content, 1, size, file) == size;
    if (fclose(file) || !written || rename(temporary, path))
        unlink(temporary);
}

/* KEY.bin, or a temporary name that an interrupted process left. */
static int is_entry_name(const char *name)
{
    return strspn(name, "0123456789abcdef") == DCL__KEY_TEXT - 1 && strncmp(name + DCL__KEY_TEXT - 1, ".bin", 4) == 0;
}

/* Calls visit for every file of the cache, with its size. */
static void each_file(const char *folder, void (*visit)(const char *path, int64_t bytes, void *user), void *user)
{
    DIR *open = opendir(folder);
    if (!open)
        return;
    for (struct dirent *entry; (entry = readdir(open));) {
        char path[PATH_SIZE + 256];
        struct stat info;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (is_entry_name(entry->d_name) && lstat(path, &info) == 0 && S_ISREG(info.st_mode))
            visit(path, info.st_size, user);
    }
    closedir(open);
}

typedef struct totals {
    int64_t files, bytes;
} totals;

static void add_file(const char *path, int64_t bytes, void *user)
{
    (void)path;
    totals *sum = user;
    sum->files++;
    sum->bytes += bytes;
}

static void remove_file(const char *path, int64_t bytes, void *user)
{
    if (unlink(path) == 0)
        add_file(path, bytes, user);
}

static dcl_status folder_or_fail(char *folder, size_t size, dcl_error *error)
{
    if (folder_path(folder, size))
        return dcl__fail(error, DCL_EIO, "there is no folder for the kernel cache (set XDG_CACHE_HOME or HOME to "
                         "an absolute path)");
    return DCL_OK;
}

dcl_status dcl_cache_describe(char *folder, size_t folder_size, int64_t *files, int64_t *bytes, dcl_error *error)
{
    dcl_status status = folder_or_fail(folder, folder_size, error);
    if (status)
        return status;
    totals sum = {0, 0};
    each_file(folder, add_file, &sum);
    *files = sum.files;
    *bytes = sum.bytes;
    return DCL_OK;
}

dcl_status dcl_cache_clear(int64_t *files, dcl_error *error)
{
    char folder[PATH_SIZE];
    dcl_status status = folder_or_fail(folder, sizeof folder, error);
    if (status)
        return status;
    totals sum = {0, 0};
    each_file(folder, remove_file, &sum);
    *files = sum.files;
    return DCL_OK;
}
