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
    } fields[] = {
        {"crossed", &f->crossed, NULL, NULL},
        {"heads", &f->heads, NULL, NULL},
        {"named", &f->named, NULL, NULL},
        {"equal", &f->equal, NULL, NULL},
        {"sweep", &f->sweep, NULL, NULL},
        {"scored", &f->scored, NULL, NULL},
        {"summary", &f->summary, NULL, NULL},
        {"suspect", &f->suspect, NULL, NULL},
        {"other_device", &f->other_device, NULL, NULL},
        {"items", NULL, &f->items, NULL},
        {"layers", NULL, &f->layers, NULL},
        {"per_stratum", NULL, &f->per_stratum, NULL},
        {"disagree", NULL, &f->disagree, NULL},
        {"underflow", NULL, &f->underflow, NULL},
        {"first", NULL, &f->first, NULL},
        {"keep", NULL, &f->keep, NULL},
        {"ber", NULL, NULL, &f->ber},
        {"scale", NULL, NULL, &f->scale},
        {"missing", NULL, NULL, &f->missing},
    };
    if (strncmp(word, "stop=", 5) == 0) {
        f->stop = value;
        return true;
    }
    if (strncmp(word, "confirm=", 8) == 0) {
        f->confirm = value;
        return true;
    }
    if (strncmp(word, "model_hash=", 11) == 0) {
        f->model_hash = value;
        return true;
    }
    if (strncmp(word, "seed=", 5) == 0) {
        f->seed = strtoull(value, NULL, 10);
        return true;
    }
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (strlen(fields[i].name) != n || strncmp(fields[i].name, word, n) != 0)
            continue;
        if (fields[i].flag)
            *fields[i].flag = strcmp(value, "0") != 0;
        else if (fields[i].number)
            *fields[i].number = (uint32_t)strtoul(value, NULL, 10);
        else
            *fields[i].real = strtod(value, NULL);
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
