#include "core/providers/call_headers.h"

#include <utility>

#include "core/bytes/base64.h"

namespace gateway {

namespace {

constexpr size_t kUsualHeaders = 7;

}  // namespace

void add_headers(HttpCall &call, const ProviderRequest &request, const HeaderForm &form) {
    call.headers.reserve(kUsualHeaders);
    call.add_header("Accept", form.accept);
    if (request.key != nullptr) {
        const std::string &secret = request.key->secret;
        std::string &line = call.headers.emplace_back();
        line.reserve(form.key.size() + secret.size());
        line.append(form.key).append(form.is_basic ? encode_base64(secret) : secret);
    }
    if (!request.traceparent.empty()) {
        call.add_header("traceparent", request.traceparent);
        call.add_header("tracestate", request.tracestate);
    }
}

HttpCall call_without_body(HttpMethod method, std::string url, const ProviderRequest &request,
                           const HeaderForm &form) {
    HttpCall call;
    call.method = method;
    call.url = std::move(url);
    add_headers(call, request, form);
    return call;
}

}  // namespace gateway
