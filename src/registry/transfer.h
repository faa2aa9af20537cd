// Transfer: one exchange as libcurl's thread and the caller's thread share it.
#pragma once

#include <curl/curl.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "registry/transport.h"

namespace wherry::registry {

struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

class Transfer : public std::enable_shared_from_this<Transfer> {
 public:
  // `streamed`: a 200 or 206 body is queued for take(), else it is kept in the response.
  Transfer(const HttpRequest& request, bool streamed);

  // ---- the transport's thread
  Result<> prepare();  // before it is added to the multi handle
  CURL* easy() { return easy_.get(); }
  void finished(CURLcode code);

  // ---- the caller's thread
  enum class Wake : std::uint8_t { Head, Bytes, Progress, Done, Cancelled };
  // Blocks for the next thing to happen. Bytes: `bytes` has the next piece of the body.
  Wake wait(std::string& bytes, const std::stop_token& stop);
  // True once if the transfer was paused for a full buffer that has room again.
  bool take_unpause();
  [[nodiscard]] HttpResponse head();
  [[nodiscard]] std::uint64_t sent_bytes();
  HttpOutcome outcome();

 private:
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_read(char* data, std::size_t size, std::size_t count, void* self);
  static int on_seek(void* self, curl_off_t offset, int origin);
  void header_line(std::string_view line);
  std::size_t body_bytes(std::string_view bytes);
  void set_method();
  void set_headers();
  void set_tls();
  void set_proxy();
  [[nodiscard]] TransportFailure failure_of(CURLcode code) const;

  const HttpRequest& request_;  // the caller's, who outlives the exchange
  const bool streamed_;
  std::unique_ptr<CURL, FreeEasy> easy_;
  std::unique_ptr<curl_slist, FreeList> header_list_;
  std::string error_text_ = std::string(CURL_ERROR_SIZE, '\0');

  std::mutex mutex_;  // guards what follows
  std::condition_variable_any changed_;
  HttpResponse response_;
  std::size_t header_bytes_ = 0;
  bool head_complete_ = false;
  bool head_told_ = false;
  bool too_large_ = false;
  bool read_failed_ = false;
  std::deque<std::string> queue_;
  std::size_t queued_bytes_ = 0;
  bool paused_ = false;
  std::uint64_t sent_ = 0;
  std::uint64_t sent_told_ = 0;
  bool done_ = false;
  CURLcode code_ = CURLE_OK;
};

}  // namespace wherry::registry
