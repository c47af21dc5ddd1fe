// Directives of an image_provider block for its timeouts, retries, circuit breaker, idempotency,
// number of calls and traces.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "core/ports.h"
#include "core/providers/provider.h"

namespace gateway {

using Arguments = std::vector<std::string_view>;  // the directive's name first

// Each throws ConfError.
void set_timeout(Provider &provider, const Arguments &arguments);
void set_retry(Provider &provider, const Arguments &arguments);
void set_breaker(Provider &provider, const Arguments &arguments);
void set_file_account(Provider &provider, const Arguments &arguments);
void set_http(Provider &provider, const Arguments &arguments);
void set_max_calls(Provider &provider, const Arguments &arguments);
void set_idempotency(Provider &provider, const Arguments &arguments);
void set_trace(Provider &provider, const Arguments &arguments);

// "500ms..8s", or one time for both.
std::pair<Milliseconds, Milliseconds> parse_time_range(std::string_view text,
                                                       std::string_view what);
// "20%"
int parse_percent(std::string_view text, std::string_view what);

}  // namespace gateway
