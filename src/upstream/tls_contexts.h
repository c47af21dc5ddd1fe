// How this worker speaks TLS to providers: an SSL_CTX for each file of trusted
// certificates, which is read once.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <vector>

namespace gateway {

class TlsContexts {
 public:
    // "": the system's certificates, as libcurl finds them. Null if the file
    // cannot be read; it is then read again the next time.
    SSL_CTX *trusting(const std::string &ca_file);

 private:
    struct Free {
        void operator()(SSL_CTX *context) const noexcept { SSL_CTX_free(context); }
    };
    using Context = std::unique_ptr<SSL_CTX, Free>;
    struct Entry {
        std::string ca_file;
        Context context;
    };

    static Context make(const std::string &ca_file);

    std::vector<Entry> entries_;
};

}  // namespace gateway
