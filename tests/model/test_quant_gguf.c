/* SPDX-License-Identifier: MIT */
/* Dequantisation of every tensor type against PyPI's gguf on random blocks, bit for bit.
 *
 * VKFI_PYTHON names a Python that has gguf and numpy; without one the test is skipped (77).
 * gguf computes in float32 and does not flush denormals. Products of a quantised type are multiples
 * of 2^-24, of MXFP4 of 2^-126, and never denormal, and F types are copied, so flushing tells the
 * two apart in MXFP4's two smallest scales alone, which are denormal (quant_reference.py). */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rng.h"
#include "model/quant.h"

#define ELEMENTS (256u * 512u)

static const uint32_t type_ids[QUANT_COUNT] = {
#define TEST_ENTRY(name, id, elements, bytes) id,
    QUANT_TYPES(TEST_ENTRY)
#undef TEST_ENTRY
};

/* Random bytes; in every fourth block the scales are f16 numbers near the ends of the format. */
static void fill(struct rng *rng, enum quant type, uint8_t *row, size_t size)
{
    static const uint16_t ends[] = {0x0000, 0x8000, 0x0001, 0x8001, 0x03ff, 0x0400,
                                    0x7bff, 0xfbff, 0x7c00, 0xfc00, 0x7e01, 0x3c00};
    uint32_t elements = quant_block_elements(type);

    for (size_t i = 0; i < size; i++)
        row[i] = (uint8_t)rng_u32(rng);
    for (uint32_t k = 0; k < ELEMENTS; k += 4 * elements) {
        for (int field = QUANT_FIELD_SCALE; field <= QUANT_FIELD_MIN; field++) {
            uint32_t pick = ends[rng_below(rng, sizeof(ends) / sizeof(ends[0]))];
            if (quant_field_width(type, (enum quant_field)field) == 16)
                quant_field_write(type, row, k, (enum quant_field)field, pick);
        }
    }
}

static int write_type(FILE *file, enum quant type)
{
    uint32_t head[3] = {type_ids[type], ELEMENTS, (uint32_t)quant_row_bytes(type, ELEMENTS)};
    uint8_t *row = malloc(head[2]);
    float *out = malloc(ELEMENTS * sizeof(*out));
    int ok = row && out;
    struct rng rng;

    if (ok) {
        rng_init(&rng, 7, (uint64_t)type);
        fill(&rng, type, row, head[2]);
        quant_dequantize(type, row, ELEMENTS, out);
        ok = fwrite(head, sizeof(head), 1, file) == 1 && fwrite(row, head[2], 1, file) == 1 &&
             fwrite(out, ELEMENTS * sizeof(*out), 1, file) == 1;
    }
    free(out);
    free(row);
    return ok;
}

static int run_python(const char *python, const char *path)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        execlp(python, python, VKFI_SOURCE "/tests/model/quant_reference.py", path, (char *)NULL);
        perror(python);
        _exit(77);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        return 1;
    return WEXITSTATUS(status);
}

int main(void)
{
    char path[] = "/tmp/test_quant_gguf_XXXXXX";
    const char *python = getenv("VKFI_PYTHON");
    int fd, ok = 1, code;
    FILE *file;

    if (!python || !*python) {
        puts("skipped: VKFI_PYTHON does not name a Python with the packages gguf and numpy");
        return 77;
    }
    fd = mkstemp(path);
    file = fd < 0 ? NULL : fdopen(fd, "wb");
    if (!file) {
        perror(path);
        return 1;
    }
    for (int type = 0; type < QUANT_COUNT && ok; type++)
        ok = write_type(file, (enum quant)type);
    ok = fclose(file) == 0 && ok;
    code = ok ? run_python(python, path) : 1;
    unlink(path);
    return code;
}
