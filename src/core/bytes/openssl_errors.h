// Empties OpenSSL's error queue of this thread at the end of a scope. nginx logs an [alert] for
// each error that it finds there before a TLS call of its own, so that who could leave errors could
// fill the log.
#pragma once

#include <openssl/err.h>

namespace gateway {

class OpenSslErrors {
 public:
    OpenSslErrors() = default;
    ~OpenSslErrors() { ERR_clear_error(); }
    OpenSslErrors(const OpenSslErrors &) = delete;
    OpenSslErrors &operator=(const OpenSslErrors &) = delete;
};

}  // namespace gateway
