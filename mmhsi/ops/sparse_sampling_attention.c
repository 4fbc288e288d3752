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
#define AHEAD 6  /* queries */

/* The work space of a thread. Arrays over the corners of points have the four of a point side by side; their length is
   padded to whole blocks of points. The cell numbered `tokens` stands for every place outside the grid: its rows are
   zero, and what is added to its gradient is ignored. */
typedef struct {
    float *rows, *grad_rows;  /* (tokens + 1) x 2 * padded */
    float *query, *grad_out, *sum;  /* padded */
    float *score, *product, *to_score, *to_value;  /* by number in the list of cells: s, t, dS, A */
    int32_t *start;  /* by number: where the cell's row starts, in floats */
    int32_t *cell, *slot;  /* by corner: the cell, and its number in the list */
    uint32_t *listed;  /* by cell: number in the list + base of the query that listed it last */
    float *weight;  /* by corner */
    float *offset;  /* by point: x, y */
    float *fraction_x, *fraction_y, *poison, *logit, *sampled;  /* by point */
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
    work->query = TAKE(float, padded);
    work->grad_out = TAKE(float, padded);
    work->sum = TAKE(float, padded);
    work->score = TAKE(float, corners);
    work->product = TAKE(float, corners);
    work->to_score = TAKE(float, corners);
    work->to_value = TAKE(float, corners);
    work->start = TAKE(int32_t, corners);
    work->cell = TAKE(int32_t, corners);
    work->slot = TAKE(int32_t, corners);
    work->listed = TAKE(uint32_t, tokens + 1);
    work->weight = TAKE(float, corners);
    work->offset = TAKE(float, 2 * point_blocks);
    work->fraction_x = TAKE(float, point_blocks);
    work->fraction_y = TAKE(float, point_blocks);
    work->poison = TAKE(float, point_blocks);
    work->logit = TAKE(float, point_blocks);
    work->sampled = TAKE(float, point_blocks);
    return place - scratch;
}

/* The cells and weights of a block of points around the token at (row, column). */
INLINE void place_points(const Problem *problem, Work *work, int32_t column, int32_t row, int32_t block)
{
    const int32_t width = (int32_t)problem->width, height = (int32_t)problem->height, outside = width * height;
    const float *offset = work->offset + 2 * block;
    float fraction_x[BLOCK], fraction_y[BLOCK], poison[BLOCK], weight[4 * BLOCK];
    int32_t cell[4 * BLOCK];
    for (int32_t p = 0; p < BLOCK; p++) {
        const float dx = offset[2 * p], dy = offset[2 * p + 1];
        float left = __builtin_floorf(dx), top = __builtin_floorf(dy);
        const float fx = dx - left, fy = dy - top;
        /* beyond +-1e6 all is outside, and NaN counts as outside: an int holds what is left */
        left = left > -1e6f ? left : -1e6f;
        top = top > -1e6f ? top : -1e6f;
        const int32_t x = column + (int32_t)(left < 1e6f ? left : 1e6f);
        const int32_t y = row + (int32_t)(top < 1e6f ? top : 1e6f);
        const int32_t x_inside = ((uint32_t)x < (uint32_t)width) ? -1 : 0;
        const int32_t next_x_inside = ((uint32_t)(x + 1) < (uint32_t)width) ? -1 : 0;
        const int32_t y_inside = ((uint32_t)y < (uint32_t)height) ? -1 : 0;
        const int32_t next_y_inside = ((uint32_t)(y + 1) < (uint32_t)height) ? -1 : 0;
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
    memcpy(work->fraction_x + block, fraction_x, sizeof(fraction_x));
    memcpy(work->fraction_y + block, fraction_y, sizeof(fraction_y));
    memcpy(work->poison + block, poison, sizeof(poison));
    memcpy(work->cell + 4 * block, cell, sizeof(cell));
    memcpy(work->weight + 4 * block, weight, sizeof(weight));
}

/* List the distinct cells that the points of a query touch; returns their number. */
NOINLINE int32_t list_cells(const Problem *problem, Work *work, const float *offsets, int32_t column, int32_t row,
                            uint32_t base, int32_t row_floats)
{
    const int32_t points = (int32_t)problem->points;
    memcpy(work->offset, offsets, sizeof(float) * 2 * (size_t)points);
    for (int32_t block = 0; block < points; block += BLOCK)
        place_points(problem, work, column, row, block);
    uint32_t next = base;
    for (int32_t i = 0; i < 4 * points; i++) {
        const int32_t cell = work->cell[i];
        const uint32_t before = work->listed[cell];
        const uint32_t number = before >= base ? before : next;
        work->listed[cell] = number;
        work->start[number - base] = cell * row_floats;
        work->slot[i] = (int32_t)(number - base);
        next += before < base;
    }
    const int32_t count = (int32_t)(next - base);
    for (int32_t c = count; c < count + 3; c++)
        work->start[c] = 0;  /* products are taken by fours */
    return count;
}

/* result[c] = x . rows[start[c]] */
INLINE void multiply_rows(const float *rows, const int32_t *start, int32_t count, const float *x, int vectors,
                          float *result)
{
    vec query[vectors];
    for (int i = 0; i < vectors; i++)
        query[i] = ((const vec *)x)[i];
    for (int32_t c = 0; c < count; c += 4) {
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
INLINE float at_point(const Work *work, const float *by_cell, int32_t p)
{
    const float *weight = work->weight + 4 * p;
    const int32_t *slot = work->slot + 4 * p;
    return (weight[0] * by_cell[slot[0]] + weight[1] * by_cell[slot[1]]) +
           (weight[2] * by_cell[slot[2]] + weight[3] * by_cell[slot[3]]);
}

/* The attention weights of the points, in `logit`. */
NOINLINE void attend(const Work *work, int32_t points)
{
    float *logit = work->logit;
    float largest = -__builtin_inff(), total = 0.f;
    for (int32_t p = 0; p < points; p++) {
        logit[p] = at_point(work, work->score, p) + work->poison[p];
        largest = logit[p] > largest ? logit[p] : largest;
    }
    for (int32_t block = 0; block < points; block += BLOCK)
        for (int32_t p = block; p < block + BLOCK; p++)
            logit[p] = exp_negative(logit[p] - largest);
    for (int32_t p = 0; p < points; p++)
        total += logit[p];
    const float inverse = 1.f / total;
    for (int32_t p = 0; p < points; p++)
        logit[p] *= inverse;
}

NOINLINE void load_pair(const Problem *problem, Work *work, int64_t b, int64_t h, int64_t padded)
{
    const int64_t tokens = problem->height * problem->width;
    for (int64_t n = 0; n < tokens; n++) {
        if (n + 2 * AHEAD < tokens) {
            prefetch_row(&problem->key, b, h, n + 2 * AHEAD);
            prefetch_row(&problem->value, b, h, n + 2 * AHEAD);
        }
        load_row(&problem->key, b, h, n, padded, 1.f, work->rows + n * 2 * padded);
        load_row(&problem->value, b, h, n, padded, 1.f, work->rows + n * 2 * padded + padded);
    }
    memset(work->rows + tokens * 2 * padded, 0, sizeof(float) * (size_t)(2 * padded));
    memset(work->listed, 0, sizeof(uint32_t) * (size_t)(tokens + 1));
}

INLINE float *offset_row(const Rows *rows, int64_t b, int64_t h, int64_t n)
{
    return (float *)rows->data + row_start(rows, b, h, n);
}

INLINE void forward_pair(const Problem *problem, Work *work, int64_t b, int64_t h, int vectors)
{
    const int64_t width = problem->width, tokens = problem->height * width, padded = vectors * LANES;
    const int32_t points = (int32_t)problem->points;
    uint32_t base = 1;
    load_pair(problem, work, b, h, padded);
    for (int64_t n = 0; n < tokens; n++) {
        if (n + AHEAD < tokens) {
            prefetch_row(&problem->query, b, h, n + AHEAD);
            prefetch_row(&problem->offsets, b, h, n + AHEAD);
            prefetch_row(&problem->out, b, h, n + AHEAD);
        }
        const int32_t count = list_cells(problem, work, offset_row(&problem->offsets, b, h, n), (int32_t)(n % width),
                                         (int32_t)(n / width), base, (int32_t)(2 * padded));
        base += (uint32_t)count;
        load_row(&problem->query, b, h, n, padded, problem->scale, work->query);
        multiply_rows(work->rows, work->start, count, work->query, vectors, work->score);
        attend(work, points);
        for (int32_t c = 0; c < count; c++)
            work->to_value[c] = 0.f;
        for (int32_t p = 0; p < points; p++)
            for (int32_t j = 4 * p; j < 4 * p + 4; j++)
                work->to_value[work->slot[j]] += work->logit[p] * work->weight[j];
        vec sum[vectors];
        for (int i = 0; i < vectors; i++)
            sum[i] = (vec){0};
        for (int32_t c = 0; c < count; c++) {
            const vec *value = (const vec *)(work->rows + work->start[c] + padded);
            for (int i = 0; i < vectors; i++)
                sum[i] += work->to_value[c] * value[i];
        }
        for (int i = 0; i < vectors; i++)
            ((vec *)work->sum)[i] = sum[i];
        store_row(&problem->out, b, h, n, 1.f, work->sum);
    }
}

/* From the attention weights and the products: dS and A by cell, and the gradient of the offsets. */
NOINLINE void backward_scalars(const Work *work, int32_t count, int32_t points, float *grad_offsets)
{
    float mean = 0.f;
    for (int32_t p = 0; p < points; p++) {
        work->sampled[p] = at_point(work, work->product, p);
        mean += work->logit[p] * work->sampled[p];
    }
    for (int32_t c = 0; c < count; c++)
        work->to_score[c] = work->to_value[c] = 0.f;
    for (int32_t p = 0; p < points; p++) {
        const float attention = work->logit[p], to_logit = attention * (work->sampled[p] - mean);
        const float fx = work->fraction_x[p], fy = work->fraction_y[p];
        float to_weight[4];
        for (int32_t j = 0; j < 4; j++) {
            const int32_t c = work->slot[4 * p + j];
            const float weight = work->weight[4 * p + j];
            to_weight[j] = to_logit * work->score[c] + attention * work->product[c];
            work->to_score[c] += weight * to_logit;
            work->to_value[c] += weight * attention;
        }
        grad_offsets[2 * p] = (1.f - fy) * (to_weight[1] - to_weight[0]) + fy * (to_weight[3] - to_weight[2]);
        grad_offsets[2 * p + 1] = (1.f - fx) * (to_weight[2] - to_weight[0]) + fx * (to_weight[3] - to_weight[1]);
    }
}

INLINE void backward_pair(const Problem *problem, Work *work, int64_t b, int64_t h, int vectors)
{
    const int64_t width = problem->width, tokens = problem->height * width, padded = vectors * LANES;
    const int32_t points = (int32_t)problem->points;
    uint32_t base = 1;
    load_pair(problem, work, b, h, padded);
    memset(work->grad_rows, 0, sizeof(float) * (size_t)(tokens * 2 * padded));
    for (int64_t n = 0; n < tokens; n++) {
        if (n + AHEAD < tokens) {
            prefetch_row(&problem->query, b, h, n + AHEAD);
            prefetch_row(&problem->grad_out, b, h, n + AHEAD);
            prefetch_row(&problem->offsets, b, h, n + AHEAD);
            prefetch_row(&problem->grad_query, b, h, n + AHEAD);
            prefetch_row(&problem->grad_offsets, b, h, n + AHEAD);
        }
        const int32_t count = list_cells(problem, work, offset_row(&problem->offsets, b, h, n), (int32_t)(n % width),
                                         (int32_t)(n / width), base, (int32_t)(2 * padded));
        base += (uint32_t)count;
        load_row(&problem->query, b, h, n, padded, problem->scale, work->query);
        load_row(&problem->grad_out, b, h, n, padded, 1.f, work->grad_out);
        multiply_rows(work->rows, work->start, count, work->query, vectors, work->score);
        multiply_rows(work->rows + padded, work->start, count, work->grad_out, vectors, work->product);
        attend(work, points);
        backward_scalars(work, count, points, offset_row(&problem->grad_offsets, b, h, n));
        vec query[vectors], grad_out[vectors], sum[vectors];
        for (int i = 0; i < vectors; i++) {
            query[i] = ((const vec *)work->query)[i];
            grad_out[i] = ((const vec *)work->grad_out)[i];
            sum[i] = (vec){0};
        }
        for (int32_t c = 0; c < count; c++) {
            const float to_score = work->to_score[c], to_value = work->to_value[c];
            const vec *key = (const vec *)(work->rows + work->start[c]);
            vec *grad = (vec *)(work->grad_rows + work->start[c]);
            for (int i = 0; i < vectors; i++) {
                sum[i] += to_score * key[i];
                grad[i] += to_score * query[i];
                grad[vectors + i] += to_value * grad_out[i];
            }
        }
        for (int i = 0; i < vectors; i++)
            ((vec *)work->sum)[i] = sum[i];
        store_row(&problem->grad_query, b, h, n, problem->scale, work->sum);
    }
    for (int64_t n = 0; n < tokens; n++) {
        if (n + 2 * AHEAD < tokens) {
            prefetch_row(&problem->grad_key, b, h, n + 2 * AHEAD);
            prefetch_row(&problem->grad_value, b, h, n + 2 * AHEAD);
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
