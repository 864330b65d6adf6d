#include "edge/io/tls.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>

#include "edge/io/scope.h"
#include "edge/io/testing.h"

namespace dorsal::io {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::connected_pair;
using testing::read_exactly;

Task<> start_server(Stream& stream,
                    const TlsContext& context,
                    Deadline deadline,
                    Result<void>& outcome) {
  outcome = co_await stream.start_tls_server(context, deadline);
}

struct Handshake {
  testing::Pair pair;
  Result<void> client;
  Result<void> server;
};

Task<Handshake> shake_hands(Loop& loop,
                            const TlsContext& client,
                            const TlsContext& server,
                            std::string name) {
  Handshake both;
  both.pair = co_await connected_pair(loop);
  auto deadline = loop.after(seconds(20));
  Scope scope(loop);
  scope.spawn(start_server(both.pair.server, server, deadline, both.server));
  both.client = co_await both.pair.client.start_tls_client(client, name, deadline);
  if (!both.client) both.pair.client.close();
  co_await scope.join();
  co_return both;
}

// One authority for all tests: making keys takes a while under a sanitizer.
class Tls : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new testing::ScratchFolder;
    files_ = new testing::Certificates(folder_->path());
  }
  static void TearDownTestSuite() {
    delete files_;
    delete folder_;
  }

  TlsContext server() { return *TlsContext::server(files_->certificate, files_->key); }
  TlsContext client(TlsVerify verify) {
    return *TlsContext::client(verify, files_->authority.certificate);
  }
  TlsContext stranger() {
    testing::ScratchFolder other;
    testing::Certificates certificates(other.path());
    return *TlsContext::client(TlsVerify::CaOnly, certificates.authority.certificate);
  }

  static testing::ScratchFolder* folder_;
  static testing::Certificates* files_;
  Loop loop_;
};
testing::ScratchFolder* Tls::folder_ = nullptr;
testing::Certificates* Tls::files_ = nullptr;

Task<> exchange(Loop& loop, Handshake& both, std::string text) {
  auto deadline = loop.after(seconds(60));
  auto echo = [](Stream& stream, std::size_t size, Deadline limit) -> Task<> {
    auto got = co_await read_exactly(stream, size, limit);
    EXPECT_TRUE(co_await stream.write_all2(std::string_view(got).substr(0, 1),
                                           std::string_view(got).substr(1),
                                           limit));
  };
  Scope scope(loop);
  scope.spawn(echo(both.pair.server, text.size(), deadline));
  EXPECT_TRUE(co_await both.pair.client.write_all(text, deadline));
  auto back = co_await read_exactly(both.pair.client, text.size(), deadline);
  EXPECT_TRUE(back == text);
  co_await scope.join();
}

TEST_F(Tls, VerifiedConnectionCarriesSmallAndLargeTexts) {
  auto both =
      block_on(loop_, shake_hands(loop_, client(TlsVerify::CaAndName), server(), "server.test"));
  ASSERT_TRUE(both.client) << both.client.error().message;
  ASSERT_TRUE(both.server) << both.server.error().message;
  EXPECT_TRUE(both.pair.client.is_tls());
  EXPECT_EQ(both.pair.client.tls_version(), "TLSv1.3");
  EXPECT_FALSE(both.pair.server.tls_cipher().empty());
  block_on(loop_, exchange(loop_, both, "small"));
  block_on(loop_, exchange(loop_, both, std::string(3'000'000, 'x')));
}

TEST_F(Tls, AddressesAreVerifiedToo) {
  auto good =
      block_on(loop_, shake_hands(loop_, client(TlsVerify::CaAndName), server(), "127.0.0.1"));
  EXPECT_TRUE(good.client);
  auto bad =
      block_on(loop_, shake_hands(loop_, client(TlsVerify::CaAndName), server(), "127.0.0.2"));
  EXPECT_FALSE(bad.client);
}

TEST_F(Tls, WrongAuthorityIsRefused) {
  auto both = block_on(loop_, shake_hands(loop_, stranger(), server(), ""));
  ASSERT_FALSE(both.client);
  EXPECT_EQ(both.client.error().kind, ErrorKind::Invalid);
  EXPECT_NE(both.client.error().message.find("the server's certificate is refused"),
            std::string::npos);
  EXPECT_FALSE(both.server) << "the alert tells the server";
  EXPECT_EQ(both.server.error().kind, ErrorKind::Unavailable);
}

TEST_F(Tls, WrongNameIsRefusedOnlyWhenNamesCount) {
  auto strict =
      block_on(loop_, shake_hands(loop_, client(TlsVerify::CaAndName), server(), "other.test"));
  ASSERT_FALSE(strict.client);
  EXPECT_EQ(strict.client.error().kind, ErrorKind::Invalid);
  auto lax = block_on(loop_, shake_hands(loop_, client(TlsVerify::CaOnly), server(), "other.test"));
  EXPECT_TRUE(lax.client);
  auto no_name = block_on(loop_, shake_hands(loop_, client(TlsVerify::CaAndName), server(), ""));
  EXPECT_FALSE(no_name.client);
}

TEST_F(Tls, WithoutVerificationAnyCertificateWill) {
  auto nobody = TlsContext::client(TlsVerify::None);
  ASSERT_TRUE(nobody);
  auto both = block_on(loop_, shake_hands(loop_, *nobody, server(), ""));
  EXPECT_TRUE(both.client);
}

TEST_F(Tls, ClientCertificateIsCheckedWhenPresented) {
  auto server = TlsContext::server(files_->certificate, files_->key, files_->authority.certificate);
  auto known = TlsContext::client(TlsVerify::CaOnly,
                                  files_->authority.certificate,
                                  files_->certificate,
                                  files_->key);
  ASSERT_TRUE(server && known);
  EXPECT_TRUE(block_on(loop_, shake_hands(loop_, *known, *server, "")).server);
  EXPECT_TRUE(block_on(loop_, shake_hands(loop_, client(TlsVerify::CaOnly), *server, "")).server);
}

TEST_F(Tls, AServerLearnsWhoItsClientIs) {
  auto server = TlsContext::server(files_->certificate, files_->key, files_->authority.certificate);
  auto known = TlsContext::client(TlsVerify::CaOnly,
                                  files_->authority.certificate,
                                  files_->certificate,
                                  files_->key);
  ASSERT_TRUE(server && known);
  auto shown = block_on(loop_, shake_hands(loop_, *known, *server, "")).pair.server.tls_peer();
  EXPECT_TRUE(shown.is_verified);
  EXPECT_EQ(shown.subject, "/CN=server.test");
  EXPECT_EQ(shown.issuer, "/CN=test authority");
  auto none = block_on(loop_, shake_hands(loop_, client(TlsVerify::CaOnly), *server, ""));
  EXPECT_FALSE(none.pair.server.tls_peer().is_verified);
  EXPECT_EQ(none.pair.server.tls_peer().subject, "");
}

TEST_F(Tls, AClientOfAnotherAuthorityIsRefused) {
  testing::ScratchFolder other;
  testing::Certificates theirs(other.path());
  auto server = TlsContext::server(files_->certificate, files_->key, files_->authority.certificate);
  auto stranger = TlsContext::client(TlsVerify::None, "", theirs.certificate, theirs.key);
  ASSERT_TRUE(server && stranger);
  auto both = block_on(loop_, shake_hands(loop_, *stranger, *server, ""));
  ASSERT_FALSE(both.server);
  EXPECT_NE(both.server.error().message.find("the client's certificate is refused"),
            std::string::npos);
}

TEST_F(Tls, OldVersionsAndWeakCiphersAreRefused) {
  for (const char* ciphers : {"AES128-SHA", "AES256-GCM-SHA384", "ECDHE-ECDSA-AES256-SHA"}) {
    auto weak = client(TlsVerify::None);
    SSL_CTX_set_max_proto_version(weak.native_handle(), TLS1_2_VERSION);
    ASSERT_EQ(SSL_CTX_set_cipher_list(weak.native_handle(), ciphers), 1) << ciphers;
    EXPECT_FALSE(block_on(loop_, shake_hands(loop_, weak, server(), "")).server) << ciphers;
  }
  auto sound = client(TlsVerify::None);
  SSL_CTX_set_max_proto_version(sound.native_handle(), TLS1_2_VERSION);
  auto both = block_on(loop_, shake_hands(loop_, sound, server(), ""));
  EXPECT_TRUE(both.server);
  EXPECT_EQ(both.pair.server.tls_version(), "TLSv1.2");
  auto old = client(TlsVerify::None);
  SSL_CTX_set_min_proto_version(old.native_handle(), TLS1_1_VERSION);
  SSL_CTX_set_max_proto_version(old.native_handle(), TLS1_1_VERSION);
  SSL_CTX_set_cipher_list(old.native_handle(), "ALL:@SECLEVEL=0");
  EXPECT_FALSE(block_on(loop_, shake_hands(loop_, old, server(), "")).server);
}

TEST_F(Tls, AConnectionOutlivesTheContextThatItBeganWith) {
  auto first = std::make_unique<TlsContext>(server());
  auto both = block_on(loop_, shake_hands(loop_, client(TlsVerify::CaOnly), *first, ""));
  first.reset();
  block_on(loop_, exchange(loop_, both, "still here"));
}

TEST_F(Tls, PeerThatNeverFinishesTimesOut) {
  auto test = [](Loop& loop, TlsContext context) -> Task<> {
    auto pair = co_await connected_pair(loop);
    auto deadline = loop.after(milliseconds(30));
    auto outcome = co_await pair.server.start_tls_server(context, deadline);
    EXPECT_FALSE(outcome);
    EXPECT_EQ(outcome.error().kind, ErrorKind::Timeout);
    EXPECT_FALSE(pair.server.is_tls());
  };
  block_on(loop_, test(loop_, server()));
}

TEST_F(Tls, PeerThatSpeaksNoTlsIsCorrupt) {
  auto test = [](Loop& loop, TlsContext context) -> Task<> {
    auto pair = co_await connected_pair(loop);
    EXPECT_TRUE(co_await pair.client.write_all("GET / HTTP/1.0\r\n\r\n", Deadline::never()));
    auto outcome = co_await pair.server.start_tls_server(context, loop.after(seconds(20)));
    EXPECT_FALSE(outcome);
    EXPECT_EQ(outcome.error().kind, ErrorKind::Corrupt);
  };
  block_on(loop_, test(loop_, server()));
}

TEST_F(Tls, PeerThatClosesDuringTheHandshakeIsUnavailable) {
  auto test = [](Loop& loop, TlsContext context) -> Task<> {
    auto pair = co_await connected_pair(loop);
    pair.client.close();
    auto outcome = co_await pair.server.start_tls_server(context, loop.after(seconds(20)));
    EXPECT_FALSE(outcome);
    EXPECT_EQ(outcome.error().kind, ErrorKind::Unavailable);
  };
  block_on(loop_, test(loop_, server()));
}

TEST_F(Tls, ServerTakesTheStartOfTlsThatItHasReadAlready) {
  auto test = [](Loop& loop, TlsContext client_context, TlsContext server_context) -> Task<> {
    auto pair = co_await connected_pair(loop);
    auto deadline = loop.after(seconds(20));
    Result<void> client;
    auto start =
        [](Stream& stream, const TlsContext& context, Deadline limit, Result<void>& out) -> Task<> {
      out = co_await stream.start_tls_client(context, "server.test", limit);
    };
    Scope scope(loop);
    scope.spawn(start(pair.client, client_context, deadline, client));
    char buffer[100];
    auto some = co_await pair.server.read_some(buffer, sizeof buffer, deadline);
    EXPECT_TRUE(some);
    std::string_view already_read(buffer, *some);
    EXPECT_TRUE(co_await pair.server.start_tls_server(server_context, deadline, already_read));
    co_await scope.join();
    EXPECT_TRUE(client);
  };
  block_on(loop_, test(loop_, client(TlsVerify::CaAndName), server()));
}

TEST_F(Tls, ClientRefusesBytesFromBeforeTls) {
  auto test = [](Loop& loop, TlsContext context) -> Task<> {
    auto pair = co_await connected_pair(loop);
    auto outcome =
        co_await pair.client.start_tls_client(context, "server.test", Deadline::never(), "OK");
    EXPECT_FALSE(outcome);
    EXPECT_EQ(outcome.error().kind, ErrorKind::Corrupt);
  };
  block_on(loop_, test(loop_, client(TlsVerify::CaAndName)));
}

TEST_F(Tls, EndDeadlineAndReadinessWorkAsWithoutTls) {
  auto test = [](Loop& loop, Handshake& both) -> Task<> {
    char buffer[8];
    auto late =
        co_await both.pair.server.read_some(buffer, sizeof buffer, loop.after(milliseconds(5)));
    EXPECT_FALSE(late);
    EXPECT_EQ(late.error().kind, ErrorKind::Timeout);
    EXPECT_FALSE(co_await both.pair.server.wait_readable(loop.after(milliseconds(5))));
    std::string_view bytes = "now";
    EXPECT_TRUE(both.pair.client.try_write(bytes));
    EXPECT_TRUE(co_await both.pair.server.wait_readable(loop.after(seconds(20))));
    auto count = both.pair.server.try_read(buffer, sizeof buffer);
    EXPECT_TRUE(count && *count == 3);
    both.pair.client.close();
    auto end = co_await both.pair.server.read_some(buffer, sizeof buffer, loop.after(seconds(20)));
    EXPECT_FALSE(end);
    EXPECT_EQ(end.error().message, "the other side closed the connection");
  };
  auto both = block_on(loop_, shake_hands(loop_, client(TlsVerify::CaOnly), server(), ""));
  ASSERT_TRUE(both.client && both.server);
  block_on(loop_, test(loop_, both));
}

// What a server that demands certificates of its authority makes of a client.
class MutualTls : public Tls {
 protected:
  struct Shown {
    std::string certificate;
    std::string key;
  };

  Shown issue(const AuthorityFiles& authority, const std::string& name, int days) {
    CertificateRequest request;
    request.certificate_file = *folder_ / name + ".pem";
    request.key_file = *folder_ / name + "-key.pem";
    request.common_name = name;
    request.uri = "test://" + name;
    request.days = days;
    DORSAL_CHECK(issue_certificate(authority, request));
    return {request.certificate_file, request.key_file};
  }
  TlsContext client_with(const Shown& shown) {
    return *TlsContext::client(TlsVerify::CaOnly,
                               files_->authority.certificate,
                               shown.certificate,
                               shown.key);
  }
  TlsContext demanding_server() {
    return *TlsContext::mutual_server(files_->certificate,
                                      files_->key,
                                      files_->authority.certificate);
  }
  Handshake meet(const TlsContext& client) {
    return block_on(loop_, shake_hands(loop_, client, demanding_server(), ""));
  }
};

TEST_F(MutualTls, WhoShowsACertificateOfTheAuthorityIsKnownByItsUris) {
  auto both = meet(client_with(issue(files_->authority, "guest", 1)));
  ASSERT_TRUE(both.server) << both.server.error().message;
  EXPECT_TRUE(both.pair.server.tls_peer().is_verified);
  EXPECT_EQ(both.pair.server.tls_peer().uris, std::vector<std::string>{"test://guest"});
  EXPECT_EQ(both.pair.server.tls_refusal(), TlsRefusal::None);
}

TEST_F(MutualTls, WhoShowsNoneIsRefused) {
  auto both = meet(client(TlsVerify::CaOnly));
  ASSERT_FALSE(both.server);
  EXPECT_EQ(both.server.error().message, "the client shows no certificate");
  EXPECT_EQ(both.server.error().kind, ErrorKind::Invalid);
  EXPECT_EQ(both.pair.server.tls_refusal(), TlsRefusal::NoCertificate);
}

TEST_F(MutualTls, AnExpiredOneIsRefused) {
  auto both = meet(client_with(issue(files_->authority, "late", -1)));
  ASSERT_FALSE(both.server);
  EXPECT_EQ(both.server.error().message,
            "the client's certificate is refused: certificate has expired");
  EXPECT_EQ(both.pair.server.tls_refusal(), TlsRefusal::Expired);
}

TEST_F(MutualTls, OneOfAnotherAuthorityOfTheSameNameIsRefused) {
  testing::ScratchFolder elsewhere;
  auto other = AuthorityFiles::in(elsewhere.path());
  ASSERT_TRUE(create_authority(other, "test authority"));
  auto both = meet(client_with(issue(other, "foreign", 1)));
  ASSERT_FALSE(both.server);
  EXPECT_EQ(both.pair.server.tls_refusal(), TlsRefusal::OtherAuthority)
      << both.server.error().message;
}

// Without the authority's key identifier, only the signature tells the two authorities apart.
void remove_key_identifier(const std::string& certificate_file, const AuthorityFiles& authority) {
  std::unique_ptr<BIO, decltype(&BIO_free_all)> in(BIO_new_file(certificate_file.c_str(), "r"),
                                                   &BIO_free_all);
  std::unique_ptr<BIO, decltype(&BIO_free_all)> key_in(BIO_new_file(authority.key.c_str(), "r"),
                                                       &BIO_free_all);
  std::unique_ptr<X509, decltype(&X509_free)> certificate(
      PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr),
      &X509_free);
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      PEM_read_bio_PrivateKey(key_in.get(), nullptr, nullptr, nullptr),
      &EVP_PKEY_free);
  const int place = X509_get_ext_by_NID(certificate.get(), NID_authority_key_identifier, -1);
  X509_EXTENSION_free(X509_delete_ext(certificate.get(), place));
  ASSERT_GT(X509_sign(certificate.get(), key.get(), EVP_sha256()), 0);
  std::unique_ptr<BIO, decltype(&BIO_free_all)> out(BIO_new_file(certificate_file.c_str(), "w"),
                                                    &BIO_free_all);
  ASSERT_EQ(PEM_write_bio_X509(out.get(), certificate.get()), 1);
}

TEST_F(MutualTls, AForgedSignatureIsToldFromBrokenTls) {
  testing::ScratchFolder elsewhere;
  auto other = AuthorityFiles::in(elsewhere.path());
  ASSERT_TRUE(create_authority(other, "test authority"));
  const auto shown = issue(other, "forged", 1);
  remove_key_identifier(shown.certificate, other);
  auto both = meet(client_with(shown));
  ASSERT_FALSE(both.server);
  EXPECT_EQ(both.pair.server.tls_refusal(), TlsRefusal::OtherAuthority)
      << both.server.error().message;
  EXPECT_EQ(both.server.error().message,
            "the client's certificate is refused: certificate signature failure");
}

TEST_F(MutualTls, OldVersionsOfTlsAreRefused) {
  auto old = client_with(issue(files_->authority, "old", 1));
  SSL_CTX_set_security_level(old.native_handle(), 0);
  SSL_CTX_set_min_proto_version(old.native_handle(), TLS1_1_VERSION);
  SSL_CTX_set_max_proto_version(old.native_handle(), TLS1_1_VERSION);
  SSL_CTX_set_cipher_list(old.native_handle(), "ALL");
  auto both = meet(old);
  ASSERT_FALSE(both.server);
  EXPECT_EQ(both.pair.server.tls_refusal(), TlsRefusal::OldVersion) << both.server.error().message;
}

TEST_F(MutualTls, NoSessionIsResumed) {
  auto context = client_with(issue(files_->authority, "again", 1));
  auto first = meet(context);
  ASSERT_TRUE(first.server);
  block_on(loop_, exchange(loop_, first, "so that a ticket would have come"));
  EXPECT_EQ(SSL_CTX_sess_number(context.native_handle()), 0);
}

TEST_F(MutualTls, WhatWasSaidLastIsHeardBeforeTheConnectionEnds) {
  auto test = [](Loop& loop) -> Task<> {
    auto pair = co_await connected_pair(loop);
    auto deadline = loop.after(seconds(20));
    EXPECT_TRUE(co_await pair.client.write_all(std::string(100'000, 'x'), deadline));
    EXPECT_TRUE(co_await pair.server.write_all("no", deadline));
    Scope scope(loop);
    scope.spawn(pair.server.linger(deadline));
    EXPECT_EQ(co_await read_exactly(pair.client, 3, deadline), "no");
    pair.client.close();
    co_await scope.join();
  };
  block_on(loop_, test(loop_));
}

TEST_F(Tls, UnusableFilesAreNamed) {
  auto missing = TlsContext::server(*folder_ / "none.pem", files_->key);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::NotFound);
  ASSERT_TRUE(write_file_atomically(*folder_ / "bad.pem", "nonsense", 0600));
  auto bad = TlsContext::client(TlsVerify::CaOnly, *folder_ / "bad.pem");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().kind, ErrorKind::Invalid);
  EXPECT_NE(bad.error().message.find("bad.pem"), std::string::npos);
}

}  // namespace
}  // namespace dorsal::io
