// Where curl gets its memory. Its receive buffers are large, and untouched while a provider works:
// they have pages of their own, which are not there before something is written to them.
#pragma once

namespace gateway {

// In the place of curl_global_init().
void init_curl();

}  // namespace gateway
