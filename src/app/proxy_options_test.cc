#include "app/proxy_options.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "edge/instance/secrets.h"
#include "edge/io/files.h"
#include "edge/io/testing.h"

namespace dorsal::app {
namespace {

// A folder with what `dorsal up` puts there for the proxy.
class ProxyOptions : public testing::Test {
 public:
  static void SetUpTestSuite() {
    folder_ = new io::testing::ScratchFolder;
    for (const char* made : {"tls", "mine", "secrets"}) {
      ASSERT_TRUE(io::make_directories(*folder_ / made, 0700));
    }
    ASSERT_TRUE(io::write_file_atomically(*folder_ / "secrets/monitor", "geheim\n", 0600));
    for (const char* where : {"tls", "mine"}) {
      auto authority = io::AuthorityFiles::in(*folder_ / where);
      ASSERT_TRUE(io::create_authority(authority, where));
      io::CertificateRequest request;
      request.certificate_file = *folder_ / where + "/proxy.pem";
      request.key_file = *folder_ / where + "/proxy-key.pem";
      request.common_name = "proxy";
      ASSERT_TRUE(io::issue_certificate(authority, request));
    }
  }
  static void TearDownTestSuite() { delete folder_; }

  static Config parse(const std::string& text) {
    auto none = [](const std::string&) { return std::nullopt; };
    auto config = parse_config(text, *folder_ / "dorsal.yaml", none, {});
    EXPECT_TRUE(config) << config.error().message;
    return *config;
  }
  static std::string complaint(const std::string& text) {
    auto options = proxy_options(parse(text));
    return options ? "accepted" : options.error().message;
  }

  static io::testing::ScratchFolder* folder_;
};
io::testing::ScratchFolder* ProxyOptions::folder_ = nullptr;

TEST_F(ProxyOptions, TheFoldersCertificatesServeUnlessToldOtherwise) {
  auto options = proxy_options(parse(""));
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_TRUE(options->client_tls.has_value());
  EXPECT_FALSE(options->client_tls_required);
  ASSERT_TRUE(options->server_tls.has_value());
  EXPECT_EQ(options->server_tls->verify(), io::TlsVerify::CaAndName);
}

TEST_F(ProxyOptions, WithoutCertificatesClientsGetNoTlsAndServersAreVerifiedAllTheSame) {
  auto options = proxy_options(parse("tls: nowhere\n"));
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_FALSE(options->client_tls.has_value());
  ASSERT_TRUE(options->server_tls.has_value());
  EXPECT_EQ(options->server_tls->verify(), io::TlsVerify::CaAndName);
}

TEST_F(ProxyOptions, EachModeMeansWhatItSays) {
  EXPECT_TRUE(proxy_options(parse("proxy: {tls_mode: required}"))->client_tls_required);
  EXPECT_FALSE(proxy_options(parse("proxy: {tls_mode: off}"))->client_tls.has_value());
  EXPECT_FALSE(proxy_options(parse("proxy: {server_tls: off}"))->server_tls.has_value());
  EXPECT_EQ(proxy_options(parse("proxy: {server_tls: unverified}"))->server_tls->verify(),
            io::TlsVerify::None);
}

TEST_F(ProxyOptions, WhatIsAskedForMustBeThere) {
  EXPECT_EQ(complaint("tls: nowhere\nproxy: {tls_mode: required}"),
            "cannot read the certificate " + *folder_ / "nowhere/proxy.pem");
  EXPECT_EQ(complaint("proxy: {tls_certificate: none.pem, tls_key: tls/proxy-key.pem}"),
            "cannot read the certificate " + *folder_ / "none.pem");
  EXPECT_EQ(complaint("proxy: {tls_client_ca: none.pem}"),
            "cannot read the authority's certificate " + *folder_ / "none.pem");
  EXPECT_EQ(complaint("proxy: {server_tls_ca: none.pem}"),
            "cannot read the authority's certificate " + *folder_ / "none.pem");
  EXPECT_EQ(complaint("proxy: {tls_certificate: mine/proxy.pem}"),
            "'proxy.tls_certificate' and 'proxy.tls_key' go together; set both or neither");
  EXPECT_EQ(complaint("proxy: {server_tls_key: mine/proxy-key.pem}"),
            "'proxy.server_tls_certificate' and 'proxy.server_tls_key' go together; set both or "
            "neither");
}

TEST_F(ProxyOptions, AKeyOfAnotherCertificateIsRefused) {
  EXPECT_EQ(
      complaint("proxy: {tls_certificate: mine/proxy.pem, tls_key: tls/proxy-key.pem}"),
      *folder_ / "tls/proxy-key.pem is not the private key of " + *folder_ / "mine/proxy.pem");
}

TEST_F(ProxyOptions, ItsOwnCertificateIsShownOnlyToServersOfItsOwnAuthority) {
  auto shown = [](const std::string& text) {
    auto files = certificate_files(parse(text));
    return std::count(files.begin(), files.end(), *folder_ / "tls/proxy.pem");
  };
  EXPECT_EQ(shown(""), 2);
  EXPECT_EQ(shown("proxy: {server_tls_ca: mine/ca.pem}"), 1);
}

}  // namespace
}  // namespace dorsal::app
