/* SPDX-License-Identifier: MIT */
/* Files beside the page: data of each picture, tables for spreadsheets and for TeX. */
#include "base/file.h"
#include "inject/report/report_page.h"

/* Where files go. */
struct target {
    struct report_page *page;
    report_sink *sink;
    void *user;
};

static enum status put(const struct target *to, const char *id, const char *suffix,
                       const struct text *text)
{
    const char *name = arena_printf(&to->page->arena, "%s.%s", id, suffix);
    if (!name)
        return STATUS_MEMORY;
    return text->st ? text->st : to->sink(to->user, name, text);
}

enum status report_page_to_folder(void *user, const char *name, const struct text *text)
{
    struct arena arena = {0};
    const char *path = arena_printf(&arena, "%s/%s", (const char *)user, name);
    const enum status st = path ? file_write(path, text_of(text), text->size) : STATUS_MEMORY;
    arena_finish(&arena);
    return st;
}

typedef void write_table(struct text *out, const struct report_table *table);

static enum status put_table(const struct target *to, const struct report_table *table)
{
    static const struct {
        write_table *write;
        const char *suffix;
    } forms[] = {{report_table_csv, "csv"}, {report_table_latex, "tex"}};
    enum status st = STATUS_OK;
    for (size_t i = 0; !st && i < sizeof(forms) / sizeof(*forms); i++) {
        struct text text = {0};
        forms[i].write(&text, table);
        st = put(to, table->id, forms[i].suffix, &text);
        text_finish(&text);
    }
    return st;
}

static enum status put_figure(const struct target *to, const struct report_figure *figure)
{
    if (figure->absent)
        return STATUS_OK;
    enum status st = put_table(to, &figure->table);
    st = st ? st : put(to, figure->id, "gp", &figure->script);
    struct text latex = {0};
    if (report_figure_prints(figure)) {
        report_figure_latex(&latex, figure);
        st = st ? st : put(to, figure->id, "figure.tex", &latex);
    }
    text_finish(&latex);
    if (!st && figure->svg.size > 0)
        st = put(to, figure->id, "svg", &figure->svg);
    return st;
}

enum status report_page_export(struct report_page *page, report_sink *sink, void *user)
{
    const struct target to = {page, sink, user};
    struct text methods = {0};
    enum status st = STATUS_OK;
    for (int t = 0; !st && t < REPORT_TABLES; t++) {
        const bool if_any = t >= REPORT_TABLE_TASKS && t <= REPORT_TABLE_OWN;
        if (!if_any || page->table[t].n_rows > 0)
            st = put_table(&to, &page->table[t]);
    }
    for (int f = 0; !st && f < REPORT_PICTURES; f++)
        st = put_figure(&to, &page->figure[f]);
    st = st ? st : report_methods_paragraph(&methods, &page->context);
    text_put(&methods, "\n");
    st = st ? st : put(&to, "methods", "txt", &methods);
    text_finish(&methods);
    return st;
}
