// SHA-256, with the examples of NIST (FIPS 180-2, appendix B, and CAVP's short messages).
#include "core/bytes/sha256.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace gateway {
namespace {

TEST(Sha256, GivesTheDigestsThatNistPublished) {
    const struct {
        std::string message;
        const char *digest;
    } kRows[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {std::string(1'000'000, 'a'),
         "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
        {"\xd3", "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1"},
    };
    for (const auto &row : kRows) {
        EXPECT_EQ(sha256(row.message), parse_sha256(row.digest)) << row.message.substr(0, 60);
    }
}

TEST(Sha256, IsTheSameOnEveryThread) {
    Sha256 there{};
    std::thread([&] { there = sha256("abc"); }).join();
    EXPECT_EQ(there, sha256("abc"));
}

TEST(Sha256, ReadsHexInEitherCase) {
    const std::string lower(64, 'a');
    const std::string upper(64, 'A');
    ASSERT_TRUE(parse_sha256(lower));
    EXPECT_EQ(parse_sha256(lower), parse_sha256(upper));
    EXPECT_EQ((*parse_sha256(lower))[0], 0xaa);
    EXPECT_EQ((*parse_sha256("01" + std::string(62, 'f')))[0], 0x01);
}

TEST(Sha256, RefusesHexThatIsNotSixtyFourDigits) {
    for (const std::string &text :
         {std::string(), std::string(63, 'a'), std::string(65, 'a'), std::string(63, 'a') + "g",
          std::string(63, 'a') + " ", "0x" + std::string(62, 'a')}) {
        EXPECT_FALSE(parse_sha256(text)) << text;
    }
}

TEST(Sha256, ComparesEveryByte) {
    const Sha256 one = sha256("one");
    for (size_t i = 0; i < one.size(); ++i) {
        Sha256 other = one;
        other[i] ^= 1;
        EXPECT_FALSE(equal_in_constant_time(one, other)) << i;
    }
    EXPECT_TRUE(equal_in_constant_time(one, Sha256(one)));
}

}  // namespace
}  // namespace gateway
