#include "core/admission/accounts.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <sstream>

namespace dorsal::admission {
namespace {

bool matches(const char* pattern, const char* address, const char* name = "") {
  return HostPattern(pattern).matches(address, name);
}

TEST(HostPattern, MatchesAsTheServersDo) {
  struct Case {
    const char* pattern;
    const char* address;
    const char* name;
    bool expected;
  };
  const Case cases[] = {
      {"10.0.0.1", "10.0.0.1", "", true},
      {"10.0.0.1", "10.0.0.10", "", false},
      {"10.0.0.%", "10.0.0.10", "", true},
      {"10.0.0._", "10.0.0.10", "", false},
      {"10.0.0._", "10.0.0.7", "", true},
      {"10.%.7", "10.1.2.7", "", true},
      {"10.%.7", "10.1.2.8", "", false},
      {"%", "2001:db8::1", "", true},
      {"", "10.0.0.1", "", true},
      {"2001:db8::%", "2001:db8::17", "", true},
      {"::1", "::1", "", true},
      {"::1", "0:0:0:0:0:0:0:1", "", false},
      {"10.0.0.0/255.255.255.0", "10.0.0.99", "", true},
      {"10.0.0.0/255.255.255.0", "10.0.1.99", "", false},
      {"10.0.0.1/255.255.255.0", "10.0.0.1", "", false},
      {"10.0.0.0/24", "10.0.0.99", "", true},
      {"10.0.0.0/24", "10.0.1.99", "", false},
      {"10.0.0.128/25", "10.0.0.129", "", true},
      {"10.0.0.0/24", "::1", "", false},
      {"localhost", "127.0.0.1", "localhost", true},
      {"localhost", "127.0.0.1", "", false},
      {"LocalHost", "127.0.0.1", "localhost", true},
      {"local%", "127.0.0.1", "localhost", true},
      {"127.0.0.1", "127.0.0.1", "localhost", true},
      {"db\\_1", "10.0.0.1", "db_1", true},
      {"db\\_1", "10.0.0.1", "dbx1", false},
      {"%a%b%c", "", "xxaxxbxbxc", true},
      {"%a%b%c", "", "xxaxxbxbx", false},
      {"%_", "", "", false},
  };
  for (const auto& [pattern, address, name, expected] : cases) {
    EXPECT_EQ(matches(pattern, address, name), expected) << pattern << " and " << address;
  }
}

Account account(const char* user, const char* host) {
  Account made;
  made.user = user;
  made.host = HostPattern(host);
  return made;
}

std::string found(const std::vector<std::pair<const char*, const char*>>& rows,
                  const char* user,
                  const char* address,
                  bool resolves_names = false) {
  std::vector<Account> all;
  all.reserve(rows.size());
  for (const auto& [row_user, host] : rows) all.push_back(account(row_user, host));
  const Accounts accounts(std::move(all), resolves_names);
  const auto from = *address == '\0' ? std::nullopt : IpAddress::parse(address);
  const Account* hit = accounts.find(user, from);
  return hit == nullptr ? "none" : hit->name();
}

TEST(Accounts, TheMostSpecificHostCounts) {
  const std::vector<std::pair<const char*, const char*>> rows = {{"app", "%"},
                                                                 {"app", "10.%"},
                                                                 {"app", "10.0.0.0/255.255.0.0"},
                                                                 {"app", "10.0.%"},
                                                                 {"app", "10.0.0.0/8"},
                                                                 {"app", "10.0.0.0/16"},
                                                                 {"app", "10.0.0.7"},
                                                                 {"app", ""}};
  EXPECT_EQ(found(rows, "app", "10.0.0.7"), "app@10.0.0.7");
  EXPECT_EQ(found(rows, "app", "10.0.0.8"), "app@10.0.0.0/16");
  EXPECT_EQ(found(rows, "app", "10.1.0.8"), "app@10.0.0.0/8");
  EXPECT_EQ(found(rows, "app", "11.0.0.8"), "app@%");
  EXPECT_EQ(found({{"app", ""}, {"app", "%"}}, "app", "11.0.0.8"), "app@%");
  EXPECT_EQ(found({{"app", "10.%"}, {"app", "10.0.%"}}, "app", "10.0.0.8"), "app@10.0.%");
}

TEST(Accounts, TheConnectionVersionIsThatOfAllAccountsThatMayBeTheUsers) {
  auto version = [](const char* rights, const char* others_rights) {
    Account own = account("app", "10.%");
    own.rights = rights;
    Account anybody = account("", "%");
    anybody.rights = others_rights;
    Account other = account("other", "%");
    other.rights = others_rights;
    return std::pair(Accounts({own, other}, false).connection_version("app"),
                     Accounts({own, anybody}, false).connection_version("app"));
  };
  EXPECT_EQ(version("1", "1"), version("1", "1"));
  EXPECT_NE(version("1", "1").first, version("2", "1").first);
  EXPECT_EQ(version("1", "1").first, version("1", "2").first);
  EXPECT_NE(version("1", "1").second, version("1", "2").second);
  EXPECT_NE(version("1", "1").first, version("1", "1").second);
}

bool is_tied(const Account& found, const std::string& name) {
  const auto at = name.find('@');
  const HostPattern other(name.substr(at + 1));
  return found.host.compare_specificity(other) == 0 && found.user.empty() == (at == 0);
}

std::string read_file(const char* path) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path, "rb"), &std::fclose);
  std::string text;
  char buffer[4096];
  while (std::size_t count = file ? std::fread(buffer, 1, sizeof(buffer), file.get()) : 0) {
    text.append(buffer, count);
  }
  return text;
}

// Plays back what a server did with accounts and addresses that were put together at random.
TEST(Accounts, AreChosenAsByAServer) {
  std::istringstream golden(read_file(DORSAL_GOLDEN_ACCOUNTS));
  std::unique_ptr<Accounts> accounts;
  std::string list;
  int compared = 0;
  for (std::string line; std::getline(golden, line);) {
    if (line.starts_with("#")) continue;
    std::istringstream words(line);
    std::string first;
    std::string second;
    words >> first >> second;
    if (first != "accounts") {
      const Account* found = accounts->find("u", IpAddress::parse(first));
      const auto name = found == nullptr ? "none" : found->name();
      // The server sorts in a way that leaves the order of equals to chance.
      const bool is_tie = found != nullptr && second != "none" && is_tied(*found, second);
      EXPECT_TRUE(name == second || is_tie)
          << name << " instead of " << second << " for " << first << " of " << list;
      ++compared;
      continue;
    }
    const bool resolves_names = second == "with";
    list = line;
    std::vector<Account> all;
    words >> first;
    for (std::string word; words >> word;) {
      const auto at = word.find('@');
      all.push_back(account(word.substr(0, at).c_str(), word.substr(at + 1).c_str()));
    }
    accounts = std::make_unique<Accounts>(std::move(all), resolves_names);
  }
  EXPECT_GT(compared, 2000);
}

TEST(Accounts, WhoHasNoMatchingHostIsNobody) {
  EXPECT_EQ(found({{"app", "10.0.0.%"}, {"other", "%"}}, "app", "10.0.1.1"), "none");
  EXPECT_EQ(found({}, "app", "10.0.1.1"), "none");
  EXPECT_EQ(found({{"APP", "%"}}, "app", "10.0.1.1"), "none");
}

TEST(Accounts, AnAnonymousAccountOfACloserHostTakesPrecedence) {
  EXPECT_EQ(found({{"app", "%"}, {"", "10.0.0.1"}}, "app", "10.0.0.1"), "@10.0.0.1");
  EXPECT_EQ(found({{"app", "%"}, {"", "%"}}, "app", "10.0.0.1"), "app@%");
  EXPECT_EQ(found({{"", "%"}}, "app", "10.0.0.1"), "@%");
}

TEST(Accounts, LocalhostMeansASocketAndLoopbackOnlyWhereNamesAreResolved) {
  EXPECT_EQ(found({{"app", "localhost"}}, "app", ""), "app@localhost");
  EXPECT_EQ(found({{"app", "localhost"}}, "app", "127.0.0.1", true), "app@localhost");
  EXPECT_EQ(found({{"app", "localhost"}}, "app", "::1", true), "app@localhost");
  EXPECT_EQ(found({{"app", "localhost"}}, "app", "127.0.0.2", true), "none");
  EXPECT_EQ(found({{"app", "localhost"}}, "app", "127.0.0.1", false), "none");
  EXPECT_EQ(found({{"app", "localhost"}, {"app", "127.0.0.1"}}, "app", "127.0.0.1", true),
            "app@127.0.0.1");
}

TEST(Accounts, AClientIsCalledAsTheServerCallsIt) {
  const Accounts with_names({}, true);
  const Accounts without({}, false);
  EXPECT_EQ(with_names.host_of(IpAddress::parse("127.0.0.1")), "localhost");
  EXPECT_EQ(without.host_of(IpAddress::parse("127.0.0.1")), "127.0.0.1");
  EXPECT_EQ(with_names.host_of(IpAddress::parse("::ffff:10.0.0.1")), "10.0.0.1");
  EXPECT_EQ(without.host_of(std::nullopt), "localhost");
}

TEST(Accounts, KnowWhoMayNeedTls) {
  auto plain = account("app", "%");
  auto strict = account("app", "10.%");
  strict.require = Require::Tls;
  const Accounts accounts({plain, strict, account("other", "%")}, false);
  EXPECT_TRUE(accounts.may_need_tls("app"));
  EXPECT_FALSE(accounts.may_need_tls("other"));
  EXPECT_FALSE(accounts.may_need_tls("nobody"));
}

TEST(Meets, WhatRequireDemands) {
  ClientFacts plain;
  ClientFacts tls;
  tls.is_tls = true;
  tls.cipher = "TLS_AES_256_GCM_SHA384";
  ClientFacts certified = tls;
  certified.is_certified = true;
  certified.issuer = "/CN=authority";
  certified.subject = "/CN=app";
  struct Case {
    Require require;
    const char* cipher;
    const char* issuer;
    const char* subject;
    bool plain, tls, certified;
  };
  const Case cases[] = {
      {Require::Nothing, "", "", "", true, true, true},
      {Require::Tls, "", "", "", false, true, true},
      {Require::Certificate, "", "", "", false, false, true},
      {Require::Details, "", "/CN=authority", "/CN=app", false, false, true},
      {Require::Details, "", "", "/CN=app", false, false, true},
      {Require::Details, "", "", "/CN=App", false, false, false},
      {Require::Details, "", "/CN=other", "", false, false, false},
      {Require::Details, "TLS_AES_256_GCM_SHA384", "", "", false, false, true},
      {Require::Details, "TLS_AES_128_GCM_SHA256", "", "", false, false, false},
  };
  for (const auto& row : cases) {
    Account demanding = account("app", "%");
    demanding.require = row.require;
    demanding.cipher = row.cipher;
    demanding.issuer = row.issuer;
    demanding.subject = row.subject;
    EXPECT_EQ(meets(demanding, plain), row.plain) << row.subject;
    EXPECT_EQ(meets(demanding, tls), row.tls) << row.subject;
    EXPECT_EQ(meets(demanding, certified), row.certified) << row.subject;
  }
}

}  // namespace
}  // namespace dorsal::admission
