// Clears OpenSSL's error queue of this thread at the end of a scope. nginx logs an [alert] for each
// error that it finds there before its own TLS calls. Without this class clients could fill the
// log.
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
