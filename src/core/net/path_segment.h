// Names in URLs.
#pragma once

#include <string>
#include <string_view>

namespace gateway {

// A name that anybody may have written, as one segment of a path: it leads nowhere else.
std::string path_segment(std::string_view name);

}  // namespace gateway
