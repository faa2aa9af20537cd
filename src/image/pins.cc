#include "image/pins.h"

#include <utility>

namespace wherry::image {

Pins::Hold::Hold(std::shared_ptr<Pins> pins, std::vector<Digest> digests)
    : pins_(std::move(pins)), digests_(std::move(digests)) {
  for (const Digest& digest : digests_) pins_->take(digest);
}

Pins::Hold::~Hold() {
  for (const Digest& digest : digests_) pins_->release(digest);
}

void Pins::Hold::add(const Digest& digest) {
  pins_->take(digest);
  digests_.push_back(digest);
}

Pins::HoldPtr Pins::hold(std::vector<Digest> digests) {
  return std::make_shared<Hold>(shared_from_this(), std::move(digests));
}

void Pins::take(const Digest& digest) {
  std::unique_lock lock(mutex_);
  retired_.wait(lock, [&] { return !retiring_.contains(digest); });
  ++held_[digest];
}

void Pins::release(const Digest& digest) {
  std::lock_guard lock(mutex_);
  const auto found = held_.find(digest);
  if (--found->second == 0) held_.erase(found);
}

bool Pins::begin_retire(const Digest& digest) {
  std::lock_guard lock(mutex_);
  if (held_.contains(digest)) return false;
  return retiring_.insert(digest).second;
}

void Pins::end_retire(const Digest& digest) {
  {
    std::lock_guard lock(mutex_);
    retiring_.erase(digest);
  }
  retired_.notify_all();
}

}  // namespace wherry::image
