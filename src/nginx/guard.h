// Keeps C++ exceptions out of nginx's C code.
#pragma once

#include <exception>
#include <utility>

#include "nginx/ngx.h"

namespace gateway {

// Runs `body`. Logs an exception and returns false.
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

// Runs `body` and returns its result. If it throws, returns `fallback`.
template <typename Result, typename Body>
Result guard_or(const char *where, Result fallback, Body &&body) noexcept {
    Result result = fallback;
    (void)guard(where, [&] { result = std::forward<Body>(body)(); });
    return result;
}

}  // namespace gateway
