/*
 * Feeds files to a fuzz target without libFuzzer, so that ctest replays corpora under sanitizers.
 *
 * usage: fuzz_<x> PATH…   Each path is a file or a folder of files; a folder that does not exist
 * counts as empty, because a target may have no regressions yet. The empty input always runs.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REPLAY_FILE_BYTES_MAX = 16 << 20 };

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data;
    size_t size;

    if (!file) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return -1;
    }
    data = malloc(REPLAY_FILE_BYTES_MAX);
    if (!data)
        abort();
    size = fread(data, 1, REPLAY_FILE_BYTES_MAX, file);
    fclose(file);
    if (size == REPLAY_FILE_BYTES_MAX) {
        fprintf(stderr, "%s: larger than %d bytes\n", path, REPLAY_FILE_BYTES_MAX - 1);
        free(data);
        return -1;
    }
    /* An allocation of exactly the input's size lets ASan see a read past its end. */
    uint8_t *exact = malloc(size ? size : 1);

    if (!exact)
        abort();
    memcpy(exact, data, size);
    free(data);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return 0;
}

static int replay_folder(const char *path, DIR *dir, unsigned *out_files)
{
    const struct dirent *entry;
    int rc = 0;

    while ((entry = readdir(dir)) != NULL) {
        char file[PATH_MAX];

        if (entry->d_name[0] == '.')
            continue;
        snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
        rc |= replay_file(file);
        *out_files += 1;
    }
    return rc;
}

static int replay_path(const char *path, unsigned *out_files)
{
    DIR *dir = opendir(path);
    int rc;

    if (!dir && errno == ENOENT)
        return 0;
    if (!dir) {
        *out_files += 1;
        return replay_file(path);
    }
    rc = replay_folder(path, dir, out_files);
    closedir(dir);
    return rc;
}

int main(int argc, char **argv)
{
    static const uint8_t empty[1];
    unsigned files = 0;
    int rc = 0;

    LLVMFuzzerTestOneInput(empty, 0);
    for (int i = 1; i < argc; i++)
        rc |= replay_path(argv[i], &files);
    printf("replayed %u files\n", files);
    return rc ? 1 : 0;
}
