// Links to kept images: names that nobody can guess, and signatures that expire.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/outcome.h"
#include "core/ports.h"

namespace gateway {

struct Bucket;

// A store of images, and how clients reach it: a directory, whose images the location serves, or a
// bucket.
struct Hosting {
    std::string directory;          // of a bucket: its address, for logs
    int64_t lifetime = 0;           // of files and links, in seconds
    std::vector<std::string> keys;  // the first one signs, all are accepted
    bool rehost = false;            // also keep images for which providers return links
    std::string public_url;         // empty: use the address of the request
    std::shared_ptr<const Bucket> bucket = nullptr;  // null: it is a directory
};

// A name of 130 random bits, with the file extension of the format.
std::string new_image_name(Random &random, ImageFormat format);
// Whether the name has that form. The gateway serves no other files of the store.
bool is_image_name(std::string_view name);
// The name of a file with the base64 of kept results. No link leads to it.
std::string new_result_name(Random &random);
bool is_result_name(std::string_view name);
ImageFormat format_of_name(std::string_view name);
// Whether a directory of this name below the store can contain images.
bool is_image_directory(std::string_view name);

// The path of an image in its store.
std::string image_path(const Hosting &hosting, std::string_view name);

// "images/files/NAME?expires=…&signature=…"
std::string signed_link(std::string_view name, int64_t expires, const std::string &key);
// Whether `query` is the query of a valid link to this image that has not expired.
bool is_valid_link(std::string_view name, std::string_view query, const Hosting &hosting,
                   int64_t now);
// When the link expires; 0 if it is not a link.
int64_t expiry_of(std::string_view query);

}  // namespace gateway
