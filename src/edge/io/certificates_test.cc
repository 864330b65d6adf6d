#include "edge/io/certificates.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "edge/io/process.h"
#include "edge/io/scope.h"
#include "edge/io/testing.h"

namespace dorsal::io {
namespace {

using testing::ScratchFolder;

mode_t mode_of(const std::string& path) {
  struct stat status {};
  ::stat(path.c_str(), &status);
  return status.st_mode & 0777;
}

TEST(Certificates, KeysArePrivateAndInPkcs8) {
  ScratchFolder folder;
  testing::Certificates files(folder.path());
  for (const auto& key : {files.authority.key, files.key}) {
    EXPECT_EQ(mode_of(key), 0600u);
    EXPECT_TRUE(read_file(key)->starts_with("-----BEGIN PRIVATE KEY-----"));
  }
  EXPECT_EQ(mode_of(files.certificate), 0644u);
}

TEST(Certificates, OpensslAgreesWithEveryField) {
  ScratchFolder folder;
  testing::Certificates files(folder.path());
  Loop loop;
  auto openssl = [&](std::vector<std::string> arguments) {
    auto output = block_on(
        loop,
        run_to_end(loop, "openssl", std::move(arguments), loop.after(std::chrono::seconds(30))));
    return output ? output->text : output.error().message;
  };
  if (openssl({"version"}).find("OpenSSL") == std::string::npos) GTEST_SKIP() << "no openssl";
  EXPECT_EQ(openssl({"verify",
                     "-x509_strict",
                     "-purpose",
                     "sslserver",
                     "-verify_hostname",
                     "server.test",
                     "-CAfile",
                     files.authority.certificate,
                     files.certificate}),
            files.certificate + ": OK\n");
  auto text = openssl({"x509", "-in", files.certificate, "-noout", "-text"});
  for (const char* part : {"Version: 3",
                           "CN = server.test",
                           "DNS:server.test, IP Address:127.0.0.1",
                           "prime256v1",
                           "TLS Web Server Authentication, TLS Web Client Authentication",
                           "CA:FALSE"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in " << text;
  }
}

TEST(Certificates, AuthorityIsNeverReplaced) {
  ScratchFolder folder;
  auto files = AuthorityFiles::in(folder.path());
  ASSERT_TRUE(create_authority(files, "cluster"));
  auto again = create_authority(files, "cluster");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::Conflict);
}

TEST(Certificates, WhatIsWrittenInThemIsReadBack) {
  ScratchFolder folder;
  auto files = AuthorityFiles::in(folder.path());
  ASSERT_TRUE(create_authority(files, "cluster", "test://cluster"));
  EXPECT_EQ(read_certificate(files.certificate)->uris, std::vector<std::string>{"test://cluster"});
  CertificateRequest request;
  request.certificate_file = folder / "cert.pem";
  request.key_file = folder / "key.pem";
  request.common_name = "db1";
  request.names = {"db1"};
  request.uri = "test://db1";
  request.days = 30;
  ASSERT_TRUE(issue_certificate(files, request));
  auto facts = read_certificate(request.certificate_file);
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(facts->common_name, "db1");
  EXPECT_EQ(facts->uris, std::vector<std::string>{"test://db1"});
  EXPECT_EQ(facts->valid_until_s - facts->valid_from_s, (30 + 1) * 86400);
}

TEST(Certificates, TheIssuerIsToldFromAnAuthorityOfTheSameName) {
  ScratchFolder folder;
  ScratchFolder elsewhere;
  testing::Certificates files(folder.path());
  auto other = AuthorityFiles::in(elsewhere.path());
  ASSERT_TRUE(create_authority(other, "test authority"));
  EXPECT_TRUE(check_issuer(files.certificate, files.authority.certificate));
  auto refused = check_issuer(files.certificate, other.certificate);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            files.certificate + " is not a certificate of the authority " + other.certificate);
}

TEST(Certificates, WhatIsNoneIsNamed) {
  ScratchFolder folder;
  EXPECT_EQ(read_certificate(folder / "none.pem").error().kind, ErrorKind::NotFound);
  ASSERT_TRUE(write_file_atomically(folder / "bad.pem", "nonsense", 0600));
  auto bad = read_certificate(folder / "bad.pem");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().kind, ErrorKind::Invalid);
  EXPECT_NE(bad.error().message.find("bad.pem"), std::string::npos);
}

TEST(Certificates, NamesCannotSmuggleInOthers) {
  ScratchFolder folder;
  auto files = AuthorityFiles::in(folder.path());
  ASSERT_TRUE(create_authority(files, "cluster"));
  CertificateRequest request;
  request.certificate_file = folder / "cert.pem";
  request.key_file = folder / "key.pem";
  request.common_name = "db1";
  for (const char* name : {"", "a,DNS:b", "a b", "a;b"}) {
    request.names = {name};
    EXPECT_FALSE(issue_certificate(files, request)) << name;
  }
  request.names = {"db1"};
  request.common_name = std::string(65, 'x');
  EXPECT_FALSE(issue_certificate(files, request));
  EXPECT_FALSE(exists(request.key_file));
}

}  // namespace
}  // namespace dorsal::io
