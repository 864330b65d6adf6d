#include "core/sql/tracked.h"

#include <algorithm>
#include <array>

#include "core/sql/ascii.h"
#include "core/sql/lexer.h"
#include "core/sql/name_table.h"

// Not in any list, hence pinning, on purpose:
//   gtid_next, sql_log_bin, binlog_…, original_…, pseudo_…, rbr_exec_mode, require_row_format,
//   immediate_server_version, xa_detach_on_prepare   say how the next write enters the binary log
//   group_replication_consistency                    a promise about this server
//   insert_id, last_insert_id, identity              belong to the next or the last INSERT
//   timestamp, rand_seed1, rand_seed2                read back as something else than was set
//   completion_type                                  makes COMMIT begin or end more than it says
//   sql_auto_is_null                                 `id IS NULL` then finds LAST_INSERT_ID()
//   optimizer_trace…, profiling…                     their output stays on the connection
//   character_set_database, collation_database       follow the default schema

namespace dorsal::sql {
namespace {

constexpr std::string_view kTrackedVariables =
    // Text and its meaning, in the order in which they must be set.
    "default_collation_for_utf8mb4,character_set_client,character_set_connection,"
    "collation_connection,character_set_results,character_set_server,collation_server,"
    "character_set_filesystem,"
    // What every statement depends on.
    "sql_mode,time_zone,lc_time_names,lc_messages,autocommit,transaction_isolation,"
    "transaction_read_only,"
    // Limits and what a client sees.
    "sql_select_limit,sql_big_selects,max_join_size,group_concat_max_len,max_execution_time,"
    "sql_safe_updates,sql_buffer_result,sql_notes,sql_warnings,max_error_count,"
    "sql_quote_show_create,"
    // Arithmetic, time and recursion.
    "div_precision_increment,default_week_format,block_encryption_mode,cte_max_recursion_depth,"
    "max_sort_length,max_points_in_geometry,max_sp_recursion_depth,windowing_use_high_precision,"
    "explicit_defaults_for_timestamp,"
    // Checks on what is written.
    "foreign_key_checks,unique_checks,enable_cascade_triggers,restrict_fk_on_non_standard_key,"
    "updatable_views_with_limit,sql_require_primary_key,sql_generate_invisible_primary_key,"
    // Defaults of what is created.
    "auto_increment_increment,auto_increment_offset,default_storage_engine,"
    "default_tmp_storage_engine,default_table_encryption,external_table_storage_engine,"
    "external_table_secondary_storage_engine,"
    // Waiting and InnoDB.
    "innodb_strict_mode,innodb_lock_wait_timeout,innodb_table_locks,innodb_ft_enable_stopword,"
    "innodb_ft_user_stopword_table,lock_wait_timeout,"
    // The optimizer: plans, not results, but a replica should run the plan that was asked for.
    "optimizer_switch,optimizer_prune_level,optimizer_search_depth,optimizer_max_subgraph_pairs,"
    "eq_range_index_dive_limit,range_optimizer_max_mem_size,max_seeks_for_key,parser_max_mem_size,"
    // Memory and engines of a query.
    "join_buffer_size,sort_buffer_size,read_buffer_size,read_rnd_buffer_size,"
    "set_operations_buffer_size,tmp_table_size,max_heap_table_size,"
    "internal_tmp_mem_storage_engine,use_secondary_engine,secondary_engine_cost_threshold,"
    // EXPLAIN, SHOW and the information schema.
    "explain_format,explain_json_format_version,end_markers_in_json,"
    "information_schema_stats_expiry,show_create_table_verbosity,"
    "show_create_table_skip_secondary_engine,show_gipk_in_create_table_and_information_schema,"
    "print_identified_with_as_hex,terminology_use_previous,"
    // The protocol.
    "resultset_metadata,net_read_timeout,net_write_timeout,wait_timeout,"
    // No effect on what any statement means or returns; but a session sees what it has set.
    "big_tables,bulk_insert_buffer_size,connection_memory_chunk_size,connection_memory_limit,"
    "enable_secondary_engine_statistics,generated_random_password_length,"
    "global_connection_memory_tracking,histogram_generation_max_mem_size,innodb_ddl_buffer_size,"
    "innodb_ddl_threads,innodb_parallel_read_threads,innodb_tmpdir,interactive_timeout,"
    "keep_files_on_create,long_query_time,low_priority_updates,"
    "max_delayed_threads,max_insert_delayed_threads,max_length_for_sort_data,"
    "min_examined_row_limit,myisam_sort_buffer_size,myisam_stats_method,"
    "net_retry_count,old_alter_table,preload_buffer_size,query_alloc_block_size,"
    "query_prealloc_size,range_alloc_block_size,select_into_buffer_size,select_into_disk_sync,"
    "select_into_disk_sync_delay,sql_log_off,transaction_alloc_block_size,"
    "transaction_allow_batching,transaction_prealloc_size,"
    // The tracker itself.
    "session_track_gtids,session_track_schema,session_track_state_change,"
    "session_track_system_variables,session_track_transaction_info";

constexpr int kNotCarried = 1000;

struct Known {
  Carry carry = Carry::Pins;
  int order = 0;
};

constexpr auto make_rows() {
  std::array<NameRow<Known>, count_words(kTrackedVariables, ',')> rows{};
  std::size_t tracked = add_words(rows, 0, kTrackedVariables, Known{Carry::Carried}, ',');
  for (std::size_t i = 0; i < tracked; ++i) {
    rows[i].value.order = static_cast<int>(i);
    if (starts_with_word(rows[i].name, "session_track_")) rows[i].value.carry = Carry::Guarded;
  }
  return rows;
}

constexpr NameTable kVariables(make_rows());

bool is_number(std::string_view text) {
  if (!text.empty() && text[0] == '-') text.remove_prefix(1);
  return !text.empty() && is_digit(text[0]) && is_digit(text.back()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c) || c == '.'; }) &&
         std::count(text.begin(), text.end(), '.') <= 1;
}

// A backslash in a string means one thing or another depending on sql_mode; in hexadecimal it is
// only itself.
std::string hexadecimal(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex = "x'";
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex + "'";
}

std::string quoted(std::string_view text) {
  if (text.find('\\') != std::string_view::npos) return hexadecimal(text);
  std::string quoted = "'";
  for (char c : text) quoted.append(c == '\'' ? 2 : 1, c);
  return quoted + "'";
}

}  // namespace

Carry carry(std::string_view variable) {
  const Known* known = kVariables.find(variable);
  return known == nullptr ? Carry::Pins : known->carry;
}

std::string_view tracked_variables() { return kTrackedVariables; }

int carry_order(std::string_view variable) {
  const Known* known = kVariables.find(variable);
  return known == nullptr ? kNotCarried : known->order;
}

std::string set_clause(std::string_view variable, std::string_view reported_value) {
  std::string clause = std::string(variable) + "=";
  if (reported_value.empty() && !equal_words(variable, "sql_mode")) return clause + "NULL";
  return clause +
         (is_number(reported_value) ? std::string(reported_value) : quoted(reported_value));
}

}  // namespace dorsal::sql
