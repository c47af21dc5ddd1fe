// Accounts that answer when the test says so, and what a request does until then.
#include <gtest/gtest.h>

#include "exchange_world.h"

namespace gateway {
namespace {

// Keeps each question until the test answers it. What stands for it may be destroyed before: then
// nobody is called.
class LateAccounts final : public Accounts {
 public:
    struct Question {
        bool enters = false;
        size_t shares = 0;
        int64_t images = 0;
        std::function<void(Answer)> later;  // null: answered, or dropped
        bool dropped = false;               // before it was answered
        bool alive = true;                  // what stands for it
    };

    Reply enter(std::span<PartyShare> shares, Milliseconds /*longest*/,
                std::function<void(Answer)> later) override {
        return ask({.enters = true, .shares = shares.size(), .later = std::move(later)});
    }
    Reply reserve(std::span<PartyShare> shares, int64_t images, MicroUsd /*usd*/,
                  std::function<void(Answer)> later) override {
        return ask({.shares = shares.size(), .images = images, .later = std::move(later)});
    }
    std::optional<Quotas> settle(std::vector<PartyShare> shares, int64_t images_used,
                                 MicroUsd /*spent*/) noexcept override {
        for (const PartyShare &share : shares) {
            (share.party.kind == Party::Kind::model ? models_settled : settled)
                .push_back(images_used);
        }
        return std::nullopt;
    }

    // The open question is answered.
    void answer(Answer answer) {
        ASSERT_TRUE(is_open());
        const auto later = std::exchange(questions.back()->later, nullptr);
        later(std::move(answer));
    }
    void admit() { answer(Quotas{}); }
    void refuse() { answer(tl::unexpected(Exceeded{.retry_after = 9, .counted = "images"})); }
    [[nodiscard]] bool is_open() const {
        return !questions.empty() && questions.back()->later != nullptr;
    }
    [[nodiscard]] const Question &last() const { return *questions.back(); }

    size_t at_once = 0;  // so many are admitted at once, before one is kept
    std::vector<std::shared_ptr<Question>> questions;
    std::vector<int64_t> settled;         // of each share: the images that were used
    std::vector<int64_t> models_settled;  // the same of models

 private:
    struct Handle final : PendingAccounts {
        explicit Handle(std::shared_ptr<Question> kept) : question(std::move(kept)) {}
        ~Handle() override {
            question->alive = false;
            question->dropped = question->later != nullptr;
            question->later = nullptr;
        }
        std::shared_ptr<Question> question;
    };

    Reply ask(Question asked) {
        auto question = std::make_shared<Question>(std::move(asked));
        questions.push_back(question);
        if (at_once > 0) {
            --at_once;
            question->later = nullptr;
            question->alive = false;
            return {Quotas{}, nullptr};
        }
        return {std::nullopt, std::make_unique<Handle>(question)};
    }
};

class LateAccountsTest : public ExchangeTest {
 protected:
    LateAccountsTest() {
        policy.keys = ring_of(key_json("k", R"("limits":{"concurrent":1,"images_per_minute":10},)"
                                            R"("model_limits":{"a/*":{"images_per_minute":5}})"));
        policy.deadline = Milliseconds(5'000);
    }
    ~LateAccountsTest() override {
        exchange.reset();
        for (const auto &question : late.questions) {
            EXPECT_FALSE(question->alive) << "what stands for a question is gone with the request";
        }
        EXPECT_EQ(world.loop.running(), 0U);
    }

    // Who may enter. The answer is in `entered` as soon as it is there.
    void begin() {
        exchange = std::make_unique<Exchange>(models, policy, late, health, world.ports);
        ASSERT_TRUE(exchange->identify(as("sk-bf-k")));
        auto now = exchange->enter({}, [this](Exchange::Entered answer) {
            ++later_calls;
            entered = std::move(answer);
        });
        if (now) {
            entered = std::move(*now);
        }
    }
    // As far as the question with this number, which stays open.
    void go_to(size_t question, const std::string &model = "chain") {
        late.at_once = question;
        begin();
        if (question > 0) {
            run(R"({"prompt":"a","model":")" + model + "\"}");
        }
        ASSERT_EQ(late.questions.size(), question + 1);
        ASSERT_TRUE(late.is_open());
    }
    void expect_unused() const {
        EXPECT_EQ(late.settled, std::vector<int64_t>{0}) << "once, and nothing was used";
    }

    LateAccounts late;
    std::optional<Exchange::Entered> entered;
    int later_calls = 0;
};

// The questions of a request to "chain", in their order.
enum : size_t { kEnter, kReserve, kEnterModels, kReserveModels };

TEST_F(LateAccountsTest, WhoIsAdmittedLaterIsServed) {
    begin();
    EXPECT_FALSE(entered);
    for (int question = 0; question < 4; ++question) {
        ASSERT_TRUE(late.is_open()) << question;
        EXPECT_EQ(world.upstream.calls.size(), 0U);
        late.admit();
        EXPECT_FALSE(late.questions[static_cast<size_t>(question)]->alive);
        if (question == 0) {
            ASSERT_TRUE(entered && *entered);
            run(R"({"prompt":"a","model":"chain"})");
        }
    }
    EXPECT_EQ(later_calls, 1);
    EXPECT_TRUE(late.questions[kEnterModels]->enters);
    EXPECT_EQ(late.questions[kReserveModels]->images, 1);
    world.upstream.deliver(images(1));
    EXPECT_EQ(told.answers, 1);
    EXPECT_EQ(told.status(), 200);
    EXPECT_EQ(late.settled, std::vector<int64_t>{1});
    EXPECT_EQ(late.models_settled, std::vector<int64_t>{1});
    EXPECT_EQ(late.questions.size(), 4U);
}

TEST_F(LateAccountsTest, WhoIsRefusedLaterHoldsNothing) {
    begin();
    late.refuse();
    ASSERT_TRUE(entered && !*entered);
    EXPECT_EQ(entered->error().status, 429);
    EXPECT_EQ(exchange->refuse(entered->error()).status, 429);
    EXPECT_EQ(late.settled.size(), 0U);
    EXPECT_EQ(exchange->outcome(), "refused");
}

TEST_F(LateAccountsTest, WhoMayBeDestroyedFromWithinTheAnswer) {
    exchange = std::make_unique<Exchange>(models, policy, late, health, world.ports);
    ASSERT_TRUE(exchange->identify(as("sk-bf-k")));
    EXPECT_FALSE(exchange->enter({}, [this](const Exchange::Entered &answer) {
        EXPECT_FALSE(answer);
        exchange.reset();  // as nginx does it, when the error is sent
    }));
    late.refuse();
    EXPECT_EQ(exchange, nullptr);
    EXPECT_EQ(late.settled.size(), 0U);
}

TEST_F(LateAccountsTest, ImagesThatAreRefusedLaterAreA429) {
    go_to(kReserve);
    late.refuse();
    EXPECT_EQ(told.answers, 1);
    EXPECT_EQ(told.status(), 429);
    EXPECT_EQ(told.header("Retry-After"), "9");
    expect_unused();
}

TEST_F(LateAccountsTest, AModelThatIsRefusedLaterIsPassedOver) {
    for (const size_t question : {kEnterModels, kReserveModels}) {
        late.questions.clear();
        world.upstream.calls.clear();
        late.settled.clear();
        late.models_settled.clear();
        go_to(question);
        late.refuse();
        EXPECT_EQ(asked(), "b") << question;
        EXPECT_EQ(late.models_settled.size(), question == kReserveModels ? 1U : 0U);
        world.upstream.deliver(images(1));
        EXPECT_EQ(told.status(), 200);
        EXPECT_EQ(late.settled, std::vector<int64_t>{1});
        EXPECT_EQ(told.json()["extra_fields"]["skipped"].at(0)["provider"].string(), "a");
        exchange.reset();
    }
}

TEST_F(LateAccountsTest, WhereNoOtherModelIsLeftTheRefusalIsTheAnswer) {
    go_to(kReserveModels, "a/gpt-image-2");
    late.refuse();
    EXPECT_EQ(told.answers, 1);
    EXPECT_EQ(told.status(), 429);
    expect_unused();
}

TEST_F(LateAccountsTest, MoreThanWasReservedIsAskedForBeforeTheNextCandidate) {
    late.at_once = 4;
    begin();
    run(R"({"prompt":"a","model":"chain"})");
    world.upstream.deliver(response_for(OutcomeType::unknown));
    EXPECT_EQ(asked(), "a") << "one may be billed, so two are needed";
    ASSERT_TRUE(late.is_open());
    EXPECT_EQ(late.last().images, 1);
    late.admit();
    EXPECT_EQ(asked(), "a b");
    EXPECT_EQ(late.models_settled, std::vector<int64_t>{1}) << "what was lost was a's";
    world.upstream.deliver(images(1));
    EXPECT_EQ(told.status(), 200);
    EXPECT_EQ(late.settled, std::vector<int64_t>{2});
}

TEST_F(LateAccountsTest, MoreThatIsRefusedLaterEndsIt) {
    late.at_once = 4;
    begin();
    run(R"({"prompt":"a","model":"chain"})");
    world.upstream.deliver(response_for(OutcomeType::unknown));
    late.refuse();
    EXPECT_EQ(told.answers, 1);
    EXPECT_EQ(told.status(), 429);
    EXPECT_EQ(asked(), "a");
    EXPECT_EQ(late.settled, std::vector<int64_t>{1});
}

TEST_F(LateAccountsTest, AClientThatLeavesDropsTheQuestion) {
    for (const size_t question : {kEnter, kReserve, kEnterModels, kReserveModels}) {
        late.questions.clear();
        late.settled.clear();
        late.models_settled.clear();
        told = {};
        go_to(question);
        exchange->cancel();
        EXPECT_TRUE(late.last().dropped) << question;
        EXPECT_FALSE(late.last().alive) << question;
        EXPECT_EQ(late.settled.size(), question == kEnter ? 0U : 1U);
        EXPECT_EQ(late.models_settled.size(), question == kReserveModels ? 1U : 0U)
            << "what was not entered is given back by the port";
        exchange->cancel();
        EXPECT_LE(late.settled.size(), 1U) << "settled once";
        exchange.reset();
        EXPECT_EQ(told.answers, 0);
        EXPECT_EQ(later_calls, 0);
    }
}

TEST_F(LateAccountsTest, AtTheDeadlineTheQuestionIsDropped) {
    for (const size_t question : {kReserve, kEnterModels, kReserveModels}) {
        late.questions.clear();
        late.settled.clear();
        late.models_settled.clear();
        told = {};
        go_to(question);
        world.loop.advance(policy.deadline);
        EXPECT_TRUE(late.last().dropped) << question;
        EXPECT_EQ(told.answers, 1);
        EXPECT_EQ(told.status(), 504) << question;
        expect_unused();
        EXPECT_EQ(world.upstream.calls.size(), 0U);
        EXPECT_EQ(exchange->images_lost(), 0);
        exchange.reset();
    }
}

TEST_F(LateAccountsTest, AnExceptionDropsTheQuestion) {
    for (const size_t question : {kReserve, kEnterModels, kReserveModels}) {
        late.questions.clear();
        late.settled.clear();
        told = {};
        go_to(question);
        exchange->end_by_exception();
        EXPECT_TRUE(late.last().dropped) << question;
        EXPECT_EQ(told.answers, 1);
        EXPECT_EQ(told.status(), 500) << question;
        expect_unused();
        exchange.reset();
    }
}

TEST_F(LateAccountsTest, ARequestThatIsDestroyedTakesItsQuestionWithIt) {
    for (const size_t question : {kEnter, kReserve, kEnterModels, kReserveModels}) {
        late.questions.clear();
        late.settled.clear();
        told = {};
        go_to(question);
        exchange.reset();
        EXPECT_TRUE(late.last().dropped) << question;
        EXPECT_EQ(late.settled.size(), question == kEnter ? 0U : 1U);
        EXPECT_EQ(told.answers, 0);
    }
}

TEST_F(LateAccountsTest, AnErrorFromElsewhereDropsTheQuestionOfEntering) {
    go_to(kEnter);
    EXPECT_EQ(exchange->refuse(ApiError::of(408)).status, 408);
    EXPECT_TRUE(late.last().dropped);
    EXPECT_EQ(late.settled.size(), 0U);
    EXPECT_EQ(later_calls, 0);
}

}  // namespace
}  // namespace gateway
