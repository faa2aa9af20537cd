// Guarded<T>: data that can be reached only while its mutex is held.
#pragma once

#include <mutex>
#include <utility>

namespace wherry {

template <class T>
class Guarded {
 public:
  Guarded() = default;
  explicit Guarded(T value) : value_(std::move(value)) {}

  // Scoped access; hold it over no I/O.
  class Access {
   public:
    T* operator->() const { return value_; }
    T& operator*() const { return *value_; }
    // For std::condition_variable::wait.
    std::unique_lock<std::mutex>& lock_handle() { return lock_; }

   private:
    friend Guarded;
    Access(std::mutex& mutex, T* value) : lock_(mutex), value_(value) {}
    std::unique_lock<std::mutex> lock_;
    T* value_;
  };

  Access lock() { return Access(mutex_, &value_); }

 private:
  std::mutex mutex_;
  T value_{};
};

}  // namespace wherry
