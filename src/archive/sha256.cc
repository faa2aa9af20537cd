#include "archive/sha256.h"

#include <openssl/evp.h>

#include <array>

#include "base/check.h"

namespace wherry::archive {

void Sha256::Free::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  // Fails only where memory is out or OpenSSL was built without SHA-256.
  CHECK(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
}

void Sha256::update(std::span<const std::uint8_t> bytes) {
  CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

void Sha256::update(std::string_view bytes) {
  CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

Digest Sha256::finish() {
  std::array<std::uint8_t, 32> bytes{};
  CHECK(EVP_DigestFinal_ex(context_.get(), bytes.data(), nullptr) == 1);
  CHECK(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
  return Digest::from_bytes(bytes);
}

Digest Sha256::of(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.finish();
}

}  // namespace wherry::archive
