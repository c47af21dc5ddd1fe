// Error messages of providers may quote the request. So a caller could write a word into a prompt
// that the gateway then finds in the error and judges by. This detects such words.
#pragma once

#include <string_view>

#include "core/outcome.h"
#include "core/providers/provider_request.h"

namespace gateway {

// Whether any text of the request that the caller may have chosen contains the word. Case and all
// characters but letters and digits are ignored: the provider may have escaped or quoted them.
bool is_in_request(const ProviderRequest &request, std::string_view word);

// Withdraws a conclusion that was drawn from such a word, if it would affect other requests: no
// request may rest a provider key or open a breaker by its own text. A conclusion about this
// request alone stays.
void distrust_callers_words(Outcome &outcome, const ProviderRequest &request);

}  // namespace gateway
