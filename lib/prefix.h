/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the library call one another by, with the library's own
 * prefix for the linker: in a static library each of these is global, and must
 * not meet a name of the user's.
 */
#ifndef TARN_PREFIX_H
#define TARN_PREFIX_H

#define block_cache_configure tarn_own_block_cache_configure
#define block_cache_leave     tarn_own_block_cache_leave
#define block_cache_lock      tarn_own_block_cache_lock
#define block_cache_trim      tarn_own_block_cache_trim
#define block_cache_unlock    tarn_own_block_cache_unlock
#define block_give            tarn_own_block_give
#define block_take            tarn_own_block_take
#define cleanup_add           tarn_own_cleanup_add
#define cleanup_count         tarn_own_cleanup_count
#define cleanup_run_newest    tarn_own_cleanup_run_newest
#define cursor_blocks         tarn_own_cursor_blocks
#define cursor_claim          tarn_own_cursor_claim
#define cursor_clear          tarn_own_cursor_clear
#define cursor_held           tarn_own_cursor_held
#define cursor_reset          tarn_own_cursor_reset
#define large_alloc           tarn_own_large_alloc
#define large_clear           tarn_own_large_clear
#define large_figures         tarn_own_large_figures
#define large_free            tarn_own_large_free
#define large_reset           tarn_own_large_reset
#define large_resize          tarn_own_large_resize
#define limit_charge_slow     tarn_own_limit_charge_slow
#define limit_finish          tarn_own_limit_finish
#define limit_init            tarn_own_limit_init
#define limit_settle_slow     tarn_own_limit_settle_slow
#define local_handed_out      tarn_own_local_handed_out
#define local_need            tarn_own_local_need
#define local_reset           tarn_own_local_reset
#define local_resize          tarn_own_local_resize
#define local_take            tarn_own_local_take
#define local_take_chunk      tarn_own_local_take_chunk
#define local_want            tarn_own_local_want
#define pool_is_refused_slow  tarn_own_pool_is_refused_slow
#define pool_large_use        tarn_own_pool_large_use
#define pool_local_slow       tarn_own_pool_local_slow
#define pool_out_of_memory    tarn_own_pool_out_of_memory
#define slot_acquire          tarn_own_slot_acquire
#define slot_name_self        tarn_own_slot_name_self
#define slot_self             tarn_own_slot_self
#define slot_table_init       tarn_own_slot_table_init
#define slot_table_insert     tarn_own_slot_table_insert
#define source_alloc          tarn_own_source_alloc
#define source_malloc         tarn_own_source_malloc
#define source_of             tarn_own_source_of
#define source_release        tarn_own_source_release
#define source_resize         tarn_own_source_resize
#define upstream_usable       tarn_own_upstream_usable

#endif
