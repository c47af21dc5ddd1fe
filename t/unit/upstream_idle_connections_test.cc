// Connections are closed before the provider would close them, once its time is known.
#include "upstream/idle_connections.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "fake_ports.h"

namespace gateway {
namespace {

constexpr uint64_t kPeer = 7;
constexpr uint64_t kOther = 8;

// Two connected sockets. The first one is ours.
class Pair {
 public:
    Pair() { EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sockets_.data()), 0); }
    ~Pair() {
        for (const int socket : sockets_) {
            (void)close(socket);
        }
    }
    Pair(const Pair &) = delete;
    Pair &operator=(const Pair &) = delete;
    [[nodiscard]] int ours() const { return sockets_[0]; }
    // Whether our end was closed.
    [[nodiscard]] bool has_ended() const {
        char byte = 0;
        return recv(sockets_[1], &byte, 1, 0) == 0;
    }

 private:
    std::array<int, 2> sockets_{};
};

class IdleConnectionsTest : public testing::Test {
 protected:
    void set_aside(int socket) {
        idle.released(socket);
        idle.put_aside(socket);
    }
    // A connection that the provider closes after it was idle for this time.
    void see_one_close(Milliseconds time, uint64_t peer = kPeer) {
        const Pair pair;
        idle.opened(pair.ours(), peer);
        set_aside(pair.ours());
        loop.advance(time);
        idle.note_end(pair.ours());
        idle.closed(pair.ours());
    }
    void learn(Milliseconds time, uint64_t peer = kPeer) {
        for (int i = 0; i < 3; ++i) {
            see_one_close(time, peer);
        }
    }

    FakeClock clock;
    FakeLoop loop{clock};
    IdleConnections idle{clock, loop};
};

TEST_F(IdleConnectionsTest, ThreeConnectionsThatWereIdleForAboutTheSameTimeSetALimit) {
    see_one_close(Milliseconds(100));
    see_one_close(Milliseconds(104));
    EXPECT_FALSE(idle.limit(kPeer));
    see_one_close(Milliseconds(108));
    EXPECT_EQ(idle.limit(kPeer), Milliseconds(75));
    EXPECT_FALSE(idle.limit(kOther));
}

TEST_F(IdleConnectionsTest, TimesThatDifferSetNone) {
    for (const int time : {10, 100, 1'000, 3'000, 200, 20, 900, 50}) {
        see_one_close(Milliseconds(time));
        EXPECT_FALSE(idle.limit(kPeer));
    }
}

TEST_F(IdleConnectionsTest, AConnectionThatEndsEarlierProvesTheLimitWrong) {
    learn(Milliseconds(100));
    EXPECT_TRUE(idle.limit(kPeer));
    see_one_close(Milliseconds(1));
    EXPECT_FALSE(idle.limit(kPeer));
}

TEST_F(IdleConnectionsTest, TimesThatAreVeryShortOrLongSetNone) {
    learn(Milliseconds(15));
    EXPECT_FALSE(idle.limit(kPeer));
    learn(Milliseconds(61'000));
    EXPECT_FALSE(idle.limit(kPeer));
    learn(Milliseconds(24));
    EXPECT_EQ(idle.limit(kPeer), Milliseconds(18));
}

TEST_F(IdleConnectionsTest, ConnectionsThatAllEndAtTheSameMomentSetNone) {
    const std::array<Pair, 5> pairs;
    for (const Pair &pair : pairs) {
        idle.opened(pair.ours(), kPeer);
        set_aside(pair.ours());
    }
    loop.advance(Milliseconds(500));
    for (const Pair &pair : pairs) {
        idle.note_end(pair.ours());
    }
    EXPECT_FALSE(idle.limit(kPeer)) << "the provider restarted";
}

TEST_F(IdleConnectionsTest, ALimitIsForgottenAfterAMinute) {
    learn(Milliseconds(100));
    loop.advance(Milliseconds(59'000));
    EXPECT_TRUE(idle.limit(kPeer));
    loop.advance(Milliseconds(1'000));
    EXPECT_FALSE(idle.limit(kPeer));
}

TEST_F(IdleConnectionsTest, AConnectionIsClosedAtTheLimit) {
    learn(Milliseconds(100));
    const Pair pair;
    const Pair elsewhere;
    idle.opened(pair.ours(), kPeer);
    idle.opened(elsewhere.ours(), kOther);
    set_aside(pair.ours());
    set_aside(elsewhere.ours());
    loop.advance(Milliseconds(74));
    EXPECT_FALSE(pair.has_ended());
    loop.advance(Milliseconds(1));
    EXPECT_TRUE(pair.has_ended());
    loop.advance(Milliseconds(1'000));
    EXPECT_FALSE(elsewhere.has_ended());
    idle.note_end(pair.ours());
    EXPECT_EQ(idle.limit(kPeer), Milliseconds(75)) << "what we close ourselves says nothing";
    idle.forget_resets();
}

TEST_F(IdleConnectionsTest, AConnectionInUseIsNotClosed) {
    learn(Milliseconds(100));
    const Pair pair;
    idle.opened(pair.ours(), kPeer);
    set_aside(pair.ours());
    loop.advance(Milliseconds(50));
    idle.used(pair.ours());
    loop.advance(Milliseconds(1'000));
    EXPECT_FALSE(pair.has_ended());
    set_aside(pair.ours());
    loop.advance(Milliseconds(74));
    EXPECT_FALSE(pair.has_ended()) << "its time begins anew";
    loop.advance(Milliseconds(1));
    EXPECT_TRUE(pair.has_ended());
}

TEST_F(IdleConnectionsTest, APausedTransfersConnectionIsNotIdle) {
    learn(Milliseconds(100));
    const Pair pair;
    idle.opened(pair.ours(), kPeer);
    idle.released(pair.ours());
    idle.note_end(pair.ours());
    loop.advance(Milliseconds(1'000));
    EXPECT_FALSE(pair.has_ended());
    idle.used(pair.ours());
    idle.put_aside(pair.ours());
    loop.advance(Milliseconds(1'000));
    EXPECT_FALSE(pair.has_ended()) << "another transfer uses a socket of the same number";
}

TEST_F(IdleConnectionsTest, AClosedSocketIsLeftAlone) {
    learn(Milliseconds(100));
    const Pair pair;
    idle.opened(pair.ours(), kPeer);
    set_aside(pair.ours());
    idle.closed(pair.ours());
    loop.advance(Milliseconds(1'000));
    EXPECT_FALSE(pair.has_ended()) << "the number may belong to somebody else";
    for (const int unknown : {-1, 100'000}) {
        idle.used(unknown);
        idle.released(unknown);
        idle.put_aside(unknown);
        idle.note_end(unknown);
        idle.closed(unknown);
    }
    EXPECT_EQ(loop.running(), 0U);
}

TEST_F(IdleConnectionsTest, ThePlacesGoToTheAddressesThatWereSeenLast) {
    learn(Milliseconds(100), 1);
    for (uint64_t peer = 2; peer < 30; ++peer) {
        learn(Milliseconds(30), peer);
    }
    EXPECT_FALSE(idle.limit(1));
    EXPECT_TRUE(idle.limit(29));
}

}  // namespace
}  // namespace gateway
