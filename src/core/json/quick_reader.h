// Reads ordinary JSON several times as fast as yajl. Where it is not certain, yajl decides: so a
// text that this accepts is one that yajl accepts, with the same values.
#pragma once

#include <string_view>

namespace gateway {

class JsonBuilder;

// False if the text has something unusual, a mistake, or too much of something. What the builder
// has then built is incomplete.
bool read_quickly(std::string_view text, JsonBuilder &builder);

}  // namespace gateway
