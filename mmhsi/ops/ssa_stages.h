/* The stages that a query goes through, but for sums over rows that depend on the direction. */
#ifndef MMHSI_SSA_STAGES_H
#define MMHSI_SSA_STAGES_H

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
INLINE void at_points(const float *restrict weight, const float *restrict by_corner, int32_t points,
                      float *restrict result)
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

#endif
