/* Vectors, rows of tensors, and threads for sparse_sampling_attention.c; needs GCC or Clang and POSIX threads. */
#ifndef MMHSI_SSA_COMMON_H
#define MMHSI_SSA_COMMON_H

#include <pthread.h>
#include <stdint.h>
#include <string.h>
#ifdef __AVX__
#include <immintrin.h>
#endif

/* Floats in a vector: as many as a register holds. */
#ifdef __AVX512F__
#define LANES 16
#elif defined(__AVX__)
#define LANES 8
#else
#define LANES 4
#endif

typedef float vec __attribute__((vector_size(4 * LANES), may_alias));
typedef float unaligned_vec __attribute__((vector_size(4 * LANES), may_alias, aligned(4)));
typedef float vec8 __attribute__((vector_size(32), may_alias));
typedef float vec4 __attribute__((vector_size(16), may_alias));
typedef uint32_t bits __attribute__((vector_size(4 * LANES), may_alias));
typedef uint16_t bfloats __attribute__((vector_size(2 * LANES), may_alias, aligned(2)));

#define INLINE static inline __attribute__((always_inline))
#define NOINLINE static __attribute__((noinline))  /* compiled once, where a copy for each head width gains nothing */

#if defined(__clang__) || __GNUC__ >= 12
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
typedef int32_t ivec __attribute__((vector_size(4 * LANES)));
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (ivec){__VA_ARGS__})
#endif

/* Add the halves of every group of four lanes, interleaved with those of another vector singly or in pairs. */
#if LANES == 16
#define SINGLY(a, b) \
    (SHUFFLE(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29) + \
     SHUFFLE(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31))
#define IN_PAIRS(a, b) \
    (SHUFFLE(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29) + \
     SHUFFLE(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31))
#elif LANES == 8
#define SINGLY(a, b) (SHUFFLE(a, b, 0, 8, 1, 9, 4, 12, 5, 13) + SHUFFLE(a, b, 2, 10, 3, 11, 6, 14, 7, 15))
#define IN_PAIRS(a, b) (SHUFFLE(a, b, 0, 1, 8, 9, 4, 5, 12, 13) + SHUFFLE(a, b, 2, 3, 10, 11, 6, 7, 14, 15))
#else
#define SINGLY(a, b) (SHUFFLE(a, b, 0, 4, 1, 5) + SHUFFLE(a, b, 2, 6, 3, 7))
#define IN_PAIRS(a, b) (SHUFFLE(a, b, 0, 1, 4, 5) + SHUFFLE(a, b, 2, 3, 6, 7))
#endif

/* The sums over the lanes of four vectors. */
INLINE vec4 sum_lanes(vec a, vec b, vec c, vec d)
{
    union {
        vec all;
        vec4 part[LANES / 4];
#if LANES == 16
        vec8 half[2];
    } folded = {IN_PAIRS(SINGLY(a, b), SINGLY(c, d))}, sum;
    sum.half[0] = folded.half[0] + folded.half[1];
    return sum.part[0] + sum.part[1];
#elif LANES == 8
    } folded = {IN_PAIRS(SINGLY(a, b), SINGLY(c, d))};
    return folded.part[0] + folded.part[1];
#else
    } folded = {IN_PAIRS(SINGLY(a, b), SINGLY(c, d))};
    return folded.part[0];
#endif
}

/* Writing past the caches, to aligned places: what does not fit them is not read before it is written. */
#if LANES == 16
#define CAN_STREAM 1
#define STREAM_FLOATS(target, number) _mm512_stream_ps((float *)(target), (__m512)(number))
#define STREAM_BFLOATS(target, number) _mm256_stream_si256((__m256i *)(target), (__m256i)(number))
#define FINISH_STREAMS() _mm_sfence()
#elif LANES == 8
#define CAN_STREAM 1
#define STREAM_FLOATS(target, number) _mm256_stream_ps((float *)(target), (__m256)(number))
#define STREAM_BFLOATS(target, number) _mm_stream_si128((__m128i *)(target), (__m128i)(number))
#define FINISH_STREAMS() _mm_sfence()
#else
#define CAN_STREAM 0
#define STREAM_FLOATS(target, number) (void)0
#define STREAM_BFLOATS(target, number) (void)0
#define FINISH_STREAMS() (void)0
#endif

INLINE vec from_bfloats(bfloats numbers)
{
    return (vec)(__builtin_convertvector(numbers, bits) << 16);
}

/* Rounded to nearest even; a NaN must not round to infinity. */
INLINE bfloats to_bfloats(vec numbers)
{
    const bits all = (bits)numbers, nan = (bits)(numbers != numbers);
    const bits rounded = (all + 0x7fff + ((all >> 16) & 1)) >> 16;
    return __builtin_convertvector((rounded & ~nan) | (0x7fc0 & nan), bfloats);
}

/* exp(x) for x <= 0, relative error below 2e-7; NaN stays NaN. */
INLINE float exp_negative(float x)
{
    const float clamped = x < -87.f ? -87.f : x;
    const float shifted = clamped * 1.44269504f + 12582912.f;  /* 1.5 * 2^23: the integer part is in the last bits */
    int32_t bits;
    memcpy(&bits, &shifted, 4);
    const float whole = shifted - 12582912.f;
    const float f = clamped - whole * 0.693145752f - whole * 1.42860677e-6f;
    float y = 1.f / 720.f;
    y = y * f + 1.f / 120.f;
    y = y * f + 1.f / 24.f;
    y = y * f + 1.f / 6.f;
    y = y * f + 0.5f;
    y = y * f + 1.f;
    y = y * f + 1.f;
    const int32_t scale_bits = (bits - 0x4b400000 + 127) * (1 << 23);
    float scale;
    memcpy(&scale, &scale_bits, 4);
    return y * scale;
}

/* A tensor (batch, heads, tokens, width) whose last axis is contiguous; strides in elements. */
typedef struct {
    void *data;
    int64_t batch, head, token;
    int64_t width;
    int64_t bfloat16;
} Rows;

INLINE int64_t row_start(const Rows *rows, int64_t b, int64_t h, int64_t n)
{
    return b * rows->batch + h * rows->head + n * rows->token;
}

/* Ask for a row ahead of its use. Rows of one head lie far apart in the layout that projections give, and the hardware
   does not see a pattern in that. `locality` is that of __builtin_prefetch: 3 for soon, 2 for later. */
INLINE void prefetch_row(const Rows *rows, int64_t b, int64_t h, int64_t n, const int locality)
{
    const int64_t size = rows->bfloat16 ? 2 : 4;
    const char *start = (const char *)rows->data + size * row_start(rows, b, h, n);
    for (int64_t i = 0; i < size * rows->width; i += 64) {
        if (locality == 3)
            __builtin_prefetch(start + i);
        else
            __builtin_prefetch(start + i, 0, 2);
    }
}

/* Read a row as floats times a factor, with zeros up to the padded width. */
NOINLINE void load_row(const Rows *rows, int64_t b, int64_t h, int64_t n, int64_t padded, float factor, float *row)
{
    const int64_t start = row_start(rows, b, h, n);
    if (rows->bfloat16) {
        const uint16_t *source = (const uint16_t *)rows->data + start;
        for (int64_t i = 0; i < rows->width; i++) {
            const uint32_t bits = (uint32_t)source[i] << 16;
            float number;
            memcpy(&number, &bits, 4);
            row[i] = number * factor;
        }
    } else {
        const float *source = (const float *)rows->data + start;
        for (int64_t i = 0; i < rows->width; i++)
            row[i] = source[i] * factor;
    }
    for (int64_t i = rows->width; i < padded; i++)
        row[i] = 0.f;
}

NOINLINE void store_row(const Rows *rows, int64_t b, int64_t h, int64_t n, float factor, const float *row)
{
    const int64_t start = row_start(rows, b, h, n);
    if (rows->bfloat16) {
        uint16_t *target = (uint16_t *)rows->data + start;
        for (int64_t i = 0; i < rows->width; i++) {
            const float number = row[i] * factor;
            uint32_t bits;
            memcpy(&bits, &number, 4);
            /* round to nearest even; a NaN must not round to infinity */
            target[i] = number != number ? 0x7fc0 : (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
        }
    } else {
        float *target = (float *)rows->data + start;
        for (int64_t i = 0; i < rows->width; i++)
            target[i] = row[i] * factor;
    }
}

/* The same without a call where rows are a whole number of vectors. */
INLINE void load_vectors(const Rows *rows, int64_t b, int64_t h, int64_t n, int vectors, float factor, float *row)
{
    const int64_t start = row_start(rows, b, h, n);
    if (rows->width != vectors * LANES)
        load_row(rows, b, h, n, vectors * LANES, factor, row);
    else if (rows->bfloat16)
        for (int i = 0; i < vectors; i++)
            ((vec *)row)[i] = from_bfloats(((const bfloats *)((const uint16_t *)rows->data + start))[i]) * factor;
    else
        for (int i = 0; i < vectors; i++)
            ((vec *)row)[i] = ((const unaligned_vec *)((const float *)rows->data + start))[i] * factor;
}

INLINE void store_vectors(const Rows *rows, int64_t b, int64_t h, int64_t n, int vectors, float factor,
                          const float *row, int64_t stream)
{
    const vec *numbers = (const vec *)row;
    unaligned_vec *floats = (unaligned_vec *)((float *)rows->data + row_start(rows, b, h, n));
    bfloats *halves = (bfloats *)((uint16_t *)rows->data + row_start(rows, b, h, n));
    const int past_caches = CAN_STREAM && stream && (uintptr_t)(rows->bfloat16 ? (void *)halves : floats) % 64 == 0;
    if (rows->width != vectors * LANES)
        store_row(rows, b, h, n, factor, row);
    else if (rows->bfloat16 && past_caches)
        for (int i = 0; i < vectors; i++)
            STREAM_BFLOATS(halves + i, to_bfloats(numbers[i] * factor));
    else if (rows->bfloat16)
        for (int i = 0; i < vectors; i++)
            halves[i] = to_bfloats(numbers[i] * factor);
    else if (past_caches)
        for (int i = 0; i < vectors; i++)
            STREAM_FLOATS(floats + i, numbers[i] * factor);
    else
        for (int i = 0; i < vectors; i++)
            floats[i] = numbers[i] * factor;
}

/* GOMP_parallel of whichever OpenMP runtime is loaded: torch's own threads do the work, and no second pool spins. */
typedef void (*ParallelRegion)(void (*task)(void *), void *data, unsigned threads, unsigned flags);

#define MAX_THREADS 256

static void *thread_main(void *argument)
{
    void **call = argument;
    ((void (*)(void *))(uintptr_t)call[0])(call[1]);
    return NULL;
}

/* Run task(data) on several threads at once; each takes its share by an atomic counter in data. */
static void run_threads(void (*task)(void *), void *data, int64_t threads, ParallelRegion region)
{
    if (threads > MAX_THREADS)
        threads = MAX_THREADS;
    if (threads > 1 && region) {
        region(task, data, (unsigned)threads, 0);
        return;
    }
    pthread_t started[MAX_THREADS];
    void *call[2] = {(void *)(uintptr_t)task, data};
    int64_t count = 0;
    while (count < threads - 1 && pthread_create(&started[count], NULL, thread_main, call) == 0)
        count++;
    task(data);
    for (int64_t i = 0; i < count; i++)
        pthread_join(started[i], NULL);
}

#endif
