/* same_graph.c: one stochastic training graph comes to the same factors on two devices.
 *
 *     same_graph ONE TWO
 *
 * Twenty steps of dropout factorization with Adam and averaged iterates; all parameters must agree to
 * 1e-4. Exit status 77: one of the devices is not there.
 */
#include <math.h>
#include <stdio.h>

#include "common.h"

enum { ROWS = 24, COLUMNS = 17, WIDTH = 5, STEPS = 20, COUNT = ROWS * WIDTH };

static const double tolerance = 1e-4;
static const char *const names[] = {"U", "mean of U"};

/* parameter := adam(parameter, gradient) */
static void train(dcl_graph *graph, dcl_value parameter, dcl_value gradient)
{
    const dcl_tensor shape = *dcl_value_tensor(graph, parameter);
    dcl_value moments[2];
    for (int i = 0; i < 2; i++)
        moments[i] = dcl_graph_parameter(graph, NULL, shape.rank, shape.dim, (dcl_initial){0});
    dcl_value updated = dcl_graph_apply(graph, NULL, "adam",
                                        (dcl_value[]){parameter, moments[0], moments[1], gradient}, 4,
                                        (dcl_setting[]){{.name = "rate", .number = 0.05}, {0}});
    dcl_graph_assign(graph, parameter, updated);
    for (int i = 0; i < 2; i++)
        dcl_graph_assign(graph, moments[i], updated + 1 + i);
}

/* |Y - (U mask) V'|^2, its gradients, Adam on both factors, the mean of the U's. */
static void build(dcl_graph *graph)
{
    const int64_t u_dim[] = {ROWS, WIDTH}, v_dim[] = {COLUMNS, WIDTH}, y_dim[] = {ROWS, COLUMNS};
    dcl_value y = dcl_graph_parameter(graph, "Y", 2, y_dim, (dcl_initial){.deviation = 1, .stream = 1});
    dcl_value u = dcl_graph_parameter(graph, "U", 2, u_dim, (dcl_initial){.deviation = 0.3, .stream = 2});
    dcl_value v = dcl_graph_parameter(graph, "V", 2, v_dim, (dcl_initial){.deviation = 0.3, .stream = 3});
    dcl_value mean = dcl_graph_parameter(graph, "mean of U", 2, u_dim, (dcl_initial){0});
    const dcl_setting mask_settings[] = {
        {.name = "shape", .list = (int64_t[]){1, WIDTH}, .count = 2}, {.name = "retain", .number = 0.7}, {0}};
    dcl_value mask = dcl_graph_apply(graph, NULL, "mask", NULL, 0, mask_settings);
    dcl_value dropped = dcl_graph_apply(graph, NULL, "multiply", (dcl_value[]){u, mask}, 2, NULL);
    dcl_value product = dcl_graph_apply(graph, NULL, "matmul", (dcl_value[]){dropped, v}, 2,
                                        (dcl_setting[]){{.name = "transpose_b", .integer = 1}, {0}});
    dcl_value loss = dcl_graph_apply(graph, NULL, "squared_error", (dcl_value[]){product, y}, 2, NULL);
    dcl_value gradients[2];
    if (dcl_graph_gradient(graph, loss, (dcl_value[]){u, v}, 2, gradients))
        return;
    train(graph, u, gradients[0]);
    train(graph, v, gradients[1]);
    dcl_graph_assign(graph, mean, dcl_graph_apply(graph, NULL, "average", (dcl_value[]){mean, u}, 2, NULL));
}

static dcl_status run(const dcl_registry *ops, dcl_device *device, double found[2][COUNT], dcl_error *error)
{
    dcl_graph *graph = NULL;
    dcl_session *session = NULL;
    dcl_status status = dcl_graph_create(ops, DCL_F32, 11, &graph, error);
    if (status)
        return status;
    build(graph);
    status = dcl_session_create(device, graph, &session, error);
    if (status == DCL_OK)
        status = dcl_session_step(session, STEPS, error);
    for (int i = 0; i < 2 && status == DCL_OK; i++)
        status = dcl_session_fetch(session, names[i], DCL_F64, found[i], error);
    dcl_session_free(session);
    dcl_graph_free(graph);
    return status;
}

/* Trains on the device of a selector; TEST_... */
static int train_on(const char *selector, double found[2][COUNT])
{
    dcl_registry *ops = NULL;
    dcl_device *device = NULL;
    dcl_error error;
    int result;
    if (open_or_skip(selector, NULL, &ops, &device, &result))
        return result;
    if (run(ops, device, found, &error)) {
        printf("%s: %s\n", selector, error.text);
        result = TEST_FAILED;
    }
    dcl_device_close(device);
    dcl_registry_close(ops);
    return result;
}

static int compare(double one[2][COUNT], double two[2][COUNT])
{
    int result = TEST_PASSED;
    for (int i = 0; i < 2; i++) {
        double worst = 0, largest = 0;
        for (int j = 0; j < COUNT; j++) {
            worst = fmax(worst, fabs(one[i][j] - two[i][j]));
            largest = fmax(largest, fabs(one[i][j]));
        }
        printf("%s: differs by %.2g at most, its largest element is %.2g\n", names[i], worst, largest);
        if (!(worst <= tolerance * largest))
            result = TEST_FAILED;
    }
    return result;
}

int main(int argument_count, char **arguments)
{
    static double one[2][COUNT], two[2][COUNT];
    if (argument_count != 3) {
        fputs("usage: same_graph ONE TWO\n", stderr);
        return TEST_FAILED;
    }
    int result = train_on(arguments[1], one);
    if (result == TEST_PASSED)
        result = train_on(arguments[2], two);
    return result == TEST_PASSED ? compare(one, two) : result;
}
