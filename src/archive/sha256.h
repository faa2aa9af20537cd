// SHA-256 in pieces, over OpenSSL's EVP.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/digest.h"

struct evp_md_ctx_st;

namespace wherry::archive {

class Sha256 {
 public:
  Sha256();
  void update(std::span<const std::uint8_t> bytes);
  void update(std::string_view bytes);
  // The digest of everything so far; the object is as new afterwards.
  Digest finish();

  static Digest of(std::string_view bytes);

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

}  // namespace wherry::archive
