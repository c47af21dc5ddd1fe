#include "core/providers/call_headers.h"

namespace gateway {

std::vector<std::string> call_headers(const ProviderRequest &request, std::string_view key_header) {
    std::vector<std::string> headers = {"Accept: application/json"};
    if (request.key != nullptr) {
        headers.push_back(std::string(key_header) + request.key->secret);
    }
    if (!request.traceparent.empty()) {
        headers.push_back("traceparent: " + std::string(request.traceparent));
    }
    return headers;
}

}  // namespace gateway
