// Keeps secrets and picture data out of what people read.
#pragma once

#include <string>
#include <vector>

namespace gateway {

// The text without these secrets.
std::string hide_secrets(std::string text, const std::vector<std::string> &secrets);

// The text without these secrets, and not longer than an error should be. Shortened last: half a
// secret is not found.
std::string redact(std::string text, const std::vector<std::string> &secrets);

// One line of sane length: no control characters, no long runs that look like encoded data.
std::string for_log(std::string_view text);

}  // namespace gateway
