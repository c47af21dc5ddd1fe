#include "upstream/tls_contexts.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <new>
#include <utility>

#include "core/bytes/openssl_errors.h"

namespace gateway {

namespace {

// A length, and the name: nothing but HTTP/1.1.
constexpr std::array<unsigned char, 9> kProtocols = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
constexpr size_t kReadAhead = size_t{64} * 1024;  // so that a read takes several records

// Certificates without the system's directory of them, as with libcurl.
bool trust(SSL_CTX &context, const std::string &ca_file) {
    if (!ca_file.empty()) {
        return SSL_CTX_load_verify_file(&context, ca_file.c_str()) == 1;
    }
    const char *file = curl_version_info(CURLVERSION_NOW)->cainfo;
    return file != nullptr ? SSL_CTX_load_verify_file(&context, file) == 1
                           : SSL_CTX_set_default_verify_paths(&context) == 1;
}

}  // namespace

SSL_CTX *TlsContexts::trusting(const std::string &ca_file) {
    const auto found = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const Entry &entry) { return entry.ca_file == ca_file; });
    if (found != entries_.end()) {
        return found->context.get();
    }
    Context context = make(ca_file);
    if (context == nullptr) {
        return nullptr;
    }
    return entries_.emplace_back(Entry{ca_file, std::move(context)}).context.get();
}

TlsContexts::Context TlsContexts::make(const std::string &ca_file) {
    const OpenSslErrors errors;
    Context context(SSL_CTX_new(TLS_client_method()));
    if (context == nullptr || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_alpn_protos(context.get(), kProtocols.data(), kProtocols.size()) != 0) {
        throw std::bad_alloc();
    }
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    // As with libcurl, an authority between the root and the provider may be
    // trusted by itself.
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context.get()),
                                X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
    SSL_CTX_set_options(context.get(),
                        SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    // Idle connections and those that wait for a response hold no buffers.
    SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context.get(), 1);
    SSL_CTX_set_default_read_buffer_len(context.get(), kReadAhead);
    return trust(*context, ca_file) ? std::move(context) : nullptr;
}

}  // namespace gateway
