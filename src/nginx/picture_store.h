// image_gateway_store: a directory of pictures, what it signs links with, and nginx's cache manager
// that keeps it small.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/images/links.h"
#include "nginx/ngx.h"

namespace gateway {

// Lives as long as its configuration; nginx's manager process reads it, too.
struct PictureStore {
    std::shared_ptr<Hosting> hosting;
    size_t max = 0;
    // As the locations that use it have it, each with its own keys and address.
    std::vector<std::shared_ptr<Hosting>> users;
    ngx_path_t *path = nullptr;
};

// Reads the directive's arguments and declares the directory to nginx; throws ConfError.
std::unique_ptr<PictureStore> read_store(ngx_conf_t *cf);

// Lines of a file of keys; throws ConfError.
std::vector<std::string> read_store_keys(ngx_conf_t *cf, const std::string &path);

// In the master, once the directory is there: who has no keys gets the store's own, which is made
// the first time. False after having logged why not.
bool prepare_store(PictureStore &store, ngx_log_t *log);

// GET of a kept picture.
ngx_int_t serve_picture(ngx_http_request_t *r, const Hosting &hosting, std::string_view name);

}  // namespace gateway
