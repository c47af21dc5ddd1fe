// Memory functions for curl. Its larger buffers, which are unused while a provider works, get pages
// of their own: these take no memory until something is written to them, and go back to the system.
#pragma once

namespace gateway {

// Call it instead of curl_global_init().
void init_curl();
// Releases the buffers that were idle the whole time since the last call. Returns false if none are
// kept any more.
bool trim_curl_memory() noexcept;

}  // namespace gateway
