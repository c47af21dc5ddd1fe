#include "core/routing/call_key.h"

#include "core/bytes/parts.h"
#include "core/bytes/sha256.h"

namespace gateway {

std::string call_key(const RequestIdentity &request, const Account &model, size_t call) {
    const bool is_theirs = !request.caller.empty() && !request.idempotency_key.empty();
    std::string text = is_theirs ? "caller " : "request ";
    if (is_theirs) {
        add_part(text, request.caller);
        add_part(text, request.end_user);
        add_part(text, request.idempotency_key);
    } else {
        add_part(text, request.request_id);
    }
    for (const uint64_t number : {model[0], model[1], uint64_t{call}}) {
        add_part(text, std::to_string(number));
    }
    return to_hex(sha256(text));
}

}  // namespace gateway
