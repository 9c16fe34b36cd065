/* data.c: matrices for the experiments of `dropcl lab`: synthetic ones, and images. */
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "command/files.h"
#include "command/lab/lab.h"
#include "core/error.h"
#include "core/tensor.h"

/* Streams of the seed that no training graph uses. */
enum { STREAM_LEFT = 1001, STREAM_RIGHT, STREAM_NOISE };

/* Standard normal numbers by Box and Muller; `deviation` of a column is 1 / sqrt(its number) where `falls`. */
static void draw(uint64_t seed, uint32_t stream, int64_t rows, int64_t columns, int falls, double scale, double *x)
{
    for (int64_t i = 0; i < rows * columns; i++) {
        uint32_t words[4];
        dcl_random_words(seed, 0, stream, (uint64_t)i, words);
        double radius = sqrt(-2 * log(((double)words[0] + 0.5) * 0x1p-32)), angle = (double)words[1] * 0x1p-32;
        double deviation = falls ? scale / sqrt((double)(i % columns + 1)) : scale;
        x[i] += deviation * radius * cos(2 * acos(-1) * angle);
    }
}

/* product = scale left right'. */
static void multiply(const double *left, const double *right, int64_t rows, int64_t columns, int64_t rank, double scale,
                     double *product)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) {
            double sum = 0;
            for (int64_t k = 0; k < rank; k++)
                sum += left[i * rank + k] * right[j * rank + k];
            product[i * columns + j] = scale * sum;
        }
}

/* Hands a matrix of doubles over in the lab's precision. */
static dcl_status hand_over(const dcl__lab *lab, const double *x, int64_t rows, int64_t columns, dcl_matrix *matrix,
                            dcl_error *error)
{
    int64_t bytes = rows * columns * dcl__dtype_size(lab->dtype);
    void *data = malloc((size_t)bytes);
    if (!data)
        return dcl__no_memory(error, "a matrix", bytes);
    dcl__convert(lab->dtype, data, DCL_F64, x, rows * columns);
    *matrix = (dcl_matrix){rows, columns, lab->dtype, data};
    return DCL_OK;
}

dcl_status dcl__lab_low_rank(const dcl__lab *lab, int64_t rows, int64_t columns, int64_t rank, double noise,
                             dcl_matrix *matrix, dcl_error *error)
{
    size_t count = (size_t)(rows * columns + (rows + columns) * rank);
    double *product = calloc(count, sizeof *product), *left = product + rows * columns, *right = left + rows * rank;
    double variance = 0;
    if (!product)
        return dcl__no_memory(error, "a matrix", (int64_t)(count * sizeof *product));
    for (int64_t i = 1; i <= rank; i++)
        variance += 1 / (double)(i * i);
    draw(lab->seed, STREAM_LEFT, rows, rank, 1, 1, left);
    draw(lab->seed, STREAM_RIGHT, columns, rank, 1, 1, right);
    multiply(left, right, rows, columns, rank, 1 / sqrt(variance), product);
    draw(lab->seed, STREAM_NOISE, rows, columns, 0, noise, product);
    dcl_status status = hand_over(lab, product, rows, columns, matrix, error);
    free(product);
    return status;
}

dcl_status dcl__lab_images(const dcl__lab *lab, int64_t rows, dcl_matrix *matrix, const char **what, dcl_error *error)
{
    dcl__path file = dcl__join(lab->data, "t10k-images-idx3-ubyte.gz");
    dcl__array images = {0};
    if (access(file.text, R_OK) != 0) {
        *what = "a matrix of rank 40 with noise";
        return dcl__lab_low_rank(lab, rows, 784, 40, 0.2, matrix, error);
    }
    *what = "images of Fashion-MNIST";
    dcl_status status = dcl__read_scaled(file.text, DCL_F64, 1.0 / 255, &images, error);
    if (status == DCL_OK && images.dim[0] < rows)
        status = dcl__fail(error, DCL_EFORMAT, "%s: %lld images, but the experiment needs %lld", file.text,
                           (long long)images.dim[0], (long long)rows);
    if (status == DCL_OK)
        status = hand_over(lab, images.data, rows, images.dim[1], matrix, error);
    dcl__array_free(&images);
    return status;
}
