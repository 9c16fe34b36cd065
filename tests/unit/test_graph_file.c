/* test_graph_file.c: behaviour of graph files, of drawings of graphs, and of checkpoints. */
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "common.h"
#include "formats/checkpoint.h"
#include "formats/graph_dot.h"
#include "formats/graph_file.h"

Suite *graph_file_suite(void);
Suite *checkpoint_suite(void);

static char folder[64];

static void setup(void)
{
    make_folder(folder);
    open_ops();
}

static void teardown(void)
{
    close_ops();
    remove_folder(folder);
}

static void setup_device(void)
{
    make_folder(folder);
    open_device();
}

static void teardown_device(void)
{
    close_device();
    remove_folder(folder);
}

/* ---- Files ---- */

/* The path of a file in the folder; the last four stay valid. */
static const char *in_folder(const char *name)
{
    static char paths[4][192];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* The content of a file with a NUL after it, to be freed. */
static char *read_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s cannot be opened", path);
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file);
    rewind(file);
    char *text = calloc(1, size + 1);
    ck_assert_uint_eq(fread(text, 1, size, file), size);
    fclose(file);
    return text;
}

static const char *write_text(const char *name, const char *text)
{
    const char *path = in_folder(name);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    ck_assert_int_eq(fclose(file), 0);
    return path;
}

static void expect_same_text(const char *one, const char *two)
{
    char *a = read_text(one), *b = read_text(two);
    ck_assert_str_eq(a, b);
    free(a);
    free(b);
}

/* ---- Graphs ---- */

static dcl_graph *read_graph(const char *path)
{
    dcl_error error;
    dcl_graph *graph = NULL;
    ASSERT_OK(dcl__graph_read(path, ops, 0, NULL, &graph, &error));
    return graph;
}

static void write_graph(const dcl_graph *graph, const char *path)
{
    dcl_error error;
    ASSERT_OK(dcl__graph_write(graph, path, &error));
}

/* Writes the graph, reads it, writes it again, and expects the same bytes. Returns what was read. */
static dcl_graph *expect_round_trip(const dcl_graph *graph)
{
    write_graph(graph, in_folder("one.json"));
    dcl_graph *again = read_graph(in_folder("one.json"));
    write_graph(again, in_folder("two.json"));
    expect_same_text(in_folder("one.json"), in_folder("two.json"));
    return again;
}

static dcl_node_info find_node(const dcl_graph *graph, const char *name)
{
    for (size_t i = 0; i < dcl_graph_node_count(graph); i++)
        if (strcmp(dcl_graph_node(graph, i).name, name) == 0)
            return dcl_graph_node(graph, i);
    ck_abort_msg("there is no node '%s'", name);
    return (dcl_node_info){0};
}

/* A factorization Y = U V' with a mask, its gradient and momentum: every section of a file, nodes with two
 * outputs, lists, left-out inputs, names of the graph's choosing. */
static dcl_graph *make_factorization(uint32_t dtype, uint64_t seed)
{
    dcl_error error;
    dcl_graph *graph = NULL;
    ASSERT_OK(dcl_graph_create(ops, dtype, seed, &graph, &error));
    dcl_value data = dcl_graph_input(graph, "Y", DCL_REAL, 2, (int64_t[]){5, 4});
    dcl_value u = matrix_parameter(graph, "U", 5, 3, (dcl_initial){0, 0.1, 1});
    dcl_value v = matrix_parameter(graph, "V", 4, 3, (dcl_initial){0.25, 1.0 / 3, 4000000000u});
    dcl_value velocity = matrix_parameter(graph, "U velocity", 5, 3, (dcl_initial){0});
    dcl_value mask = dcl_graph_apply(graph, "kept", "mask", NULL, 0, (dcl_setting[]){
        {.name = "shape", .list = (int64_t[]){1, 3}, .count = 2}, {.name = "retain", .number = 0.5}, {0}});
    dcl_value product = dcl_graph_apply(graph, "product", "matmul", (dcl_value[]){binary(graph, "multiply", u,
                                                                                         mask), v},
                                        2, (dcl_setting[]){{.name = "transpose_b", .integer = 1}, {0}});
    dcl_value loss = binary(graph, "squared_error", data, product), gradients[2] = {0};
    dcl_graph_gradient(graph, loss, (dcl_value[]){u, v}, 2, gradients);
    dcl_value updated = dcl_graph_apply(graph, "update", "sgd", (dcl_value[]){u, velocity, gradients[0]}, 3,
                                        (dcl_setting[]){{.name = "rate", .number = 1e-3},
                                                        {.name = "momentum", .number = 0.9},
                                                        {.name = "schedule", .string = "inverse"},
                                                        {.name = "horizon", .integer = 9007199254740991},
    {0}});
    dcl_graph_assign(graph, u, updated);
    dcl_graph_assign(graph, velocity, updated + 1);
    descend(graph, v, gradients[1], 1e-3);
    dcl_graph_result(graph, "loss", loss);
    dcl_graph_result(graph, "noise", mask);
    ASSERT_OK(dcl_graph_status(graph, &error));
    return graph;
}

/* ---- Round trips ---- */

START_TEST(a_graph_survives_writing_and_reading)
{
    dcl_graph *graph = make_factorization(DCL_F64, 7), *again = expect_round_trip(graph);
    ck_assert_uint_eq(dcl_graph_dtype(again), DCL_F64);
    ck_assert_uint_eq(dcl_graph_seed(again), 7);
    ck_assert_int_eq(dcl_graph_value_count(again), dcl_graph_value_count(graph));
    ck_assert_uint_eq(dcl_graph_node_count(again), dcl_graph_node_count(graph));
    for (size_t i = 0; i < dcl_graph_node_count(graph); i++)
        ck_assert_str_eq(dcl_graph_node(again, i).name, dcl_graph_node(graph, i).name);
    dcl_initial initial = dcl_value_initial(again, dcl_value_find(again, "V"));
    ck_assert_double_eq(initial.fill, 0.25);
    ck_assert_double_eq(initial.deviation, 1.0 / 3);
    ck_assert_uint_eq(initial.stream, 4000000000u);
    ck_assert_str_eq(dcl_value_name(again, dcl_value_assigned(again, dcl_value_find(again, "U velocity"))),
                     "update:1");
    ck_assert_uint_eq(dcl_graph_result_count(again), 2);
    ck_assert_str_eq(dcl_graph_result_name(again, 1), "noise");
    dcl_graph_free(graph);
    dcl_graph_free(again);
}
END_TEST

START_TEST(attributes_survive_and_defaults_are_not_written)
{
    dcl_graph *graph = make_factorization(DCL_F32, 7), *again = expect_round_trip(graph);
    for (size_t i = 0; i < dcl_graph_node_count(graph); i++) {
        const dcl_setting *was = dcl_graph_node(graph, i).settings, *is = dcl_graph_node(again, i).settings;
        for (; was->name; was++, is++) {
            ck_assert_str_eq(is->name, was->name);
            ck_assert_int_eq(is->integer, was->integer);
            ck_assert(memcmp(&is->number, &was->number, sizeof is->number) == 0);
            ck_assert_str_eq(is->string ? is->string : "", was->string ? was->string : "");
            ck_assert_int_eq(is->count, was->count);
            for (int64_t k = 0; k < was->count; k++)
                ck_assert_int_eq(is->list[k], was->list[k]);
        }
    }
    char *text = read_text(in_folder("one.json"));
    ck_assert_ptr_nonnull(strstr(text, "\"attributes\": {\"rate\": 0.001, \"schedule\": \"inverse\", "
                                       "\"horizon\": 9007199254740991, \"momentum\": 0.9}}"));
    ck_assert_ptr_nonnull(strstr(text, "[\"multiply.6\", \"V\"], \"attributes\": {\"transpose_b\": true}}"));
    ck_assert_ptr_null(strstr(text, "nesterov"));
    free(text);
    dcl_graph_free(graph);
    dcl_graph_free(again);
}
END_TEST

START_TEST(seeds_of_64_bits_survive)
{
    static const uint64_t seeds[] = {
        0, UINT64_C(1) << 53, (UINT64_C(1) << 53) + 1, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX
    };
    for (int i = 0; i < ROWS(seeds); i++) {
        dcl_graph *graph = make_factorization(DCL_F32, seeds[i]), *again = expect_round_trip(graph);
        ck_assert_uint_eq(dcl_graph_seed(again), seeds[i]);
        dcl_graph_free(graph);
        dcl_graph_free(again);
    }
}
END_TEST

/* Numbers that need all 17 digits, or none, or are no numbers of JSON. */
static const double numbers[] = {
    0.1, 1.0 / 3, 0x1.fffffffffffffp1023, 0x1p-1074, 0x1.0000000000001p0, -0.0, 1, 1e22, 123456789012345678.0,
    0.30000000000000004, INFINITY, -INFINITY, NAN
};

static void expect_numbers_to_survive(void)
{
    dcl_graph *graph = new_graph(DCL_F64);
    for (int i = 0; i < ROWS(numbers); i++) {
        dcl_graph_constant(graph, NULL, 0, NULL, numbers[i]);
        dcl_graph_parameter(graph, NULL, 0, NULL, (dcl_initial){numbers[i], numbers[i], 0});
    }
    dcl_graph *again = expect_round_trip(graph);
    for (dcl_value value = 1; value <= dcl_graph_value_count(graph); value++) {
        dcl_value same = dcl_value_find(again, dcl_value_name(graph, value));
        dcl_initial was = dcl_value_initial(graph, value), is = dcl_value_initial(again, same);
        ck_assert(isnan(was.fill) ? isnan(is.fill) : memcmp(&was.fill, &is.fill, sizeof is.fill) == 0);
        ck_assert(isnan(was.deviation) ? isnan(is.deviation) : was.deviation == is.deviation);
    }
    dcl_graph_free(graph);
    dcl_graph_free(again);
}

START_TEST(numbers_survive_exactly)
{
    expect_numbers_to_survive();
}
END_TEST

START_TEST(numbers_survive_in_a_locale_with_a_decimal_comma)
{
    /* Where no such locale is installed, the plain one is tested again. */
    if (!setlocale(LC_ALL, "de_DE.UTF-8"))
        setlocale(LC_ALL, "fr_FR.UTF-8");
    expect_numbers_to_survive();
    char *text = read_text(in_folder("one.json"));
    ck_assert_ptr_nonnull(strstr(text, "\"fill\": 0.1}"));
    free(text);
}
END_TEST

START_TEST(indices_and_left_out_inputs_survive)
{
    dcl_graph *graph = new_graph(DCL_F32);
    dcl_value a = matrix_parameter(graph, "a", 2, 3, (dcl_initial){0});
    dcl_value b = matrix_parameter(graph, "b", 3, 2, (dcl_initial){0});
    dcl_value rows = dcl_graph_input(graph, "rows", DCL_I64, 1, &(int64_t){2});
    dcl_graph_apply(graph, "some", "gather", (dcl_value[]){a, rows}, 2, NULL);
    dcl_graph_apply(graph, "product", "matmul", (dcl_value[]){a, b, 0}, 3, NULL);
    dcl_graph *again = expect_round_trip(graph);
    ck_assert_uint_eq(dcl_value_tensor(again, dcl_value_find(again, "rows"))->dtype, DCL_I64);
    ck_assert_int_eq(find_node(again, "product").inputs[2], 0);
    dcl_graph_free(graph);
    dcl_graph_free(again);
}
END_TEST

START_TEST(names_of_every_kind_survive)
{
    static const char *const names[] = {"\"quoted\"", "back\\slash", "\xc3\xbcml\xc3\xa4ut", "a b\n", "U:1",
    "%n%s", "<b>&"};
    dcl_graph *graph = new_graph(DCL_F32);
    for (int i = 0; i < ROWS(names); i++)
        vector_parameter(graph, names[i], 3, (dcl_initial){0});
    dcl_graph *again = expect_round_trip(graph);
    for (int i = 0; i < ROWS(names); i++)
        ck_assert_int_eq(dcl_value_find(again, names[i]), i + 1);
    dcl_graph_free(graph);
    dcl_graph_free(again);
}
END_TEST

START_TEST(a_name_that_is_not_utf8_is_refused)
{
    dcl_error error;
    dcl_graph *graph = new_graph(DCL_F32);
    vector_parameter(graph, "\xff", 3, (dcl_initial){0});
    ASSERT_FAILS(dcl__graph_write(graph, in_folder("graph.json"), &error), DCL_ENOMEM,
                 "a name in it is not UTF-8");
    ck_assert_int_ne(access(in_folder("graph.json"), F_OK), 0);
    dcl_graph_free(graph);
}
END_TEST

START_TEST(a_graph_with_a_failure_is_not_written)
{
    dcl_error error;
    dcl_graph *graph = new_graph(DCL_F32);
    dcl_graph_apply(graph, NULL, "no-such-op", NULL, 0, NULL);
    ASSERT_FAILS(dcl__graph_write(graph, in_folder("graph.json"), &error), DCL_EGRAPH,
                 "graph.json: there is no op");
    ASSERT_FAILS(dcl__graph_dot(graph, in_folder("graph.dot"), &error), DCL_EGRAPH,
                 "graph.dot: there is no op");
    dcl_graph_free(graph);
}
END_TEST

START_TEST(dtype_and_seed_can_be_overridden)
{
    dcl_error error;
    dcl_graph *graph = make_factorization(DCL_F32, 7), *again = NULL;
    write_graph(graph, in_folder("graph.json"));
    ASSERT_OK(dcl__graph_read(in_folder("graph.json"), ops, DCL_F64, &(uint64_t){8}, &again, &error));
    ck_assert_uint_eq(dcl_graph_dtype(again), DCL_F64);
    ck_assert_uint_eq(dcl_value_tensor(again, dcl_value_find(again, "product"))->dtype, DCL_F64);
    ck_assert_uint_eq(dcl_graph_seed(again), 8);
    dcl_graph_free(graph);
    dcl_graph_free(again);
}
END_TEST

START_TEST(a_compressed_file_is_read)
{
    dcl_graph *graph = make_factorization(DCL_F32, 7);
    write_graph(graph, in_folder("graph.json"));
    char *text = read_text(in_folder("graph.json"));
    gzFile file = gzopen(in_folder("graph.json.gz"), "wb");
    ck_assert_int_gt(gzputs(file, text), 0);
    gzclose(file);
    dcl_graph *again = read_graph(in_folder("graph.json.gz"));
    ck_assert_int_eq(dcl_graph_value_count(again), dcl_graph_value_count(graph));
    free(text);
    dcl_graph_free(graph);
    dcl_graph_free(again);
}
END_TEST

/* ---- Order ---- */

#define HEAD "{\"format\": \"dropcl-graph/1\", \"dtype\": \"f32\", "
#define SOURCES HEAD "\"inputs\": [{\"name\": \"x\", \"shape\": [3, 4]}], " \
                     "\"parameters\": [{\"name\": \"p\", \"shape\": [3, 4]}, " \
                                       "{\"name\": \"q\", \"shape\": [4, 4]}], "
#define NODES(nodes) SOURCES "\"nodes\": [" nodes "]}"

START_TEST(nodes_are_sorted)
{
    dcl_graph *graph = read_graph(write_text("graph.json", NODES(
        "{\"name\": \"d\", \"op\": \"add\", \"inputs\": [\"c\", \"b\"]},"
        "{\"name\": \"a\", \"op\": \"square\", \"inputs\": [\"x\"]},"
        "{\"name\": \"c\", \"op\": \"add\", \"inputs\": [\"b\", \"a\"]},"
        "{\"name\": \"b\", \"op\": \"exp\", \"inputs\": [\"a\"]}")));
    static const char *const order[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < 4; i++)
        ck_assert_str_eq(dcl_graph_node(graph, i).name, order[i]);
    dcl_graph_free(expect_round_trip(graph));
    dcl_graph_free(graph);
}
END_TEST

START_TEST(further_outputs_are_found_before_their_node)
{
    dcl_graph *graph = read_graph(write_text("graph.json", NODES(
        "{\"name\": \"last\", \"op\": \"square\", \"inputs\": [\"step:1\"]},"
        "{\"name\": \"step\", \"op\": \"sgd\", \"inputs\": [\"p\", \"x\", \"x\"], "
         "\"attributes\": {\"rate\": 1}}")));
    ck_assert_int_eq(find_node(graph, "last").inputs[0], find_node(graph, "step").output + 1);
    dcl_graph_free(graph);
}
END_TEST

/* A chain of nodes, each of which needs the next one of the file; the last one needs `end`. */
static const char *write_chain(int count, const char *end)
{
    char name[32];
    FILE *file = fopen(in_folder("chain.json"), "wb");
    fputs(SOURCES "\"nodes\": [", file);
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "n%d", i + 1);
        fprintf(file, "%s{\"name\": \"n%d\", \"op\": \"square\", \"inputs\": [\"%s\"]}", i ? "," : "", i,
                i + 1 < count ? name : end);
    }
    fputs("]}", file);
    fclose(file);
    return in_folder("chain.json");
}

START_TEST(a_long_chain_in_reverse_is_sorted)
{
    dcl_graph *graph = read_graph(write_chain(4000, "x"));
    ck_assert_uint_eq(dcl_graph_node_count(graph), 4000);
    ck_assert_str_eq(dcl_graph_node(graph, 0).name, "n3999");
    dcl_graph_free(graph);
}
END_TEST

START_TEST(a_long_cycle_is_refused)
{
    dcl_error error;
    dcl_graph *graph = NULL;
    ASSERT_FAILS(dcl__graph_read(write_chain(4000, "n7"), ops, 0, NULL, &graph, &error), DCL_EGRAPH,
                 "a cycle: of the nodes 'n7', 'n8', 'n9'");
    ck_assert_ptr_null(graph);
}
END_TEST

/* ---- Refusals ---- */

typedef struct refusal {
    const char *text;
    dcl_status status;
    const char *part;            /* of the message                                                   */
} refusal;

static void expect_refusals(const refusal *refusals, int count)
{
    for (int i = 0; i < count; i++) {
        dcl_error error;
        dcl_graph *graph = NULL;
        const char *path = write_text("refused.json", refusals[i].text);
        ASSERT_FAILS(dcl__graph_read(path, ops, 0, NULL, &graph, &error), refusals[i].status,
                     refusals[i].part);
        ck_assert_ptr_null(graph);
        ck_assert_msg(strncmp(error.text, path, strlen(path)) == 0, "'%s' does not begin with the file",
                      error.text);
        ck_assert_ptr_null(strstr(error.text + 1, path));
    }
}

START_TEST(unsound_nodes_are_refused)
{
    static const refusal refusals[] = {
        {NODES("{\"name\": \"a\", \"op\": \"square\", \"inputs\": [\"b\"]},"
               "{\"name\": \"b\", \"op\": \"add\", \"inputs\": [\"x\", \"c\"]},"
               "{\"name\": \"c\", \"op\": \"exp\", \"inputs\": [\"b\"]}"),
         DCL_EGRAPH, "a cycle: of the nodes 'b', 'c' each needs the next and the last one the first"},
        {NODES("{\"name\": \"a\", \"op\": \"square\", \"inputs\": [\"a\"]}"), DCL_EGRAPH,
        "a cycle: of the nodes 'a' each"},
        {NODES("{\"name\": \"a\", \"op\": \"squar\", \"inputs\": [\"x\"]}"), DCL_EGRAPH,
         "node 'a': there is no op 'squar' among"},
        {NODES("{\"name\": \"a\", \"op\": \"squar\", \"inputs\": [\"x\"]}"), DCL_EGRAPH,
        "did you mean 'square'?"},
        {NODES("{\"name\": \"a\", \"op\": \"square\", \"inputs\": [\"z\"]}"), DCL_EGRAPH,
         "node 'a': input 1: 'z' is not in the file"},
        {NODES("{\"name\": \"a\", \"op\": \"square\", \"inputs\": [\"x:1\"]}"), DCL_EGRAPH,
         "node 'a': input 1: 'x:1' is not in the file"},
        {NODES("{\"name\": \"a\", \"op\": \"square\"}"), DCL_EGRAPH,
        "node 'a' (op 'square') lacks input 'x'"},
        {NODES("{\"name\": \"a\", \"op\": \"square\", \"inputs\": [\"x\", \"x\"]}"), DCL_EGRAPH,
         "node 'a': op 'square' has 1 inputs, 2 were given"},
        {NODES("{\"name\": \"a\", \"op\": \"square\", \"inputs\": [1,2,3,4,5,6,7,8,9]}"), DCL_EFORMAT,
         "node 'a': 'inputs' has 9 entries; no op has more than 8"},
        {NODES("{\"name\": \"a\", \"op\": \"square\", \"inputs\": [1]}"), DCL_EFORMAT,
         "node 'a': input 1 must be the name of a value in quotes, or null"},
        {NODES("{\"name\": \"s\", \"op\": \"square\", \"inputs\": [\"x\"]},"
               "{\"name\": \"m\", \"op\": \"matmul\", \"inputs\": [\"s\", \"p\"]}"), DCL_EINVAL,
        "node 'm' (op 'matmul'"},
        {NODES("{\"name\": \"s\", \"op\": \"square\", \"inputs\": [\"x\"]},"
               "{\"name\": \"m\", \"op\": \"matmul\", \"inputs\": [\"s\", \"p\"]}"), DCL_EINVAL,
         "input 'a' is 's' (3x4), 'b' is 'p' (3x4)"},
        {NODES("{\"name\": \"a\", \"op\": \"square\", \"inputs\": [\"x\"]},"
               "{\"name\": \"a\", \"op\": \"exp\", \"inputs\": [\"x\"]}"), DCL_EGRAPH,
        "two values are named 'a'"},
        {NODES("{\"name\": \"p\", \"op\": \"square\", \"inputs\": [\"p\"]}"), DCL_EGRAPH,
        "two values are named 'p'"},
        {NODES("{\"name\": \"s\", \"op\": \"sgd\", \"inputs\": [\"p\", \"x\", \"x\"], \"attributes\": "
               "{\"rate\": 1}},{\"name\": \"s:1\", \"op\": \"square\", \"inputs\": [\"x\"]}"), DCL_EGRAPH,
        "two values are named 's:1'"},
        {NODES("7"), DCL_EFORMAT, "entry 1 of 'nodes': it must be an object { }, not a whole number"},
        {NODES("{\"name\": \"\", \"op\": \"square\"}"), DCL_EFORMAT, "entry 1 of 'nodes': 'name' is empty"},
        {NODES("{\"name\": \"a\"}"), DCL_EFORMAT, "node 'a': the key 'op' is missing"},
        {NODES("{\"name\": \"a\", \"op\": 3}"), DCL_EFORMAT,
        "node 'a': 'op' must be a text in quotes, not a whole number"},
        {NODES("{\"name\": \"a\", \"op\": \"square\", \"input\": [\"x\"]}"), DCL_EFORMAT,
         "node 'a': the key 'input' is unknown; there are: name, op, inputs, attributes"},
    };
    expect_refusals(refusals, ROWS(refusals));
}
END_TEST

#define SGD(attributes) \
    NODES("{\"name\": \"s\", \"op\": \"sgd\", \"inputs\": [\"p\", \"x\", \"x\"], " \
          "\"attributes\": " attributes "}")
#define MASK(attributes) NODES("{\"name\": \"m\", \"op\": \"mask\", \"attributes\": " attributes "}")

START_TEST(unsound_attributes_are_refused)
{
    static const refusal refusals[] = {
        {SGD("{\"rate\": 1, \"momentun\": 0.9}"), DCL_EGRAPH,
        "node 's': op 'sgd' has no attribute 'momentun'"},
        {SGD("{\"momentum\": 0.9}"), DCL_EGRAPH, "node 's': op 'sgd' needs attribute 'rate'"},
        {SGD("{\"rate\": \"fast\"}"), DCL_EFORMAT, "node 's': op 'sgd', attribute: 'rate' must be a number"},
        {SGD("{\"rate\": 1, \"momentum\": 2}"), DCL_EGRAPH, "node 's': op 'sgd': attribute 'momentum' is 2"},
        {SGD("{\"rate\": \"nan\"}"), DCL_EGRAPH, "node 's': op 'sgd': attribute 'rate' is not a number"},
        {SGD("{\"rate\": 1, \"schedule\": \"fast\"}"), DCL_EGRAPH,
        "node 's': op 'sgd': attribute 'schedule' is 'fast'"},
        {SGD("{\"rate\": 1, \"schedule\": 3}"), DCL_EFORMAT,
        "attribute: 'schedule' must be a text in quotes"},
        {SGD("{\"rate\": 1, \"horizon\": 1.5}"), DCL_EFORMAT,
        "attribute: 'horizon' must be a whole number, not a number"},
        {SGD("{\"rate\": 1, \"nesterov\": 1}"), DCL_EFORMAT, "attribute: 'nesterov' must be true or false"},
        {SGD("[]"), DCL_EFORMAT, "node 's': 'attributes' must be an object { }, not a list [ ]"},
        {MASK("{\"shape\": 3, \"retain\": 0.5}"), DCL_EFORMAT,
        "attribute: 'shape' must be a list [ ], not a whole number"},
        {MASK("{\"shape\": [1, \"2\"], \"retain\": 0.5}"), DCL_EFORMAT,
    "attribute: entry 2 of 'shape' must be a whole"},
    };
    expect_refusals(refusals, ROWS(refusals));
}
END_TEST

#define PARAMETER(members) HEAD "\"parameters\": [{\"name\": \"p\", " members "}]}"

START_TEST(unsound_values_are_refused)
{
    static const refusal refusals[] = {
        {PARAMETER("\"fill\": 1"), DCL_EFORMAT, "parameter 'p': the key 'shape' is missing"},
        {PARAMETER("\"shape\": 3"), DCL_EFORMAT,
        "parameter 'p': 'shape' must be a list [ ], not a whole number"},
        {PARAMETER("\"shape\": [3.5]"), DCL_EFORMAT,
        "entry 1 of 'shape' must be a whole number, not a number"},
        {PARAMETER("\"shape\": [0]"), DCL_EINVAL, "parameter 'p': dimension 0 of tensor 'p' is 0"},
        {PARAMETER("\"shape\": [-3]"), DCL_EINVAL, "is -3, it must be at least 1"},
        {PARAMETER("\"shape\": [1,1,1,1,1,1,1,1,1]"), DCL_EFORMAT,
        "'shape' has 9 entries; it may have at most 8"},
        {PARAMETER("\"shape\": [4294967296, 4294967296]"), DCL_EINVAL, "tensor 'p' is too large"},
        {PARAMETER("\"shape\": [99999999999999999999]"), DCL_EFORMAT, "too big integer"},
        {PARAMETER("\"shape\": [3], \"fill\": \"zero\""), DCL_EFORMAT,
        "parameter 'p': 'fill' must be a number"},
        {PARAMETER("\"shape\": [3], \"fill\": 1e999"), DCL_EFORMAT, "real number overflow"},
        {PARAMETER("\"shape\": [3], \"stream\": -1"), DCL_EFORMAT,
        "'stream' is -1; it must be from 0 to 4294967295"},
        {PARAMETER("\"shape\": [3], \"stream\": 4294967296"), DCL_EFORMAT, "it must be from 0 to 4294967295"},
        {PARAMETER("\"shape\": [3], \"dtype\": \"f32\""), DCL_EFORMAT,
        "parameter 'p': the key 'dtype' is unknown"},
        {HEAD "\"inputs\": [{\"name\": \"i\", \"shape\": [], \"dtype\": \"f16\"}]}", DCL_EFORMAT,
        "input 'i': 'dtype' is 'f16'"},
        {HEAD "\"inputs\": {}}", DCL_EFORMAT, "'inputs' must be a list [ ], not an object { }"},
        {HEAD "\"constants\": [{\"shape\": []}]}", DCL_EFORMAT,
        "entry 1 of 'constants': the key 'name' is missing"},
        {HEAD "\"constants\": [{\"name\": \"c\", \"shape\": []}, {\"name\": \"c\", \"shape\": []}]}",
         DCL_EGRAPH,
         "constant 'c': two values are named 'c'"},
        {SOURCES "\"assign\": {\"x\": \"p\"}}", DCL_EGRAPH,
        "'x' in 'assign': 'x' is no parameter of the graph"},
        {SOURCES "\"assign\": {\"p\": \"z\"}}", DCL_EGRAPH, "'p' in 'assign': 'z' is not in the file"},
        {SOURCES "\"assign\": {\"p\": \"q\"}}", DCL_EGRAPH, "parameter 'p' (3x4) cannot take 'q' (4x4)"},
        {SOURCES "\"assign\": {\"p\": \"x\", \"p\": \"x\"}}", DCL_EFORMAT, "duplicate object key"},
        {SOURCES "\"assign\": {\"p\": 3}}", DCL_EFORMAT,
        "'p' in 'assign': the name of a value must be a text in quotes"},
        {SOURCES "\"results\": {\"r\": \"z\"}}", DCL_EGRAPH, "'r' in 'results': 'z' is not in the file"},
        {SOURCES "\"results\": [\"x\"]}", DCL_EFORMAT, "'results' must be an object { }, not a list [ ]"},
    };
    expect_refusals(refusals, ROWS(refusals));
}
END_TEST

START_TEST(files_of_another_kind_are_refused)
{
    static const refusal refusals[] = {
        {"", DCL_EFORMAT, "the file is empty"},
        {"{", DCL_EFORMAT, "line 1, column 1: this is not JSON"},
        {"[]", DCL_EFORMAT, "the file holds a list; it must hold an object"},
        {"\"x\"", DCL_EFORMAT, "this is not JSON"},
        {"{}", DCL_EFORMAT, "the file does not begin with {\"format\": \"dropcl-graph/1\""},
        {"{\"format\": 1}", DCL_EFORMAT, "the file does not begin with"},
        {"{\"format\": \"dropcl-graph/2\"}", DCL_EFORMAT,
        "of format 'dropcl-graph/2', but 'dropcl-graph/1' is needed"},
        {"{\"format\": \"dropcl-graph/1\"}", DCL_EFORMAT,
         "the key 'dtype' is missing; add it with a text in quotes as its value"},
        {"{\"format\": \"dropcl-graph/1\", \"dtype\": \"i64\"}", DCL_EFORMAT, "'dtype' is 'i64'; it must be"},
        {"{\"format\": \"dropcl-graph/1\", \"dtype\": 32}", DCL_EFORMAT, "'dtype' must be a text in quotes"},
        {HEAD "\"node\": []}", DCL_EFORMAT, "the key 'node' is unknown; there are: format, dtype"},
        {HEAD "\"seed\": -1}", DCL_EFORMAT, "'seed' must be a whole number from 0"},
        {HEAD "\"seed\": \"\"}", DCL_EFORMAT, "'seed' must be a whole number from 0"},
        {HEAD "\"seed\": \"12x\"}", DCL_EFORMAT, "'seed' must be a whole number from 0"},
        {HEAD "\"seed\": \"18446744073709551616\"}", DCL_EFORMAT, "'seed' must be a whole number from 0"},
        {HEAD "\"seed\": 1.0}", DCL_EFORMAT, "'seed' must be a whole number from 0"},
        {HEAD "\"seed\": 1} more", DCL_EFORMAT, "end of file expected"},
        {HEAD "\"seed\": 1, \"seed\": 2}", DCL_EFORMAT, "duplicate object key"},
        {HEAD "\"seed\": \"\xff\"}", DCL_EFORMAT, "unable to decode"},
        {HEAD "\"seed\": \"\\u0000\"}", DCL_EFORMAT, "this is not JSON"},
    };
    expect_refusals(refusals, ROWS(refusals));
}
END_TEST

START_TEST(every_truncated_file_is_refused)
{
    dcl_graph *graph = make_factorization(DCL_F32, 7);
    write_graph(graph, in_folder("graph.json"));
    char *text = read_text(in_folder("graph.json"));
    size_t length = strlen(text) - 2;
    for (size_t cut = length; cut > 0; cut -= cut > 23 ? 23 : cut) {
        dcl_error error;
        dcl_graph *again = NULL;
        text[cut] = '\0';
        ASSERT_FAILS(dcl__graph_read(write_text("cut.json", text), ops, 0, NULL, &again, &error), DCL_EFORMAT,
                     "cut.json: line ");
    }
    free(text);
    dcl_graph_free(graph);
}
END_TEST

START_TEST(a_missing_file_is_refused)
{
    dcl_error error;
    dcl_graph *graph = NULL;
    ASSERT_FAILS(dcl__graph_read(in_folder("none.json"), ops, 0, NULL, &graph, &error), DCL_EIO,
                 "none.json: ");
    ASSERT_FAILS(dcl__graph_read(folder, ops, 0, NULL, &graph, &error), DCL_EIO, folder);
}
END_TEST

/* A text of `count` times `piece`. */
static char *repeat(const char *before, const char *piece, size_t count, const char *after)
{
    size_t length = strlen(piece), used = strlen(before);
    char *text = malloc(used + count * length + strlen(after) + 1);
    strcpy(text, before);
    for (size_t i = 0; i < count; i++, used += length)
        memcpy(text + used, piece, length);
    strcpy(text + used, after);
    return text;
}

START_TEST(hostile_sizes_do_no_harm)
{
    char *deep = repeat(HEAD "\"seed\": ", "[", 100000, "");
    char *list = repeat(HEAD "\"parameters\": [{\"name\": \"p\", \"shape\": [", "1,", 1000000, "1]}]}");
    char *name = repeat(HEAD "\"inputs\": [{\"shape\": [], \"name\": \"", "long", 100000, "\"}], \"nodes\": "
                        "[{\"name\": \"a\", \"op\": \"squar\", \"inputs\": []}]}");
    char *large = repeat("{", " ", 17 << 20, "}");
    const refusal refusals[] = {
        {deep, DCL_EFORMAT, "maximum parsing depth reached"},
        {list, DCL_EFORMAT, "'shape' has 1000001 entries; it may have at most 8"},
        {name, DCL_EGRAPH, "node 'a': there is no op"},
        {large, DCL_EFORMAT, "the file is larger than 16 MiB"},
    };
    expect_refusals(refusals, ROWS(refusals));
    free(deep);
    free(list);
    free(name);
    free(large);
}
END_TEST

START_TEST(a_huge_parameter_is_refused_by_the_session_only)
{
    dcl_error error;
    dcl_session *session = NULL;
    dcl_graph *graph = read_graph(write_text("huge.json", PARAMETER("\"shape\": [1000000000, 1000000]")));
    ASSERT_FAILS(dcl_session_create(device, graph, &session, &error), DCL_EDEVICE, "'p'");
    dcl_graph_free(graph);
}
END_TEST

/* ---- The guide ---- */

/* docs/graph-format.md, from wherever the tests run. */
static char *read_guide(void)
{
    char path[512];
    const char *last = strrchr(__FILE__, '/');
    snprintf(path, sizeof path, "%.*s../../docs/graph-format.md", last ? (int)(last + 1 - __FILE__) : 0,
             __FILE__);
    return read_text(access(path, R_OK) == 0 ? path : "docs/graph-format.md");
}

/* Writes the i-th JSON example of the guide to example.json; returns 0 when there is none. */
static int write_example(int i)
{
    static const char mark[] = "\n```json\n";
    char *guide = read_guide(), *begin = guide;
    for (int k = 0; begin && k <= i; k++) {
        begin = strstr(begin, mark);
        begin = begin ? begin + strlen(mark) : NULL;
    }
    if (begin) {
        char *end = strstr(begin, "\n```\n");
        ck_assert_ptr_nonnull(end);
        end[1] = '\0';
        write_text("example.json", begin);
    }
    free(guide);
    return begin != NULL;
}

START_TEST(every_example_of_the_guide_is_read_and_written_alike)
{
    int count = 0;
    for (; write_example(count); count++) {
        dcl_graph *graph = read_graph(in_folder("example.json"));
        write_graph(graph, in_folder("again.json"));
        expect_same_text(in_folder("example.json"), in_folder("again.json"));
        dcl_graph_free(graph);
    }
    ck_assert_int_ge(count, 1);
}
END_TEST

START_TEST(the_example_of_the_guide_learns)
{
    double weights[2], loss;
    ck_assert(write_example(0));
    dcl_graph *graph = read_graph(in_folder("example.json"));
    dcl_session *session = new_session(graph);
    feed(session, "X", (double[]){1, 0, 1, 1, 1, 2, 1, 3});
    feed(session, "y", (double[]){1, 3, 5, 7});
    fetch(session, "loss", &loss);
    ck_assert_double_eq_tol(loss, 84, 1e-4);
    step(session, 300);
    fetch(session, "w", weights);
    fetch(session, "loss", &loss);
    ck_assert_double_eq_tol(weights[0], 1, 1e-4);
    ck_assert_double_eq_tol(weights[1], 2, 1e-4);
    ck_assert_double_eq_tol(loss, 0, 1e-8);
    dcl_session_free(session);
    dcl_graph_free(graph);
}
END_TEST

START_TEST(a_graph_that_was_read_runs_to_the_same_bits)
{
    double data[20], one[15], two[15];
    dcl_graph *graph = make_factorization(DCL_F32, 7), *again = expect_round_trip(graph);
    dcl_session *first = new_session(graph), *second = new_session(again);
    draw(3, data, 20);
    feed(first, "Y", data);
    feed(second, "Y", data);
    step(first, 10);
    step(second, 10);
    fetch(first, "U", one);
    fetch(second, "U", two);
    ck_assert(memcmp(one, two, sizeof one) == 0);
    dcl_session_free(first);
    dcl_session_free(second);
    dcl_graph_free(graph);
    dcl_graph_free(again);
}
END_TEST

/* ---- Drawings ---- */

START_TEST(a_drawing_holds_all_parts)
{
    static const char *const parts[] = {
        "digraph dropcl {", "<b>Y</b><br/>5x4", "<b>matmul</b>", "transpose_b true",
        "schedule &quot;inverse&quot;",
        "<b>noise</b>", "velocity 5x3>, style=dashed", "0.25 + 0.333333 normal"
    };
    dcl_error error;
    dcl_graph *graph = make_factorization(DCL_F32, 7);
    vector_parameter(graph, "<&\">", 3, (dcl_initial){0});
    ASSERT_OK(dcl__graph_dot(graph, in_folder("graph.dot"), &error));
    char *text = read_text(in_folder("graph.dot"));
    for (int i = 0; i < ROWS(parts); i++)
        ck_assert_msg(strstr(text, parts[i]) != NULL, "the drawing lacks '%s'", parts[i]);
    ck_assert_ptr_nonnull(strstr(text, "<b>&lt;&amp;&quot;&gt;</b>"));
    free(text);
    dcl_graph_free(graph);
}
END_TEST

START_TEST(files_that_cannot_be_written_are_reported)
{
    dcl_error error;
    dcl_graph *graph = make_factorization(DCL_F32, 7);
    ASSERT_FAILS(dcl__graph_write(graph, in_folder("none/graph.json"), &error), DCL_EIO, "none/graph.json: ");
    ASSERT_FAILS(dcl__graph_dot(graph, in_folder("none/graph.dot"), &error), DCL_EIO, "none/graph.dot: ");
    dcl_graph_free(graph);
}
END_TEST

/* ---- Checkpoints ---- */

/* Fails the test unless the checkpoint in the folder is read; returns the step. */
static int64_t restore(dcl_session *session, const dcl_graph *graph)
{
    dcl_error error;
    ASSERT_OK(dcl__checkpoint_read(folder, session, graph, &error));
    return dcl_session_steps(session);
}

static void save(dcl_session *session, const dcl_graph *graph)
{
    dcl_error error;
    ASSERT_OK(dcl__checkpoint_write(folder, session, graph, &error));
}

/* A session of the factorization, fed. */
static dcl_session *start(const dcl_graph *graph)
{
    double data[20];
    dcl_session *session = new_session(graph);
    draw(3, data, 20);
    feed(session, "Y", data);
    return session;
}

START_TEST(a_resumed_run_ends_with_the_same_bits)
{
    double one[15], two[15];
    dcl_graph *graph = make_factorization(DCL_F32, 7);
    dcl_session *straight = start(graph), *first = start(graph), *second = start(graph);
    step(straight, 10);
    step(first, 4);
    save(first, graph);
    ck_assert_int_eq(restore(second, graph), 4);
    step(second, 6);
    fetch(straight, "U", one);
    fetch(second, "U", two);
    ck_assert(memcmp(one, two, sizeof one) == 0);
    dcl_session_free(straight);
    dcl_session_free(first);
    dcl_session_free(second);
    dcl_graph_free(graph);
}
END_TEST

START_TEST(the_files_of_a_checkpoint_have_the_parameters_names)
{
    static const char *const files[] = {"checkpoint.json", "step-2/U.npy", "step-2/V.npy",
    "step-2/U%20velocity.npy"};
    dcl_graph *graph = make_factorization(DCL_F32, 7);
    dcl_session *session = start(graph);
    step(session, 2);
    save(session, graph);
    for (int i = 0; i < ROWS(files); i++)
        ck_assert_msg(access(in_folder(files[i]), R_OK) == 0, "%s is missing", files[i]);
    dcl_session_free(session);
    dcl_graph_free(graph);
}
END_TEST

START_TEST(any_name_and_shape_is_saved)
{
    static const char *const names[] = {"../up", "a/b", ".", "%41", "\xc3\xa4", "A"};
    double out[ROWS(names)];
    dcl_graph *graph = new_graph(DCL_F64);
    for (int i = 0; i < ROWS(names); i++)
        dcl_graph_parameter(graph, names[i], 0, NULL, (dcl_initial){.fill = i + 0.1});
    dcl_session *first = new_session(graph), *second = new_session(graph);
    save(first, graph);
    for (int i = 0; i < ROWS(names); i++)
        feed(second, names[i], &(double){7});
    restore(second, graph);
    for (int i = 0; i < ROWS(names); i++) {
        fetch(second, names[i], &out[i]);
        ck_assert_double_eq(out[i], i + 0.1);
    }
    dcl_session_free(first);
    dcl_session_free(second);
    dcl_graph_free(graph);
}
END_TEST

START_TEST(a_new_checkpoint_replaces_the_old_one)
{
    dcl_graph *graph = make_factorization(DCL_F32, 7);
    dcl_session *session = start(graph);
    save(session, graph);
    step(session, 3);
    save(session, graph);
    ck_assert_int_ne(access(in_folder("step-0"), F_OK), 0);
    ck_assert_int_eq(access(in_folder("step-3/U.npy"), F_OK), 0);
    save(session, graph);
    ck_assert_int_ne(access(in_folder("step-3"), F_OK), 0);
    ck_assert_int_eq(access(in_folder("step-3-2/U.npy"), F_OK), 0);
    save(session, graph);
    ck_assert_int_ne(access(in_folder("step-3-2"), F_OK), 0);
    dcl_session_set_steps(session, 0);
    ck_assert_int_eq(restore(session, graph), 3);
    dcl_session_free(session);
    dcl_graph_free(graph);
}
END_TEST

START_TEST(a_checkpoint_that_fails_leaves_the_old_one)
{
    dcl_error error;
    double before[15], after[15];
    dcl_graph *graph = make_factorization(DCL_F32, 7);
    dcl_session *session = start(graph);
    step(session, 3);
    fetch(session, "U", before);
    save(session, graph);
    step(session, 1);
    /* A folder in the way of the last parameter: U and V are written, then it fails. */
    ck_assert_int_eq(mkdir(in_folder("step-4"), 0777), 0);
    ck_assert_int_eq(mkdir(in_folder("step-4/U%20velocity.npy"), 0777), 0);
    ASSERT_FAILS(dcl__checkpoint_write(folder, session, graph, &error), DCL_EIO,
                 "U%20velocity.npy: this is a folder");
    ck_assert_int_eq(restore(session, graph), 3);
    fetch(session, "U", after);
    ck_assert(memcmp(before, after, sizeof before) == 0);
    dcl_session_free(session);
    dcl_graph_free(graph);
}
END_TEST

START_TEST(what_an_interrupted_checkpoint_left_is_removed_by_the_next)
{
    dcl_graph *graph = make_factorization(DCL_F32, 7);
    dcl_session *session = start(graph);
    ck_assert_int_eq(mkdir(in_folder("step-9"), 0777), 0);
    write_text("step-9/U.npy", "half");
    write_text("step-9/V.npy.17-0.partial", "half");
    write_text("step-by-step.txt", "of the user");
    ck_assert_int_eq(mkdir(in_folder("step-5"), 0777), 0);
    write_text("step-5/notes.txt", "of the user");
    save(session, graph);
    ck_assert_int_ne(access(in_folder("step-9"), F_OK), 0);
    ck_assert_int_eq(access(in_folder("step-by-step.txt"), F_OK), 0);
    ck_assert_int_eq(access(in_folder("step-5/notes.txt"), F_OK), 0);
    dcl_session_free(session);
    dcl_graph_free(graph);
}
END_TEST

/* A session of a graph with one vector parameter must refuse the checkpoint, and stay as it is. */
static void expect_other_graph_refused(uint32_t dtype, uint64_t seed, const char *name, int64_t length,
                                       const char *part)
{
    dcl_error error;
    double content[8] = {0};
    dcl_graph *graph = NULL;
    ASSERT_OK(dcl_graph_create(ops, dtype, seed, &graph, &error));
    vector_parameter(graph, name, length, (dcl_initial){.fill = 5});
    dcl_session *session = new_session(graph);
    ASSERT_FAILS(dcl__checkpoint_read(folder, session, graph, &error), DCL_EINVAL, part);
    ck_assert(strncmp(error.text, folder, strlen(folder)) == 0);
    fetch(session, name, content);
    ck_assert_double_eq(content[0], 5);
    dcl_session_free(session);
    dcl_graph_free(graph);
}

START_TEST(a_checkpoint_of_another_graph_is_refused)
{
    dcl_graph *graph = new_graph(DCL_F32);
    vector_parameter(graph, "p", 3, (dcl_initial){.fill = 1});
    dcl_session *session = new_session(graph);
    save(session, graph);
    expect_other_graph_refused(DCL_F32, 1, "q", 3, "lacks parameter 'q' of the graph");
    expect_other_graph_refused(DCL_F32, 1, "p", 4,
                               "parameter 'p' is 3 in the checkpoint, but 4 in the graph");
    expect_other_graph_refused(DCL_F64, 1, "p", 3, "holds f32, but the graph computes in f64");
    expect_other_graph_refused(DCL_F32, 2, "p", 3, "the seed 1, but the graph has the seed 2");
    vector_parameter(graph, "r", 3, (dcl_initial){.fill = 1});
    dcl_session_free(session);
    session = new_session(graph);
    save(session, graph);
    expect_other_graph_refused(DCL_F32, 1, "p", 3, "the graph lacks parameter 'r' of the checkpoint");
    dcl_session_free(session);
    dcl_graph_free(graph);
}
END_TEST

START_TEST(broken_checkpoints_are_refused)
{
    dcl_error error;
    dcl_graph *graph = new_graph(DCL_F32);
    vector_parameter(graph, "p", 3, (dcl_initial){.fill = 1});
    dcl_session *session = new_session(graph);
    ASSERT_FAILS(dcl__checkpoint_read(folder, session, graph, &error), DCL_EIO, "checkpoint.json: ");
    save(session, graph);
    write_text("step-0/p.npy", "something else");
    ASSERT_FAILS(dcl__checkpoint_read(folder, session, graph, &error), DCL_EFORMAT, "step-0/p.npy: ");
    unlink(in_folder("step-0/p.npy"));
    ASSERT_FAILS(dcl__checkpoint_read(folder, session, graph, &error), DCL_EIO, "step-0/p.npy: ");
    write_text("checkpoint.json", "{\"format\": \"dropcl-checkpoint/1\", \"step\": 0, \"dtype\": \"f32\", "
                                  "\"seed\": 1, \"folder\": \"../..\", \"parameters\": {\"p\": [3]}}");
    ASSERT_FAILS(dcl__checkpoint_read(folder, session, graph, &error), DCL_EFORMAT, "'folder' is '../..'");
    write_text("checkpoint.json", "{\"format\": \"dropcl-graph/1\"}");
    ASSERT_FAILS(dcl__checkpoint_read(folder, session, graph, &error), DCL_EFORMAT,
                 "'dropcl-checkpoint/1' is needed");
    dcl_session_free(session);
    dcl_graph_free(graph);
}
END_TEST

/* ---- Suites ---- */

Suite *graph_file_suite(void)
{
    return make_suite("graph_file", setup, teardown, (const TTest *[]){
        a_graph_survives_writing_and_reading, attributes_survive_and_defaults_are_not_written,
        seeds_of_64_bits_survive, numbers_survive_exactly, numbers_survive_in_a_locale_with_a_decimal_comma,
        indices_and_left_out_inputs_survive, names_of_every_kind_survive, a_name_that_is_not_utf8_is_refused,
        a_graph_with_a_failure_is_not_written, dtype_and_seed_can_be_overridden, a_compressed_file_is_read,
        nodes_are_sorted, further_outputs_are_found_before_their_node, a_long_chain_in_reverse_is_sorted,
        a_long_cycle_is_refused, unsound_nodes_are_refused, unsound_attributes_are_refused,
        unsound_values_are_refused, files_of_another_kind_are_refused, every_truncated_file_is_refused,
        a_missing_file_is_refused, hostile_sizes_do_no_harm,
        every_example_of_the_guide_is_read_and_written_alike,
        a_drawing_holds_all_parts, files_that_cannot_be_written_are_reported, NULL});
}

/* What needs a device: graphs that were read, run; and checkpoints. */
Suite *checkpoint_suite(void)
{
    return make_suite("checkpoint", setup_device, teardown_device, (const TTest *[]){
        a_huge_parameter_is_refused_by_the_session_only, the_example_of_the_guide_learns,
        a_graph_that_was_read_runs_to_the_same_bits, a_resumed_run_ends_with_the_same_bits,
        the_files_of_a_checkpoint_have_the_parameters_names, any_name_and_shape_is_saved,
        a_new_checkpoint_replaces_the_old_one, a_checkpoint_that_fails_leaves_the_old_one,
        what_an_interrupted_checkpoint_left_is_removed_by_the_next, a_checkpoint_of_another_graph_is_refused,
        broken_checkpoints_are_refused, NULL});
}
