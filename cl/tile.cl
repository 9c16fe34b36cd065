/* tile.cl: register tiles of ROWS x COLUMNS sums, for kernels with one work-item a group on CPU devices.
 *
 * A tile is ROWS x VECTORS vectors of LANES elements, as many as the registers of the processor hold (runtime/
 * core/gemm_packed.c chooses). One step of depth multiplies a column of ROWS numbers with a row of COLUMNS:
 * every number is spread over a vector.
 */
#define JOIN_TOKENS(a, b) a##b
#define JOIN(a, b) JOIN_TOKENS(a, b)
#define COLUMNS (LANES * VECTORS)

#if REAL_IS_DOUBLE
typedef JOIN(double, LANES) vector;
#else
typedef JOIN(float, LANES) vector;
#endif

/* The v-th vector at an address. */
#define LOAD(v, at) JOIN(vload, LANES)(v, at)
#define STORE(value, v, at) JOIN(vstore, LANES)(value, v, at)

/* A tile must live in registers: compilers keep arrays there only when the loops over them are unrolled. */
#define UNROLL _Pragma("unroll")

/* A tile given to a function that is called goes through memory. */
#define INLINE static inline __attribute__((always_inline))
/* What is rare shall not be compiled into every loop. */
#define APART __attribute__((noinline))

/* Asks for what will be read soon; the address need not exist. Compilers that go by way of SPIR-V cannot; those
 * that compile for the processor itself say which it is. */
#if defined(__clang__) && (defined(__x86_64__) || defined(__aarch64__))
#define PREFETCH(at) __builtin_prefetch(at)
#else
#define PREFETCH(at)
#endif

/* A tile of a matrix whose rows are `row` elements apart: the first and the last number of each of its rows. */
#define PREFETCH_TILE(at, row)                                                                 \
    UNROLL for (int i_ = 0; i_ < ROWS; i_++) {                                                 \
        PREFETCH((at) + i_ * (row));                                                           \
        PREFETCH((at) + i_ * (row) + COLUMNS - 1);                                             \
    }

/* a * b + c in one instruction where there is one; elsewhere fma would be a function call. */
#if defined(FP_FAST_FMAF) || defined(__FMA__) || defined(__ARM_FEATURE_FMA)
#define MULTIPLY_ADD fma
#else
#define MULTIPLY_ADD mad
#endif

#define CLEAR_TILE(sum)                                                                        \
    UNROLL for (int i_ = 0; i_ < ROWS; i_++)                                                   \
        UNROLL for (int v_ = 0; v_ < VECTORS; v_++)                                            \
            sum[i_][v_] = (vector)(R(0.0))

/* sum(i, j) += over p < depth: LEFT * right[p * step + j], where LEFT, an expression in i and p, is the left
 * number of row i at depth p. Only the first `count` (a constant) vectors of each row are summed. */
#define ADD_TO_TILE(sum, count, depth, LEFT, right, step)                                      \
    for (long p = 0; p < (depth); p++) {                                                       \
        vector right_[count];                                                                  \
        UNROLL for (int v_ = 0; v_ < (count); v_++)                                            \
            right_[v_] = LOAD(v_, (right) + p * (step));                                       \
        UNROLL for (int i = 0; i < ROWS; i++) {                                                \
            const vector left_ = (vector)(LEFT);                                               \
            UNROLL for (int v_ = 0; v_ < (count); v_++)                                        \
                sum[i][v_] = MULTIPLY_ADD(left_, right_[v_], sum[i][v_]);                        \
        }                                                                                      \
    }
