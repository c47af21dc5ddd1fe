// The fields of a request's body that a dialect writes itself. The gateway forwards no unknown
// field of such a name: a provider would get it twice.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace gateway {

class WrittenFields {
 public:
    // Besides those with a name of their own.
    enum class Also : uint8_t {
        nothing,
        published,  // all fields that a published API has a name for
        everything  // so that nothing is forwarded
    };
    // `names` are separated by spaces.
    explicit WrittenFields(Also also, std::string names = "")
        : also_(also), names_(std::move(names)) {}

    [[nodiscard]] bool contains(std::string_view field) const;

 private:
    Also also_;
    std::string names_;
};

}  // namespace gateway
