// A server's side of TLS: a certificate for localhost and 127.0.0.1, and the file to trust it by.
#pragma once

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <memory>
#include <string>

namespace gateway {

class TlsServerContext {
 public:
    explicit TlsServerContext(const char *names = "DNS:localhost,IP:127.0.0.1")
        : key_(EVP_EC_gen("P-256"), &EVP_PKEY_free),
          certificate_(X509_new(), &X509_free),
          context_(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free) {
        X509 *certificate = certificate_.get();
        constexpr long kHour = 3600;
        X509_set_version(certificate, X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
        X509_gmtime_adj(X509_getm_notBefore(certificate), -kHour);
        X509_gmtime_adj(X509_getm_notAfter(certificate), kHour);
        X509_set_pubkey(certificate, key_.get());
        X509_NAME *name = X509_get_subject_name(certificate);
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char *>("a test"), -1, -1, 0);
        X509_set_issuer_name(certificate, name);
        X509_EXTENSION *extension =
            X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names);
        X509_add_ext(certificate, extension, -1);
        X509_EXTENSION_free(extension);
        X509_sign(certificate, key_.get(), EVP_sha256());
        EXPECT_EQ(SSL_CTX_use_certificate(context_.get(), certificate), 1);
        EXPECT_EQ(SSL_CTX_use_PrivateKey(context_.get(), key_.get()), 1);
        const int file = mkstemp(file_.data());
        std::FILE *stream = fdopen(file, "w");
        EXPECT_EQ(PEM_write_X509(stream, certificate), 1);
        (void)std::fclose(stream);
    }
    ~TlsServerContext() { (void)::unlink(file_.c_str()); }
    TlsServerContext(const TlsServerContext &) = delete;
    TlsServerContext &operator=(const TlsServerContext &) = delete;

    [[nodiscard]] SSL_CTX *get() const { return context_.get(); }
    [[nodiscard]] const std::string &ca_file() const { return file_; }

 private:
    std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY *)> key_;
    std::unique_ptr<X509, void (*)(X509 *)> certificate_;
    std::unique_ptr<SSL_CTX, void (*)(SSL_CTX *)> context_;
    std::string file_ = testing::TempDir() + "certificate-XXXXXX";
};

}  // namespace gateway
