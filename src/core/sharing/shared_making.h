// A making that several requests share, or that goes on without any. It has ports of its own, so it
// may outlive the request that began it.
//
//   running --(the making ends)--> ended --(its result is kept, if it must be)--> over
//    |  \---(nobody waits for it, and it need not go on)-----------------------------^
//    `--(a job that waits is cancelled or refused)-----------------------------------^
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/callback_owner.h"
#include "core/limits/keys_in_use.h"
#include "core/making/making.h"
#include "core/sharing/kept_result.h"
#include "core/sharing/records.h"
#include "core/sharing/unasked.h"
#include "core/sharing/written_making.h"

namespace gateway {

class SharedMaking;

// A request that waits for a shared making.
class Follower : public ImageWatcher {
 public:
    // The result is complete.
    virtual void on_shared_end() = 0;
    // Whose callback this is: if it throws, this owner ends, and nobody else.
    virtual CallbackOwner &owner() = 0;

 protected:
    ~Follower() = default;
};

// Ports for a making that is not bound to a request.
class OwnPorts {
 public:
    virtual ~OwnPorts() = default;
    [[nodiscard]] virtual const Ports &ports() const = 0;
    // The records, for the making's own callbacks. Null: there are none.
    [[nodiscard]] virtual Records *records() = 0;
};

class MakingHome {
 public:
    virtual ~MakingHome() = default;
    virtual std::unique_ptr<OwnPorts> open(CallbackOwner &owner) = 0;
};

// What is done with the result.
struct SharingTerms {
    RecordId id{};  // by which equal requests find the making
    RecordKind kind = RecordKind::keyed;
    Sha256 order{};                          // what is asked for
    bool has_record = false;                 // other workers can find it, too
    std::string record_request;              // the id in the record; empty: the leader's
    bool goes_on = false;                    // also when nobody waits
    bool is_patient = false;                 // waits for busy providers and for memory
    int64_t keep = 0;                        // seconds
    std::string owner;                       // the id of the caller
    std::shared_ptr<const Hosting> hosting;  // where results are kept; null: nowhere
    // For the cache; empty: the result is not cached. One for each candidate of the plan.
    std::vector<std::optional<RecordId>> cache_ids;
    int64_t cache_ttl = 0;
    // Of a keyed request without a record: other workers know that it is in progress.
    std::shared_ptr<const KeysInUse::Hold> key_in_use;
    std::shared_ptr<Unasked> unasked;  // for who takes over; null: nobody asks
};

class MakingRegister;

class SharedMaking final : public ImageWatcher, private CallbackOwner, private CallWatcher {
 public:
    SharedMaking(std::shared_ptr<Order> order, Health &health, MakingHome &home, SharingTerms terms,
                 MakingRegister &running);
    ~SharedMaking();
    SharedMaking(const SharedMaking &) = delete;
    SharedMaking &operator=(const SharedMaking &) = delete;

    // Starts the making for its leader, whose order is made with the leader's funds.
    void lead(Follower &leader);
    // Starts the making of a job, for which nobody waits.
    void start();
    // The same for a making of a process that has died.
    void resume(Resumption resumption);
    // A job that does not start yet. `enter_queue` is called with the making's own owner.
    void wait(const std::function<void()> &enter_queue);
    // Whether what begins now is not interrupted at once because this process ends.
    [[nodiscard]] bool has_time_to_begin() const;
    // Its time begins now. It starts when that is written down.
    void begin_after_waiting();
    // Ends a job that waits with this error.
    void refuse(ApiError error) noexcept;
    // Whether it has been neither started nor ended since wait().
    [[nodiscard]] bool waits() const { return waits_ && phase_ == Phase::running; }
    // Ends the making of a job at its owner's wish.
    void cancel() noexcept;
    // Gives the follower what has been sent before. If the making has ended, the end is told later
    // by a timer.
    void attach(Follower &follower);
    // Must be called before a follower is destroyed. If the leader leaves before the end, the
    // making settles its order; then this returns true.
    bool leave(const Follower &follower) noexcept;
    // Pauses the provider's responses while the only follower does not read.
    void hold(bool held);

    [[nodiscard]] const SharingTerms &terms() const { return terms_; }
    // The id of the request that leads.
    [[nodiscard]] const std::string &first_request() const { return order_->request_id; }
    [[nodiscard]] const Order &order() const { return *order_; }
    [[nodiscard]] Order &order() { return *order_; }
    [[nodiscard]] bool has_ended() const { return phase_ != Phase::running; }
    // Whether it ended by an exception, without a result.
    [[nodiscard]] bool has_failed() const { return failed_; }
    // Why it ended without having been made: it was cancelled, or refused after it has waited.
    [[nodiscard]] const Rare<ApiError> &refusal() const { return refusal_; }
    [[nodiscard]] const Making &making() const { return making_; }
    [[nodiscard]] const Result &result() const { return making_.result(); }
    // When the making ended, for replies that must be equal to the first.
    [[nodiscard]] int64_t created() const { return created_; }
    [[nodiscard]] int64_t latency() const { return latency_; }
    [[nodiscard]] bool is_billed() const;

    // The process ends. Another one goes on with a job whose provider works on jobs.
    void end_with_process() noexcept;

 private:
    enum class Phase : uint8_t { running, ended, over };

    // What was sent before the end, for followers that come later.
    struct Early {
        ImageWords words;
        Image image;
        std::vector<Adjustment> adjustments;
    };
    struct Place {
        Follower *follower = nullptr;  // null: it has left
        std::unique_ptr<Timer> told;   // tells it the end, which it came after; null: not to do
    };

    void preview(const Maker &maker, const Preview &preview) override;
    void image(const Maker &maker, const ImageWords &words, const Image &image,
               const std::vector<Adjustment> &adjustments) override;
    void piece(const Maker & /*maker*/, const Bytes & /*piece*/) override {}
    void end_by_exception(const char *what) noexcept override;
    void on_call(const Candidate &candidate) override;
    void on_job(TakenCall call) override;
    void on_job_end(size_t number) override;

    void begin(const std::function<void()> &start_making);
    void note_beginning();
    void end_waiting();
    void end_early(ApiError error, const char *status) noexcept;
    void note_jobs();
    bool leave_to_heir() noexcept;
    void stop() noexcept;
    template <typename Tell>
    void tell_all(Tell tell) noexcept;
    void tell_end() noexcept;
    void give_early(Follower &follower);
    void tell_late(size_t place) noexcept;
    [[nodiscard]] size_t followers() const;
    void on_end();
    void settle(int status, std::string_view outcome) noexcept;
    void settle_end() noexcept;
    void end_span(std::string_view outcome = {}) noexcept;
    void abandon();
    void keep();
    [[nodiscard]] bool must_be_kept() const;
    [[nodiscard]] std::optional<RecordId> cache_id() const;
    [[nodiscard]] KeptResult kept_result() const;
    void write(bool for_record, const std::optional<RecordId> &cache_id);
    void note_written(bool written);
    void end_record(std::string facts, const char *status = "") noexcept;
    void look_for_end();
    void forget_record() noexcept;
    void conclude() noexcept;

    std::shared_ptr<Order> order_;
    std::string request_id_;  // in the record; moved to the last operation on it
    SharingTerms terms_;
    MakingRegister &running_;
    std::unique_ptr<OwnPorts> own_;
    Phase phase_ = Phase::running;
    std::vector<Place> places_;
    Milliseconds began_;                // a time of the clock
    bool has_span_;                     // to export, when the making ends
    const Follower *leader_ = nullptr;  // null: it has left, and the making settles the order
    bool started_ = false;
    bool told_ = false;  // the followers know that it has ended
    bool failed_ = false;
    bool waits_ = false;
    Rare<ApiError> refusal_;
    std::vector<Early> early_;
    int64_t created_ = 0;
    int64_t latency_ = 0;
    std::unique_ptr<Timer> deadline_;
    std::unique_ptr<Timer> note_again_;
    std::unique_ptr<Alarm> abandon_;
    std::unique_ptr<Alarm> end_look_;  // only for a job
    std::vector<TakenCall> taken_;     // calls that the provider has taken as jobs
    std::unique_ptr<Task> question_;
    std::unique_ptr<Write> write_;
    std::optional<RecordEnd> record_end_;  // while the files are written
    std::optional<RecordEnd> cache_end_;
    Making making_;
};

}  // namespace gateway
