#include "core/sql/calls.h"

#include "core/sql/name_table.h"

namespace dorsal::sql {
namespace {

// Keywords of every server from 8.0 on, so that none can be the name of a stored function.
constexpr std::string_view kConstructs =
    "against all and any as between bigint binary bit blob both by case character columns cube "
    "datetime dec decimal desc describe distinct distinctrow div double else end enum escape "
    "except exists explain fixed float for from having high_priority in index int integer "
    "intersect is join key lateral leading like limit mediumint mod nchar not numeric nvarchar of "
    "offset on or over partition real regexp rlike rollup row select smallint some sql_big_result "
    "sql_buffer_result sql_calc_found_rows sql_no_cache sql_small_result straight_join table text "
    "then tinyint trailing union using value values varbinary varchar when where window xor";

// Checked against the parser of a 9.7 server. md5, sha and sha1 live in a component since then.
constexpr std::string_view kPure =
    "abs acos addtime aes_decrypt aes_encrypt any_value ascii asin atan atan2 avg benchmark bin "
    "bin_to_uuid bit_count bit_length ceil ceiling char char_length character_length charset "
    "coalesce coercibility collation compress concat concat_ws conv convert convert_tz cos cot "
    "crc32 cume_dist current_date current_role current_time current_timestamp current_user "
    "database date date_format datediff day dayname dayofmonth dayofweek dayofyear default "
    "degrees dense_rank elt etag exp export_set extractvalue field find_in_set first_value floor "
    "format format_bytes format_pico_time from_base64 from_days from_unixtime from_vector "
    "geomcollection geometrycollection get_format greatest grouping gtid_subset gtid_subtract hex "
    "hour icu_version if ifnull inet6_aton inet6_ntoa inet_aton inet_ntoa insert instr interval "
    "is_ipv4 is_ipv4_compat is_ipv4_mapped is_ipv6 is_uuid isnull json_array json_array_append "
    "json_array_insert json_contains json_contains_path json_depth json_extract json_insert "
    "json_keys json_length json_merge json_merge_patch json_merge_preserve json_object "
    "json_overlaps json_pretty json_quote json_remove json_replace json_schema_valid "
    "json_schema_validation_report json_search json_set json_storage_free json_storage_size "
    "json_table json_type json_unquote json_valid json_value lag last_day last_value lcase lead "
    "least left length linestring ln localtime localtimestamp locate log log10 log2 lower lpad "
    "ltrim make_set makedate maketime match mbrcontains mbrcoveredby mbrcovers mbrdisjoint "
    "mbrequals mbrintersects mbroverlaps mbrtouches mbrwithin md5 microsecond minute month "
    "monthname multilinestring multipoint multipolygon name_const nth_value ntile nullif oct "
    "octet_length ord percent_rank period_add period_diff pi point polygon pow power quarter "
    "quote radians rand random_bytes rank regexp_instr regexp_like regexp_replace regexp_substr "
    "repeat replace reverse right round row_number rpad rtrim schema sec_to_time second sha sha1 "
    "sha2 sign sin sleep soundex space sqrt st_area st_asbinary st_asgeojson st_astext st_aswkb "
    "st_aswkt st_buffer st_buffer_strategy st_centroid st_contains st_convexhull st_crosses "
    "st_difference st_dimension st_disjoint st_distance st_distance_sphere st_endpoint "
    "st_envelope st_equals st_exteriorring st_frechetdistance st_geohash st_geomcollfromtext "
    "st_geomcollfromtxt st_geomcollfromwkb st_geometrycollectionfromtext "
    "st_geometrycollectionfromwkb st_geometryfromtext st_geometryfromwkb st_geometryn "
    "st_geometrytype st_geomfromgeojson st_geomfromtext st_geomfromwkb st_hausdorffdistance "
    "st_interiorringn st_intersection st_intersects st_isclosed st_isempty st_issimple st_isvalid "
    "st_latfromgeohash st_latitude st_length st_linefromtext st_linefromwkb "
    "st_lineinterpolatepoint st_lineinterpolatepoints st_linestringfromtext st_linestringfromwkb "
    "st_longfromgeohash st_longitude st_makeenvelope st_mlinefromtext st_mlinefromwkb "
    "st_mpointfromtext st_mpointfromwkb st_mpolyfromtext st_mpolyfromwkb "
    "st_multilinestringfromtext st_multilinestringfromwkb st_multipointfromtext "
    "st_multipointfromwkb st_multipolygonfromtext st_multipolygonfromwkb st_numgeometries "
    "st_numinteriorring st_numinteriorrings st_numpoints st_overlaps st_pointatdistance "
    "st_pointfromgeohash st_pointfromtext st_pointfromwkb st_pointn st_polyfromtext "
    "st_polyfromwkb st_polygonfromtext st_polygonfromwkb st_simplify st_srid st_startpoint "
    "st_swapxy st_symdifference st_touches st_transform st_union st_validate st_within st_x st_y "
    "statement_digest statement_digest_text str_to_date strcmp string_to_vector substring_index "
    "subtime tan time time_format time_to_sec timediff timestamp timestampadd timestampdiff "
    "to_base64 to_days to_seconds to_vector truncate ucase uncompress uncompressed_length unhex "
    "unix_timestamp updatexml upper utc_date utc_time utc_timestamp uuid uuid_short "
    "uuid_to_bin vector_dim vector_to_string version week weekday weekofyear weight_string year "
    "yearweek";

// Built in only with the parenthesis right behind; `sum (x)` may be a stored function.
// https://dev.mysql.com/doc/refman/8.4/en/function-resolution.html
constexpr std::string_view kTight =
    "adddate bit_and bit_or bit_xor cast count curdate curtime date_add date_sub extract "
    "group_concat json_arrayagg json_duality_object json_objectagg max mid min now position "
    "st_collect std stddev stddev_pop stddev_samp subdate substr substring sum "
    "sysdate trim var_pop var_samp variance";

using Row = NameRow<Call>;

// What they answer or do belongs to one connection or one server.
constexpr std::array kOwn{
    Row{"last_insert_id", Call::LastInsertId},
    Row{"found_rows", Call::LastResult},
    Row{"row_count", Call::LastResult},
    Row{"connection_id", Call::ConnectionId},
    Row{"user", Call::ClientUser},
    Row{"session_user", Call::TightClientUser},
    Row{"system_user", Call::TightClientUser},
    Row{"ps_current_thread_id", Call::OwnServer},
    Row{"ps_thread_id", Call::OwnServer},
    Row{"load_file", Call::OwnServer},
    Row{"master_pos_wait", Call::Position},
    Row{"source_pos_wait", Call::Position},
    Row{"wait_for_executed_gtid_set", Call::Position},
    Row{"release_all_locks", Call::ReleasesAllLocks},
    Row{"get_lock", Call::TakesUserLock},
    Row{"release_lock", Call::UserLock},
    Row{"is_free_lock", Call::UserLock},
    Row{"is_used_lock", Call::UserLock},
};

constexpr auto make_rows() {
  std::array<Row, count_words(kConstructs) + count_words(kPure) + count_words(kTight) + kOwn.size()>
      rows{};
  std::size_t next = add_words(rows, 0, kConstructs, Call::Construct);
  next = add_words(rows, next, kPure, Call::Pure);
  next = add_words(rows, next, kTight, Call::Tight);
  for (const Row& row : kOwn) rows[next++] = row;
  return rows;
}

constexpr NameTable kCalls(make_rows());

}  // namespace

Call find_call(std::string_view name) {
  const Call* call = kCalls.find(name);
  return call == nullptr ? Call::Unknown : *call;
}

}  // namespace dorsal::sql
