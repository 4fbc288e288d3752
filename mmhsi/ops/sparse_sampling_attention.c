/* Sparse sampling attention on the CPU, forward and backward, in float with float or bfloat16 tensors.

   Sampling is linear: with s_c = q . K_c for a cell c of the token grid, the logit of point p is the sum of w_pc s_c over
   its four cells, and the result is the sum over cells of A_c V_c with A_c = sum over p of a_p w_pc. So each query makes
   the list of the distinct cells that its points touch and reads the rows of each cell once, however many points share
   it. The backward pass does the same with t_c = g . V_c, and keeps nothing of the forward pass but its inputs:

       dlogit_p = a_p (t_p - sum over r of a_r t_r),  dS_c = sum over p of w_pc dlogit_p,
       dq = sum of dS_c K_c,  dK_c += dS_c q,  dV_c += A_c g,  dw_pc = dlogit_p s_c + a_p t_c.

   A thread owns a (batch, head) pair, so no two threads write to one place and results do not depend on their number.
   Keys and values of a pair are copied to one row per cell, [K_c | V_c], padded with zeros to whole vectors. */

#include "ssa_common.h"

typedef struct {
    Rows query, key, value, offsets, out;
    Rows grad_out, grad_query, grad_key, grad_value, grad_offsets;
    int64_t batch, heads, height, width, points;
    float scale;
    float unused;
    int64_t threads;
    ParallelRegion region;
    char *scratch;  /* 64-byte aligned, scratch_bytes for each thread */
    int64_t scratch_bytes;
} Problem;

typedef struct {
    const Problem *problem;
    int64_t backward;
    int64_t next_pair, next_thread;
} Job;

#define BLOCK 8  /* points that are handled at once */
#define QUERIES 8  /* queries that go through each stage together: their chains of dependent steps overlap */

/* What is known of a query. Arrays over the corners of points have the four of a point side by side. */
typedef struct {
    int64_t count;  /* of cells */
    float *query, *grad_out, *sum;  /* padded */
    float *score, *product, *to_score, *to_value;  /* by number in the list of cells: s, t, dS, A */
    int32_t *start;  /* by number: where the cell's row starts, in floats */
    int32_t *slot;  /* by corner: number in the list */
    float *weight;  /* by corner */
    float *fraction_x, *fraction_y, *poison;  /* by point */
} Query;

/* The work space of a thread; arrays over points and corners are padded to whole blocks of points. The cell numbered
   `tokens` stands for every place outside the grid: its rows are zero, and what is added to its gradient is ignored. */
typedef struct {
    float *rows, *grad_rows;  /* (tokens + 1) x 2 * padded */
    uint32_t *listed;  /* by cell: number in the list + base of the query that listed it last */
    uint32_t base;
    int32_t *cell;  /* by corner of the present query */
    float *offset;  /* by point: x, y */
    float *attention, *sampled;  /* by point, and for each the queries of the group side by side */
    Query queries[QUERIES];
} Work;

#define TAKE(type, count) (type *)take(&place, (int64_t)sizeof(type) * (count))

static char *take(char **place, int64_t bytes)
{
    char *start = *place;
    *place += (bytes + 63) / 64 * 64;
    return start;
}

/* Lay out the work space from `scratch`; returns its size in bytes. */
static int64_t lay_out(Work *work, char *scratch, int64_t tokens, int64_t points, int64_t padded, int64_t backward)
{
    char *place = scratch;
    const int64_t point_blocks = (points + BLOCK - 1) / BLOCK * BLOCK, corners = 4 * point_blocks + 4;
    work->rows = TAKE(float, (tokens + 1) * 2 * padded);
    work->grad_rows = TAKE(float, backward ? (tokens + 1) * 2 * padded : 0);
    work->listed = TAKE(uint32_t, tokens + 1);
    work->cell = TAKE(int32_t, corners);
    work->offset = TAKE(float, 2 * point_blocks);
    work->attention = TAKE(float, points * QUERIES);
    work->sampled = TAKE(float, points * QUERIES);
    for (int i = 0; i < QUERIES; i++) {
        Query *query = &work->queries[i];
        query->query = TAKE(float, padded);
        query->grad_out = TAKE(float, padded);
        query->sum = TAKE(float, padded);
        query->score = TAKE(float, corners);
        query->product = TAKE(float, corners);
        query->to_score = TAKE(float, corners);
        query->to_value = TAKE(float, corners);
        query->start = TAKE(int32_t, corners);
        query->slot = TAKE(int32_t, corners);
        query->weight = TAKE(float, corners);
        query->fraction_x = TAKE(float, point_blocks);
        query->fraction_y = TAKE(float, point_blocks);
        query->poison = TAKE(float, point_blocks);
    }
    return place - scratch;
}

/* The cells and weights of a block of points around the token at (row, column). */
INLINE void place_points(int32_t width, int32_t height, int32_t column, int32_t row, const float *restrict offset,
                         int32_t *restrict cell, float *restrict weight, float *restrict fraction_x,
                         float *restrict fraction_y, float *restrict poison)
{
    const int32_t outside = width * height;
    for (int32_t p = 0; p < BLOCK; p++) {
        const float dx = offset[2 * p], dy = offset[2 * p + 1];
        float left = __builtin_floorf(dx), top = __builtin_floorf(dy);
        const float fx = dx - left, fy = dy - top;
        /* beyond +-1e6 all is outside, and NaN counts as outside: an int holds what is left */
        left = left > -1e6f ? left : -1e6f;
        top = top > -1e6f ? top : -1e6f;
        const int32_t x = column + (int32_t)(left < 1e6f ? left : 1e6f);
        const int32_t y = row + (int32_t)(top < 1e6f ? top : 1e6f);
        const int32_t x_inside = -((uint32_t)x < (uint32_t)width), y_inside = -((uint32_t)y < (uint32_t)height);
        const int32_t next_x_inside = -((uint32_t)(x + 1) < (uint32_t)width);
        const int32_t next_y_inside = -((uint32_t)(y + 1) < (uint32_t)height);
        const int32_t from_outside = y * width + x - outside;
        fraction_x[p] = fx;
        fraction_y[p] = fy;
        poison[p] = 0.f * dx + 0.f * dy;  /* an offset that is not finite makes the logit NaN */
        cell[4 * p] = outside + (from_outside & x_inside & y_inside);
        cell[4 * p + 1] = outside + ((from_outside + 1) & next_x_inside & y_inside);
        cell[4 * p + 2] = outside + ((from_outside + width) & x_inside & next_y_inside);
        cell[4 * p + 3] = outside + ((from_outside + width + 1) & next_x_inside & next_y_inside);
        weight[4 * p] = (1.f - fx) * (1.f - fy);
        weight[4 * p + 1] = fx * (1.f - fy);
        weight[4 * p + 2] = (1.f - fx) * fy;
        weight[4 * p + 3] = fx * fy;
    }
}

/* List the distinct cells that the points of a query touch. */
NOINLINE void list_cells(const Problem *problem, Work *work, Query *query, const float *offsets, int64_t token,
                         int32_t row_floats)
{
    const int32_t width = (int32_t)problem->width, height = (int32_t)problem->height, points = (int32_t)problem->points;
    memcpy(work->offset, offsets, sizeof(float) * 2 * (size_t)points);
    for (int32_t p = 0; p < points; p += BLOCK)
        place_points(width, height, (int32_t)(token % width), (int32_t)(token / width), work->offset + 2 * p,
                     work->cell + 4 * p, query->weight + 4 * p, query->fraction_x + p, query->fraction_y + p,
                     query->poison + p);
    const uint32_t base = work->base;
    const int32_t *restrict cells = work->cell;
    int32_t *restrict start = query->start, *restrict slot = query->slot;
    uint32_t *restrict listed = work->listed;
    uint32_t next = base;
    for (int32_t i = 0; i < 4 * points; i++) {
        const int32_t cell = cells[i];
        const uint32_t before = listed[cell];
        const uint32_t fresh = (uint32_t)(((uint64_t)before - base) >> 63);  /* a branch would be mispredicted */
        const uint32_t number = before + ((next - before) & -fresh);
        listed[cell] = number;
        start[number - base] = cell * row_floats;
        slot[i] = (int32_t)(number - base);
        next += fresh;
    }
    query->count = next - base;
    work->base = next;
    for (int64_t c = query->count; c < query->count + 3; c++)
        start[c] = 0;  /* products are taken by fours */
}

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

/* The sum over a point's corners of weight and a number by cell. */
INLINE float at_point(const Query *query, const float *by_cell, int32_t p)
{
    const float *weight = query->weight + 4 * p;
    const int32_t *slot = query->slot + 4 * p;
    return (weight[0] * by_cell[slot[0]] + weight[1] * by_cell[slot[1]]) +
           (weight[2] * by_cell[slot[2]] + weight[3] * by_cell[slot[3]]);
}

/* The attention weights of a group of queries. What lies beside the last query is computed and ignored. */
NOINLINE void attend(Work *work, int64_t queries, int32_t points)
{
    float *restrict logit = work->attention;
    float largest[QUERIES], total[QUERIES];
    for (int64_t i = 0; i < queries; i++)
        for (int32_t p = 0; p < points; p++)
            logit[p * QUERIES + i] = at_point(&work->queries[i], work->queries[i].score, p) + work->queries[i].poison[p];
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
    for (int64_t i = 0; i < queries; i++)
        for (int32_t p = 0; p < points; p++)
            sampled[p * QUERIES + i] = at_point(&work->queries[i], work->queries[i].product, p);
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
            to_weight[j] = dl * query->score[c] + a * query->product[c];
            query->to_score[c] += weight * dl;
            query->to_value[c] += weight * a;
        }
        grad_offsets[2 * p] = (1.f - fy) * (to_weight[1] - to_weight[0]) + fy * (to_weight[3] - to_weight[2]);
        grad_offsets[2 * p + 1] = (1.f - fx) * (to_weight[2] - to_weight[0]) + fx * (to_weight[3] - to_weight[1]);
    }
}

NOINLINE void load_pair(const Problem *problem, Work *work, int64_t b, int64_t h, int64_t padded)
{
    const int64_t tokens = problem->height * problem->width;
    for (int64_t n = 0; n < tokens; n++) {
        if (n + QUERIES < tokens) {
            prefetch_row(&problem->key, b, h, n + QUERIES);
            prefetch_row(&problem->value, b, h, n + QUERIES);
        }
        load_row(&problem->key, b, h, n, padded, 1.f, work->rows + n * 2 * padded);
        load_row(&problem->value, b, h, n, padded, 1.f, work->rows + n * 2 * padded + padded);
    }
    memset(work->rows + tokens * 2 * padded, 0, sizeof(float) * (size_t)(2 * padded));
    memset(work->listed, 0, sizeof(uint32_t) * (size_t)(tokens + 1));
    work->base = 1;
}

INLINE float *offset_row(const Rows *rows, int64_t b, int64_t h, int64_t n)
{
    return (float *)rows->data + row_start(rows, b, h, n);
}

/* List the cells of a group of queries, and ask for what the next group reads and writes. */
NOINLINE void start_queries(const Problem *problem, Work *work, int64_t b, int64_t h, int64_t first, int64_t count,
                            int32_t row_floats, int64_t backward)
{
    const int64_t tokens = problem->height * problem->width;
    for (int64_t i = 0; i < count; i++) {
        const int64_t ahead = first + i + QUERIES;
        if (ahead < tokens) {
            prefetch_row(&problem->query, b, h, ahead);
            prefetch_row(&problem->offsets, b, h, ahead);
            prefetch_row(backward ? &problem->grad_query : &problem->out, b, h, ahead);
            if (backward) {
                prefetch_row(&problem->grad_out, b, h, ahead);
                prefetch_row(&problem->grad_offsets, b, h, ahead);
            }
        }
        list_cells(problem, work, &work->queries[i], offset_row(&problem->offsets, b, h, first + i), first + i,
                   row_floats);
    }
}

INLINE void forward_pair(const Problem *problem, Work *work, int64_t b, int64_t h, int vectors)
{
    const int64_t tokens = problem->height * problem->width, padded = vectors * LANES;
    const int32_t points = (int32_t)problem->points;
    load_pair(problem, work, b, h, padded);
    for (int64_t first = 0; first < tokens; first += QUERIES) {
        const int64_t queries = tokens - first < QUERIES ? tokens - first : QUERIES;
        start_queries(problem, work, b, h, first, queries, (int32_t)(2 * padded), 0);
        for (int64_t i = 0; i < queries; i++) {
            Query *query = &work->queries[i];
            load_row(&problem->query, b, h, first + i, padded, problem->scale, query->query);
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
            store_row(&problem->out, b, h, first + i, 1.f, query->sum);
        }
    }
}

INLINE void backward_pair(const Problem *problem, Work *work, int64_t b, int64_t h, int vectors)
{
    const int64_t tokens = problem->height * problem->width, padded = vectors * LANES;
    const int32_t points = (int32_t)problem->points;
    load_pair(problem, work, b, h, padded);
    memset(work->grad_rows, 0, sizeof(float) * (size_t)(tokens * 2 * padded));
    for (int64_t first = 0; first < tokens; first += QUERIES) {
        const int64_t queries = tokens - first < QUERIES ? tokens - first : QUERIES;
        start_queries(problem, work, b, h, first, queries, (int32_t)(2 * padded), 1);
        for (int64_t i = 0; i < queries; i++) {
            Query *query = &work->queries[i];
            load_row(&problem->query, b, h, first + i, padded, problem->scale, query->query);
            load_row(&problem->grad_out, b, h, first + i, padded, 1.f, query->grad_out);
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
            store_row(&problem->grad_query, b, h, first + i, problem->scale, query->sum);
        }
    }
    for (int64_t n = 0; n < tokens; n++) {
        if (n + QUERIES < tokens) {
            prefetch_row(&problem->grad_key, b, h, n + QUERIES);
            prefetch_row(&problem->grad_value, b, h, n + QUERIES);
        }
        store_row(&problem->grad_key, b, h, n, 1.f, work->grad_rows + n * 2 * padded);
        store_row(&problem->grad_value, b, h, n, 1.f, work->grad_rows + n * 2 * padded + padded);
    }
}

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
    lay_out(&work, problem->scratch + thread * problem->scratch_bytes, problem->height * problem->width, problem->points,
            vectors * LANES, job->backward);
    int64_t pair;
    while ((pair = __atomic_fetch_add(&job->next_pair, 1, __ATOMIC_RELAXED)) < problem->batch * problem->heads) {
        const int64_t b = pair / problem->heads, h = pair % problem->heads;
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
