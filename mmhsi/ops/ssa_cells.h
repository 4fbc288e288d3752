/* Which distinct cells the corners of a query's points lie in, and numbers of cells by corner. */
#ifndef MMHSI_SSA_CELLS_H
#define MMHSI_SSA_CELLS_H

#include "ssa_common.h"

#if defined(__AVX512F__) && defined(__AVX512CD__)
#define IN_REGISTERS 32  /* corners that are compared in two registers */

/* Bit by bit the lanes that are first in their cell; by lane the first lane with that cell. */
INLINE __mmask16 first_lanes(__m512i cells, __m512i *first)
{
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i earlier = _mm512_conflict_epi32(cells);
    const __m512i lowest = _mm512_and_si512(earlier, _mm512_sub_epi32(_mm512_setzero_si512(), earlier));
    const __mmask16 fresh = _mm512_testn_epi32_mask(earlier, earlier);
    *first = _mm512_mask_mov_epi32(_mm512_sub_epi32(_mm512_set1_epi32(31), _mm512_lzcnt_epi32(lowest)), fresh, lane);
    return fresh;
}

INLINE int32_t list_in_registers(const int32_t *cells, int32_t corners, int32_t row_floats, int32_t *start,
                                 int32_t *slot)
{
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i low = _mm512_load_si512(cells), high = _mm512_load_si512(cells + 16);
    const __m512i row = _mm512_set1_epi32(row_floats);
    const uint32_t valid = corners < 32 ? (1u << corners) - 1 : ~0u;
    __m512i first_low, first_high;
    const __mmask16 fresh_low = first_lanes(low, &first_low) & (__mmask16)valid;
    __mmask16 fresh_high = first_lanes(high, &first_high) & (__mmask16)(valid >> 16);
    first_high = _mm512_add_epi32(first_high, _mm512_set1_epi32(16));
#pragma GCC unroll 16
    for (int j = 15; j >= 0; j--) {
        const __mmask16 same = _mm512_cmpeq_epi32_mask(high, _mm512_set1_epi32(cells[j]));
        first_high = _mm512_mask_mov_epi32(first_high, same, _mm512_set1_epi32(j));
        fresh_high &= ~same;
    }
    const int32_t count_low = __builtin_popcount(fresh_low);
    const __m512i number_low = _mm512_maskz_expand_epi32(fresh_low, lane);
    const __m512i number_high =
        _mm512_maskz_expand_epi32(fresh_high, _mm512_add_epi32(lane, _mm512_set1_epi32(count_low)));
    _mm512_storeu_si512(slot, _mm512_permutexvar_epi32(first_low, number_low));
    _mm512_storeu_si512(slot + 16, _mm512_permutex2var_epi32(number_low, first_high, number_high));
    _mm512_storeu_si512(start, _mm512_maskz_compress_epi32(fresh_low, _mm512_mullo_epi32(low, row)));
    _mm512_storeu_si512(start + count_low, _mm512_maskz_compress_epi32(fresh_high, _mm512_mullo_epi32(high, row)));
    return count_low + __builtin_popcount(fresh_high);
}

INLINE void take_in_registers(const float *by_cell, const int32_t *slot, float *by_corner)
{
    const __m512 low = _mm512_load_ps(by_cell), high = _mm512_load_ps(by_cell + 16);
    _mm512_store_ps(by_corner, _mm512_permutex2var_ps(low, _mm512_load_si512(slot), high));
    _mm512_store_ps(by_corner + 16, _mm512_permutex2var_ps(low, _mm512_load_si512(slot + 16), high));
}
#endif

/* List the distinct ones of the cells of a query's corners, in the order in which they come first: where their rows
   start, and by corner the number in the list. `first` is work space by cell, `number` by corner. */
INLINE int32_t list_distinct(const int32_t *restrict cells, int32_t corners, int32_t row_floats,
                             int32_t *restrict first, int32_t *restrict number, int32_t *restrict start,
                             int32_t *restrict slot)
{
#ifdef IN_REGISTERS
    if (corners <= IN_REGISTERS)
        return list_in_registers(cells, corners, row_floats, start, slot);
#endif
    int32_t count = 0;
    for (int32_t i = corners - 1; i >= 0; i--)
        first[cells[i]] = i;
    for (int32_t i = 0; i < corners; i++) {
        const int32_t earliest = first[cells[i]];
        start[count] = cells[i] * row_floats;
        number[i] = count;
        slot[i] = number[earliest];
        count += earliest == i;
    }
    return count;
}

/* Numbers by cell as numbers by corner. */
INLINE void take_corners(const float *restrict by_cell, const int32_t *restrict slot, int32_t corners,
                         float *restrict by_corner)
{
#ifdef IN_REGISTERS
    if (corners <= IN_REGISTERS) {
        take_in_registers(by_cell, slot, by_corner);
        return;
    }
#endif
    for (int32_t i = 0; i < corners; i++)
        by_corner[i] = by_cell[slot[i]];
}

#endif
