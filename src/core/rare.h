// An optional value that is rarely set, and large. While it is not set, it needs the memory of one
// pointer.
#pragma once

#include <memory>
#include <utility>

namespace gateway {

template <typename T>
class Rare {
 public:
    Rare &operator=(T &&value) {
        value_ = std::make_unique<T>(std::move(value));
        return *this;
    }
    Rare &operator=(const T &value) {
        value_ = std::make_unique<T>(value);
        return *this;
    }
    template <typename... Parts>
    T &emplace(Parts &&...parts) {
        value_ = std::make_unique<T>(std::forward<Parts>(parts)...);
        return *value_;
    }
    void reset() noexcept { value_.reset(); }

    [[nodiscard]] bool has_value() const { return value_ != nullptr; }
    explicit operator bool() const { return has_value(); }
    T &operator*() { return *value_; }
    const T &operator*() const { return *value_; }
    T *operator->() { return value_.get(); }
    const T *operator->() const { return value_.get(); }

 private:
    std::unique_ptr<T> value_;
};

}  // namespace gateway
