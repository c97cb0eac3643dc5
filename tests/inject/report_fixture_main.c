/* SPDX-License-Identifier: MIT */
/* Makes one synthetic campaign for script tests: report_fixture_main DB [name[=value] ...]. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fpenv.h"
#include "report_fixture.h"

static bool set(struct report_fixture *f, const char *word)
{
    const char *equals = strchr(word, '=');
    const size_t n = equals ? (size_t)(equals - word) : strlen(word);
    const char *value = equals ? equals + 1 : "1";
    const struct {
        const char *name;
        bool *flag;
        uint32_t *number;
        double *real;
        const char **text;
    } fields[] = {
        {"crossed", .flag = &f->crossed},
        {"heads", .flag = &f->heads},
        {"named", .flag = &f->named},
        {"equal", .flag = &f->equal},
        {"sweep", .flag = &f->sweep},
        {"scored", .flag = &f->scored},
        {"corpus", .flag = &f->corpus},
        {"summary", .flag = &f->summary},
        {"suspect", .flag = &f->suspect},
        {"other_device", .flag = &f->other_device},
        {"items", .number = &f->items},
        {"layers", .number = &f->layers},
        {"per_stratum", .number = &f->per_stratum},
        {"disagree", .number = &f->disagree},
        {"underflow", .number = &f->underflow},
        {"first", .number = &f->first},
        {"keep", .number = &f->keep},
        {"wave", .number = &f->wave},
        {"ber", .real = &f->ber},
        {"scale", .real = &f->scale},
        {"missing", .real = &f->missing},
        {"stop", .text = &f->stop},
        {"confirm", .text = &f->confirm},
        {"model", .text = &f->model},
        {"model_hash", .text = &f->model_hash},
    };
    if (strncmp(word, "seed=", 5) == 0) {
        f->seed = strtoull(value, NULL, 10);
        return true;
    }
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
        if (strlen(fields[i].name) != n || strncmp(fields[i].name, word, n) != 0)
            continue;
        if (fields[i].flag)
            *fields[i].flag = strcmp(value, "0") != 0;
        else if (fields[i].number)
            *fields[i].number = (uint32_t)strtoul(value, NULL, 10);
        else if (fields[i].real)
            *fields[i].real = strtod(value, NULL);
        else
            *fields[i].text = value;
        return true;
    }
    fprintf(stderr, "report_fixture_main: found '%s', expected a field of the fixture\n", word);
    return false;
}

int main(int argc, char **argv)
{
    fpenv_set();
    if (argc < 2) {
        fprintf(stderr, "usage: report_fixture_main DB [field[=value] ...]\n");
        return 2;
    }
    struct report_fixture fixture = report_fixture_default(argv[1]);
    for (int i = 2; i < argc; i++) {
        if (!set(&fixture, argv[i]))
            return 2;
    }
    return status_exit_code(report_fixture_make(&fixture));
}
