// image_gateway_store: a directory of images, the keys that sign its links, and its cleanup by
// nginx's cache manager; or a bucket of an S3-compatible store.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/images/links.h"
#include "nginx/ngx.h"

namespace gateway {

// Lives as long as its configuration. nginx's cache manager process reads it, too.
struct ImageStore {
    std::shared_ptr<Hosting> hosting;
    size_t max = 0;
    // The hostings of the locations that use the store, each with its own keys and URL.
    std::vector<std::shared_ptr<Hosting>> users;
    ngx_path_t *path = nullptr;  // null: it is a bucket
    // For metrics; null: none are shown.
    ngx_shm_zone_t *metrics_zone = nullptr;
    size_t number = 0;  // among all stores
};

// Reads the directive's arguments and declares the directory to nginx. Throws ConfError.
std::unique_ptr<ImageStore> read_store(ngx_conf_t *cf);

// Reads the lines of a key file. Throws ConfError.
std::vector<std::string> read_store_keys(ngx_conf_t *cf, const std::string &path);

// Runs in the master after the directory exists. Gives the store's own key to locations without
// keys, and creates that key if it does not exist. On failure it logs the reason and returns false.
bool prepare_store(ImageStore &store, ngx_log_t *log);

// Handles GET of a kept image.
ngx_int_t serve_image(ngx_http_request_t *r, const Hosting &hosting, std::string_view name);

}  // namespace gateway
