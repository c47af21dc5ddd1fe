// Serves a kept image as nginx serves files: sendfile, ranges, and headers for browser caches.
#include "nginx/conf.h"
#include "nginx/image_store.h"
#include "nginx/send.h"

namespace gateway {

namespace {

ngx_str_t type_of(ImageFormat format) {
    switch (format) {
        case ImageFormat::jpeg: return ngx_string("image/jpeg");
        case ImageFormat::webp: return ngx_string("image/webp");
        case ImageFormat::gif: return ngx_string("image/gif");
        case ImageFormat::avif: return ngx_string("image/avif");
        case ImageFormat::heic: return ngx_string("image/heic");
        default: return ngx_string("image/png");
    }
}

// Opens the file as nginx's static module does: it blocks, and uses open_file_cache if configured.
// Does not follow symbolic links below the store's directory, because whoever can write there could
// link to any file that workers can read.
ngx_int_t open_image(ngx_http_request_t *r, const Hosting &hosting, const std::string &path,
                     ngx_open_file_info_t &file) {
    const auto *core = static_cast<ngx_http_core_loc_conf_t *>(
        ngx_http_get_module_loc_conf(r, ngx_http_core_module));
    ngx_memzero(&file, sizeof(file));
    file.read_ahead = core->read_ahead;
    file.directio = core->directio;
    file.valid = core->open_file_cache_valid;
    file.min_uses = core->open_file_cache_min_uses;
    file.errors = core->open_file_cache_errors;
    file.events = core->open_file_cache_events;
#if (NGX_HAVE_OPENAT)
    file.disable_symlinks = NGX_DISABLE_SYMLINKS_ON;
    file.disable_symlinks_from = hosting.directory.size();
#endif
    auto *name = static_cast<u_char *>(ngx_pnalloc(r->pool, path.size() + 1));
    if (name == nullptr) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    ngx_memcpy(name, path.c_str(), path.size() + 1);
    ngx_str_t text = {path.size(), name};
    if (ngx_open_cached_file(core->open_file_cache, &text, &file, r->pool) != NGX_OK) {
        const bool none = file.err == NGX_ENOENT || file.err == NGX_ENOTDIR ||
                          file.err == NGX_ELOOP || file.err == NGX_EMLINK;
        return none ? NGX_HTTP_NOT_FOUND : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    return file.is_file != 0 ? NGX_OK : NGX_HTTP_NOT_FOUND;
}

bool set_image_headers(ngx_http_request_t *r, const ngx_open_file_info_t &file, ImageFormat format,
                       int64_t left) {
    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = file.size;
    r->headers_out.last_modified_time = file.mtime;
    r->headers_out.content_type = type_of(format);
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = nullptr;
    r->allow_ranges = 1;
    if (ngx_http_set_etag(r) != NGX_OK) {
        return false;
    }
    if (file.mtime > ngx_time()) {
        r->headers_out.last_modified_time = -1;  // it is the file's expiry
    }
    return add_header(r, "Cache-Control",
                      "private, max-age=" + std::to_string(left) + ", immutable") &&
           // Prevents browsers from treating the file as another type.
           add_header(r, "X-Content-Type-Options", "nosniff") &&
           add_header(r, "Content-Security-Policy", "default-src 'none'; sandbox");
}

}  // namespace

ngx_int_t serve_image(ngx_http_request_t *r, const Hosting &hosting, std::string_view name) {
    ngx_open_file_info_t file;
    const ngx_int_t opened = open_image(r, hosting, image_path(hosting, name), file);
    if (opened != NGX_OK) {
        return opened;
    }
    const ngx_int_t discarded = ngx_http_discard_request_body(r);
    if (discarded != NGX_OK) {
        return discarded;
    }
    const int64_t left = expiry_of(to_view(r->args)) - ngx_time();
    if (!set_image_headers(r, file, format_of_name(name), left)) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    auto *buffer = static_cast<ngx_buf_t *>(ngx_calloc_buf(r->pool));
    auto *in_file = static_cast<ngx_file_t *>(ngx_pcalloc(r->pool, sizeof(ngx_file_t)));
    if (buffer == nullptr || in_file == nullptr) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    const ngx_int_t sent = ngx_http_send_header(r);
    if (sent == NGX_ERROR || sent > NGX_OK || r->header_only != 0) {
        return sent;
    }
    in_file->fd = file.fd;
    in_file->log = r->connection->log;
    in_file->directio = file.is_directio;
    buffer->file = in_file;
    buffer->file_last = file.size;
    buffer->in_file = file.size > 0 ? 1 : 0;
    buffer->last_buf = 1;
    buffer->last_in_chain = 1;
    ngx_chain_t out = {buffer, nullptr};
    return ngx_http_output_filter(r, &out);
}

}  // namespace gateway
