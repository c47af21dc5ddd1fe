// image_gateway_jwt: tokens as credentials, and the source of the keys that verify them.
#pragma once

#include <compare>
#include <memory>
#include <string>

#include "core/access/jwt.h"
#include "nginx/ngx.h"
#include "nginx/shared_copy.h"

namespace gateway {

struct MainConf;

// A file of keys, read once for all locations that name it.
struct JwksFile {
    std::shared_ptr<SharedCopy> copy;
    std::shared_ptr<KeySource> source;
};

struct JwksAddress {
    std::string url;
    std::string ca_file;  // empty: the system's certificates
    auto operator<=>(const JwksAddress &) const = default;
};

// Reads the directive's arguments; null for "off". Throws ConfError.
std::shared_ptr<JwtVerifier> read_jwt(ngx_conf_t *cf, MainConf &main);

}  // namespace gateway
