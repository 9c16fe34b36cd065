/* growth_tables.c: the tables that certified growth leaves, of `factorize --solver grow` and of `complete`. */
#include "command/growth_tables.h"

#include <inttypes.h>

#include "command/files.h"
#include "command/words.h"
#include "formats/output.h"

dcl_status dcl__write_history(const char *folder, const dcl_growth_round *history, int64_t count, dcl_error *error)
{
    dcl__output output;
    dcl_status status = dcl__output_open(dcl__join(folder, "history.csv").text, &output, error);
    if (status)
        return status;
    fputs("lambda,round,steps,seconds,units,objective,lower_bound,gap,polar\n", output.stream);
    for (const dcl_growth_round *h = history; h < history + count; h++)
        fprintf(output.stream, "%.17g,%" PRId64 ",%" PRId64 ",%.6f,%" PRId64 ",%.17g,%.17g,%.17g,%.17g\n", h->lambda,
                h->round, h->steps, h->seconds, h->width, h->objective, h->lower_bound, h->gap, h->polar);
    return dcl__output_commit(&output, error);
}

void dcl__write_path_columns(FILE *stream)
{
    fputs("lambda,rank,units,seconds,objective,lower_bound,gap,status", stream);
}

void dcl__write_path_point(FILE *stream, const dcl__path_point *p)
{
    fprintf(stream, "%.17g,%" PRId64 ",%" PRId64 ",%.6f,%.17g,%.17g,%.17g,%s", p->lambda, p->rank, p->width,
            p->seconds, p->objective, p->lower_bound, p->gap, dcl__status_name(p->status));
}
