// Sends the headers of a reply, and its bytes by reference.
#pragma once

#include <string_view>

#include "core/response/answer.h"
#include "nginx/ngx.h"

namespace gateway {

class RequestContext;

// Sends a whole reply from within a handler. Returns what the handler must return.
ngx_int_t send_answer(ngx_http_request_t *r, RequestContext &context, Answer answer);

void keep_gzip_away(ngx_http_request_t *r);

// A length of -1 is not known. Returns false if there is no memory.
bool set_headers(ngx_http_request_t *r, const Answer &answer, off_t length);
bool add_header(ngx_http_request_t *r, std::string_view name, std::string_view value);
ngx_chain_t *make_chain(ngx_http_request_t *r, const Bytes &body);
// Lets a new buffer refer to a slice without copying it. False if there is no memory.
bool refer_to(ngx_http_request_t *r, ngx_buf_t &buffer, const Slice &slice);

}  // namespace gateway
