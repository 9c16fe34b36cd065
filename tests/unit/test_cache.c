/* test_cache.c: behaviour of the cache on disk: whatever is wrong with it is a miss, never an error. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"
#include "core/cache.h"

Suite *cache_suite(void);

static char home[64], key[DCL__KEY_TEXT];

static void setup(void)
{
    make_folder(home);
    setenv("XDG_CACHE_HOME", home, 1);
    dcl__cache_key((const char *[]){"source", "options"}, 2, key);
}

static void teardown(void)
{
    remove_folder(home);
}

static void entry_path(char path[256])
{
    snprintf(path, 256, "%s/dropcl/%s.bin", home, key);
}

/* Reads the entry's file; its size. */
static size_t read_entry(unsigned char content[256])
{
    char path[256];
    entry_path(path);
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    size_t size = fread(content, 1, 256, file);
    fclose(file);
    return size;
}

static void write_entry(const unsigned char *content, size_t size)
{
    char path[256];
    entry_path(path);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(content, 1, size, file), size);
    fclose(file);
}

static void assert_hit(const char *expected)
{
    size_t size = 0;
    char *content = dcl__cache_load(key, &size);
    ck_assert_ptr_nonnull(content);
    ck_assert_uint_eq(size, strlen(expected));
    ck_assert_str_eq(content, expected);
    free(content);
}

static void assert_miss(void)
{
    size_t size = 0;
    ck_assert_ptr_null(dcl__cache_load(key, &size));
}

static int64_t file_count(void)
{
    char folder[256];
    int64_t files = -1, bytes;
    dcl_error error;
    ASSERT_OK(dcl_cache_describe(folder, sizeof folder, &files, &bytes, &error));
    return files;
}

START_TEST(what_was_stored_is_loaded)
{
    assert_miss();
    dcl__cache_store(key, "binary", 6);
    assert_hit("binary");
}
END_TEST

START_TEST(the_last_store_counts)
{
    dcl__cache_store(key, "old", 3);
    dcl__cache_store(key, "new", 3);
    assert_hit("new");
    ck_assert_int_eq(file_count(), 1);
}
END_TEST

START_TEST(an_empty_content_is_a_content)
{
    dcl__cache_store(key, "", 0);
    assert_hit("");
}
END_TEST

START_TEST(keys_tell_texts_apart)
{
    char one[DCL__KEY_TEXT], two[DCL__KEY_TEXT];
    dcl__cache_key((const char *[]){"ab", "c"}, 2, one);
    dcl__cache_key((const char *[]){"a", "bc"}, 2, two);
    ck_assert_str_ne(one, two);
    ck_assert_uint_eq(strlen(one), 64);
    ck_assert_uint_eq(strspn(one, "0123456789abcdef"), 64);
}
END_TEST

START_TEST(an_entry_with_any_byte_damaged_is_a_miss)
{
    unsigned char content[256];
    dcl__cache_store(key, "binary", 6);
    size_t size = read_entry(content);
    for (size_t i = 0; i < size; i++) {
        content[i] ^= 1;
        write_entry(content, size);
        assert_miss();
        content[i] ^= 1;
    }
    write_entry(content, size);
    assert_hit("binary");
}
END_TEST

START_TEST(an_entry_of_any_wrong_length_is_a_miss)
{
    unsigned char content[256] = {0};
    dcl__cache_store(key, "binary", 6);
    size_t size = read_entry(content);
    for (size_t length = 0; length < size; length++) {
        write_entry(content, length);
        assert_miss();
    }
    write_entry(content, size + 1);
    assert_miss();
}
END_TEST

START_TEST(a_damaged_entry_is_replaced)
{
    dcl__cache_store(key, "binary", 6);
    write_entry((const unsigned char *)"garbage", 7);
    assert_miss();
    dcl__cache_store(key, "binary", 6);
    assert_hit("binary");
}
END_TEST

START_TEST(the_folder_is_private)
{
    char folder[256];
    struct stat info;
    dcl__cache_store(key, "binary", 6);
    snprintf(folder, sizeof folder, "%s/dropcl", home);
    ck_assert_int_eq(stat(folder, &info), 0);
    ck_assert_uint_eq(info.st_mode & 0777, 0700);
}
END_TEST

START_TEST(folders_above_are_made)
{
    char deep[128];
    snprintf(deep, sizeof deep, "%s/a/b", home);
    setenv("XDG_CACHE_HOME", deep, 1);
    dcl__cache_store(key, "binary", 6);
    assert_hit("binary");
}
END_TEST

/* A file where a folder should be: even the superuser cannot write there. */
START_TEST(a_folder_that_cannot_be_made_is_silent)
{
    char occupied[128];
    snprintf(occupied, sizeof occupied, "%s/occupied", home);
    fclose(fopen(occupied, "w"));
    setenv("XDG_CACHE_HOME", occupied, 1);
    dcl__cache_store(key, "binary", 6);
    assert_miss();
    ck_assert_int_eq(file_count(), 0);
}
END_TEST

START_TEST(a_store_that_runs_out_of_room_leaves_nothing)
{
    static char large[100000];
    const struct rlimit limit = {1000, 1000};
    signal(SIGXFSZ, SIG_IGN);
    dcl__cache_store(key, "", 0);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    dcl__cache_store(key, large, sizeof large);
    assert_hit("");
    ck_assert_int_eq(file_count(), 1);
}
END_TEST

START_TEST(a_relative_cache_home_is_passed_over_for_home)
{
    char folder[256], expected[128];
    int64_t files, bytes;
    dcl_error error;
    setenv("XDG_CACHE_HOME", "relative", 1);
    setenv("HOME", home, 1);
    snprintf(expected, sizeof expected, "%s/.cache/dropcl", home);
    ASSERT_OK(dcl_cache_describe(folder, sizeof folder, &files, &bytes, &error));
    ck_assert_str_eq(folder, expected);
}
END_TEST

START_TEST(no_place_at_all_is_silent_but_can_be_asked_for)
{
    char folder[256];
    int64_t files, bytes;
    dcl_error error;
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    dcl__cache_store(key, "binary", 6);
    assert_miss();
    ASSERT_FAILS(dcl_cache_describe(folder, sizeof folder, &files, &bytes, &error), DCL_EIO,
                 "XDG_CACHE_HOME");
    ASSERT_FAILS(dcl_cache_clear(&files, &error), DCL_EIO, "XDG_CACHE_HOME");
}
END_TEST

START_TEST(clearing_removes_entries_and_says_how_many)
{
    char foreign[128], folder[256], other[DCL__KEY_TEXT];
    int64_t files = 0, bytes = 0;
    dcl_error error;
    dcl__cache_key((const char *[]){"other"}, 1, other);
    dcl__cache_store(key, "binary", 6);
    dcl__cache_store(other, "1234567890", 10);
    snprintf(foreign, sizeof foreign, "%s/not-of-dropcl", home);
    fclose(fopen(foreign, "w"));
    ASSERT_OK(dcl_cache_describe(folder, sizeof folder, &files, &bytes, &error));
    ck_assert_int_eq(files, 2);
    ck_assert_int_gt(bytes, 16);
    ASSERT_OK(dcl_cache_clear(&files, &error));
    ck_assert_int_eq(files, 2);
    ck_assert_int_eq(file_count(), 0);
    assert_miss();
    ck_assert_int_eq(access(foreign, F_OK), 0);
}
END_TEST

START_TEST(processes_that_store_at_once_leave_one_whole_entry)
{
    enum { PROCESSES = 4, STORES = 50 };
    for (int i = 0; i < PROCESSES; i++)
        if (fork() == 0) {
            for (int j = 0; j < STORES; j++)
                dcl__cache_store(key, "binary", 6);
            _exit(0);
        }
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        ck_assert_int_gt(wait(&status), 0);
        ck_assert_int_eq(status, 0);
    }
    assert_hit("binary");
    ck_assert_int_eq(file_count(), 1);
}
END_TEST

Suite *cache_suite(void)
{
    return make_suite("cache", setup, teardown, (const TTest *[]){
        what_was_stored_is_loaded, the_last_store_counts, an_empty_content_is_a_content,
        keys_tell_texts_apart, an_entry_with_any_byte_damaged_is_a_miss,
        an_entry_of_any_wrong_length_is_a_miss, a_damaged_entry_is_replaced, the_folder_is_private,
        folders_above_are_made, a_folder_that_cannot_be_made_is_silent,
        a_store_that_runs_out_of_room_leaves_nothing, a_relative_cache_home_is_passed_over_for_home,
        no_place_at_all_is_silent_but_can_be_asked_for, clearing_removes_entries_and_says_how_many,
        processes_that_store_at_once_leave_one_whole_entry, NULL});
}
