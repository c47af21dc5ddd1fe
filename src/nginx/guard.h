// No exception crosses from C++ into nginx's C.
#pragma once

#include <exception>
#include <utility>

#include "nginx/ngx.h"

namespace gateway {

// False when it throws.
template <typename Body>
bool guard(const char *where, Body &&body) noexcept {
    try {
        std::forward<Body>(body)();
        return true;
    } catch (const std::exception &error) {
        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0, "image gateway: %s: %s", where,
                      error.what());
    } catch (...) {
        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0, "image gateway: %s failed", where);
    }
    return false;
}

// The same for what returns something: `otherwise` when it throws.
template <typename Result, typename Body>
Result guard_or(const char *where, Result otherwise, Body &&body) noexcept {
    Result result = otherwise;
    (void)guard(where, [&] { result = std::forward<Body>(body)(); });
    return result;
}

}  // namespace gateway
