// What a provider says of a request may repeat what the caller wrote in it. Whatever is concluded
// from words holds only as far as they are the provider's own.
#pragma once

#include <string_view>

#include "core/outcome.h"
#include "core/providers/provider_request.h"

namespace gateway {

// Whether the word stands in anything that the provider was sent and a caller may have chosen:
// whatever its case, and whatever stands between its letters. The provider may have shortened,
// escaped or quoted what it repeats.
bool is_in_request(const ProviderRequest &request, std::string_view word);

// Takes back what was concluded from such words, unless it concerns this request alone. A request
// must not rest a key or open a breaker that others need; whether it is called refused, mistaken or
// out of place is up to whoever wrote it.
void distrust_callers_words(Outcome &outcome, const ProviderRequest &request);

}  // namespace gateway
