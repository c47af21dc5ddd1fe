// The only file that includes nginx's headers. It also has the differences between nginx versions.
#pragma once

extern "C" {
#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>
#include <ngx_thread_pool.h>
}

#include <string>
#include <string_view>

#if !(NGX_THREADS)
#error "the image gateway needs an nginx configured --with-threads"
#endif

extern "C" {
extern ngx_module_t ngx_http_image_gateway_module;
extern ngx_module_t ngx_http_image_gateway_filter_module;
}

namespace gateway {

// nginx's empty strings often have a null pointer, from which a std::string must not be created.
inline std::string_view to_view(const ngx_str_t &text) {
    return text.data == nullptr
               ? std::string_view()
               : std::string_view(reinterpret_cast<const char *>(text.data), text.len);
}

inline std::string to_string(const ngx_str_t &text) {
    return std::string(to_view(text));
}

// Refers to the same memory. nginx reads it and does not write to it.
inline ngx_str_t to_ngx(std::string_view text) {
    return {text.size(), reinterpret_cast<u_char *>(const_cast<char *>(text.data()))};
}

// Since 1.23, nginx chains headers of the same name.
inline void unchain(ngx_table_elt_t *header) {
#if nginx_version >= 1023000
    header->next = nullptr;
#else
    (void)header;
#endif
}

}  // namespace gateway
