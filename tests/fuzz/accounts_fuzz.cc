// Accounts by host: no pattern, user or address breaks the search, and what is found matches.
#include "core/admission/accounts.h"
#include "fuzz_input.h"

namespace dorsal::admission {

using fuzz::require;

// Up to the next line break, which is cut off with it.
std::string take_line(std::string_view& text) {
  const auto end = text.find('\n');
  std::string line(text.substr(0, end));
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return line;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const bool resolves_names = input.flag();
  auto text = input.rest();
  const auto user = take_line(text);
  const auto address = IpAddress::parse(take_line(text));
  if (address) require(IpAddress::parse(address->text()) == address);
  std::vector<Account> rows;
  while (!text.empty() && rows.size() < 100) {
    Account row;
    row.user = take_line(text);
    row.host = HostPattern(take_line(text));
    rows.push_back(std::move(row));
  }
  const Accounts accounts(rows, resolves_names);
  const Account* found = accounts.find(user, address);
  const auto host = accounts.host_of(address);
  require(!host.empty());
  const auto address_text = address ? address->text() : std::string();
  const std::string name = host == "localhost" ? host : std::string();
  bool is_any = false;
  for (const Account& row : rows) {
    const bool fits =
        (row.user.empty() || row.user == user) && row.host.matches(address_text, name);
    if (!fits) continue;
    is_any = true;
    require(found != nullptr && found->host.compare_specificity(row.host) <= 0);
  }
  require(is_any == (found != nullptr));
  return 0;
}

}  // namespace dorsal::admission
