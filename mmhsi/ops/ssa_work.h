/* What sparse_sampling_attention.c works on: the problem, a thread's work space, and the cells that a query touches. */
#ifndef MMHSI_SSA_WORK_H
#define MMHSI_SSA_WORK_H

#include "ssa_cells.h"

typedef struct {
    Rows query, key, value, offsets, out;
    Rows grad_out, grad_query, grad_key, grad_value, grad_offsets;
    int64_t batch, heads, height, width, points;
    float scale;
    int32_t stream;  /* write past the caches */
    int64_t threads;
    ParallelRegion region;
    char *scratch;  /* 64-byte aligned, scratch_bytes for each thread */
    int64_t scratch_bytes;
} Problem;

#define BLOCK 8  /* points that are handled at once */
#define QUERIES 8  /* queries that go through each stage together: their chains of dependent steps overlap */

/* What is known of a query. Arrays over the corners of points have the four of a point side by side. */
typedef struct {
    int64_t count;  /* of cells */
    float *query, *grad_out, *sum;  /* padded */
    float *score, *product, *to_score, *to_value;  /* by number in the list of cells: s, t, dS, A */
    int32_t *start;  /* by number: where the cell's row starts, in floats */
    int32_t *slot;  /* by corner: number in the list */
    float *weight, *score_at, *product_at;  /* by corner: w, s, t */
    float *fraction_x, *fraction_y, *poison;  /* by point */
} Query;

/* The work space of a thread; arrays over points and corners are padded to whole blocks of points. The cell numbered
   `tokens` stands for every place outside the grid: its rows are zero, and what is added to its gradient is ignored. */
typedef struct {
    float *rows, *grad_rows;  /* (tokens + 1) x 2 * padded */
    int32_t *listed;  /* by cell: the first corner in it of the query that listed it last */
    int32_t *cell, *number;  /* by corner of the present query */
    float *offset;  /* by point: x, y */
    float *attention, *sampled;  /* by point, and for each the queries of the group side by side */
    Query queries[QUERIES];
    int64_t next_batch, next_head;  /* the pair that the thread will probably do next */
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
    work->listed = TAKE(int32_t, tokens + 1);
    work->cell = TAKE(int32_t, corners);
    work->number = TAKE(int32_t, corners);
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
        query->score_at = TAKE(float, corners);
        query->product_at = TAKE(float, corners);
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
    query->count = list_distinct(work->cell, 4 * points, row_floats, work->listed, work->number, query->start,
                                 query->slot);
    for (int64_t c = query->count; c < query->count + 3; c++)
        query->start[c] = 0;  /* products are taken by fours */
}

#endif
