#include "support/store_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READY_TRIES = 600, READY_STEP_MS = 50 };

#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "store fixture: %s failed: %s\n", #cond, strerror(errno));             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static bool readable(const char *path)
{
    return access(path, R_OK) == 0;
}

static bool find_library(char out[STORE_FIXTURE_PATH_MAX])
{
    const char *given = getenv("HAYSTAT_TEST_LIBCHDB");
    const char *home = getenv("HOME");

    if (given && given[0]) {
        snprintf(out, STORE_FIXTURE_PATH_MAX, "%s", given);
        return readable(out);
    }
    snprintf(out, STORE_FIXTURE_PATH_MAX, "build/libchdb.so");
    if (readable(out))
        return true;
    snprintf(out, STORE_FIXTURE_PATH_MAX, "%s/.cache/haystat/chdb/libchdb.so", home ? home : "");
    return readable(out);
}

bool store_fixture_available(void)
{
    char path[STORE_FIXTURE_PATH_MAX];

    return find_library(path);
}

static void write_file(const struct store_fixture *store, const char *name, const char *text)
{
    char path[STORE_FIXTURE_PATH_MAX + 64];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", store->dir, name);
    file = fopen(path, "w");
    CHECK(file != NULL);
    CHECK(fputs(text, file) >= 0);
    CHECK(fclose(file) == 0);
}

static void write_users(const struct store_fixture *store)
{
    write_file(store, "users.xml",
               "<clickhouse><profiles><default/><ro><readonly>1</readonly><constraints>"
               "<max_execution_time><changeable_in_readonly/></max_execution_time>"
               "<max_rows_to_read><changeable_in_readonly/></max_rows_to_read>"
               "<read_overflow_mode><changeable_in_readonly/></read_overflow_mode>"
               "<cancel_http_readonly_queries_on_client_close><changeable_in_readonly/>"
               "</cancel_http_readonly_queries_on_client_close>"
               "</constraints></ro></profiles><quotas><default/></quotas><users>"
               "<default><password></password><networks><ip>127.0.0.1</ip></networks>"
               "<profile>default</profile><quota>default</quota>"
               "<grants><query>GRANT SYSTEM LISTEN ON *.*</query></grants></default>"
               "<haystat_rw><password>" STORE_FIXTURE_RW_PASSWORD "</password>"
               "<networks><ip>127.0.0.1</ip></networks>"
               "<profile>default</profile><quota>default</quota><grants>"
               "<query>GRANT ALL ON haystat.*</query><query>GRANT TABLE ENGINE ON *</query>"
               "<query>GRANT KILL QUERY ON *.*</query><query>GRANT SELECT ON system.*</query>"
               "</grants></haystat_rw>"
               "<haystat_ro><password>" STORE_FIXTURE_RO_PASSWORD "</password>"
               "<networks><ip>127.0.0.1</ip></networks>"
               "<profile>ro</profile><quota>default</quota><grants>"
               "<query>GRANT SELECT ON haystat.*</query><query>GRANT SELECT ON system.*</query>"
               "</grants></haystat_ro></users></clickhouse>\n");
}

static void write_config(const struct store_fixture *store)
{
    char text[4 * STORE_FIXTURE_PATH_MAX];

    snprintf(text, sizeof(text),
             "<clickhouse><user_directories><users_xml><path>%s/users.xml</path></users_xml>"
             "</user_directories><listen_host>127.0.0.1</listen_host>"
             "<max_server_memory_usage>1500000000</max_server_memory_usage>"
             "<max_parts_cleaning_thread_pool_size>2</max_parts_cleaning_thread_pool_size>"
             "<user_files_path>%s/files</user_files_path>"
             "<logger><level>none</level><console>0</console></logger></clickhouse>\n",
             store->dir, store->dir);
    write_file(store, "config.xml", text);
}

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int free_port(void)
{
    struct sockaddr_in address = loopback(0);
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK(fd >= 0);
    CHECK(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    close(fd);
    return ntohs(address.sin_port);
}

static bool answers_ping(const struct store_fixture *store)
{
    static const char request[] = "GET /ping HTTP/1.0\r\n\r\n";
    struct sockaddr_in address = loopback(store->port);
    char answer[512] = "";
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = false;

    CHECK(fd >= 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
        send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) > 0 &&
        recv(fd, answer, sizeof(answer) - 1, 0) > 0)
        ok = strstr(answer, " 200 ") != NULL;
    close(fd);
    return ok;
}

static void wait_ready(struct store_fixture *store)
{
    for (int i = 0; i < READY_TRIES; i++) {
        int status;

        if (answers_ping(store))
            return;
        if (waitpid(store->pid, &status, WNOHANG) == store->pid) {
            fprintf(stderr, "store fixture: the server ended with status %d\n", status);
            abort();
        }
        poll(NULL, 0, READY_STEP_MS);
    }
    fprintf(stderr, "store fixture: no answer on port %d\n", store->port);
    abort();
}

void store_fixture_launch(struct store_fixture *store)
{
    char script[STORE_FIXTURE_PATH_MAX];
    char data[STORE_FIXTURE_PATH_MAX + 16];
    char config[STORE_FIXTURE_PATH_MAX + 16];
    char port[16];

    snprintf(script, sizeof(script), "tests/support/store_server.py");
    snprintf(data, sizeof(data), "%s/data", store->dir);
    snprintf(config, sizeof(config), "%s/config.xml", store->dir);
    snprintf(port, sizeof(port), "%d", store->port);
    store->pid = fork();
    CHECK(store->pid >= 0);
    if (store->pid > 0)
        return;
    execlp("python3", "python3", script, store->library, data, config, port, (char *)NULL);
    _exit(127);
}

void store_fixture_start(struct store_fixture *store)
{
    char data[STORE_FIXTURE_PATH_MAX + 16];

    memset(store, 0, sizeof(*store));
    CHECK(find_library(store->library));
    snprintf(store->dir, sizeof(store->dir), "/tmp/haystat-store-XXXXXX");
    CHECK(mkdtemp(store->dir) != NULL);
    snprintf(data, sizeof(data), "%s/data", store->dir);
    CHECK(mkdir(data, 0700) == 0);
    write_users(store);
    write_config(store);
    store->port = free_port();
    snprintf(store->url, sizeof(store->url), "http://127.0.0.1:%d", store->port);
    store_fixture_restart(store);
}

void store_fixture_restart(struct store_fixture *store)
{
    store_fixture_launch(store);
    wait_ready(store);
}

void store_fixture_kill(struct store_fixture *store)
{
    if (store->pid <= 0)
        return;
    kill(store->pid, SIGKILL);
    waitpid(store->pid, NULL, 0);
    store->pid = 0;
}

void store_fixture_stop(struct store_fixture *store)
{
    pid_t pid;

    if (!store->dir[0])
        return;
    store_fixture_kill(store);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        execlp("rm", "rm", "-rf", "--", store->dir, (char *)NULL);
        _exit(127);
    }
    waitpid(pid, NULL, 0);
    store->dir[0] = '\0';
}
