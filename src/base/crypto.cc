#include "base/crypto.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

namespace dorsal {
namespace {

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(BIO* bio) const { BIO_free(bio); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

const unsigned char* raw(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* raw(std::string& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

std::string digest(const EVP_MD* kind, std::string_view bytes) {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned int length = 0;
  DORSAL_CHECK(EVP_Digest(bytes.data(), bytes.size(), raw(out), &length, kind, nullptr) == 1);
  out.resize(length);
  return out;
}

using Transform = int (*)(EVP_PKEY_CTX*, unsigned char*, size_t*, const unsigned char*, size_t);

Result<std::string> transform(EVP_PKEY* key,
                              std::string_view in,
                              int (*init)(EVP_PKEY_CTX*),
                              Transform apply) {
  Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new(key, nullptr));
  size_t length = 0;
  if (!context || init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) != 1 ||
      apply(context.get(), nullptr, &length, raw(in), in.size()) != 1) {
    return invalid("the RSA operation is not possible with this key");
  }
  std::string out(length, '\0');
  if (apply(context.get(), raw(out), &length, raw(in), in.size()) != 1) {
    return invalid("the RSA operation failed");
  }
  out.resize(length);
  return out;
}

}  // namespace

std::string sha1(std::string_view bytes) { return digest(EVP_sha1(), bytes); }
std::string sha256(std::string_view bytes) { return digest(EVP_sha256(), bytes); }

std::string random_bytes(std::size_t count) {
  std::string out(count, '\0');
  DORSAL_CHECK(RAND_bytes(raw(out), static_cast<int>(count)) == 1);
  return out;
}

std::string random_password() {
  // 62 characters carry 5.9 bits each; 32 of them carry more than 128 bits. A byte above the last
  // multiple of 62 is thrown away, so that every character is equally likely.
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  constexpr unsigned kFair = 256 / kAlphabet.size() * kAlphabet.size();
  std::string password;
  while (password.size() < 32) {
    for (char random : random_bytes(64)) {
      auto number = static_cast<unsigned char>(random);
      if (number < kFair && password.size() < 32)
        password.push_back(kAlphabet[number % kAlphabet.size()]);
    }
  }
  return password;
}

bool equal_secrets(std::string_view left, std::string_view right) {
  return left.size() == right.size() && CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

Result<std::string> rsa_encrypt(std::string_view public_key_pem, std::string_view text) {
  Owned<BIO> bio(BIO_new_mem_buf(public_key_pem.data(), static_cast<int>(public_key_pem.size())));
  Owned<EVP_PKEY> key(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
  if (!key) return invalid("the server's RSA key is not a public key in PEM form");
  return transform(key.get(), text, EVP_PKEY_encrypt_init, EVP_PKEY_encrypt);
}

struct RsaKey::Impl {
  Owned<EVP_PKEY> key;
};

RsaKey::RsaKey(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {
  Owned<BIO> bio(BIO_new(BIO_s_mem()));
  DORSAL_CHECK(PEM_write_bio_PUBKEY(bio.get(), impl_->key.get()) == 1);
  char* text = nullptr;
  auto length = BIO_get_mem_data(bio.get(), &text);
  public_pem_.assign(text, static_cast<std::size_t>(length));
}

RsaKey RsaKey::generate() {
  auto impl = std::make_unique<Impl>();
  impl->key.reset(EVP_RSA_gen(2048U));
  DORSAL_CHECK(impl->key != nullptr);
  return RsaKey(std::move(impl));
}

RsaKey::RsaKey(RsaKey&&) noexcept = default;
RsaKey& RsaKey::operator=(RsaKey&&) noexcept = default;
RsaKey::~RsaKey() = default;

Result<std::string> RsaKey::decrypt(std::string_view encrypted) const {
  return transform(impl_->key.get(), encrypted, EVP_PKEY_decrypt_init, EVP_PKEY_decrypt);
}

}  // namespace dorsal
