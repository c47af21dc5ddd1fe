// One of the calls that a candidate is asked with: its keys, its retries, until an outcome that
// ends it here.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/providers/attempt.h"
#include "core/rare.h"
#include "core/routing/attempt_context.h"
#include "core/routing/prepare.h"

namespace gateway {

class Lane {
 public:
    // `number` is the call's among several; `on_end` is called when it has ended after all, never
    // from within start().
    Lane(const AttemptContext &context, const Candidate &candidate, const Target &target,
         const Prepared &prepared, size_t number, std::function<void()> on_end);
    ~Lane();
    Lane(const Lane &) = delete;
    Lane &operator=(const Lane &) = delete;

    // Something may stand in the way: then it has not started, and may be told to start later.
    std::optional<Hindered> start();
    // When it is worth to start again, after it ended as throttled; nothing if it is not.
    [[nodiscard]] std::optional<Milliseconds> may_start_again_in() const;
    std::optional<Hindered> start_again();
    // Whoever takes over what it has made answers for it from here on.
    void hand_over() noexcept { at_risk_ = 0; }
    // The time is up: what runs is let go of, and written down.
    void expire();
    // Nobody waits any longer.
    void drop() noexcept;
    // Pauses or resumes what arrives from the provider.
    void hold(bool held);
    // Gives the images that it has made to the tray's listener, while other calls are under way.
    void announce_images();

    [[nodiscard]] bool running() const { return attempt_ != nullptr || pause_ != nullptr; }
    // How it ended; nothing if it never started.
    [[nodiscard]] const Rare<Outcome> &end() const { return end_; }
    [[nodiscard]] Rare<Outcome> &end() { return end_; }
    // By an attempt before its last one, which was allowed to repeat it.
    [[nodiscard]] bool may_be_billed_before() const { return perhaps_billed_ > 0; }
    // The caller has seen something of it.
    [[nodiscard]] bool has_shown() const { return shown_; }
    [[nodiscard]] size_t number() const { return number_; }
    [[nodiscard]] const CallShare &share() const { return prepared_.calls[number_]; }

 private:
    struct KeyChoice {
        std::optional<size_t> place;       // in keys_
        std::optional<Milliseconds> wait;  // else: for the first of those that rest
    };
    [[nodiscard]] KeyChoice choose_key() const;
    // With this key, if it has been chosen already.
    std::optional<Hindered> try_once(std::optional<KeyChoice> chosen = std::nullopt);
    [[nodiscard]] Attempt::Listener listener();
    void give_image(ImageResult one);
    void hand_on(Slot &slot);
    void put_images();
    [[nodiscard]] Usage usage_of_call() const;
    void on_outcome(Outcome outcome);
    void leave(Verdict verdict) noexcept;
    void risk(int64_t images) noexcept;
    void record(const Outcome &outcome, bool may_be_billed);
    void rest_key(const Outcome &outcome) noexcept;
    bool pause_and_retry(const Outcome &outcome);
    void finish(Outcome outcome);
    [[nodiscard]] const Provider &provider() const { return *candidate_.provider; }

    const AttemptContext &context_;
    const Candidate &candidate_;
    const Target &target_;
    const Prepared &prepared_;
    size_t number_;
    std::function<void()> on_end_;

    // As the keys are tried. A provider without any is treated as one with a nameless key.
    struct KeyInOrder {
        const ProviderKey *key;
        Account account;
        bool failed = false;
    };
    std::vector<KeyInOrder> keys_;
    size_t key_ = 0;
    std::string idempotency_key_;  // empty: the provider does not heed them
    std::optional<CallTicket> ticket_;
    Milliseconds first_began_{0};
    Milliseconds ended_{0};
    Milliseconds attempt_began_{0};
    int attempts_ = 0;
    bool shown_ = false;
    int64_t images_given_ = 0;  // to the tray's listener, before the end
    bool announced_ = false;    // all of them were
    int64_t at_risk_ = 0;       // of the history's, that this lane put there
    int64_t perhaps_billed_ =
        0;  // images, by calls that may be repeated without being billed twice
    std::unique_ptr<Attempt> attempt_;
    std::unique_ptr<Attempt> finished_;  // kept until its callback has returned
    std::unique_ptr<Timer> pause_;
    Rare<Outcome> last_;
    Rare<Outcome> end_;
};

}  // namespace gateway
