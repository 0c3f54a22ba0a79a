#include "store/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#define NATIVE_ARCH 0
#endif

/* Numbers of the x32 ABI start here; there the table below would not match. */
#define X32_BIT 0x40000000u

static const unsigned denied_calls[] = {
    SYS_connect,
    SYS_sendmsg,
    SYS_sendmmsg,
    SYS_execve,
    SYS_execveat,
    SYS_ptrace,
    SYS_io_uring_setup,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_pidfd_getfd,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_unshare,
    SYS_setns,
    SYS_bpf,
    SYS_userfaultfd,
    SYS_perf_event_open,
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    SYS_init_module,
    SYS_finit_module,
    SYS_kexec_load,
    SYS_reboot,
#if defined(SYS_fork)
    SYS_fork,
    SYS_vfork,
#endif
};

#define DATA_OFFSET(field) ((unsigned)offsetof(struct seccomp_data, field))
#define LOAD(offset) ((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (offset)))
#define IF_EQUAL(k, yes, no) ((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (k), yes, no))
#define IF_AT_LEAST(k, yes, no)                                                                    \
    ((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (k), yes, no))
#define IF_ANY_BIT(k, yes, no)                                                                     \
    ((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (k), yes, no))
#define ANSWER(k) ((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, (k)))
#define DENY (SECCOMP_RET_ERRNO | EACCES)

enum {
    SENDTO_ADDRESS_ARG = 4,
    CLONE_FLAGS_ARG = 0,
    FILTER_MAX = 2 * HS_ARRAY_LEN(denied_calls) + 40,
};

/*
 * One "if this call, deny" for each row; a sendto is denied when it names an address, a clone when
 * it makes a process instead of a thread. clone3 hides its flags in memory: told that it does not
 * exist, the C library uses clone.
 */
static unsigned short make_filter(struct sock_filter out[FILTER_MAX])
{
    unsigned short n = 0;
    size_t i;

    out[n++] = LOAD(DATA_OFFSET(arch));
    out[n++] = IF_EQUAL(NATIVE_ARCH, 1, 0);
    out[n++] = ANSWER(DENY);
    out[n++] = LOAD(DATA_OFFSET(nr));
    out[n++] = IF_AT_LEAST(X32_BIT, 0, 1);
    out[n++] = ANSWER(DENY);
    for (i = 0; i < HS_ARRAY_LEN(denied_calls); i++) {
        out[n++] = IF_EQUAL(denied_calls[i], 0, 1);
        out[n++] = ANSWER(DENY);
    }
    out[n++] = IF_EQUAL(SYS_clone3, 0, 1);
    out[n++] = ANSWER(SECCOMP_RET_ERRNO | ENOSYS);
    out[n++] = IF_EQUAL(SYS_clone, 0, 4);
    out[n++] = LOAD(DATA_OFFSET(args[CLONE_FLAGS_ARG]));
    out[n++] = IF_ANY_BIT(CLONE_THREAD, 1, 0);
    out[n++] = ANSWER(DENY);
    out[n++] = ANSWER(SECCOMP_RET_ALLOW);
    out[n++] = IF_EQUAL(SYS_sendto, 0, 5);
    out[n++] = LOAD(DATA_OFFSET(args[SENDTO_ADDRESS_ARG]));
    out[n++] = IF_EQUAL(0, 0, 2);
    out[n++] = LOAD(DATA_OFFSET(args[SENDTO_ADDRESS_ARG]) + 4);
    out[n++] = IF_EQUAL(0, 1, 0);
    out[n++] = ANSWER(DENY);
    out[n++] = ANSWER(SECCOMP_RET_ALLOW);
    HS_ASSERT(n <= FILTER_MAX);
    return n;
}

static int deny_calls(struct hs_store_sandbox *out, struct hs_err *err)
{
    struct sock_filter code[FILTER_MAX];
    struct sock_fprog program = {.filter = code};

    if (NATIVE_ARCH == 0)
        return HS_OK;
    program.len = make_filter(code);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        return errno == EINVAL ? HS_OK : hs_err_sys(err, "seccomp filter");
    out->network = true;
    return HS_OK;
}

#define ACCESS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
/* All rights of Landlock's first version; later ones are added by version in files_rights(). */
#define ACCESS_FIRST ((1ULL << 13) - 1)
#define ACCESS_REFER (1ULL << 13)
#define ACCESS_TRUNCATE (1ULL << 14)

static uint64_t files_rights(long version)
{
    uint64_t rights = ACCESS_FIRST;

    if (version >= 2)
        rights |= ACCESS_REFER;
    if (version >= 3)
        rights |= ACCESS_TRUNCATE;
    return rights;
}

/* A path that does not exist on this machine needs no rule. */
static int allow_path(int ruleset, const char *path, uint64_t rights, struct hs_err *err)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = rights};
    int rc = HS_OK;

    rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
    if (rule.parent_fd < 0)
        return errno == ENOENT || errno == EACCES ? HS_OK : hs_err_sys(err, "open %s", path);
    if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
        rc = hs_err_sys(err, "Landlock rule for %s", path);
    close(rule.parent_fd);
    return rc;
}

static int allow_system_files(int ruleset, struct hs_err *err)
{
    static const struct {
        const char *path;
        bool is_dir;
    } files[] = {
        {"/sys/fs/cgroup", true},
        {"/sys/devices/system/cpu", true},
        {"/usr/share/zoneinfo", true},
        {"/usr/lib/locale", true},
        {"/etc/localtime", false},
        {"/dev/urandom", false},
        {"/dev/random", false},
        {"/proc/meminfo", false},
        {"/proc/cpuinfo", false},
        {"/proc/stat", false},
        {"/proc/loadavg", false},
        {"/proc/uptime", false},
        {"/proc/self/statm", false},
        {"/proc/self/status", false},
        {"/proc/self/stat", false},
        {"/proc/sys/vm/overcommit_memory", false},
        {"/proc/sys/vm/max_map_count", false},
    };
    size_t i;
    int rc = HS_OK;

    for (i = 0; i < HS_ARRAY_LEN(files) && rc == HS_OK; i++)
        rc = allow_path(ruleset, files[i].path,
                        files[i].is_dir ? ACCESS_READ : LANDLOCK_ACCESS_FS_READ_FILE, err);
    if (rc == HS_OK)
        rc = allow_path(ruleset, "/dev/null",
                        LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE, err);
    return rc;
}

static int allow_own_files(int ruleset, const char *dir, uint64_t rights, struct hs_err *err)
{
    static const char *const read_only[] = {"config.xml", "users.xml"};
    char path[HS_PATH_MAX];
    size_t i;
    int rc = hs_fs_join(path, dir, "db", err);

    if (rc == HS_OK)
        rc = allow_path(ruleset, path, rights, err);
    if (rc == HS_OK)
        rc = hs_fs_join(path, dir, "files", err);
    if (rc == HS_OK)
        rc = allow_path(ruleset, path, ACCESS_READ, err);
    for (i = 0; i < HS_ARRAY_LEN(read_only) && rc == HS_OK; i++) {
        rc = hs_fs_join(path, dir, read_only[i], err);
        if (rc == HS_OK)
            rc = allow_path(ruleset, path, LANDLOCK_ACCESS_FS_READ_FILE, err);
    }
    return rc;
}

static int limit_files(const char *dir, struct hs_store_sandbox *out, struct hs_err *err)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    struct landlock_ruleset_attr attr;
    int ruleset;
    int rc;

    if (version < 1)
        return HS_OK;
    memset(&attr, 0, sizeof(attr));
    attr.handled_access_fs = files_rights(version);
    ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
    if (ruleset < 0)
        return hs_err_sys(err, "Landlock rule set");
    rc = allow_own_files(ruleset, dir,
                         files_rights(version) & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE, err);
    if (rc == HS_OK)
        rc = allow_system_files(ruleset, err);
    if (rc == HS_OK && syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
        rc = hs_err_sys(err, "Landlock");
    close(ruleset);
    out->files = rc == HS_OK;
    return rc;
}

int hs_store_sandbox_enter(const char *dir, struct hs_store_sandbox *out, struct hs_err *err)
{
    int rc;

    memset(out, 0, sizeof(*out));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return hs_err_sys(err, "no new privileges");
    rc = limit_files(dir, out, err);
    if (rc == HS_OK)
        rc = deny_calls(out, err);
    return rc;
}
