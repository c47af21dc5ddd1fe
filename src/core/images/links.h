// Links to pictures that the gateway keeps: names that nobody guesses, and signatures that end.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/outcome.h"
#include "core/ports.h"

namespace gateway {

// A store of pictures and how it is reached.
struct Hosting {
    std::string directory;
    int64_t lifetime = 0;           // of files and links, in seconds
    std::vector<std::string> keys;  // the first one signs, all are accepted
    bool rehost = false;            // also what providers keep themselves
    std::string public_url;         // empty: as the request itself was addressed
};

// 130 random bits, and the ending that goes with the format.
std::string new_picture_name(Random &random, ImageFormat format);
// Whether it is of that form: nothing else is looked for on disk.
bool is_picture_name(std::string_view name);
ImageFormat format_of_name(std::string_view name);
// Whether pictures lie in a directory of that name below their store.
bool is_picture_directory(std::string_view name);

// Where a picture lies below its store.
std::string picture_path(const Hosting &hosting, std::string_view name);

// "images/files/NAME?expires=…&signature=…"
std::string signed_link(std::string_view name, int64_t expires, const std::string &key);
// Whether these are the query of a link to this picture that has not ended.
bool is_valid_link(std::string_view name, std::string_view query, const Hosting &hosting,
                   int64_t now);
// When the link ends; 0 for no link.
int64_t expiry_of(std::string_view query);

}  // namespace gateway
