// Webhooks: signatures, the URLs that callers may write, the schedule, and the delivery.
#include <gtest/gtest.h>

#include <deque>

#include "core/bytes/base64.h"
#include "core/webhooks/delivery.h"
#include "core/webhooks/receiver.h"
#include "core/webhooks/signing.h"
#include "fake_ports.h"

namespace gateway {
namespace {

constexpr std::string_view kLine = "0123456789abcdef0123456789abcdef";
constexpr std::string_view kOtherLine = "fedcba9876543210fedcba9876543210";

// ---- signatures

std::span<const uint8_t> as_bytes(std::string_view text) {
    return {reinterpret_cast<const uint8_t *>(text.data()), text.size()};
}

TEST(WebhookSigning, GivesTheSignatureOfTheReferenceLibraries) {
    // The example of the libraries of standard-webhooks.
    const std::string secret = decode_base64_front("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    EXPECT_EQ(webhook_signature(as_bytes(secret), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
                                R"({"test": 2432232314})"),
              "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST(WebhookSigning, GivesTheDigestsOfRfc4231) {
    EXPECT_EQ(to_hex(hmac_sha256(as_bytes("Jefe"), "what do ya want for nothing?")),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    EXPECT_EQ(to_hex(hmac_sha256(as_bytes(std::string(20, '\x0b')), "Hi There")),
              "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
}

TEST(WebhookSigning, GivesEachCallerASecretOfItsOwn) {
    const auto keys = WebhookKeys::read(std::string(kLine) + "\n");
    ASSERT_TRUE(keys);
    const auto secrets = keys->secrets("a");
    ASSERT_EQ(secrets.size(), 1U);
    EXPECT_TRUE(secrets[0].starts_with("whsec_"));
    EXPECT_EQ(secrets[0].size(), 6U + 44U) << "32 bytes in base64";
    EXPECT_NE(secrets, keys->secrets("b"));
    EXPECT_NE(secrets, keys->secrets(""));
    EXPECT_NE(keys->signatures("a", "msg_1", 1, "{}"), keys->signatures("b", "msg_1", 1, "{}"));
}

TEST(WebhookSigning, SignsTwiceWhileTheFileHasTwoLines) {
    const auto old = WebhookKeys::read(kLine);
    const auto both = WebhookKeys::read(std::string(kOtherLine) + "\r\n\n" + std::string(kLine));
    const auto next = WebhookKeys::read(kOtherLine);
    ASSERT_TRUE(old && both && next);
    EXPECT_EQ(
        both->signatures("a", "msg_1", 7, "{}"),
        next->signatures("a", "msg_1", 7, "{}") + " " + old->signatures("a", "msg_1", 7, "{}"));
    EXPECT_EQ(both->secrets("a").size(), 2U);
}

TEST(WebhookSigning, TakesOneOrTwoLongLines) {
    const std::string line(kLine);
    for (const std::string &wrong :
         {std::string(), std::string("\n\n"), line.substr(1), line + "\n" + line.substr(1),
          line + " with spaces", line + "\n" + line + "\n" + line}) {
        EXPECT_FALSE(WebhookKeys::read(wrong)) << wrong;
    }
}

// ---- receivers

bool is_allowed(std::string_view url, const FetchRules &rules = {}) {
    const auto checked = check_receiver(url, rules);
    if (!checked) {
        EXPECT_EQ(checked.error().status, 400);
        EXPECT_EQ(checked.error().param, kWebhookHeader);
        EXPECT_EQ(checked.error().message.find("secret"), std::string::npos) << "repeats the URL";
    }
    return checked.has_value();
}

TEST(WebhookReceiver, MayBeAnyPublicHostByHttps) {
    for (const std::string_view url :
         {"https://example.com", "https://example.com/", "https://example.com:8443/a/b?secret=x&y",
          "https://example.com?secret=x", "https://a-b.example_c.com/%20", "https://8.8.8.8/x",
          "https://[2606:4700::1111]:443/x", "https://example.com./x", "https://1.example/x"}) {
        EXPECT_TRUE(is_allowed(url)) << url;
    }
    EXPECT_TRUE(is_allowed("https://example.com/" + std::string(2048 - 20, 'a')));
}

TEST(WebhookReceiver, IsRefusedIfProgramsMayReadItInTwoWays) {
    for (const std::string_view url : {"example.com/x",
                                       "//example.com",
                                       "ftp://example.com/",
                                       "https:/example.com",
                                       "https://",
                                       "https:///x",
                                       "https://user@example.com/",
                                       "https://a:secret@example.com/",
                                       "https://example.com\\@10.0.0.1/",
                                       "https://example.com#secret",
                                       "https://example.com:/x",
                                       "https://example.com:0/",
                                       "https://example.com:65536/",
                                       "https://example.com:1a/",
                                       "https://exa mple.com/",
                                       "https://ex\xc3\xa4mple.com/",
                                       "https://[::1/",
                                       "https://[2606:4700::1111]x/",
                                       "https://%31%30.0.0.1/",
                                       "HTTPS://example.com/",
                                       "https://example.com/\n"}) {
        EXPECT_FALSE(is_allowed(url)) << url;
    }
    EXPECT_FALSE(is_allowed("https://example.com/" + std::string(2048 - 19, 'a')));
}

TEST(WebhookReceiver, IsRefusedInEverySpellingOfAPrivateAddress) {
    for (const std::string_view url :
         {"https://127.0.0.1/", "https://10.1.2.3/", "https://169.254.169.254/secret",
          "https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://[fd00::1]/", "https://127.1/",
          "https://2130706433/", "https://0x7f000001/", "https://0x7f.1/", "https://0177.0.0.1/",
          "https://127.0.0.1./", "https://localhost/", "https://a.LOCALHOST./", "https://0/"}) {
        EXPECT_FALSE(is_allowed(url)) << url;
    }
}

TEST(WebhookReceiver, MayBeByHttpOnlyWhereTheOperatorAllowsNetworks) {
    EXPECT_FALSE(is_allowed("http://example.com/"));
    const FetchRules rules{{*parse_network("10.0.0.0/8")}};
    EXPECT_TRUE(is_allowed("http://10.1.2.3/", rules));
    EXPECT_TRUE(is_allowed("https://10.1.2.3/", rules));
    EXPECT_TRUE(is_allowed("http://hooks.internal/", rules)) << "its address is checked later";
    EXPECT_FALSE(is_allowed("http://8.8.8.8/", rules));
    EXPECT_FALSE(is_allowed("https://192.168.0.1/", rules));
    EXPECT_FALSE(is_allowed("https://127.0.0.1/", rules));
}

TEST(WebhookReceiver, IsNamedByItsOriginAlone) {
    EXPECT_EQ(origin_of_receiver("https://Example.com:8443/x?secret=1"),
              "https://example.com:8443");
    EXPECT_EQ(origin_of_receiver("https://example.com?secret=1"), "https://example.com");
}

// ---- the schedule

TEST(WebhookSchedule, GrowsFromSecondsToADayAndThenEnds) {
    FakeRandom random;
    Message message;
    message.begun = 1'000'000;
    int64_t now = message.begun;
    std::vector<int64_t> pauses;
    for (message.attempts = 1;; ++message.attempts) {
        const auto due = next_attempt(message, now, std::nullopt, random);
        if (!due) {
            break;
        }
        ASSERT_GT(*due, now);
        pauses.push_back(*due - now);
        now = *due;
    }
    EXPECT_EQ(now, message.begun + 86'400) << "the last attempt is a day after the first";
    ASSERT_GE(pauses.size(), 9U);
    ASSERT_LE(pauses.size(), 11U);
    double expected = 5;
    for (size_t i = 0; i + 1 < pauses.size(); ++i, expected *= 3) {
        EXPECT_GE(static_cast<double>(pauses[i]), expected * 0.75 - 1);
        EXPECT_LE(static_cast<double>(pauses[i]), expected * 1.25 + 1);
    }
}

TEST(WebhookSchedule, ObeysRetryAfterWithinTheDay) {
    FakeRandom random;
    Message message{.attempts = 1, .begun = 1'000};
    EXPECT_EQ(next_attempt(message, 1'000, 600, random), 1'600);
    EXPECT_LE(*next_attempt(message, 1'000, 1, random), 1'008) << "a shorter one changes nothing";
    EXPECT_GE(*next_attempt(message, 1'000, 1, random), 1'004);
    EXPECT_EQ(next_attempt(message, 1'000, INT64_MAX, random), 1'000 + 86'400);
    message.attempts = INT64_MAX;
    EXPECT_EQ(next_attempt(message, 1'000, std::nullopt, random), 1'000 + 86'400);
}

// ---- the message

TEST(WebhookMessage, IsThin) {
    Message message{.job = "job_1",
                    .status = "failed",
                    .operation = "image_edit",
                    .model = "p/\"m\"",
                    .created = 1'800'000'000,
                    .ended = 1'800'000'060,
                    .expires = 1'800'003'660};
    EXPECT_EQ(write_message(message),
              R"({"type":"image.job.failed","timestamp":"2027-01-15T08:01:00Z","data":{)"
              R"("id":"job_1","object":"image.job","status":"failed","operation":"image_edit",)"
              R"("model":"p/\"m\"","created_at":1800000000,"completed_at":1800000060,)"
              R"("expires_at":1800003660}})");
}

// ---- the delivery

class FakeQueue final : public MessageQueue {
 public:
    std::unique_ptr<Task> claim(MessageClaim claim,
                                std::function<void(std::optional<ClaimedMessages>)> then) override {
        ++claims;
        ClaimedMessages claimed;
        while (!waiting.empty() && claimed.messages.size() < claim.room) {
            claimed.messages.push_back(waiting.front());
            waiting.pop_front();
        }
        claimed.more = !waiting.empty();
        then(fails ? std::nullopt : std::optional(std::move(claimed)));
        return nullptr;
    }
    void end(MessageEnd end) noexcept override { ends.push_back(std::move(end)); }

    int claims = 0;
    bool fails = false;
    std::deque<Message> waiting;
    std::vector<MessageEnd> ends;
};

class FakeReceivers final : public WebhookClient {
 public:
    struct Sent {
        WebhookPost post;
        CallbackOwner *owner;
        std::function<void(WebhookResponse)> on_end;
        bool cancelled = false;
    };
    std::unique_ptr<Task> post(WebhookPost post, CallbackOwner &owner,
                               std::function<void(WebhookResponse)> on_end) override {
        if (throws) {
            throw std::bad_alloc();
        }
        sent.push_back(std::make_shared<Sent>(Sent{std::move(post), &owner, std::move(on_end)}));
        return std::make_unique<Handle>(sent.back());
    }
    void answer(size_t number, const WebhookResponse &response) {
        const auto on_end = sent[number]->on_end;
        run_for(*sent[number]->owner, [&] { on_end(response); });
    }

    bool throws = false;
    std::vector<std::shared_ptr<Sent>> sent;

 private:
    struct Handle final : Task {
        explicit Handle(std::shared_ptr<Sent> sent) : sent(std::move(sent)) {}
        ~Handle() override { sent->cancelled = true; }
        std::shared_ptr<Sent> sent;
    };
};

class WebhookDelivery : public testing::Test {
 protected:
    WebhookDelivery() {
        source->keys = std::make_shared<const WebhookKeys>(*WebhookKeys::read(kLine));
        rules->name = "/key\n\n10.0.0.0/8 ";
        rules->key_file = "/key";
        rules->source = source;
        rules->addresses =
            std::make_shared<const FetchRules>(FetchRules{{*parse_network("10.0.0.0/8")}});
    }
    Delivery &begin() {
        delivery = std::make_unique<Delivery>(
            Delivery::Parts{clock,
                            loop,
                            random,
                            queue,
                            client,
                            log,
                            {rules},
                            [this] { return ending; },
                            [this](std::string_view outcome, size_t count) {
                                outcomes += std::string(outcome) + " ";
                                EXPECT_EQ(count, 1U);
                            },
                            nullptr});
        loop.advance(Milliseconds(0));
        return *delivery;
    }
    Message message(const std::string &id = "msg_1") const {
        Message one{.id = id,
                    .caller = "a",
                    .url = "https://example.com/x?secret=1",
                    .rules = rules->name,
                    .job = "job_1",
                    .status = "completed"};
        one.attempts = 1;
        one.begun = clock.unix_seconds();
        return one;
    }
    const MessageEnd &end() const { return queue.ends.back(); }

    FakeClock clock;
    FakeLoop loop{clock};
    FakeRandom random;
    FakeQueue queue;
    FakeReceivers client;
    FakeLog log;
    std::shared_ptr<WebhookKeySource> source = std::make_shared<WebhookKeySource>();
    std::shared_ptr<WebhookRules> rules = std::make_shared<WebhookRules>();
    bool ending = false;
    std::string outcomes;
    std::unique_ptr<Delivery> delivery;
};

TEST_F(WebhookDelivery, SendsASignedMessage) {
    queue.waiting = {message()};
    begin();
    ASSERT_EQ(client.sent.size(), 1U);
    const WebhookPost &post = client.sent[0]->post;
    EXPECT_EQ(post.url, "https://example.com/x?secret=1");
    const std::string now = std::to_string(clock.unix_seconds());
    const std::vector<std::string> expected = {
        "Content-Type: application/json", "webhook-id: msg_1", "webhook-timestamp: " + now,
        "webhook-signature: " +
            source->keys->signatures("a", "msg_1", clock.unix_seconds(), post.body)};
    EXPECT_EQ(post.headers, expected);
    EXPECT_EQ(post.addresses, rules->addresses);
    client.answer(0, {.status = 204});
    EXPECT_EQ(end().what, MessageEnd::What::delivered);
    EXPECT_EQ(outcomes, "delivered ");
    EXPECT_EQ(delivery->attempts(), 0U);
}

TEST_F(WebhookDelivery, TriesAgainAfterEveryOtherStatusAndWithoutOne) {
    for (const int status : {0, 100, 199, 300, 302, 307, 400, 401, 404, 429, 500, 503}) {
        queue.waiting = {message()};
        begin();
        client.answer(client.sent.size() - 1, {.status = status, .problem = "no connection"});
        EXPECT_EQ(end().what, MessageEnd::What::again) << status;
        EXPECT_GT(end().due, clock.unix_seconds()) << status;
    }
    EXPECT_FALSE(log.mentions("secret"));
    EXPECT_TRUE(log.mentions("https://example.com: no connection, attempt 1"));
}

TEST_F(WebhookDelivery, EndsAfter410AndAfterADay) {
    queue.waiting = {message("msg_1"), message("msg_2")};
    queue.waiting[1].begun -= 86'400;
    begin();
    client.answer(0, {.status = 410});
    EXPECT_EQ(end().what, MessageEnd::What::gone);
    client.answer(1, {.status = 500});
    EXPECT_EQ(end().what, MessageEnd::What::given_up);
    EXPECT_EQ(outcomes, "gone given_up ");
}

TEST_F(WebhookDelivery, WaitsNoLongerThanItsOwnLimit) {
    queue.waiting = {message()};
    begin();
    loop.advance(Milliseconds(20'000));
    EXPECT_EQ(end().what, MessageEnd::What::again);
    EXPECT_TRUE(client.sent[0]->cancelled);
}

TEST_F(WebhookDelivery, HasABoundedNumberOfAttemptsInProgress) {
    for (int i = 0; i < 40; ++i) {
        queue.waiting.push_back(message("msg_" + std::to_string(i)));
    }
    begin();
    EXPECT_EQ(client.sent.size(), 32U);
    client.answer(3, {.status = 200});
    loop.advance(Milliseconds(0));
    EXPECT_EQ(client.sent.size(), 33U) << "a place that is free is used at once";
    EXPECT_EQ(delivery->attempts(), 32U);
}

TEST_F(WebhookDelivery, LooksOnceASecondAndAtOnceWhenAJobEnds) {
    begin();
    const int claims = queue.claims;
    loop.advance(Milliseconds(3'000));
    EXPECT_EQ(queue.claims, claims + 3);
    queue.waiting = {message()};
    delivery->look_soon();
    loop.advance(Milliseconds(0));
    EXPECT_EQ(client.sent.size(), 1U);
}

TEST_F(WebhookDelivery, StartsNothingInAProcessThatEnds) {
    begin();
    ending = true;
    queue.waiting = {message()};
    const int claims = queue.claims;
    loop.advance(Milliseconds(5'000));
    EXPECT_EQ(queue.claims, claims);
}

TEST_F(WebhookDelivery, GivesAttemptsInProgressBackWhenItsProcessEnds) {
    queue.waiting = {message("msg_1"), message("msg_2")};
    begin();
    delivery.reset();
    ASSERT_EQ(queue.ends.size(), 2U);
    EXPECT_EQ(queue.ends[1].id, "msg_2");
    EXPECT_EQ(queue.ends[1].what, MessageEnd::What::again);
    EXPECT_LT(queue.ends[1].due, clock.unix_seconds());
}

TEST_F(WebhookDelivery, SendsAMessageOfChangedSettingsToPublicAddressesOnly) {
    queue.waiting = {message()};
    queue.waiting[0].rules = "/key\n\n0.0.0.0/0 ";
    begin();
    ASSERT_EQ(client.sent.size(), 1U);
    EXPECT_TRUE(client.sent[0]->post.addresses->allowed.empty());
}

TEST_F(WebhookDelivery, KeepsAMessageWithoutAKeyAndTellsItOnce) {
    for (int i = 0; i < 3; ++i) {
        queue.waiting.push_back(message("msg_" + std::to_string(i)));
        queue.waiting.back().rules = "/other\n\n";
    }
    source->keys = nullptr;
    queue.waiting.push_back(message("msg_3"));
    begin();
    EXPECT_TRUE(client.sent.empty());
    ASSERT_EQ(queue.ends.size(), 4U);
    EXPECT_EQ(end().what, MessageEnd::What::again);
    EXPECT_EQ(std::count_if(log.lines.begin(), log.lines.end(),
                            [](const auto &line) { return line.first == LogLevel::error; }),
              1);
}

TEST_F(WebhookDelivery, LetsAnExceptionEndOneAttempt) {
    queue.waiting = {message("msg_1")};
    client.throws = true;
    begin();
    EXPECT_EQ(end().what, MessageEnd::What::again);
    EXPECT_EQ(delivery->attempts(), 0U);
    client.throws = false;
    queue.waiting = {message("msg_2")};
    loop.advance(Milliseconds(1'000));
    client.answer(0, {.status = 200});
    EXPECT_EQ(end().what, MessageEnd::What::delivered);
}

TEST_F(WebhookDelivery, GoesOnWhenTheQueueCannotBeRead) {
    queue.fails = true;
    queue.waiting = {message()};
    begin();
    queue.fails = false;
    queue.waiting = {message()};
    loop.advance(Milliseconds(1'000));
    EXPECT_EQ(client.sent.size(), 1U);
}

}  // namespace
}  // namespace gateway
