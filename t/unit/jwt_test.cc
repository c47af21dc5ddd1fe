// Tokens: the examples of the RFCs, everything that may be wrong with a token, and claims.
#include "core/access/jwt.h"

#include <gtest/gtest.h>

#include <openssl/err.h>

#include <string>
#include <utility>

#include "core/access/base64url.h"

namespace gateway {
namespace {

constexpr int64_t kNow = 1'300'819'000;  // before the examples end

// RFC 7515, A.1 to A.3, and RFC 8037, A.4 and A.5
constexpr const char *kSecret =
    R"({"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUu)"
    R"(TwjAzZr1Z9CAow"})";
constexpr const char *kRsa =
    R"({"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJr)"
    R"(cS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bS)"
    R"(f63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG)"
    R"(4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"})";
constexpr const char *kPoint =
    R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
    R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})";
constexpr const char *kEdwards =
    R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})";

const std::string kClaims =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlf"
    "Q";
const std::string kHs256 = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + kClaims +
                           ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const std::string kRs256 = "eyJhbGciOiJSUzI1NiJ9." + kClaims +
                           ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__"
                           "dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5juj"
                           "Gbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_"
                           "nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe"
                           "7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-"
                           "eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8"
                           "np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
const std::string kEs256 =
    "eyJhbGciOiJFUzI1NiJ9." + kClaims +
    ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
const std::string kEdDsa =
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
// RFC 7519, 6.1
const std::string kNone = "eyJhbGciOiJub25lIn0." + kClaims + ".";

std::shared_ptr<const KeySet> set_of(const std::string &keys) {
    auto set = KeySet::read("{\"keys\":[" + keys + "]}", KeySet::Origin::file);
    EXPECT_TRUE(set) << set.error();
    return set ? *set : nullptr;
}

bool verifies(const std::string &keys, const std::string &token) {
    const auto jws = read_jws(token);
    return jws && set_of(keys)->verify(*jws) == KeySet::Verdict::good;
}

const std::string kAll = std::string(kSecret) + "," + kRsa + "," + kPoint + "," + kEdwards;

TEST(KeySet, VerifiesTheExamplesOfTheRfcs) {
    EXPECT_TRUE(verifies(kSecret, kHs256));
    EXPECT_TRUE(verifies(kRsa, kRs256));
    EXPECT_TRUE(verifies(kPoint, kEs256));
    EXPECT_TRUE(verifies(kEdwards, kEdDsa));
    for (const std::string &token : {kHs256, kRs256, kEs256, kEdDsa}) {
        EXPECT_TRUE(verifies(kAll, token)) << "the right one is found among all";
    }
    EXPECT_FALSE(verifies(kRsa, kEs256));
    EXPECT_FALSE(read_jws(kNone)) << "a token that is not signed";
}

TEST(KeySet, RefusesEveryTokenWithOneBitChanged) {
    const auto keys = set_of(kAll);
    for (const std::string &token : {kHs256, kRs256, kEs256, kEdDsa}) {
        const bool is_text = token == kEdDsa;
        for (size_t place = 0; place < token.size(); ++place) {
            for (int bit = 0; bit < 7; bit += is_text ? 1 : 3) {
                std::string changed = token;
                changed[place] = static_cast<char>(changed[place] ^ (1 << bit));
                const auto jws = read_jws(changed);
                EXPECT_FALSE(jws && keys->verify(*jws) == KeySet::Verdict::good)
                    << "byte " << place << ", bit " << bit;
            }
        }
        for (size_t size = 0; size < token.size(); ++size) {
            const std::string cut = token.substr(0, size);
            const auto jws = read_jws(cut);
            EXPECT_FALSE(jws && keys->verify(*jws) == KeySet::Verdict::good) << "cut at " << size;
        }
    }
}

TEST(KeySet, HoldsEachKeyToWhatItIsFor) {
    const auto with = [](std::string key, const std::string &member) {
        return key.insert(key.size() - 1, "," + member);
    };
    EXPECT_TRUE(verifies(with(kRsa, R"("alg":"RS256","use":"sig","key_ops":["verify"])"), kRs256));
    EXPECT_FALSE(verifies(with(kRsa, R"("alg":"PS256")"), kRs256));
    EXPECT_TRUE(verifies(with(kEdwards, R"("alg":"Ed25519")"), kEdDsa)) << "as RFC 9864 calls it";
    for (const char *member : {R"("use":"enc")", R"("key_ops":["sign"])", R"("alg":"ES256")",
                               R"("alg":"none")", R"("alg":7)"}) {
        EXPECT_FALSE(KeySet::read("{\"keys\":[" + with(kRsa, member) + "]}", KeySet::Origin::file))
            << member;
    }
    const auto keys = set_of(with(kRsa, R"("kid":"2026")"));
    Jws jws = *read_jws(kRs256);
    EXPECT_EQ(keys->verify(jws), KeySet::Verdict::good) << "a token may name no key";
    jws.key_id = "2025";
    EXPECT_EQ(keys->verify(jws), KeySet::Verdict::unknown_key);
    jws.key_id = "2026";
    EXPECT_EQ(keys->verify(jws), KeySet::Verdict::good);
}

// nginx logs an [alert] for each error in OpenSSL's queue.
TEST(KeySet, LeavesNothingInOpenSslsQueueWhateverItIsGiven) {
    ERR_clear_error();
    const auto keys = set_of(kAll);
    for (const std::string &token : {kHs256, kRs256, kEs256, kEdDsa}) {
        const size_t signature = token.rfind('.') + 1;
        for (const std::string &changed :
             {std::string(token).replace(signature, 1, "A"), std::string(token).replace(0, 2, "ey"),
              token.substr(0, signature) + "AAAA", token.substr(0, signature),
              token.substr(0, signature) + std::string(342, '_') + "8"}) {
            const auto jws = read_jws(changed);
            EXPECT_FALSE(jws && keys->verify(*jws) == KeySet::Verdict::good && changed != token);
            EXPECT_EQ(ERR_peek_error(), 0U) << changed;
        }
    }
    for (const char *key :
         {R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
          R"("y":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"})",
          R"({"kty":"RSA","n":"AQAB","e":"AQAB"})",
          R"({"kty":"OKP","crv":"Ed25519","x":"AAAA"})"}) {
        EXPECT_FALSE(KeySet::read(std::string("{\"keys\":[") + key + "]}", KeySet::Origin::file));
        EXPECT_EQ(ERR_peek_error(), 0U) << key;
    }
}

TEST(KeySet, TakesNoSecretFromAnAddress) {
    const std::string both = "{\"keys\":[" + kAll + "]}";
    const auto keys = KeySet::read(both, KeySet::Origin::address);
    ASSERT_TRUE(keys) << keys.error();
    EXPECT_EQ((*keys)->verify(*read_jws(kHs256)), KeySet::Verdict::bad);
    EXPECT_EQ((*keys)->verify(*read_jws(kRs256)), KeySet::Verdict::good);
    EXPECT_FALSE(
        KeySet::read(std::string("{\"keys\":[") + kSecret + "]}", KeySet::Origin::address));
}

TEST(KeySet, TakesNoKeyThatIsWeakOrBroken) {
    for (const char *key :
         {R"({"kty":"oct","k":"c2hvcnQ"})", R"({"kty":"oct"})", R"({"kty":"RSA"})",
          R"({"kty":"RSA","n":"AQAB","e":"AQAB"})", R"({"kty":"OKP","crv":"Ed25519","x":"AAAA"})",
          R"({"kty":"OKP","crv":"X25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})",
          R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
          R"("y":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"})",
          R"({"kty":"EC","crv":"P-521","x":"AA","y":"AA"})", R"({"kty":7})", "7", "{}"}) {
        EXPECT_FALSE(KeySet::read(std::string("{\"keys\":[") + key + "]}", KeySet::Origin::file))
            << key;
    }
    EXPECT_FALSE(KeySet::read("{}", KeySet::Origin::file));
    EXPECT_FALSE(KeySet::read("{\"keys\":[]}", KeySet::Origin::file));
    EXPECT_FALSE(KeySet::read("[", KeySet::Origin::file));
}

TEST(Jws, IsToldFromAnOpaqueKey) {
    EXPECT_TRUE(looks_like_jws(kHs256));
    EXPECT_TRUE(looks_like_jws(kNone));
    for (const char *key : {"sk-bf-abc", "a.b.c", "eyJhbGciOiJub25lIn0", "eyJhbGciOiJub25lIn0.x",
                            "..", "", "c2VjcmV0.c2VjcmV0.c2VjcmV0"}) {
        EXPECT_FALSE(looks_like_jws(key)) << key;
    }
}

TEST(Base64Url, IsReadInTheOneWayThatItIsWritten) {
    EXPECT_EQ(decode_base64url(""), "");
    EXPECT_EQ(decode_base64url("YQ"), "a");
    EXPECT_EQ(decode_base64url("YWI"), "ab");
    EXPECT_EQ(decode_base64url("-_-_"), "\xfb\xff\xbf");
    for (const char *text : {"Y", "YQ==", "YR", "YWJ", "+/+/", "YW I", "YWJjZ", "Y\nQ"}) {
        EXPECT_FALSE(decode_base64url(text)) << text;
    }
}

// ---- claims

std::string told(const std::string &claims, const JwtRules &rules = {}) {
    const auto bearer = read_claims(claims, rules, kNow);
    if (!bearer) {
        return bearer.error().code + ": " + bearer.error().message;
    }
    return (bearer->admin ? "admin " : "key ") + bearer->key_id;
}

TEST(JwtClaims, NameAKeyOrAnAdministrator) {
    EXPECT_EQ(told(R"({"sub":"team-a","exp":1300819380})"), "key team-a");
    JwtRules rules;
    rules.key_claim = "team.id";
    rules.admin_claim = "realm_access.roles";
    rules.admin_value = "images-admin";
    EXPECT_EQ(told(R"({"team":{"id":"b"},"exp":1300819380})", rules), "key b");
    EXPECT_EQ(told(R"({"team.id":"c","exp":1300819380})", rules), "key c");
    EXPECT_EQ(told(R"({"sub":"x","realm_access":{"roles":["a","images-admin"]},"exp":1300819380})",
                   rules),
              "admin ");
    EXPECT_NE(told(R"({"sub":"x","realm_access":{"roles":["a"]},"exp":1300819380})", rules)
                  .find("team.id"),
              std::string::npos);
    rules.admin_claim = "https://example.com/is_root";
    rules.admin_value = "";
    EXPECT_EQ(told(R"({"https://example.com/is_root":true,"exp":1300819380})", rules), "admin ");
    for (const char *not_true : {"false", "\"true\"", "1", "[true]", "null"}) {
        EXPECT_EQ(told(R"({"team":{"id":"b"},"exp":1300819380,"https://example.com/is_root":)" +
                           std::string(not_true) + "}",
                       rules),
                  "key b")
            << not_true;
    }
}

TEST(JwtClaims, BeginAndEndWithinTheLeeway) {
    const auto at = [](const char *name, const char *time) {
        return told(R"({"sub":"a",)" + std::string(*name == 'e' ? "" : R"("exp":1300819380,)") +
                    "\"" + name + "\":" + time + "}");
    };
    EXPECT_EQ(at("exp", "1300818971"), "key a") << "29 seconds ago";
    EXPECT_EQ(at("exp", "1300818970"), "expired_token: The token has expired.");
    EXPECT_EQ(at("exp", "1300818970.9"), "expired_token: The token has expired.");
    EXPECT_EQ(at("nbf", "1300819030"), "key a");
    EXPECT_EQ(at("nbf", "1300819030.5"),
              "invalid_token: The token is not valid: its claim \"nbf\" is in the future.");
    EXPECT_EQ(at("iat", "1300819031"),
              "invalid_token: The token is not valid: its claim \"iat\" is in the future.");
    for (const char *time : {"\"1300819380\"", "null", "-1", "1e300", "true", "[]"}) {
        EXPECT_EQ(at("exp", time).substr(0, 14), "invalid_token:") << time;
        EXPECT_EQ(at("nbf", time).substr(0, 14), "invalid_token:") << time;
    }
    EXPECT_EQ(told(R"({"sub":"a"})").substr(0, 14), "invalid_token:") << "it must end";
}

TEST(JwtClaims, MustBeFromTheIssuerAndForTheAudience) {
    JwtRules rules;
    rules.issuer = "https://id.example.com";
    rules.audiences = {"images", "photos"};
    const auto with = [&](const char *issuer, const char *audience) {
        return told(R"({"sub":"a","exp":1300819380,"iss":)" + std::string(issuer) +
                        ",\"aud\":" + audience + "}",
                    rules);
    };
    EXPECT_EQ(with("\"https://id.example.com\"", "\"images\""), "key a");
    EXPECT_EQ(with("\"https://id.example.com\"", "[\"other\",\"images\"]"), "key a");
    for (const auto &[issuer, audience] : {std::pair{"\"https://id.example.com/\"", "\"images\""},
                                           {"\"HTTPS://ID.EXAMPLE.COM\"", "\"images\""},
                                           {"[\"https://id.example.com\"]", "\"images\""},
                                           {"null", "\"images\""},
                                           {"\"https://id.example.com\"", "\"image\""},
                                           {"\"https://id.example.com\"", "[]"},
                                           {"\"https://id.example.com\"", "{\"images\":1}"},
                                           {"\"https://id.example.com\"", "null"}}) {
        EXPECT_EQ(with(issuer, audience).substr(0, 14), "invalid_token:") << issuer << audience;
    }
}

TEST(JwtClaims, AreReadFromSoundJsonOnly) {
    for (const char *claims :
         {"", "7", "[]", "{", R"({"sub":"a","sub":"b","exp":1300819380})",
          R"({"sub":"a","exp":1,"exp":1300819380})", "{\"sub\":\"\xff\",\"exp\":1300819380}",
          R"({"sub":"","exp":1300819380})", R"({"sub":["a"],"exp":1300819380})",
          R"({"sub":"a b","exp":1300819380})"}) {
        EXPECT_EQ(told(claims).substr(0, 14), "invalid_token:") << claims;
    }
    EXPECT_EQ(told(R"({"sub":")" + std::string(65, 'a') + R"(","exp":1300819380})").substr(0, 14),
              "invalid_token:");
}

// ---- the verifier

TEST(JwtVerifier, BelievesATokenOnceVerifiedUntilItEndsOrTheKeysChange) {
    JwtRules rules;
    rules.key_claim = "iss";
    auto source = std::make_shared<KeySource>();
    int asked = 0;
    source->on_unknown_key = [&] { ++asked; };
    JwtVerifier verifier(rules, source);
    const auto unavailable = verifier.verify(kRs256, kNow);
    ASSERT_FALSE(unavailable);
    EXPECT_EQ(unavailable.error().status, 503);
    EXPECT_EQ(unavailable.error().code, "jwks_unavailable");
    EXPECT_TRUE(unavailable.error().retry_after);

    source->keys = set_of(kRsa);
    for (int i = 0; i < 3; ++i) {
        const auto bearer = verifier.verify(kRs256, kNow);
        ASSERT_TRUE(bearer) << bearer.error().message;
        EXPECT_EQ(bearer->key_id, "joe");
    }
    EXPECT_EQ(verifier.verify(kRs256, 1'300'819'380 + 30).error().code, "expired_token");
    EXPECT_TRUE(verifier.verify(kRs256, kNow));
    source->keys = set_of(kPoint);
    EXPECT_FALSE(verifier.verify(kRs256, kNow)) << "who is no longer trusted is so at once";
    EXPECT_EQ(asked, 0) << "it names no key that could be asked for";
}

TEST(JwtVerifier, AsksForKeysThatItDoesNotKnow) {
    auto source = std::make_shared<KeySource>();
    int asked = 0;
    source->on_unknown_key = [&] { ++asked; };
    source->keys = set_of(std::string(kRsa).insert(1, R"("kid":"old",)"));
    JwtVerifier verifier({}, source);
    // {"alg":"RS256","kid":"new"}
    const std::string token =
        "eyJhbGciOiJSUzI1NiIsImtpZCI6Im5ldyJ9" + kRs256.substr(kRs256.find('.'));
    EXPECT_EQ(verifier.verify(token, kNow).error().status, 401);
    EXPECT_EQ(asked, 1);
}

}  // namespace
}  // namespace gateway
