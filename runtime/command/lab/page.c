/* page.c: the page of `dropcl lab all`: every picture and finding in one file that needs no other. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/files.h"
#include "command/lab/lab.h"
#include "core/error.h"
#include "formats/output.h"

static const char STYLE[] =
    "body{font:16px/1.55 system-ui,sans-serif;color:#1b1b1b;max-width:860px;margin:2rem auto;padding:0 1rem}"
    "h1{font-size:1.6rem;margin:0 0 .3rem}h2{font-size:1.25rem;margin:0 0 .5rem}"
    "section{border-top:1px solid #ddd;padding:1.4rem 0}p{margin:.5rem 0}"
    "figure{margin:.8rem 0;overflow-x:auto}img{display:block;width:100%;min-width:680px;height:auto}"
    "code{background:#f2f2f2;padding:.1rem .35rem;border-radius:3px;font-size:.9em}"
    ".fact{color:#555;font-size:.93rem}table{border-collapse:collapse;margin:.8rem 0}"
    "td,th{text-align:left;padding:.2rem 1.2rem .2rem 0;font-weight:normal}"
    ".holds,.not{font-weight:600;padding:.05rem .5rem;border-radius:3px;white-space:nowrap}"
    ".holds{background:#dff2e6;color:#0a5c36}.not{background:#fbe3d6;color:#8a2f00}";

const char *dcl__lab_sentence(const dcl__outcome *outcome, char *text, size_t size)
{
    const dcl__finding *f = &outcome->finding;
    snprintf(text, size, "%s: expected: %s; found: %s; %s.", outcome->entry->name, f->expected, f->found,
             f->holds ? "it holds" : "it does NOT hold");
    return text;
}

/* Whether a line must not end at this space: a number stays with its sign, as in "1 %" and "c = 2". */
static int binds(const char *text, const char *space)
{
    return space[1] == '%' || space[1] == '=' || (space > text && space[-1] == '=');
}

static void write_escaped(FILE *stream, const char *text)
{
    for (const char *at = text; *at; at++) {
        if (*at == '<' || *at == '>' || *at == '&' || *at == '"')
            fprintf(stream, "&#%d;", *at);
        else if (*at == ' ' && binds(text, at))
            fputs("&nbsp;", stream);
        else
            fputc(*at, stream);
    }
}

static void write_base64(FILE *to, FILE *from)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char in[3];
    size_t count;
    while ((count = fread(in, 1, 3, from)) > 0) {
        memset(in + count, 0, 3 - count);
        fputc(digits[in[0] >> 2], to);
        fputc(digits[(in[0] & 3) << 4 | in[1] >> 4], to);
        fputc(count > 1 ? digits[(in[1] & 15) << 2 | in[2] >> 6] : '=', to);
        fputc(count > 2 ? digits[in[2] & 63] : '=', to);
    }
}

/* As an image, not as part of the page: the names inside the SVG files would collide. Narrow windows scroll it, also
 * by keys, for it cannot be read when it is small. */
static dcl_status write_picture(FILE *to, const dcl__lab *lab, const char *name, dcl_error *error)
{
    char file[128];
    snprintf(file, sizeof file, "%s.svg", name);
    dcl__path path = dcl__join(lab->folder, file);
    FILE *from = fopen(path.text, "rb");
    if (!from)
        return dcl__fail(error, DCL_EIO, "%s: the picture cannot be read again", path.text);
    fprintf(to, "<figure tabindex=\"0\"><img alt=\"%s\" src=\"data:image/svg+xml;base64,", name);
    write_base64(to, from);
    fputs("\"></figure>\n", to);
    int failed = ferror(from);
    fclose(from);
    return failed ? dcl__fail(error, DCL_EIO, "%s: the picture cannot be read again", path.text) : DCL_OK;
}

static void write_verdict(FILE *to, const dcl__outcome *o)
{
    if (o->failure[0])
        fputs("<span class=\"not\">not run</span>", to);
    else
        fprintf(to, "<span class=\"%s\">%s</span>", o->finding.holds ? "holds" : "not",
                o->finding.holds ? "holds" : "does not hold");
}

static dcl_status write_part(FILE *to, const dcl__lab *lab, const dcl__outcome *o, dcl_error *error)
{
    dcl_status status = DCL_OK;
    fprintf(to, "<section id=\"%s\">\n<h2>%s ", o->entry->name, o->entry->name);
    write_verdict(to, o);
    fputs("</h2>\n<p>", to);
    write_escaped(to, o->entry->statement);
    fputs("</p>\n", to);
    if (o->failure[0]) {
        fputs("<p>Not run: ", to);
        write_escaped(to, o->failure);
    } else {
        status = write_picture(to, lab, o->entry->name, error);
        fputs("<p><b>Expected:</b> ", to);
        write_escaped(to, o->finding.expected);
        fputs(".<br><b>Found:</b> ", to);
        write_escaped(to, o->finding.found);
        fputs(".", to);
    }
    fprintf(to, "</p>\n<p class=\"fact\"><code>dropcl lab %s -o DIR</code> (%.1f s)</p>\n</section>\n", o->entry->name,
            o->seconds);
    return status;
}

static void write_head(FILE *to, const dcl__lab *lab, const dcl__outcome *outcomes, int count)
{
    const dcl_device_info *device = dcl_device_describe(lab->tools.device);
    fprintf(to, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
            "content=\"width=device-width\">\n<title>dropcl lab</title>\n<style>%s</style>\n</head>\n<body>\n"
            "<h1>What dropout does, shown</h1>\n<p class=\"fact\">dropcl %s on ", STYLE, dcl_version());
    write_escaped(to, device->name);
    fputs(" (", to);
    write_escaped(to, device->platform);
    fprintf(to, "), %s, seed %llu%s</p>\n<table>\n", lab->dtype == DCL_F64 ? "f64" : "f32",
            (unsigned long long)lab->seed, lab->quick ? ", small problems (--quick)" : "");
    for (int i = 0; i < count; i++) {
        fprintf(to, "<tr><td><a href=\"#%s\">%s</a></td><td>", outcomes[i].entry->name, outcomes[i].entry->name);
        write_verdict(to, &outcomes[i]);
        fputs("</td></tr>\n", to);
    }
    fputs("</table>\n", to);
}

dcl_status dcl__lab_page(const dcl__lab *lab, const dcl__outcome *outcomes, int count, dcl_error *error)
{
    dcl__output output;
    dcl_status status = dcl__output_open(dcl__join(lab->folder, "index.html").text, &output, error);
    if (status)
        return status;
    write_head(output.stream, lab, outcomes, count);
    for (int i = 0; i < count && status == DCL_OK; i++)
        status = write_part(output.stream, lab, &outcomes[i], error);
    fputs("</body>\n</html>\n", output.stream);
    if (status)
        dcl__output_discard(&output);
    else
        status = dcl__output_commit(&output, error);
    return status;
}
