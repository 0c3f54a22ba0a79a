/*
 * What the local log finds again after its files were cut, damaged or lost.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend/stream_local/stream_local.h"
#include "base/fs.h"
#include "base/mem.h"
#include "support/stream_kit.h"

#define FIRST_SEGMENT "00000000000000000000.log"
#define EVENTS HS_TOPIC_BIT(HS_TOPIC_EVENTS)

static int setup(void **state)
{
    struct stream_kit *kit = test_calloc(1, sizeof(*kit));

    stream_kit_init(kit, &hs_stream_local_ops);
    stream_kit_open(kit);
    *state = kit;
    return 0;
}

static int teardown(void **state)
{
    stream_kit_fini(*state);
    test_free(*state);
    return 0;
}

static off_t size_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

static void flip(const char *path, off_t at)
{
    int fd = open(path, O_RDWR);
    char c;

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &c, 1, at), 1);
    c ^= 0x40;
    assert_int_equal(pwrite(fd, &c, 1, at), 1);
    close(fd);
}

static void expect_events(struct stream_kit *kit, uint64_t from, unsigned n)
{
    struct kit_reader reader;

    kit_reader_open(&reader, kit, "g", EVENTS, false, from);
    kit_reader_expect(&reader, HS_TOPIC_EVENTS, from, (unsigned)from, n);
    kit_reader_expect_end(&reader);
    kit_reader_close(&reader);
}

static int try_open(struct stream_kit *kit, struct hs_err *err)
{
    return hs_stream_local_ops.open(&kit->conf, hs_clock_system(), &kit->stream, err);
}

static void open__finds_what_was_acknowledged_and_the_same_id(void **state)
{
    struct stream_kit *kit = *state;
    struct hs_stream_stat stat;
    char id[36];

    stream_kit_put(kit, HS_TOPIC_EVENTS, 0, 100, 2000);
    stream_kit_put(kit, HS_TOPIC_EVENTS, 100, 100, 2000);
    hs_stream_stat(kit->stream, &stat);
    memcpy(id, stat.stream_id.p, sizeof(id));
    stream_kit_close(kit);
    stream_kit_open(kit);
    hs_stream_stat(kit->stream, &stat);
    assert_memory_equal(id, stat.stream_id.p, sizeof(id));
    expect_events(kit, 0, 200);
    stream_kit_put(kit, HS_TOPIC_EVENTS, 200, 10, 20);
    expect_events(kit, 0, 210);
}

static void open__a_second_time_conflicts(void **state)
{
    struct stream_kit *kit = *state;
    struct hs_stream *second = NULL;

    assert_int_equal(hs_stream_local_ops.open(&kit->conf, hs_clock_system(), &second, NULL),
                     HS_ECONFLICT);
    assert_null(second);
}

static void open__refuses_bad_options(void **state)
{
    struct stream_kit *kit = *state;
    struct hs_stream *stream = NULL;
    struct hs_conf conf = kit->conf;
    struct hs_err err;

    stream_kit_close(kit);
    conf.stream_segment_bytes = 4095;
    assert_int_equal(hs_stream_local_ops.open(&conf, hs_clock_system(), &stream, &err), HS_EINVAL);
    conf = kit->conf;
    conf.stream_compression = (char *)(uintptr_t) "gzip";
    assert_int_equal(hs_stream_local_ops.open(&conf, hs_clock_system(), &stream, &err), HS_EINVAL);
    assert_non_null(strstr(err.text, "gzip"));
    conf = kit->conf;
    conf.disk_free_min = 1.01;
    assert_int_equal(hs_stream_local_ops.open(&conf, hs_clock_system(), &stream, &err), HS_EINVAL);
    conf = kit->conf;
    conf.stream_commit_ms = 10001;
    assert_int_equal(hs_stream_local_ops.open(&conf, hs_clock_system(), &stream, &err), HS_EINVAL);
}

/* The last record cut at each of its bytes: what was before stands, and appends go on. */
static void open__cuts_a_torn_tail_at_each_byte(void **state)
{
    struct stream_kit *kit = *state;
    char path[256];
    off_t whole;
    off_t before;

    stream_kit_path(kit, FIRST_SEGMENT, path);
    stream_kit_put(kit, HS_TOPIC_EVENTS, 0, 3, 20);
    before = size_of(path);
    stream_kit_put(kit, HS_TOPIC_EVENTS, 3, 2, 20);
    whole = size_of(path);
    for (off_t cut = whole - 1; cut >= before; cut--) {
        stream_kit_close(kit);
        assert_int_equal(truncate(path, cut), 0);
        stream_kit_open(kit);
        assert_int_equal(size_of(path), before);
        expect_events(kit, 0, 3);
        stream_kit_put(kit, HS_TOPIC_EVENTS, 3, 2, 20);
        assert_int_equal(size_of(path), whole);
    }
    expect_events(kit, 0, 5);
}

static void open__cuts_a_tail_with_any_byte_changed(void **state)
{
    struct stream_kit *kit = *state;
    char path[256];
    off_t whole;
    off_t before;

    stream_kit_path(kit, FIRST_SEGMENT, path);
    stream_kit_put(kit, HS_TOPIC_EVENTS, 0, 3, 20);
    before = size_of(path);
    stream_kit_put(kit, HS_TOPIC_EVENTS, 3, 2, 20);
    whole = size_of(path);
    for (off_t at = before; at < whole; at += 3) {
        stream_kit_close(kit);
        flip(path, at);
        stream_kit_open(kit);
        expect_events(kit, 0, 3);
        stream_kit_put(kit, HS_TOPIC_EVENTS, 3, 2, 20);
    }
    expect_events(kit, 0, 5);
}

static void open__drops_zeros_behind_the_last_record(void **state)
{
    struct stream_kit *kit = *state;
    char path[256];
    off_t whole;

    stream_kit_path(kit, FIRST_SEGMENT, path);
    stream_kit_put(kit, HS_TOPIC_EVENTS, 0, 3, 20);
    whole = size_of(path);
    stream_kit_close(kit);
    assert_int_equal(truncate(path, whole + 300000), 0);
    stream_kit_open(kit);
    assert_int_equal(size_of(path), whole);
    expect_events(kit, 0, 3);
}

/* Damage before a later commit is rot, not a torn tail: it is reported, with the way on. */
static void poll__reports_damage_in_the_middle_and_goes_on(void **state)
{
    struct stream_kit *kit = *state;
    struct kit_reader reader;
    struct hs_err err = {0};
    char path[256];
    off_t sizes[3];

    stream_kit_path(kit, FIRST_SEGMENT, path);
    for (unsigned i = 0; i < 3; i++) {
        stream_kit_put(kit, HS_TOPIC_EVENTS, i * 10, 10, 20);
        stream_kit_put(kit, HS_TOPIC_LOGS, i, 1, 20);
        sizes[i] = size_of(path);
    }
    for (int in_body = 0; in_body < 2; in_body++) {
        off_t at = sizes[0] + (in_body ? 100 : 20);

        stream_kit_close(kit);
        flip(path, at);
        stream_kit_open(kit);
        assert_int_equal(size_of(path), sizes[2]);
        kit_reader_open(&reader, kit, "g", EVENTS, false, 0);
        kit_reader_expect(&reader, HS_TOPIC_EVENTS, 0, 0, 10);
        assert_int_equal(kit_reader_expect_fail(&reader, HS_ECORRUPT, &err), 20);
        assert_non_null(strstr(err.text, FIRST_SEGMENT));
        assert_non_null(strstr(err.text, "offset 10"));
        assert_int_equal(kit_reader_expect_fail(&reader, HS_ECORRUPT, &err), 20);
        kit_reader_seek(&reader, HS_TOPIC_EVENTS, 20);
        kit_reader_expect(&reader, HS_TOPIC_EVENTS, 20, 20, 10);
        kit_reader_close(&reader);
        kit_reader_open(&reader, kit, "g", HS_TOPIC_BIT(HS_TOPIC_LOGS), false, 0);
        kit_reader_expect(&reader, HS_TOPIC_LOGS, 0, 0, 3);
        kit_reader_close(&reader);
        flip(path, at);
    }
}

static unsigned count_files(struct stream_kit *kit, const char *suffix, char newest[64])
{
    char path[256];
    DIR *dir = opendir(stream_kit_path(kit, "", path));
    const struct dirent *entry;
    unsigned n = 0;

    assert_non_null(dir);
    newest[0] = '\0';
    while ((entry = readdir(dir)) != NULL) {
        if (!hs_str_ends_with(hs_str_c(entry->d_name), hs_str_c(suffix)))
            continue;
        n++;
        if (strcmp(entry->d_name, newest) > 0)
            snprintf(newest, 64, "%.40s", entry->d_name);
    }
    closedir(dir);
    return n;
}

static void fill_segments(struct stream_kit *kit, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        stream_kit_put(kit, HS_TOPIC_EVENTS, i * 10, 10, 9000);
        stream_kit_put(kit, HS_TOPIC_LOGS, i, 1, 20);
    }
}

static void open__reads_closed_segments_with_and_without_index(void **state)
{
    struct stream_kit *kit = *state;
    struct kit_reader reader;
    char newest[64];
    char path[256];

    fill_segments(kit, 6);
    stream_kit_close(kit);
    assert_true(count_files(kit, ".log", newest) >= 5);
    assert_int_equal(count_files(kit, ".idx", newest) + 1, count_files(kit, ".log", path));
    stream_kit_open(kit);
    expect_events(kit, 0, 60);
    stream_kit_close(kit);
    while (count_files(kit, ".idx", newest) > 2)
        assert_int_equal(unlink(stream_kit_path(kit, newest, path)), 0);
    flip(stream_kit_path(kit, newest, path), 40);
    stream_kit_open(kit);
    expect_events(kit, 0, 60);
    kit_reader_open(&reader, kit, "g", HS_TOPIC_BIT(HS_TOPIC_LOGS), false, 0);
    kit_reader_expect(&reader, HS_TOPIC_LOGS, 0, 0, 6);
    kit_reader_close(&reader);
}

static void open__drops_a_segment_whose_creation_was_cut(void **state)
{
    struct stream_kit *kit = *state;
    char newest[64];
    char path[256];
    char next[64];
    off_t size;
    int fd;

    fill_segments(kit, 2);
    stream_kit_close(kit);
    count_files(kit, ".log", newest);
    size = size_of(stream_kit_path(kit, newest, path));
    snprintf(next, sizeof(next), "%020llu.log", strtoull(newest, NULL, 10) + (uint64_t)size);
    for (off_t n = 0; n <= 256; n += 128) {
        fd = open(stream_kit_path(kit, next, path), O_CREAT | O_WRONLY, 0600);
        assert_true(fd >= 0);
        assert_int_equal(ftruncate(fd, n), 0);
        close(fd);
        stream_kit_open(kit);
        expect_events(kit, 0, 20);
        stream_kit_close(kit);
        assert_int_equal(access(path, F_OK), -1);
    }
}

static void poll__reports_a_lost_segment_file(void **state)
{
    struct stream_kit *kit = *state;
    struct kit_reader reader;
    char path[256];

    fill_segments(kit, 4);
    stream_kit_close(kit);
    /* The first file is the start: its loss is below the start. A head that is damaged and a file
     * that is cut show as missing offsets. */
    assert_int_equal(truncate(stream_kit_path(kit, FIRST_SEGMENT, path), 300), 0);
    stream_kit_open(kit);
    kit_reader_open(&reader, kit, "g", EVENTS, false, 0);
    assert_int_equal(kit_reader_expect_fail(&reader, HS_ECORRUPT, NULL), 10);
    kit_reader_seek(&reader, HS_TOPIC_EVENTS, 10);
    kit_reader_expect(&reader, HS_TOPIC_EVENTS, 10, 10, 30);
    kit_reader_close(&reader);
}

static void open__refuses_folders_that_are_not_whole(void **state)
{
    struct stream_kit *kit = *state;
    struct hs_err err = {0};
    char path[256];
    char moved[256];

    stream_kit_put(kit, HS_TOPIC_EVENTS, 0, 3, 20);
    stream_kit_close(kit);
    stream_kit_path(kit, "id", path);
    stream_kit_path(kit, "id.moved", moved);
    assert_int_equal(rename(path, moved), 0);
    assert_int_equal(try_open(kit, &err), HS_ECORRUPT);
    assert_int_equal(hs_fs_write_atomic(path, HS_STR("nonsense\n"), 0600, NULL), HS_OK);
    assert_int_equal(try_open(kit, &err), HS_ECORRUPT);
    assert_int_equal(hs_fs_write_atomic(path, HS_STR("01890a5d-ac96-774b-bcce-b302099a8057\n"),
                                        0600, NULL),
                     HS_OK);
    assert_int_equal(try_open(kit, &err), HS_ECORRUPT);
    assert_non_null(strstr(err.text, "01890a5d"));
    assert_int_equal(rename(moved, path), 0);
    stream_kit_path(kit, FIRST_SEGMENT, path);
    stream_kit_path(kit, "moved", moved);
    assert_int_equal(rename(path, moved), 0);
    assert_int_equal(try_open(kit, &err), HS_ECORRUPT);
    assert_int_equal(rename(moved, path), 0);
    stream_kit_open(kit);
    expect_events(kit, 0, 3);
}

static void open__refuses_a_groups_file_that_is_not_valid(void **state)
{
    struct stream_kit *kit = *state;
    struct hs_err err = {0};
    char path[256];

    stream_kit_close(kit);
    stream_kit_path(kit, "groups", path);
    assert_int_equal(hs_fs_write_atomic(path, HS_STR("loader 7\n"), 0600, NULL), HS_OK);
    assert_int_equal(try_open(kit, &err), HS_ECORRUPT);
    assert_non_null(strstr(err.text, "/stream/groups: line 1"));
}

static void open__begins_again_after_a_creation_that_was_cut(void **state)
{
    struct stream_kit *kit = *state;
    char path[256];

    stream_kit_close(kit);
    assert_int_equal(unlink(stream_kit_path(kit, "id", path)), 0);
    assert_int_equal(truncate(stream_kit_path(kit, FIRST_SEGMENT, path), 100), 0);
    stream_kit_open(kit);
    stream_kit_put(kit, HS_TOPIC_EVENTS, 0, 3, 20);
    expect_events(kit, 0, 3);
}

/* A durable group that is away after a restart still pins what it had not released. */
static void release__is_remembered_over_a_restart(void **state)
{
    struct stream_kit *kit = *state;
    struct kit_reader loader;
    struct kit_reader other;

    kit_reader_open(&loader, kit, "loader", EVENTS, true, 0);
    kit_reader_open(&other, kit, "other", EVENTS, true, 0);
    fill_segments(kit, 6);
    kit_reader_release(&loader, HS_TOPIC_EVENTS, 20);
    kit_reader_close(&loader);
    kit_reader_close(&other);
    stream_kit_close(kit);
    stream_kit_open(kit);
    kit_reader_open(&other, kit, "other", EVENTS, true, 0);
    kit_reader_release(&other, HS_TOPIC_EVENTS, 60);
    kit_reader_wait_start(&other, HS_TOPIC_EVENTS, 20);
    assert_int_equal(kit_reader_lag(&other, HS_TOPIC_EVENTS).start, 20);
    kit_reader_open(&loader, kit, "loader", EVENTS, true, 20);
    kit_reader_expect(&loader, HS_TOPIC_EVENTS, 20, 20, 40);
    kit_reader_release(&loader, HS_TOPIC_EVENTS, 60);
    kit_reader_wait_start(&loader, HS_TOPIC_EVENTS, 50);
    kit_reader_close(&loader);
    kit_reader_close(&other);
}

static void open__goes_on_with_the_offsets_of_deleted_segments(void **state)
{
    struct stream_kit *kit = *state;
    struct kit_reader loader;

    kit_reader_open(&loader, kit, "loader", EVENTS | HS_TOPIC_BIT(HS_TOPIC_LOGS), true, 0);
    fill_segments(kit, 4);
    stream_kit_put(kit, HS_TOPIC_EVENTS, 40, 10, 9000);
    stream_kit_put(kit, HS_TOPIC_EVENTS, 50, 10, 9000);
    kit_reader_release(&loader, HS_TOPIC_EVENTS, 50);
    kit_reader_release(&loader, HS_TOPIC_LOGS, 4);
    kit_reader_wait_start(&loader, HS_TOPIC_LOGS, 4);
    kit_reader_close(&loader);
    stream_kit_close(kit);
    stream_kit_open(kit);
    stream_kit_put(kit, HS_TOPIC_LOGS, 4, 1, 20);
    kit_reader_open(&loader, kit, "loader", HS_TOPIC_BIT(HS_TOPIC_LOGS), true, 4);
    kit_reader_expect(&loader, HS_TOPIC_LOGS, 4, 4, 1);
    kit_reader_close(&loader);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(open__finds_what_was_acknowledged_and_the_same_id),
        TEST(open__a_second_time_conflicts),
        TEST(open__refuses_bad_options),
        TEST(open__cuts_a_torn_tail_at_each_byte),
        TEST(open__cuts_a_tail_with_any_byte_changed),
        TEST(open__drops_zeros_behind_the_last_record),
        TEST(open__reads_closed_segments_with_and_without_index),
        TEST(open__drops_a_segment_whose_creation_was_cut),
        TEST(open__refuses_folders_that_are_not_whole),
        TEST(open__refuses_a_groups_file_that_is_not_valid),
        TEST(open__begins_again_after_a_creation_that_was_cut),
        TEST(open__goes_on_with_the_offsets_of_deleted_segments),
        TEST(poll__reports_damage_in_the_middle_and_goes_on),
        TEST(poll__reports_a_lost_segment_file),
        TEST(release__is_remembered_over_a_restart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
