// What it costs to decide whether a statement may leave the primary.
#include <benchmark/benchmark.h>

#include <string>

#include "core/sql/statement.h"

namespace {

void classify(benchmark::State& state, const std::string& sql) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(dorsal::sql::classify(sql, {}));
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * sql.size()));
}

std::string long_insert() {
  std::string sql = "INSERT INTO orders (id, customer, note) VALUES ";
  for (int i = 0; i < 1000; ++i) {
    sql += (i == 0 ? "(" : ", (") + std::to_string(i) + ", 42, 'it''s a note')";
  }
  return sql;
}

BENCHMARK_CAPTURE(classify, point_select, "SELECT c FROM sbtest1 WHERE id=5025");
BENCHMARK_CAPTURE(classify,
                  join,
                  "SELECT o.id, c.name, SUM(l.price * l.amount) AS total FROM orders AS o JOIN "
                  "customers c ON c.id = o.customer JOIN lines l ON l.order_id = o.id WHERE "
                  "o.placed > '2026-01-01' AND c.country IN ('AT', 'CH', 'DE') GROUP BY o.id, "
                  "c.name HAVING total > 100 ORDER BY total DESC LIMIT 20");
BENCHMARK_CAPTURE(classify, locking_read, "SELECT * FROM stock WHERE item = 7 FOR\nUPDATE");
BENCHMARK_CAPTURE(classify, update, "UPDATE stock SET amount = amount - 1 WHERE item = 7");
BENCHMARK_CAPTURE(classify, insert_of_a_thousand_rows, long_insert());

}  // namespace
