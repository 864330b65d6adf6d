#include "app/outcome.h"

#include <chrono>
#include <nlohmann/json.hpp>

#include "edge/io/files.h"

namespace dorsal::app {

std::string reload_file(const std::string& run_folder, const std::string& role) {
  return run_folder + "/" + role + ".reload";
}

std::string upgrade_file(const std::string& run_folder, const std::string& role) {
  return run_folder + "/" + role + ".upgrade";
}

std::int64_t steady_ns() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

Result<void> write_outcome(const std::string& file, const Outcome& outcome) {
  nlohmann::ordered_json json{{"began_ns", outcome.began_ns},
                              {"is_refused", outcome.is_refused},
                              {"message", outcome.message}};
  // A file name may hold bytes that are no UTF-8; they are replaced rather than refused.
  auto text = json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
  return io::write_file_atomically(file, text + "\n", 0600);
}

std::optional<Outcome> read_outcome(const std::string& file) {
  auto text = io::read_file(file);
  if (!text) return std::nullopt;
  auto json = nlohmann::json::parse(*text, nullptr, false);
  const bool is_whole = json.is_object() && json.contains("began_ns") &&
                        json["began_ns"].is_number_integer() && json.contains("is_refused") &&
                        json["is_refused"].is_boolean() && json.contains("message") &&
                        json["message"].is_string();
  if (!is_whole) return std::nullopt;
  return Outcome{json["began_ns"], json["is_refused"], json["message"]};
}

}  // namespace dorsal::app
