// Memory functions for curl. Its large receive buffers are unused while a provider works. They get
// pages of their own, which take no memory until something is written to them.
#pragma once

namespace gateway {

// Call it instead of curl_global_init().
void init_curl();

}  // namespace gateway
