// Reads the XML that stores answer with. It takes only names of our own form from it, and only
// their last part, so that no answer can name anything else of the bucket.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gateway {

// The groups in a list of them.
std::vector<std::string> groups_in(std::string_view xml);
// The names of images in the list of a group.
std::vector<std::string> images_in(std::string_view xml);
// The code of an error, if it is a plain word; else empty.
std::string error_code(std::string_view xml);

// Letters, digits and '-', not many.
bool is_plain_word(std::string_view text);

}  // namespace gateway
