// Objects that expire at about the same time lie under one prefix, the name of a group: the time at
// which its interval ends, such as "20261130T140000Z". So what is due is found without a list of
// all objects, and by any gateway, whatever its own ttl is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gateway {

// The length of the intervals, in seconds: an eighth of the lifetime, up to an hour.
int64_t group_length(int64_t lifetime);
// The name of the group for an object that must exist until `expires`.
std::string group_of(int64_t expires, int64_t lifetime);
// When the group's interval ends; nothing if this is not the name of a group.
std::optional<int64_t> end_of_group(std::string_view name);

// How long after its end a group is still kept, because clocks differ.
int64_t group_grace(int64_t lifetime);

}  // namespace gateway
