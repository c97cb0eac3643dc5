/* SPDX-License-Identifier: MIT */
/* Files beside the page: data of each picture, tables for spreadsheets and for TeX. */
#include <stdio.h>

#include "base/file.h"
#include "inject/report/report_page.h"

static enum status write_file(struct report_page *page, const char *folder, const char *id,
                              const char *suffix, const struct report_out *text)
{
    const char *path = arena_printf(&page->arena, "%s/%s.%s", folder, id, suffix);
    if (!path)
        return STATUS_MEMORY;
    return text->status ? text->status : file_write(path, report_out_text(text), text->text.size);
}

typedef void write_table(struct report_out *out, const struct report_table *table);

static enum status export_table(struct report_page *page, const char *folder,
                                const struct report_table *table)
{
    static const struct {
        write_table *write;
        const char *suffix;
    } forms[] = {{report_table_csv, "csv"}, {report_table_latex, "tex"}};
    enum status st = STATUS_OK;
    for (size_t i = 0; !st && i < sizeof forms / sizeof *forms; i++) {
        struct report_out text = {0};
        forms[i].write(&text, table);
        st = write_file(page, folder, table->id, forms[i].suffix, &text);
        report_out_finish(&text);
    }
    return st;
}

enum status report_page_export(struct report_page *page, const char *folder)
{
    enum status st = STATUS_OK;
    for (int t = 0; !st && t < REPORT_TABLES; t++)
        st = export_table(page, folder, &page->table[t]);
    for (int f = 0; !st && f < REPORT_PICTURES; f++) {
        const struct report_figure *figure = &page->figure[f];
        if (figure->absent)
            continue;
        st = export_table(page, folder, &figure->table);
        st = st ? st : write_file(page, folder, figure->id, "gp", &figure->script);
        if (!st && figure->svg.text.size > 0)
            st = write_file(page, folder, figure->id, "svg", &figure->svg);
    }
    struct report_out methods = {0};
    st = st ? st : report_methods_paragraph(&methods, &page->context);
    report_out_put(&methods, "\n");
    st = st ? st : write_file(page, folder, "methods", "txt", &methods);
    report_out_finish(&methods);
    return st;
}
