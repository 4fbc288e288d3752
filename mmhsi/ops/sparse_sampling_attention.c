/* Sparse sampling attention on the CPU, forward and backward, in float with float or bfloat16 tensors.

   Sampling is linear: with s_c = q . K_c for a cell c of the token grid, the logit of point p is the sum of w_pc s_c
   over its four cells, and the result is the sum over cells of A_c V_c with A_c = sum over p of a_p w_pc. So each query
   lists the distinct cells that its points touch and reads the rows of each cell once, however many points share it.
   The backward pass does the same with t_c = g . V_c, and keeps nothing of the forward pass but its inputs:

       dlogit_p = a_p (t_p - sum over r of a_r t_r),  dS_c = sum over p of w_pc dlogit_p,
       dq = sum of dS_c K_c,  dK_c += dS_c q,  dV_c += A_c g,  dw_pc = dlogit_p s_c + a_p t_c.

   A thread owns a (batch, head) pair, so no two threads write to one place and results do not depend on their number.
   Keys and values of a pair are copied to one row per cell, [K_c | V_c], padded with zeros to whole vectors. */

#include "ssa_stages.h"

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
    if (!problem->stream)
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
            store_vectors(&problem->out, b, h, first + i, vectors, 1.f, query->sum, problem->stream);
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
            store_vectors(&problem->grad_query, b, h, first + i, vectors, problem->scale, query->sum,
                          problem->stream);
        }
    }
    for (int64_t n = 0; n < tokens; n++) {
        if (n + QUERIES < tokens && !problem->stream) {
            prefetch_row(&problem->grad_key, b, h, n + QUERIES, 3);
            prefetch_row(&problem->grad_value, b, h, n + QUERIES, 3);
        }
        store_vectors(&problem->grad_key, b, h, n, vectors, 1.f, work->grad_rows + n * 2 * padded,
                      problem->stream);
        store_vectors(&problem->grad_value, b, h, n, vectors, 1.f, work->grad_rows + n * 2 * padded + padded,
                      problem->stream);
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
        switch (vectors * LANES) {
        case 16: PAIR(16 / LANES); break;
        case 32: PAIR(32 / LANES); break;
        case 48: PAIR(48 / LANES); break;
        case 64: PAIR(64 / LANES); break;
        case 80: PAIR(80 / LANES); break;
        default: PAIR(vectors);
        }
    }
    FINISH_STREAMS();
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
