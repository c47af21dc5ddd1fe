// Records that remember what they were told, and ports for shared makings.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "core/sharing/making_register.h"
#include "fake_ports.h"

namespace gateway {

class FakeRecords final : public Records {
 public:
    std::unique_ptr<Task> claim(RecordClaim claim, std::function<void(Claimed)> then) override {
        ++claims;
        if (const auto look = std::exchange(on_claim, nullptr)) {
            look(claim.id);
        }
        Claimed claimed;
        claimed.answer = Claimed::Answer::ours;
        if (!answers.empty()) {
            claimed = std::move(answers.front());
            answers.erase(answers.begin());
        }
        then(claimed);
        return nullptr;
    }
    std::unique_ptr<Task> find(
        std::vector<RecordId> /*ids*/,
        std::function<void(std::optional<size_t>, KeptRecord)> then) override {
        then(std::nullopt, {});
        return nullptr;
    }
    std::unique_ptr<Task> is_wanted(RecordId /*id*/, std::string /*request_id*/,
                                    std::function<void(bool)> then) override {
        then(false);
        return nullptr;
    }
    std::unique_ptr<Task> find_jobs(
        JobQuery /*query*/,
        std::function<void(std::optional<std::vector<JobRecord>>)> /*then*/) override {
        return nullptr;
    }
    std::unique_ptr<Task> remove_job(
        JobQuery /*query*/, std::function<void(std::optional<JobRecord>)> /*then*/) override {
        return nullptr;
    }
    std::unique_ptr<Task> note_waiting(RecordId id, bool waits,
                                       std::function<void(WaitNoted)> then) override {
        if (throws > 0) {
            --throws;
            throw std::bad_alloc();
        }
        waiting.emplace_back(id, waits);
        then(noted_as);
        return nullptr;
    }
    std::unique_ptr<Task> is_cancelled(RecordId /*id*/,
                                       std::function<void(bool)> /*then*/) override {
        return nullptr;
    }
    std::unique_ptr<Task> take_over(std::function<void(std::vector<OrphanedJob>)> then) override {
        then(std::exchange(orphans, {}));
        return nullptr;
    }
    void note(RecordId id, std::string making) noexcept override {
        noted.push_back({id, std::move(making)});
    }
    void finish(RecordEnd end) noexcept override { finished.push_back(std::move(end)); }
    void forget(RecordId /*id*/, std::string request_id) noexcept override {
        ++forgotten;
        forgotten_by = std::move(request_id);
    }
    void put(RecordEnd /*end*/) noexcept override {}

    int claims = 0;
    int forgotten = 0;
    std::string forgotten_by;
    std::function<void(const RecordId &)> on_claim;  // of the next one
    std::vector<Claimed> answers;                    // to the next claims; then: ours
    std::vector<RecordEnd> finished;
    std::vector<std::pair<RecordId, std::string>> noted;
    std::vector<std::pair<RecordId, bool>> waiting;
    WaitNoted noted_as = WaitNoted::yes;
    int throws = 0;                    // as often as note_waiting() has no memory
    std::vector<OrphanedJob> orphans;  // to be taken over
};

class FakeHome final : public MakingHome {
 public:
    FakeHome(Ports &ports, Records &records) : ports_(ports), records_(records) {}
    std::unique_ptr<OwnPorts> open(CallbackOwner & /*owner*/) override {
        return std::make_unique<Own>(ports_, records_);
    }

 private:
    struct Own final : OwnPorts {
        Own(Ports &ports, Records &records) : ports_(ports), records_(records) {}
        [[nodiscard]] const Ports &ports() const override { return ports_; }
        [[nodiscard]] Records *records() override { return &records_; }
        Ports &ports_;
        Records &records_;
    };
    Ports &ports_;
    Records &records_;
};

class NoOwner final : public CallbackOwner {
    void end_by_exception(const char *what) noexcept override { ADD_FAILURE() << what; }
};

}  // namespace gateway
