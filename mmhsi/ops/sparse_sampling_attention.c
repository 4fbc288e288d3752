/* Sparse sampling attention on the CPU, forward and backward, in float with float or bfloat16 tensors.

   Sampling is linear: with s_c = q . K_c for a cell c of the token grid, the logit of point p is the sum of w_pc s_c
   over its four cells, and the result is the sum over cells of A_c V_c with A_c = sum over p of a_p w_pc. So each query
   lists the distinct cells that its points touch and reads the rows of each cell once, however many points share it.
   The backward pass does the same with t_c = g . V_c, and keeps nothing of the forward pass but its inputs:

       dlogit_p = a_p (t_p - sum over r of a_r t_r),  dS_c = sum over p of w_pc dlogit_p,
       dq = sum of dS_c K_c,  dK_c += dS_c q,  dV_c += A_c g,  dw_pc = dlogit_p s_c + a_p t_c.

   A thread owns a (batch, head) pair, so no two threads write to one place and results do not depend on their number.
   Keys and values of a pair are copied to one row per cell, [K_c | V_c], padded with zeros to whole vectors. */

#include "ssa_work.h"

/* result[c] = x . rows[start[c]] */
INLINE void multiply_rows(const float *rows, const int32_t *start, int64_t count, const float *x, int vectors,
                          float *result)
{
    vec query[vectors];
    for (int i = 0; i < vectors; i++)
        query[i] = ((const vec *)x)[i];
    for (int64_t c = 0; c < count; c += 4) {
        const vec *row0 = (const vec *)(rows + start[c]), *row1 = (const vec *)(rows + start[c + 1]);
        const vec *row2 = (const vec *)(rows + start[c + 2]), *row3 = (const vec *)(rows + start[c + 3]);
        vec a = query[0] * row0[0], b = query[0] * row1[0], d = query[0] * row2[0], e = query[0] * row3[0];
        for (int i = 1; i < vectors; i++) {
            a += query[i] * row0[i];
            b += query[i] * row1[i];
            d += query[i] * row2[i];
            e += query[i] * row3[i];
        }
        const vec4 sums = sum_lanes(a, b, d, e);
        memcpy(result + c, &sums, sizeof(sums));
    }
}

/* By point the sum over its corners of their weight and a number. */
INLINE void at_points(const float *restrict weight, const float *restrict by_corner, int32_t points, float *restrict result)
{
    for (int32_t p = 0; p < points; p++)
        result[p * QUERIES] = (weight[4 * p] * by_corner[4 * p] + weight[4 * p + 1] * by_corner[4 * p + 1]) +
                              (weight[4 * p + 2] * by_corner[4 * p + 2] + weight[4 * p + 3] * by_corner[4 * p + 3]);
}

/* The attention weights of a group of queries. What lies beside the last query is computed and ignored. */
NOINLINE void attend(Work *work, int64_t queries, int32_t points)
{
    float *restrict logit = work->attention;
    float largest[QUERIES], total[QUERIES];
    for (int64_t i = 0; i < queries; i++) {
        const Query *query = &work->queries[i];
        take_corners(query->score, query->slot, 4 * points, query->score_at);
        at_points(query->weight, query->score_at, points, logit + i);
        for (int32_t p = 0; p < points; p++)
            logit[p * QUERIES + i] += query->poison[p];
    }
    for (int i = 0; i < QUERIES; i++) {
        largest[i] = -__builtin_inff();
        total[i] = 0.f;
    }
    for (int32_t p = 0; p < points; p++)
        for (int i = 0; i < QUERIES; i++)
            largest[i] = logit[p * QUERIES + i] > largest[i] ? logit[p * QUERIES + i] : largest[i];
    for (int32_t p = 0; p < points; p++)
        for (int i = 0; i < QUERIES; i++) {
            logit[p * QUERIES + i] = exp_negative(logit[p * QUERIES + i] - largest[i]);
            total[i] += logit[p * QUERIES + i];
        }
    for (int i = 0; i < QUERIES; i++)
        total[i] = 1.f / total[i];
    for (int32_t p = 0; p < points; p++)
        for (int i = 0; i < QUERIES; i++)
            logit[p * QUERIES + i] *= total[i];
}

/* A by cell; `attention` is that of the first point. */
NOINLINE void spread_attention(const Query *query, const float *restrict attention, int32_t points)
{
    for (int64_t c = 0; c < query->count; c++)
        query->to_value[c] = 0.f;
    for (int32_t p = 0; p < points; p++)
        for (int32_t j = 4 * p; j < 4 * p + 4; j++)
            query->to_value[query->slot[j]] += attention[p * QUERIES] * query->weight[j];
}

/* The gradients of the logits of a group of queries, in `sampled`. */
NOINLINE void differentiate_attention(Work *work, int64_t queries, int32_t points)
{
    float *restrict sampled = work->sampled;
    const float *restrict attention = work->attention;
    float mean[QUERIES];
    for (int64_t i = 0; i < queries; i++) {
        const Query *query = &work->queries[i];
        take_corners(query->product, query->slot, 4 * points, query->product_at);
        at_points(query->weight, query->product_at, points, sampled + i);
    }
    for (int i = 0; i < QUERIES; i++)
        mean[i] = 0.f;
    for (int32_t p = 0; p < points; p++)
        for (int i = 0; i < QUERIES; i++)
            mean[i] += attention[p * QUERIES + i] * sampled[p * QUERIES + i];
    for (int32_t p = 0; p < points; p++)
        for (int i = 0; i < QUERIES; i++)
            sampled[p * QUERIES + i] = attention[p * QUERIES + i] * (sampled[p * QUERIES + i] - mean[i]);
}

/* dS and A by cell, and the gradient of the offsets; `attention` and `to_logit` are those of the first point. */
NOINLINE void spread_gradients(const Query *query, const float *restrict attention, const float *restrict to_logit,
                               int32_t points, float *restrict grad_offsets)
{
    for (int64_t c = 0; c < query->count; c++)
        query->to_score[c] = query->to_value[c] = 0.f;
    for (int32_t p = 0; p < points; p++) {
        const float a = attention[p * QUERIES], dl = to_logit[p * QUERIES];
        const float fx = query->fraction_x[p], fy = query->fraction_y[p];
        float to_weight[4];
        for (int32_t j = 0; j < 4; j++) {
            const int32_t c = query->slot[4 * p + j];
            const float weight = query->weight[4 * p + j];
            to_weight[j] = dl * query->score_at[4 * p + j] + a * query->product_at[4 * p + j];
            query->to_score[c] += weight * dl;
            query->to_value[c] += weight * a;
        }
        grad_offsets[2 * p] = (1.f - fy) * (to_weight[1] - to_weight[0]) + fy * (to_weight[3] - to_weight[2]);
        grad_offsets[2 * p + 1] = (1.f - fx) * (to_weight[2] - to_weight[0]) + fx * (to_weight[3] - to_weight[1]);
    }
}

INLINE void load_pair(const Problem *problem, Work *work, int64_t b, int64_t h, int vectors)
{
    const int64_t padded = vectors * LANES;
    const int64_t tokens = problem->height * problem->width;
    for (int64_t n = 0; n < tokens; n++) {
        if (n + QUERIES < tokens) {
            prefetch_row(&problem->key, b, h, n + QUERIES, 3);
            prefetch_row(&problem->value, b, h, n + QUERIES, 3);
        }
        load_vectors(&problem->key, b, h, n, vectors, 1.f, work->rows + n * 2 * padded);
        load_vectors(&problem->value, b, h, n, vectors, 1.f, work->rows + n * 2 * padded + padded);
    }
    memset(work->rows + tokens * 2 * padded, 0, sizeof(float) * (size_t)(2 * padded));
}

INLINE float *offset_row(const Rows *rows, int64_t b, int64_t h, int64_t n)
{
    return (float *)rows->data + row_start(rows, b, h, n);
}

INLINE void prefetch_query(const Problem *problem, int64_t b, int64_t h, int64_t n, int64_t backward)
{
    prefetch_row(&problem->query, b, h, n, 3);
    prefetch_row(&problem->offsets, b, h, n, 3);
    prefetch_row(backward ? &problem->grad_query : &problem->out, b, h, n, 3);
    if (backward) {
        prefetch_row(&problem->grad_out, b, h, n, 3);
        prefetch_row(&problem->grad_offsets, b, h, n, 3);
    }
}

/* List the cells of a group of queries, and ask for what the next group reads and writes. */
NOINLINE void start_queries(const Problem *problem, Work *work, int64_t b, int64_t h, int64_t first, int64_t count,
                            int32_t row_floats, int64_t backward)
{
    const int64_t tokens = problem->height * problem->width;
    for (int64_t i = 0; i < count; i++) {
        if (work->next_batch < problem->batch) {
            prefetch_row(&problem->key, work->next_batch, work->next_head, first + i, 2);
            prefetch_row(&problem->value, work->next_batch, work->next_head, first + i, 2);
        }
        const int64_t ahead = first + i + QUERIES;
        if (ahead < tokens)
            prefetch_query(problem, b, h, ahead, backward);
        else if (work->next_batch < problem->batch && ahead < 2 * tokens)
            prefetch_query(problem, work->next_batch, work->next_head, ahead - tokens, backward);
        list_cells(problem, work, &work->queries[i], offset_row(&problem->offsets, b, h, first + i), first + i,
                   row_floats);
    }
}

INLINE void forward_pair(const Problem *problem, Work *work, int64_t b, int64_t h, int vectors)
{
    const int64_t tokens = problem->height * problem->width, padded = vectors * LANES;
    const int32_t points = (int32_t)problem->points;
    load_pair(problem, work, b, h, vectors);
    for (int64_t first = 0; first < tokens; first += QUERIES) {
        const int64_t queries = tokens - first < QUERIES ? tokens - first : QUERIES;
        start_queries(problem, work, b, h, first, queries, (int32_t)(2 * padded), 0);
        for (int64_t i = 0; i < queries; i++) {
            Query *query = &work->queries[i];
            load_vectors(&problem->query, b, h, first + i, vectors, problem->scale, query->query);
            multiply_rows(work->rows, query->start, query->count, query->query, vectors, query->score);
        }
        attend(work, queries, points);
        for (int64_t i = 0; i < queries; i++)
            spread_attention(&work->queries[i], work->attention + i, points);
        for (int64_t i = 0; i < queries; i++) {
            const Query *query = &work->queries[i];
            vec sum[vectors];
            for (int k = 0; k < vectors; k++)
                sum[k] = (vec){0};
            for (int64_t c = 0; c < query->count; c++) {
                const vec *value = (const vec *)(work->rows + query->start[c] + padded);
                for (int k = 0; k < vectors; k++)
                    sum[k] += query->to_value[c] * value[k];
            }
            for (int k = 0; k < vectors; k++)
                ((vec *)query->sum)[k] = sum[k];
            store_vectors(&problem->out, b, h, first + i, vectors, 1.f, query->sum);
        }
    }
}

INLINE void backward_pair(const Problem *problem, Work *work, int64_t b, int64_t h, int vectors)
{
    const int64_t tokens = problem->height * problem->width, padded = vectors * LANES;
    const int32_t points = (int32_t)problem->points;
    load_pair(problem, work, b, h, vectors);
    memset(work->grad_rows, 0, sizeof(float) * (size_t)(tokens * 2 * padded));
    for (int64_t first = 0; first < tokens; first += QUERIES) {
        const int64_t queries = tokens - first < QUERIES ? tokens - first : QUERIES;
        start_queries(problem, work, b, h, first, queries, (int32_t)(2 * padded), 1);
        for (int64_t i = 0; i < queries; i++) {
            Query *query = &work->queries[i];
            load_vectors(&problem->query, b, h, first + i, vectors, problem->scale, query->query);
            load_vectors(&problem->grad_out, b, h, first + i, vectors, 1.f, query->grad_out);
            multiply_rows(work->rows, query->start, query->count, query->query, vectors, query->score);
            multiply_rows(work->rows + padded, query->start, query->count, query->grad_out, vectors, query->product);
        }
        attend(work, queries, points);
        differentiate_attention(work, queries, points);
        for (int64_t i = 0; i < queries; i++)
            spread_gradients(&work->queries[i], work->attention + i, work->sampled + i, points,
                             offset_row(&problem->grad_offsets, b, h, first + i));
        for (int64_t i = 0; i < queries; i++) {
            const Query *query = &work->queries[i];
            vec q[vectors], g[vectors], sum[vectors];
            for (int k = 0; k < vectors; k++) {
                q[k] = ((const vec *)query->query)[k];
                g[k] = ((const vec *)query->grad_out)[k];
                sum[k] = (vec){0};
            }
            for (int64_t c = 0; c < query->count; c++) {
                const float to_score = query->to_score[c], to_value = query->to_value[c];
                const vec *key = (const vec *)(work->rows + query->start[c]);
                vec *grad = (vec *)(work->grad_rows + query->start[c]);
                for (int k = 0; k < vectors; k++) {
                    sum[k] += to_score * key[k];
                    grad[k] += to_score * q[k];
                    grad[vectors + k] += to_value * g[k];
                }
            }
            for (int k = 0; k < vectors; k++)
                ((vec *)query->sum)[k] = sum[k];
            store_vectors(&problem->grad_query, b, h, first + i, vectors, problem->scale, query->sum);
        }
    }
    for (int64_t n = 0; n < tokens; n++) {
        if (n + QUERIES < tokens) {
            prefetch_row(&problem->grad_key, b, h, n + QUERIES, 3);
            prefetch_row(&problem->grad_value, b, h, n + QUERIES, 3);
        }
        store_vectors(&problem->grad_key, b, h, n, vectors, 1.f, work->grad_rows + n * 2 * padded);
        store_vectors(&problem->grad_value, b, h, n, vectors, 1.f, work->grad_rows + n * 2 * padded + padded);
    }
}

typedef struct {
    const Problem *problem;
    int64_t backward;
    int64_t next_pair, next_thread;
} Job;

static int64_t num_vectors(const Problem *problem)
{
    const int64_t width = problem->key.width > problem->value.width ? problem->key.width : problem->value.width;
    return (width + LANES - 1) / LANES;
}

/* The number of vectors is a constant in the usual cases, so that a query stays in registers. */
#define PAIR(vectors) \
    (job->backward ? backward_pair(problem, &work, b, h, vectors) : forward_pair(problem, &work, b, h, vectors))

static void work_on(void *data)
{
    Job *job = data;
    const Problem *problem = job->problem;
    const int vectors = (int)num_vectors(problem);
    const int64_t thread = __atomic_fetch_add(&job->next_thread, 1, __ATOMIC_RELAXED);
    if (thread >= problem->threads)
        return;
    Work work;
    lay_out(&work, problem->scratch + thread * problem->scratch_bytes, problem->height * problem->width,
            problem->points, vectors * LANES, job->backward);
    int64_t pair;
    while ((pair = __atomic_fetch_add(&job->next_pair, 1, __ATOMIC_RELAXED)) < problem->batch * problem->heads) {
        const int64_t b = pair / problem->heads, h = pair % problem->heads;
        work.next_batch = (pair + problem->threads) / problem->heads;  /* most likely */
        work.next_head = (pair + problem->threads) % problem->heads;
        switch (vectors) {
        case 1: PAIR(1); break;
        case 2: PAIR(2); break;
        case 3: PAIR(3); break;
        case 4: PAIR(4); break;
        case 5: PAIR(5); break;
        default: PAIR(vectors);
        }
    }
}

/* Bytes of work space that a thread needs. */
int64_t ssa_scratch_bytes(const Problem *problem, int64_t backward)
{
    Work work;
    return lay_out(&work, NULL, problem->height * problem->width, problem->points, num_vectors(problem) * LANES,
                   backward);
}

/* Write `out`, or with `backward` the five gradients. */
void ssa_run(const Problem *problem, int64_t backward)
{
    Job job = {problem, backward, 0, 0};
    run_threads(work_on, &job, problem->threads, problem->region);
}

int64_t ssa_problem_bytes(void)
{
    return sizeof(Problem);
}
