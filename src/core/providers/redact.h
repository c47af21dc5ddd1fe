// Keeps secrets and image data out of logs and replies.
#pragma once

#include <string>
#include <vector>

namespace gateway {

// The text without these secrets.
std::string hide_secrets(std::string text, const std::vector<std::string> &secrets);

// The text without these secrets, shortened to the length of an error message. It is shortened
// last, because a truncated secret would not be found.
std::string redact(std::string text, const std::vector<std::string> &secrets);

// One short line for the log, without control characters and without long encoded data.
std::string for_log(std::string_view text);

}  // namespace gateway
