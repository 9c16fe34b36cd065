/* allocations.c: fails the host allocations of core one after another, until a whole run comes through.
 *
 *     allocations [DEVICE]
 *
 * The run: open ops and a device, build a graph with a gradient, train it for two steps, fetch, close. It is
 * linked from core's objects with --wrap, so that the allocations counted here are dropcl's own and not
 * those of drivers. Whichever fails: the run ends with a status and a sentence, or comes to the right
 * result without it; nothing stays allocated, and nothing is freed that was not allocated.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/blas.h"

/* ---- Allocations, counted ---- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *memory);

enum { MOST_LIVE = 4096, NEVER = -1 };

static void *live[MOST_LIVE];
static int live_count;
static int64_t made, failing = NEVER;

static int must_fail(void)
{
    return ++made == failing;
}

static void *remember(void *memory)
{
    if (memory && live_count == MOST_LIVE) {
        fputs("more allocations than this test can follow\n", stderr);
        abort();
    }
    if (memory)
        live[live_count++] = memory;
    return memory;
}

/* Memory that is not known was made by the C library (realpath, scandir), which is not counted. */
static void forget(void *memory)
{
    for (int i = live_count; i-- > 0;)
        if (live[i] == memory) {
            live[i] = live[--live_count];
            return;
        }
}

void *__wrap_malloc(size_t size)
{
    return must_fail() ? NULL : remember(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return must_fail() ? NULL : remember(__real_calloc(count, size));
}

void *__wrap_realloc(void *old, size_t size)
{
    if (must_fail())
        return NULL;
    void *memory = __real_realloc(old, size);
    if (memory)
        forget(old);
    return remember(memory);
}

void __wrap_free(void *memory)
{
    forget(memory);
    __real_free(memory);
}

/* ---- The run ---- */

typedef struct scene {
    dcl_registry *ops;
    dcl_device *device;
    dcl_graph *graph;
    dcl_session *session;
    double loss;
} scene;

static const char *selector = "Portable Computing Language";

/* loss = |U V' - Y|^2 with a mask on U; U descends. */
static dcl_status build(scene *s, dcl_error *error)
{
    const int64_t u_dim[] = {4, 2}, v_dim[] = {3, 2}, y_dim[] = {4, 3};
    dcl_status status = dcl_graph_create(s->ops, DCL_F32, 1, &s->graph, error);
    if (status)
        return status;
    dcl_graph *g = s->graph;
    dcl_value y = dcl_graph_input(g, "Y", DCL_REAL, 2, y_dim);
    dcl_value u = dcl_graph_parameter(g, "U", 2, u_dim, (dcl_initial){.deviation = 1, .stream = 1});
    dcl_value v = dcl_graph_parameter(g, "V", 2, v_dim, (dcl_initial){.deviation = 1, .stream = 2});
    dcl_value velocity = dcl_graph_constant(g, NULL, 2, u_dim, 0), gradient = 0;
    dcl_value mask = dcl_graph_apply(g, NULL, "mask", NULL, 0, (dcl_setting[]){
        {.name = "shape", .list = (int64_t[]){1, 2}, .count = 2}, {0}});
    dcl_value dropped = dcl_graph_apply(g, NULL, "multiply", (dcl_value[]){u, mask}, 2, NULL);
    dcl_value product = dcl_graph_apply(g, NULL, "matmul", (dcl_value[]){dropped, v}, 2,
                                        (dcl_setting[]){{.name = "transpose_b", .integer = 1}, {0}});
    dcl_value loss = dcl_graph_apply(g, NULL, "squared_error", (dcl_value[]){product, y}, 2, NULL);
    dcl_graph_gradient(g, loss, &u, 1, &gradient);
    const dcl_setting pace[] = {
        {.name = "rate", .number = 0.01}, {.name = "schedule", .string = "constant"}, {0}};
    dcl_graph_assign(g, u, dcl_graph_apply(g, NULL, "sgd", (dcl_value[]){u, velocity, gradient}, 3, pace));
    dcl_graph_result(g, "loss", loss);
    return dcl_graph_status(g, error);
}

static dcl_status train(scene *s, dcl_error *error)
{
    static const double y[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    dcl_status status = dcl_session_create(s->device, s->graph, &s->session, error);
    if (status == DCL_OK)
        status = dcl_session_feed(s->session, "Y", DCL_F64, y, error);
    if (status == DCL_OK)
        status = dcl_session_step(s->session, 2, error);
    return status ? status : dcl_session_fetch(s->session, "loss", DCL_F64, &s->loss, error);
}

static dcl_status run(double *loss, dcl_error *error)
{
    scene s = {0};
    dcl_status status = dcl_registry_open(NULL, &s.ops, error);
    if (status == DCL_OK)
        status = dcl_device_open(selector, &s.device, error);
    if (status == DCL_OK)
        status = build(&s, error);
    if (status == DCL_OK)
        status = train(&s, error);
    *loss = s.loss;
    int64_t held = s.device ? dcl_device_statistics(s.device).bytes_allocated : 0;
    dcl_session_free(s.session);
    if (s.device)
        dcl__gemm_release(s.device);     /* the panels of products, which a device keeps */
    if (s.device && dcl_device_statistics(s.device).bytes_allocated != 0)
        status = dcl__fail(error, 1, "of %lld bytes on the device, %lld are left", (long long)held,
                           (long long)dcl_device_statistics(s.device).bytes_allocated);
    dcl_graph_free(s.graph);
    dcl_device_close(s.device);
    dcl_registry_close(s.ops);
    return status;
}

/* ---- The failures ---- */

/* What is wrong with a run, NULL when nothing is. */
static const char *fault_of(dcl_status status, const dcl_error *error, double loss, double expected)
{
    if (live_count)
        return "memory is left behind";
    if (status > 0)
        return "device memory is left behind";
    if (status == DCL_OK)
        return loss == expected ? NULL : "it says success but the result is wrong";
    if (!*error->text)
        return "it fails without a sentence";
    return status == error->code || !error->code ? NULL : "the sentence has another code than the status";
}

int main(int argument_count, char **arguments)
{
    dcl_error error = {0};
    double expected, loss;
    int bad = 0, recovered = 0;
    if (argument_count > 1)
        selector = arguments[1];
    for (int warm = 0; warm < 2; warm++)        /* the first run fills the kernel cache */
        if (run(&expected, &error) || live_count) {
            printf("without any failure: %s, %d allocations are left\n", error.text, live_count);
            return 1;
        }
    do {
        error = (dcl_error){0};
        made = 0;
        failing = failing == NEVER ? 1 : failing + 1;
        dcl_status status = run(&loss, &error);
        const char *fault = fault_of(status, &error, loss, expected);
        recovered += status == DCL_OK && made >= failing;
        if (fault)
            printf("allocation %lld: %s (status %d, %d left: %s)\n", (long long)failing, fault, (int)status,
                   live_count, error.text);
        bad += fault != NULL;
        live_count = 0;
    } while (made >= failing);
    printf("%lld allocations failed one after another: %d runs ended wrongly, %d came through without it\n",
           (long long)failing - 1, bad, recovered);
    return bad ? 1 : 0;
}
