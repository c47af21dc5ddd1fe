// Accounts that several gateways share. A request is counted in this machine's ledger first, which
// refuses what the machine's own use already exceeds; then in Redis, which decides. Each request
// has a number there, so that every message about it can be repeated.
//
//   asked --(ok)--> open --settle--> closed --(confirmed)--> in the journal --(time)--> forgotten
//     |   `-(no reply, on_error=serve)--> open, not known there: said again later
//     `--(dropped)--> undone --(confirmed)--> forgotten
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/limits/accounts.h"
#include "core/limits/ledger.h"
#include "redis/counted_request.h"
#include "redis/redis_client.h"

namespace gateway {

class RedisAccounts final : public Accounts {
 public:
    struct Settings {
        RedisAddress address;
        Milliseconds timeout{1'000};
        Milliseconds lease{10'000};  // what a dead worker holds is free after this time
        bool refuse = false;         // whom: those with limits, while the server cannot be asked
    };

    // All arguments must outlive the accounts.
    RedisAccounts(const Settings &settings, Ledger &ledger, int32_t process,
                  RedisClient::Parts parts);
    ~RedisAccounts() override;
    RedisAccounts(const RedisAccounts &) = delete;
    RedisAccounts &operator=(const RedisAccounts &) = delete;

    Reply enter(std::span<PartyShare> shares, Milliseconds longest,
                std::function<void(Answer)> later) override;
    Reply reserve(std::span<PartyShare> shares, int64_t images, MicroUsd usd,
                  std::function<void(Answer)> later) override;
    std::optional<Quotas> settle(std::vector<PartyShare> shares, int64_t images_used,
                                 MicroUsd spent) noexcept override;
    // For this machine's counts. In Redis, a dead worker's money counts as spent.
    [[nodiscard]] CountingMemory counting_memory() override { return local_.counting_memory(); }
    void hand_on(std::span<const PartyShare> shares) noexcept override { local_.hand_on(shares); }
    bool adopt(std::span<PartyShare> shares, const CountingMemory &memory,
               Milliseconds longest) override {
        return local_.adopt(shares, memory, longest);
    }

    [[nodiscard]] const RedisClient &client() const { return client_; }
    // Requests that Redis does not know as they are.
    [[nodiscard]] size_t unconfirmed() const;

 private:
    using State = CountedRequest::State;
    class Question;

    // A question of a request, until it is answered or dropped.
    struct Asked {
        bool enters = false;
        std::span<PartyShare> shares;
        std::function<void(Answer)> later;
        uint64_t entry = 0;
        Moment at;
        Quotas local;
        uint64_t step = 0;
        int64_t images = 0;
        MicroUsd usd = 0;
        bool is_open = true;
    };
    struct Ended {
        uint64_t entry;
        Milliseconds at;
    };

    [[nodiscard]] Moment moment() const;
    [[nodiscard]] ScriptCall step(std::string_view operation, const std::string &tag,
                                  uint64_t entry) const;
    Reply ask(std::shared_ptr<Asked> asked, ScriptCall call);
    // What the caller gets. Nothing: the reply makes no sense.
    [[nodiscard]] std::optional<Answer> read_reply(Asked &asked, const RespValue &reply);
    Answer conclude(Asked &asked, const std::optional<RespValue> &reply);
    Answer answer_alone(Asked &asked, bool may_be_counted);
    void take_back(Asked &asked, bool may_be_counted) noexcept;
    void forget(const Asked &asked) noexcept;
    void note_counted(const Asked &asked, int64_t second);
    void drop(Asked &asked) noexcept;

    void put(uint64_t entry);
    void on_put(uint64_t entry, State state, bool confirmed);
    void put_unconfirmed(bool all);
    void put_all_open(const std::string &tag);
    void on_ready(const std::string &run_id);
    void renew();
    void forget_old();

    Settings settings_;
    Ledger &ledger_;
    const Clock &clock_;
    int32_t process_;
    LedgerAccounts local_;
    std::string worker_;  // drawn at random
    uint64_t last_entry_ = 0;
    std::unordered_map<uint64_t, CountedRequest> requests_;
    std::deque<Ended> journal_;  // closed and confirmed: if the server has forgotten them
    std::string run_id_;
    std::unique_ptr<Alarm> renew_alarm_;
    std::unique_ptr<Alarm> stay_alarm_;  // holds a worker that exits until Redis knows what it did
    RedisClient client_;                 // destroyed first: its callbacks use all of this
};

}  // namespace gateway
