/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/killpoint.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"

struct folder {
    char path[HS_PATH_MAX];
    char file[HS_PATH_MAX];
};

static void folder_open(struct folder *folder, const char *name)
{
    snprintf(folder->path, sizeof(folder->path), "/tmp/hs_base_XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    assert_int_equal(hs_fs_join(folder->file, folder->path, name, NULL), HS_OK);
}

static void folder_close(struct folder *folder)
{
    assert_int_equal(hs_fs_remove_tree(folder->path, NULL), HS_OK);
    assert_int_equal(access(folder->path, F_OK), -1);
    assert_int_equal(hs_fs_remove_tree(folder->path, NULL), HS_OK);
}

static void write_atomic__replaces_the_file_and_leaves_no_other(void **state)
{
    struct folder folder;
    struct stat st;
    struct hs_buf buf;
    char tmp[HS_PATH_MAX];

    (void)state;
    folder_open(&folder, "a");
    hs_buf_init(&buf, 100);
    assert_int_equal(hs_fs_write_atomic(folder.file, HS_STR("one"), 0644, NULL), HS_OK);
    assert_int_equal(hs_fs_write_atomic(folder.file, HS_STR("two!"), 0600, NULL), HS_OK);
    assert_int_equal(hs_fs_read(folder.file, &buf, NULL), HS_OK);
    assert_true(hs_str_eq_c(hs_buf_str(&buf), "two!"));
    assert_int_equal(stat(folder.file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(hs_fs_join(tmp, folder.path, "a.tmp", NULL), HS_OK);
    assert_int_equal(access(tmp, F_OK), -1);
    hs_buf_fini(&buf);
    folder_close(&folder);
}

static void write_atomic__failure_keeps_the_former_content(void **state)
{
    struct folder folder;
    struct hs_buf buf;
    char tmp[HS_PATH_MAX];
    struct hs_err err;

    (void)state;
    folder_open(&folder, "a");
    hs_buf_init(&buf, 100);
    assert_int_equal(hs_fs_write_atomic(folder.file, HS_STR("one"), 0600, NULL), HS_OK);
    assert_int_equal(hs_fs_join(tmp, folder.path, "a.tmp", NULL), HS_OK);
    assert_int_equal(mkdir(tmp, 0700), 0); /* stands in the way */
    assert_int_equal(hs_fs_write_atomic(folder.file, HS_STR("two"), 0600, &err), HS_EIO);
    assert_non_null(strstr(err.text, tmp));
    assert_int_equal(hs_fs_read(folder.file, &buf, NULL), HS_OK);
    assert_true(hs_str_eq_c(hs_buf_str(&buf), "one"));
    hs_buf_fini(&buf);
    folder_close(&folder);
}

static void read__takes_a_file_of_the_limit_and_no_larger_one(void **state)
{
    struct folder folder;
    struct hs_err err;
    size_t max;

    (void)state;
    folder_open(&folder, "a");
    assert_int_equal(hs_fs_write_atomic(folder.file, HS_STR("12345"), 0600, NULL), HS_OK);
    for (max = 4; max <= 6; max++) {
        struct hs_buf buf;

        hs_buf_init(&buf, max);
        assert_int_equal(hs_fs_read(folder.file, &buf, &err), max < 5 ? HS_ELIMIT : HS_OK);
        hs_buf_fini(&buf);
    }
    assert_int_equal(unlink(folder.file), 0);
    assert_int_equal(hs_fs_read(folder.file, &(struct hs_buf){.max = 1}, &err), HS_ENOTFOUND);
    assert_non_null(strstr(err.text, folder.file));
    folder_close(&folder);
}

static void lock__second_holder_is_told_the_first_ones_pid(void **state)
{
    struct folder folder;
    struct hs_err err;
    char pid[32];
    int first;
    int second;

    (void)state;
    folder_open(&folder, "lock");
    assert_int_equal(hs_fs_lock(folder.file, &first, &err), HS_OK);
    assert_int_equal(hs_fs_lock(folder.file, &second, &err), HS_ECONFLICT);
    snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
    assert_non_null(strstr(err.text, pid));
    close(first);
    assert_int_equal(hs_fs_lock(folder.file, &second, &err), HS_OK);
    close(second);
    folder_close(&folder);
}

static void mkdirs__makes_all_and_refuses_a_file_in_the_way(void **state)
{
    struct folder folder;
    char deep[HS_PATH_MAX];
    struct hs_err err;
    uint64_t free_bytes;
    uint64_t total_bytes;

    (void)state;
    folder_open(&folder, "x");
    assert_int_equal(hs_fs_join(deep, folder.file, "y/z", NULL), HS_OK);
    assert_int_equal(hs_fs_mkdirs(deep, 0700, &err), HS_OK);
    assert_int_equal(hs_fs_mkdirs(deep, 0700, &err), HS_OK);
    assert_int_equal(hs_fs_join(deep, folder.file, "file", NULL), HS_OK);
    assert_int_equal(hs_fs_write_atomic(deep, HS_STR(""), 0600, NULL), HS_OK);
    assert_int_equal(hs_fs_mkdirs(deep, 0700, &err), HS_EIO);
    assert_non_null(strstr(err.text, "no folder"));
    assert_int_equal(hs_fs_mkdirs("", 0700, &err), HS_ELIMIT);
    assert_int_equal(hs_fs_space(folder.path, &free_bytes, &total_bytes, &err), HS_OK);
    assert_true(free_bytes <= total_bytes && total_bytes > 0);
    folder_close(&folder);
}

static void join__takes_one_slash_and_4095_bytes(void **state)
{
    char out[HS_PATH_MAX];
    char name[HS_PATH_MAX + 1];

    (void)state;
    assert_int_equal(hs_fs_join(out, "a/", "b", NULL), HS_OK);
    assert_string_equal(out, "a/b");
    memset(name, 'n', sizeof(name));
    name[HS_PATH_MAX - 3] = '\0';
    assert_int_equal(hs_fs_join(out, "a", name, NULL), HS_OK);
    name[HS_PATH_MAX - 3] = 'n';
    name[HS_PATH_MAX - 2] = '\0';
    assert_int_equal(hs_fs_join(out, "a", name, NULL), HS_ELIMIT);
}

/* --- what ends the process is seen from a child --- */

/* The signal that ended fn in a process of its own, 0 when it returned. Its stderr goes to `file`.
 * */
static int run_child(void (*fn)(void), const char *file)
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

        signal(SIGABRT, SIG_DFL);
        if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
            _exit(3);
        fn();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status))
        return WTERMSIG(status);
    assert_int_equal(WEXITSTATUS(status), 0);
    return 0;
}

static void lock_two(enum hs_rank first, enum hs_rank second)
{
    struct hs_mutex a;
    struct hs_mutex b;

    hs_mutex_init(&a, first);
    hs_mutex_init(&b, second);
    hs_mutex_lock(&a);
    hs_mutex_lock(&b);
    hs_mutex_unlock(&b);
    hs_mutex_unlock(&a);
    hs_mutex_fini(&a);
    hs_mutex_fini(&b);
}

static void lock_upwards(void)
{
    lock_two(HS_RANK_SERVICE, HS_RANK_QUEUE);
}

static void lock_downwards(void)
{
    lock_two(HS_RANK_QUEUE, HS_RANK_SERVICE);
}

static void lock_equal(void)
{
    lock_two(HS_RANK_QUEUE, HS_RANK_QUEUE);
}

static void mutex__lower_or_equal_rank_aborts(void **state)
{
    (void)state;
    assert_int_equal(run_child(lock_upwards, "/dev/null"), 0);
    assert_int_equal(run_child(lock_downwards, "/dev/null"), SIGABRT);
    assert_int_equal(run_child(lock_equal, "/dev/null"), SIGABRT);
}

struct handover {
    struct hs_mutex mutex;
    struct hs_cond cond;
    bool done;
};

static void finish(void *arg)
{
    struct handover *handover = arg;

    hs_mutex_lock(&handover->mutex);
    handover->done = true;
    hs_cond_signal(&handover->cond);
    hs_mutex_unlock(&handover->mutex);
}

static void cond__wakes_on_a_signal_and_ends_in_time(void **state)
{
    struct handover handover = {.done = false};
    struct hs_thread thread = {.started = false};

    (void)state;
    hs_mutex_init(&handover.mutex, HS_RANK_QUEUE);
    hs_cond_init(&handover.cond);
    hs_mutex_lock(&handover.mutex);
    while (hs_cond_wait_ms(&handover.cond, &handover.mutex, 1))
        continue; /* only a wake-up for no reason */
    assert_int_equal(hs_thread_start(&thread, "a name too long for it", finish, &handover, NULL),
                     HS_OK);
    while (!handover.done)
        hs_cond_wait_ms(&handover.cond, &handover.mutex, -1);
    hs_mutex_unlock(&handover.mutex);
    hs_thread_join(&thread);
    hs_thread_join(&thread);
    hs_cond_fini(&handover.cond);
    hs_mutex_fini(&handover.mutex);
}

#ifdef HS_KILLPOINTS
static void pass_twice(void)
{
    hs_killpoint_configure("here:3");
    hs_killpoint("here");
    hs_killpoint("there");
    hs_killpoint("here");
}

static void pass_thrice(void)
{
    pass_twice();
    hs_killpoint("here");
}

static void malformed(void)
{
    hs_killpoint_configure("here");
}

static void killpoint__kills_at_the_nth_pass_of_its_name(void **state)
{
    (void)state;
    assert_int_equal(run_child(pass_twice, "/dev/null"), 0);
    assert_int_equal(run_child(pass_thrice, "/dev/null"), SIGKILL);
    assert_int_equal(run_child(malformed, "/dev/null"), SIGABRT);
}
#endif

static void log_often(void)
{
    int i;

    hs_log_configure(HS_LOG_INFO, false);
    for (i = 0; i < 1000; i++)
        hs_log(HS_LOG_WARN, "test", "same sentence", HS_KV_I("i", i), HS_KV_S("q", "a \"b\"\n"));
    hs_log(HS_LOG_DEBUG, "test", "below the level");
    hs_log(HS_LOG_ERROR, "test", "another sentence");
}

/* A second may begin between two lines; so ten to twenty and not a thousand. */
static void log__repeats_are_suppressed_and_other_sentences_are_not(void **state)
{
    struct folder folder;
    struct hs_buf buf;
    struct hs_str rest;
    struct hs_str line;
    int same = 0;

    (void)state;
    folder_open(&folder, "log");
    hs_buf_init(&buf, 1 << 20);
    assert_int_equal(run_child(log_often, folder.file), 0);
    assert_int_equal(hs_fs_read(folder.file, &buf, NULL), HS_OK);
    rest = hs_buf_str(&buf);
    while (hs_str_split(&rest, '\n', &line))
        same += hs_str_contains(line, HS_STR("same sentence"));
    assert_in_range(same, 10, 20);
    assert_true(hs_str_contains(hs_buf_str(&buf), HS_STR("another sentence")));
    assert_false(hs_str_contains(hs_buf_str(&buf), HS_STR("below the level")));
    assert_true(hs_str_contains(hs_buf_str(&buf), HS_STR("\\\"b\\\"\\n")));
    hs_buf_fini(&buf);
    folder_close(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(write_atomic__replaces_the_file_and_leaves_no_other),
        cmocka_unit_test(write_atomic__failure_keeps_the_former_content),
        cmocka_unit_test(read__takes_a_file_of_the_limit_and_no_larger_one),
        cmocka_unit_test(lock__second_holder_is_told_the_first_ones_pid),
        cmocka_unit_test(mkdirs__makes_all_and_refuses_a_file_in_the_way),
        cmocka_unit_test(join__takes_one_slash_and_4095_bytes),
        cmocka_unit_test(mutex__lower_or_equal_rank_aborts),
        cmocka_unit_test(cond__wakes_on_a_signal_and_ends_in_time),
#ifdef HS_KILLPOINTS
        cmocka_unit_test(killpoint__kills_at_the_nth_pass_of_its_name),
#endif
        cmocka_unit_test(log__repeats_are_suppressed_and_other_sentences_are_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
