// What every answer has: headers, and bytes by reference.
#pragma once

#include <string_view>

#include "core/response/answer.h"
#include "nginx/ngx.h"

namespace gateway {

// Sends the context's answer from within a handler; returns what the handler must return.
ngx_int_t send_answer(ngx_http_request_t *r);

void keep_gzip_away(ngx_http_request_t *r);

// For the filter. False without memory.
bool set_headers(ngx_http_request_t *r, const Answer &answer);
bool add_header(ngx_http_request_t *r, std::string_view name, std::string_view value);
ngx_chain_t *make_chain(ngx_http_request_t *r, const Bytes &body);
// Lets a new buffer refer to these bytes, which stay where they are.
void refer_to(ngx_buf_t &buffer, std::string_view bytes);

}  // namespace gateway
