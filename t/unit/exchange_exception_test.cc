// Any allocation of a request fails: the request ends once, what it held is given back, what may be
// billed is counted, and the next request is served.
#include <gtest/gtest.h>

#include "exchange_world.h"
#include "failing_allocations.h"
#include "operator_new.h"

namespace gateway {
namespace {

thread_local FailingAllocations *the_window = nullptr;

}  // namespace

// Without a window allocations are what they always are.
bool allocation_fails() noexcept {
    return the_window != nullptr && the_window->is_due();
}
FailingAllocations::Window::Window(FailingAllocations &allocations) {
    the_window = &allocations;
}
FailingAllocations::Window::~Window() {
    the_window = nullptr;
}
bool FailingAllocations::is_due() noexcept {
    ++count_;
    if (left_ == 0 || --left_ > 0) {
        return false;
    }
    failed_ = true;
    return true;
}

}  // namespace gateway

namespace gateway {
namespace {

class ExchangeExceptionTest : public ExchangeTest {
 protected:
    ExchangeExceptionTest() {
        policy.keys = ring_of(key_json(
            "k",
            R"("limits":{"concurrent":1,"images_per_minute":1000000},"budgets":[{"per":"lifetime","usd":1000}])"));
        policy.hosting = std::make_shared<Hosting>();
        policy.hosting->directory = "/store";
        policy.hosting->lifetime = 60;
        policy.hosting->keys = {"a key that is long"};
        Provider *picky = add_provider("p", {"sk-secret-p"});
        picky->breaker.failures = 1;
        picky->max_calls = 8;
        add_provider("s", {"sk-secret-s"}, "black-forest-labs");
        world.log.keeps = false;
    }

    using Story = std::function<void()>;

    // One act of the outside world. What it throws ends the request, as the adapter does it.
    template <typename Act>
    void act(Act &&act) {
        try {
            const FailingAllocations::Window window(*memory_fails);
            act();
        } catch (const std::bad_alloc &) {
            if (exchange != nullptr) {
                exchange->end_by_exception();
            }
        }
    }
    [[nodiscard]] bool is_open() const {
        return exchange != nullptr && !is_over && open_calls() > 0;
    }

    void ask_for(const std::string &json) {
        text = json;
        is_over = false;
        told = {};
        sent_before = world.upstream.calls.size();
        RequestHead head = as("sk-bf-k");
        head.base_url = "http://here/v1";
        head.marks_end = true;
        bool entered = false;
        act([&] {
            exchange = std::make_unique<Exchange>(models, policy, accounts, health, world.ports);
            entered = exchange->identify(head) && enter();
        });
        if (!entered) {
            is_over = true;
            return;
        }
        act([&] {
            exchange->run(Operation::generate, text, [this](Answer answer) {
                EXPECT_FALSE(is_over) << "nothing comes after the end";
                ++told.answers;
                is_over = !answer.goes_on || answer.broken;
                broken = answer.broken;
                last = std::move(answer);
            });
        });
    }
    void deliver(HttpResponse response) {
        if (is_open()) {
            act([&] { world.upstream.deliver(std::move(response)); });
        }
    }

    // The story with each of its allocations failing in turn.
    void tell(const Story &story, int64_t images) {
        for (int64_t number = 0; number == 0 || fails; ++number) {
            FailingAllocations allocations(number);
            memory_fails = &allocations;
            last = {};
            broken = false;
            const int64_t before = looks_at_ledger ? images_left() : 0;
            story();
            fails = number == 0 || allocations.has_failed();
            const bool was_sent = world.upstream.calls.size() > sent_before;
            const std::string body = last.body.copy();
            if (number == 0) {
                ASSERT_EQ(last.status, 200) << body;
                ASSERT_TRUE(is_over && !broken);
                ASSERT_GT(allocations.count(), 30);
            }
            const bool is_whole = told.answers > 0 && is_over && !broken && last.status == 200 &&
                                  body.find("internal_error") == std::string::npos;
            if (told.answers > 0) {
                EXPECT_TRUE(is_over) << number;
                EXPECT_TRUE(is_whole || broken || body.find("internal_error") != std::string::npos)
                    << number << ": " << last.status << " " << body;
            }
            int64_t counted = 0;
            if (exchange != nullptr) {
                exchange->cancel();
                counted = static_cast<int64_t>(exchange->images()) + exchange->images_lost();
                exchange.reset();
            }
            EXPECT_EQ(open_calls(), 0U) << number;
            EXPECT_EQ(world.loop.running(), 0U) << number;
            EXPECT_EQ(world.fetcher.open(), 0U) << number;
            if (before != 0) {
                EXPECT_EQ(before - images_left(), counted) << number << ": the ledger's";
            }
            if (is_whole) {
                EXPECT_EQ(counted, images) << number;
            } else if (!was_sent) {
                EXPECT_EQ(counted, 0) << number;
            } else {
                EXPECT_GE(counted, 1) << number << ": a call was sent, and may be billed";
                EXPECT_LE(counted, images + 1) << number;
            }
            world.upstream.calls.clear();
            world.fetcher.entries.clear();
            world.files.entries.clear();
            // The next one is served: nothing is held, and no breaker is open.
            FailingAllocations none(0);
            memory_fails = &none;
            ask_for(R"({"prompt":"x","model":"p/gpt-image-2"})");
            deliver(images_response(1));
            ASSERT_EQ(last.status, 200) << number << ": " << last.body.copy();
            exchange.reset();
            world.upstream.calls.clear();
        }
    }
    static HttpResponse images_response(int count) { return gateway::images(count); }

    void say(const std::string &data) {
        if (!is_open()) {
            return;
        }
        Lifter lifter(BlockPool::create(4));
        lifter.feed(data);
        ServerEvent event{"", std::move(lifter).finish()};
        act([&] { world.upstream.calls.back()->on_event(std::move(event)); });
    }

    FailingAllocations *memory_fails = nullptr;
    bool fails = true;
    bool looks_at_ledger = true;  // as long as the clock stands still
    bool is_over = false;
    bool broken = false;
    size_t sent_before = 0;
    std::string text;
    Answer last;
};

TEST_F(ExchangeExceptionTest, APlainRequestEndsAloneWhateverAllocationFails) {
    tell(
        [this] {
            ask_for(R"({"prompt":"x","model":"p/gpt-image-2"})");
            deliver(images_response(1));
        },
        1);
}

TEST_F(ExchangeExceptionTest, SeveralCallsEndTogetherWhateverAllocationFails) {
    tell(
        [this] {
            ask_for(R"({"prompt":"x","model":"p/dall-e-3","n":3})");
            for (size_t call = 0; call < 3; ++call) {
                if (is_open() && call < world.upstream.calls.size() &&
                    world.upstream.calls[call]->state == FakeUpstream::State::open) {
                    HttpResponse response = images_response(1);
                    act([&] {
                        FakeUpstream::deliver(*world.upstream.calls[call], std::move(response));
                    });
                }
            }
        },
        3);
}

TEST_F(ExchangeExceptionTest, AStreamEndsAloneWhateverAllocationFails) {
    tell(
        [this] {
            ask_for(
                R"({"prompt":"x","model":"p/gpt-image-2","stream":true,"partial_images":1,"size":"1024x1024"})");
            say(R"({"type":"image_generation.partial_image","partial_image_index":0,"b64_json":")" +
                std::string(kPng) + "\"}");
            say(R"({"type":"image_generation.completed","b64_json":")" + std::string(kPng) + "\"}");
        },
        1);
}

TEST_F(ExchangeExceptionTest, APassedImageEndsAloneWhateverAllocationFails) {
    policy.buffering = false;
    const std::string image =
        std::string(kPng).substr(0, 76) + std::string(9'000, 'A') + std::string(kPng).substr(76);
    tell(
        [&] {
            Lifter lifter(BlockPool::create(10));
            ask_for(R"({"prompt":"x","model":"p/gpt-image-2"})");
            for (const std::string &part :
                 {R"({"created":1,"data":[{"b64_json":")" + image.substr(0, 5000),
                  image.substr(5000) + "\"}]}"}) {
                lifter.feed(part);
                Bytes piece = *lifter.pass();
                if (is_open()) {
                    act([&] { world.upstream.calls.back()->on_piece(std::move(piece)); });
                }
            }
            HttpResponse response;
            response.end = TransferEnd::answered;
            response.status = 200;
            response.body = std::move(lifter).finish();
            deliver(std::move(response));
        },
        1);
}

TEST_F(ExchangeExceptionTest, AJobEndsAloneWhateverAllocationFails) {
    looks_at_ledger = false;
    tell(
        [this] {
            ask_for(R"({"prompt":"x","model":"s/flux-2-pro"})");
            deliver(response_of(200, R"({"id":"1","polling_url":"https://s/v1/get_result?id=1"})"));
            if (!is_over) {
                act([this] { world.loop.advance(Milliseconds(600)); });
            }
            deliver(response_of(
                200, R"({"id":"1","status":"Ready","result":{"sample":"https://s/a.png"}})"));
            if (!is_over && world.fetcher.open() == 0) {
                act([this] { world.loop.advance(Milliseconds(0)); });
            }
            if (!is_over && world.fetcher.open() > 0) {
                FetchedImage fetched;
                fetched.base64 = Bytes::own(kPng);
                act([&] {
                    world.fetcher.end(world.fetcher.entries.size() - 1, std::move(fetched));
                });
            }
            if (!is_over && !world.files.entries.empty()) {
                act([this] { world.files.end(0, Written::whole); });
            }
        },
        1);
}

TEST_F(ExchangeExceptionTest, AKeptImageEndsAloneWhateverAllocationFails) {
    tell(
        [this] {
            ask_for(R"({"prompt":"x","model":"p/gpt-image-2","response_format":"url"})");
            deliver(images_response(1));
            if (!is_over) {
                act([this] { world.loop.advance(Milliseconds(0)); });
            }
            if (!is_over && !world.files.entries.empty()) {
                act([this] { world.files.end(0, Written::whole); });
            }
        },
        1);
}

// One of two calls sends an image and fails; all must be stored before they are sent.
TEST_F(ExchangeExceptionTest, AStreamOfStoredImagesEndsAloneWhateverAllocationFails) {
    models.use(std::make_shared<const Catalogue>(*Catalogue::read(
        R"({"apis":{"openai":[{"model":"two","operations":["generate","stream"],
            "parameters":{"prompt":{},"n":{"max":2}},"price":{"per_image":[{"usd":0.04}]}}]}})",
        models.catalogue().get())));
    const auto deliver_to = [this](size_t call, HttpResponse response) {
        if (!is_over && call < world.upstream.calls.size() &&
            world.upstream.calls[call]->state == FakeUpstream::State::open) {
            act([&] { FakeUpstream::deliver(*world.upstream.calls[call], std::move(response)); });
        }
    };
    const auto turn = [this] {
        if (!is_over) {
            act([this] { world.loop.advance(Milliseconds(0)); });
        }
    };
    tell(
        [&] {
            ask_for(
                R"({"prompt":"x","model":"a/two","n":4,"stream":true,"response_format":"url"})");
            Lifter lifter(BlockPool::create(4));
            lifter.feed(R"({"type":"image_generation.completed","b64_json":")" + std::string(kPng) +
                        "\"}");
            ServerEvent event{"", std::move(lifter).finish()};
            if (is_open()) {
                act([&] { world.upstream.calls.front()->on_event(std::move(event)); });
            }
            turn();
            deliver_to(0, undelivered(TransferEnd::lost));
            deliver_to(1, images_response(2));
            turn();
            for (const size_t file : {1, 0, 2}) {
                if (!is_over && file < world.files.entries.size() &&
                    world.files.entries[file]->on_end != nullptr) {
                    act([&] { world.files.end(file, Written::whole); });
                }
            }
        },
        4);
}

}  // namespace
}  // namespace gateway
