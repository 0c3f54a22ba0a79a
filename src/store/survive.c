/*
 * What is looked for, with the Itanium C++ ABI's layout:
 *
 *   "19KillingErrorHandler\0"        read-only data
 *        ▲
 *   type │ info:  [vtable of its kind][name]…             relocated data
 *        ▲
 *   table│:  [offset to top = 0][type info][destructor][destructor][f][f][f]
 *
 * The class has three functions of one body, which the linker folded into one address: three equal
 * pointers after two others. They are exception(const Poco::Exception &), exception(const
 * std::exception &) and exception().
 */
#include "store/survive.h"

#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"

enum { SEGMENTS_MAX = 16, TYPE_INFO_SLOT = 1, FIRST_HANDLER = 4, HANDLERS = 3 };

static const char class_name[] = "19KillingErrorHandler";

struct segment {
    const unsigned char *p;
    size_t n;
    unsigned flags; /* PF_R, PF_W, PF_X */
};

struct image {
    uintptr_t base; /* wanted */
    struct segment segments[SEGMENTS_MAX];
    size_t segments_n;
};

static int collect(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct image *image = arg;
    size_t i;

    (void)size;
    if (info->dlpi_addr != image->base)
        return 0;
    for (i = 0; i < info->dlpi_phnum && image->segments_n < SEGMENTS_MAX; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];

        if (header->p_type != PT_LOAD)
            continue;
        image->segments[image->segments_n++] = (struct segment){
            .p = (const unsigned char *)(image->base + header->p_vaddr),
            .n = header->p_filesz,
            .flags = header->p_flags,
        };
    }
    return 1;
}

/* The name with its end, in data that is neither code nor writable. What was looked at is given
 * back to the kernel: it would count as resident otherwise. */
static const unsigned char *find_name(const struct image *image)
{
    const unsigned char *name = NULL;
    size_t i;

    for (i = 0; i < image->segments_n && !name; i++) {
        const struct segment *segment = &image->segments[i];

        if (segment->flags != PF_R)
            continue;
        name = memmem(segment->p, segment->n, class_name, sizeof(class_name));
        (void)madvise((void *)(uintptr_t)segment->p,
                      segment->n - segment->n % (size_t)sysconf(_SC_PAGESIZE), MADV_DONTNEED);
    }
    return name;
}

/* The only word in writable (relocated) data that points to `target`; NULL when none or many. */
static const uintptr_t *find_pointer(const struct image *image, const void *target)
{
    const uintptr_t *found = NULL;
    size_t count = 0;
    size_t i;

    for (i = 0; i < image->segments_n; i++) {
        const uintptr_t *word = (const uintptr_t *)(const void *)image->segments[i].p;
        const uintptr_t *end = word + image->segments[i].n / sizeof(*word);

        for (; (image->segments[i].flags & PF_W) && word < end; word++) {
            if (*word != (uintptr_t)target)
                continue;
            found = word;
            count++;
        }
    }
    return count == 1 ? found : NULL;
}

static bool is_code(const struct image *image, uintptr_t address)
{
    size_t i;

    for (i = 0; i < image->segments_n; i++) {
        const struct segment *segment = &image->segments[i];

        if ((segment->flags & PF_X) && address >= (uintptr_t)segment->p &&
            address < (uintptr_t)segment->p + segment->n)
            return true;
    }
    return false;
}

/* The table as an array that starts at "offset to top"; NULL when anything is unlike the above. */
static const uintptr_t *find_table(const struct image *image)
{
    const unsigned char *name = find_name(image);
    const uintptr_t *word = name ? find_pointer(image, name) : NULL;
    size_t i;

    if (!word)
        return NULL;
    word = find_pointer(image, word - 1); /* the type info starts one word before its name */
    if (!word || word[-1] != 0)
        return NULL;
    word -= TYPE_INFO_SLOT;
    for (i = FIRST_HANDLER; i < FIRST_HANDLER + HANDLERS; i++) {
        if (word[i] != word[FIRST_HANDLER] || !is_code(image, word[i]))
            return NULL;
    }
    return word;
}

/* Takes the place of exception(…): the connection ends, the process goes on. */
static void go_on(const void *self)
{
    (void)self;
}

static int replace(const uintptr_t *table, struct hs_err *err)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uintptr_t first = (uintptr_t)(table + FIRST_HANDLER) & ~(page - 1);
    uintptr_t last = (uintptr_t)(table + FIRST_HANDLER + HANDLERS);
    uintptr_t *slots = (uintptr_t *)(uintptr_t)table;
    size_t i;

    if (mprotect((void *)first, last - first, PROT_READ | PROT_WRITE) != 0)
        return hs_err_sys(err, "open the error handler's table");
    for (i = FIRST_HANDLER; i < FIRST_HANDLER + HANDLERS; i++)
        slots[i] = (uintptr_t)go_on;
    if (mprotect((void *)first, last - first, PROT_READ) != 0)
        return hs_err_sys(err, "close the error handler's table");
    return HS_OK;
}

int hs_store_survive_install(const void *function, struct hs_err *err)
{
    struct image image = {0};
    const uintptr_t *table = NULL;
    Dl_info info;

    if (dladdr(function, &info) != 0) {
        image.base = (uintptr_t)info.dli_fbase;
        dl_iterate_phdr(collect, &image);
        table = find_table(&image);
    }
    if (!table)
        return hs_err_set(err, HS_EUNSUP, 0,
                          "store.library is built differently: a broken connection ends it");
    return replace(table, err);
}
