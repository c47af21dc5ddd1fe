#include "redis/redis_accounts.h"

#include <algorithm>
#include <utility>

#include "core/random.h"
#include "redis/accounts_script.h"

namespace gateway {

namespace {

// If the server has lost what it was told, requests that ended in this time are counted again.
constexpr Milliseconds kJournalTime{75'000};
constexpr size_t kMaxJournal = 20'000;
// While the server is away, requests that were served without it are kept to be counted later.
constexpr size_t kMaxRequests = 100'000;
// Redis tells the parts of a reply about each party.
constexpr size_t kNumbersOfParty = 5;

std::string hexadecimal(uint64_t number) {
    return name_of(Account{0, number}).substr(16);
}

int64_t integer_at(const RespValue &reply, size_t place) {
    return place < reply.list.size() ? reply.list[place].integer : 0;
}

bool counts_in_redis(const PartyShare &share) {
    return share.party.is_limited() || share.party.has_budget_record;
}

bool has_a_budget(std::span<const PartyShare> shares) {
    return std::any_of(shares.begin(), shares.end(),
                       [](const PartyShare &share) { return !share.party.budgets.empty(); });
}

// The parties that the script knows, in its order.
std::vector<const Party *> parties_in_redis(std::span<const PartyShare> shares) {
    std::vector<const Party *> parties;
    for (const PartyShare &share : shares) {
        if (counts_in_redis(share)) {
            parties.push_back(&share.party);
        }
    }
    return parties;
}

Exceeded unavailable(std::span<const PartyShare> shares) {
    Exceeded exceeded{Exceeded::What::unavailable, 1};
    exceeded.kind = shares.front().party.kind;
    exceeded.name = shares.front().party.name;
    return exceeded;
}

Quotas quotas_in(const RespValue &reply, const std::vector<const Party *> &parties) {
    constexpr int64_t kDay = 86'400;
    const int64_t second = integer_at(reply, 1);
    Quotas quotas;
    for (size_t i = 0; i < parties.size(); ++i) {
        const size_t first = 2 + i * kNumbersOfParty;
        for (const LimitRow &limit : kLimitRows) {
            const int64_t max = parties[i]->limits.*limit.value;
            const size_t at = first + (limit.unit == LimitUnit::images ? 2 : 0);
            if (limit.window == LimitWindow::minute) {
                quotas.add(limit, max, integer_at(reply, at), integer_at(reply, at + 1));
            } else if (limit.window == LimitWindow::day) {
                quotas.add(limit, max, integer_at(reply, first + 4), kDay - second % kDay);
            }
        }
    }
    return quotas;
}

}  // namespace

// Destroyed before the answer: the request does not want it any more.
class RedisAccounts::Question final : public PendingAccounts {
 public:
    Question(RedisAccounts &accounts, std::shared_ptr<Asked> asked)
        : accounts_(accounts), asked_(std::move(asked)) {}
    ~Question() override {
        if (asked_->is_open) {
            accounts_.drop(*asked_);
        }
    }

 private:
    RedisAccounts &accounts_;
    std::shared_ptr<Asked> asked_;
};

RedisAccounts::RedisAccounts(const Settings &settings, Ledger &ledger, int32_t process,
                             RedisClient::Parts parts)
    : settings_(settings),
      ledger_(ledger),
      clock_(parts.clock),
      process_(process),
      local_(ledger, parts.clock, process),
      worker_(hexadecimal(random_number(parts.random))),
      renew_alarm_(parts.loop.make_alarm([this] { renew(); }, TimerKind::idle)),
      stay_alarm_(parts.loop.make_alarm([] {}, TimerKind::holds_exit)),
      client_({settings.address, settings.timeout, accounts_script(), "ig:server"}, parts,
              {[this] { return step("beat", "", 0); },
               [this](const std::string &run_id) { on_ready(run_id); }}) {
    renew_alarm_->set(settings_.lease / 4);
}

RedisAccounts::~RedisAccounts() = default;

Moment RedisAccounts::moment() const {
    return {clock_.unix_seconds(), clock_.now().count()};
}

ScriptCall RedisAccounts::step(std::string_view operation, const std::string &tag,
                               uint64_t entry) const {
    ScriptCall call("ig:{" + tag + "}:");
    call.add(operation).add(worker_).add(settings_.lease.count());
    call.add(worker_ + "." + std::to_string(entry));
    return call;
}

// ---- questions

Accounts::Reply RedisAccounts::enter(std::span<PartyShare> shares, Milliseconds longest,
                                     std::function<void(Answer)> later) {
    auto asked = std::make_shared<Asked>();
    asked->at = moment();
    auto local = ledger_.enter(shares, asked->at, process_, longest.count());
    if (!local || std::none_of(shares.begin(), shares.end(),
                               [](const PartyShare &share) { return share.party.is_limited(); })) {
        return {std::move(local), nullptr};
    }
    asked->enters = true;
    asked->shares = shares;
    asked->later = std::move(later);
    asked->local = *local;
    asked->entry = ++last_entry_;
    try {
        CountedRequest &request = requests_[asked->entry];
        request.tag = tag_of(shares.front().party);
        const int64_t keep = longest.count() / 1000;
        ScriptCall call = step("enter", request.tag, asked->entry);
        for (const Party *party : parties_in_redis(shares)) {
            request.parties.push_back(party_argument(*party, keep));
            call.add(request.parties.back());
        }
        for (PartyShare &share : shares) {
            share.entry = asked->entry;
        }
        return ask(asked, std::move(call));
    } catch (...) {
        if (std::exchange(asked->is_open, false)) {
            take_back(*asked, false);
        }
        throw;
    }
}

Accounts::Reply RedisAccounts::reserve(std::span<PartyShare> shares, int64_t images, MicroUsd usd,
                                       std::function<void(Answer)> later) {
    auto asked = std::make_shared<Asked>();
    asked->at = moment();
    auto local = ledger_.reserve(shares, images, usd, asked->at);
    const auto found = shares.empty() ? requests_.end() : requests_.find(shares.front().entry);
    if (!local || found == requests_.end()) {
        return {std::move(local), nullptr};
    }
    CountedRequest &request = found->second;
    asked->shares = shares;
    asked->later = std::move(later);
    asked->local = *local;
    asked->entry = found->first;
    asked->step = ++request.steps;
    asked->images = images;
    asked->usd = has_a_budget(shares) ? usd : 0;
    ScriptCall call = step("reserve", request.tag, asked->entry);
    call.add(static_cast<int64_t>(asked->step)).add(images).add(asked->usd);
    for (const std::string &party : request.parties) {
        call.add(party);
    }
    return ask(std::move(asked), std::move(call));
}

Accounts::Reply RedisAccounts::ask(std::shared_ptr<Asked> asked, ScriptCall call) {
    const bool taken =
        client_.run(std::move(call), [this, asked](const std::optional<RespValue> &reply) {
            if (!std::exchange(asked->is_open, false)) {
                return;  // dropped meanwhile
            }
            Answer answer = conclude(*asked, reply);
            const auto later = std::move(asked->later);
            later(std::move(answer));
        });
    if (!taken) {
        asked->is_open = false;
        return {answer_alone(*asked, false), nullptr};
    }
    stay_alarm_->set(settings_.timeout);  // a worker that is told to quit waits for the answer
    return {std::nullopt, std::make_unique<Question>(*this, std::move(asked))};
}

Accounts::Answer RedisAccounts::conclude(Asked &asked, const std::optional<RespValue> &reply) {
    if (!reply) {
        return answer_alone(asked, true);
    }
    if (auto answer = read_reply(asked, *reply)) {
        return std::move(*answer);
    }
    return answer_alone(asked, false);
}

std::optional<Accounts::Answer> RedisAccounts::read_reply(Asked &asked, const RespValue &reply) {
    const std::string_view what =
        reply.list.empty() ? std::string_view() : std::string_view(reply.list.front().text);
    const auto parties = parties_in_redis(asked.shares);
    if (what == "ok") {
        note_counted(asked, integer_at(reply, 1));
        return quotas_in(reply, parties);
    }
    const auto party = static_cast<uint64_t>(integer_at(reply, 1));
    if ((what != "limit" && what != "budget") || party < 1 || party > parties.size()) {
        return std::nullopt;  // "closed", "gone"
    }
    const Party &whose = *parties[party - 1];
    Exceeded exceeded;
    exceeded.kind = whose.kind;
    exceeded.name = whose.name;
    const auto row = static_cast<uint64_t>(integer_at(reply, 2));
    if (what == "limit" && row < std::size(kLimitRows)) {
        exceeded.what = Exceeded::What::rate;
        exceeded.retry_after = static_cast<int>(std::max<int64_t>(1, integer_at(reply, 3)));
        exceeded.limit = whose.limits.*kLimitRows[row].value;
        exceeded.counted = kLimitRows[row].text;
    } else if (what == "budget" && row >= 1 && row <= whose.budgets.size()) {
        exceeded.what = Exceeded::What::budget;
        exceeded.retry_after = 0;
        exceeded.budget = whose.budgets[row - 1];
        exceeded.left = integer_at(reply, 3);
        exceeded.wanted = asked.usd;
        exceeded.unix_seconds = integer_at(reply, 4);
    } else {
        return std::nullopt;
    }
    take_back(asked, false);
    return tl::unexpected(exceeded);
}

// Redis has counted it, or will be told to.
void RedisAccounts::note_counted(const Asked &asked, int64_t second) {
    const auto found = requests_.find(asked.entry);
    if (found == requests_.end()) {
        return;
    }
    CountedRequest &request = found->second;
    if (asked.enters) {
        request.state = State::open;
        request.entered = second;
        request.is_known = second != 0;
        return;
    }
    request.reservations.push_back({asked.step, second, asked.images});
    request.held += asked.usd;
    request.is_known = request.is_known && second != 0;
}

// Redis was not asked, or did not reply. Who has a budget is refused: money is never guessed.
Accounts::Answer RedisAccounts::answer_alone(Asked &asked, bool may_be_counted) {
    if (settings_.refuse || has_a_budget(asked.shares)) {
        take_back(asked, may_be_counted);
        return tl::unexpected(unavailable(asked.shares));
    }
    if (asked.enters && requests_.size() > kMaxRequests) {
        forget(asked);  // only this machine counts it
        return asked.local;
    }
    note_counted(asked, 0);
    put(asked.entry);
    return asked.local;
}

void RedisAccounts::take_back(Asked &asked, bool may_be_counted) noexcept {
    if (!asked.enters) {
        // What Redis may have reserved it gives back when the request ends.
        ledger_.take_back_reserving(asked.shares, asked.images, asked.usd, asked.at);
        return;
    }
    ledger_.take_back_entering(asked.shares, asked.at);
    const auto found = requests_.find(asked.entry);
    if (!may_be_counted || found == requests_.end()) {
        forget(asked);
        return;
    }
    found->second.state = State::undone;
    found->second.is_known = false;
    put(asked.entry);
}

void RedisAccounts::forget(const Asked &asked) noexcept {
    requests_.erase(asked.entry);
    for (PartyShare &share : asked.shares) {
        share.entry = 0;
    }
}

// The request does not wait any more. What it reserved is given back when it is settled.
void RedisAccounts::drop(Asked &asked) noexcept {
    asked.is_open = false;
    if (asked.enters) {
        take_back(asked, true);
    }
}

std::optional<Quotas> RedisAccounts::settle(std::vector<PartyShare> shares, int64_t images_used,
                                            MicroUsd spent) noexcept {
    const uint64_t entry = shares.empty() ? 0 : shares.front().entry;
    const auto local = local_.settle(std::move(shares), images_used, spent);
    const auto found = requests_.find(entry);
    if (found == requests_.end()) {
        return local;
    }
    CountedRequest &request = found->second;
    request.state = State::closed;
    request.is_known = false;
    request.used = images_used;
    request.spent = spent;
    put(entry);
    return std::nullopt;
}

// ---- what Redis has to know

// Tells Redis how the request stands. If that fails, renew() or on_ready() does it later.
void RedisAccounts::put(uint64_t entry) {
    const auto found = requests_.find(entry);
    if (found == requests_.end()) {
        return;
    }
    CountedRequest &request = found->second;
    try {
        const std::string_view state = request.state == State::open     ? "open"
                                       : request.state == State::closed ? "closed"
                                                                        : "undone";
        ScriptCall call = step("put", request.tag, entry);
        call.add(state).add(request.entered).add(reservations_argument(request.reservations));
        call.add(request.held).add(request.used).add(request.spent);
        for (const std::string &party : request.parties) {
            call.add(party);
        }
        request.is_putting =
            client_.run(std::move(call), [this, entry, sent = request.state](const auto &reply) {
                on_put(entry, sent, reply && !reply->list.empty());
            });
        if (request.is_putting) {
            stay_alarm_->set(settings_.timeout);
        }
    } catch (const std::exception &) {
        request.is_putting = false;
    }
}

void RedisAccounts::on_put(uint64_t entry, State state, bool confirmed) {
    const auto found = requests_.find(entry);
    if (found == requests_.end() || found->second.state != state) {
        return;  // another state was sent since
    }
    CountedRequest &request = found->second;
    request.is_putting = false;
    if (!confirmed) {
        return;
    }
    request.is_known = true;
    if (state == State::undone) {
        requests_.erase(found);
    } else if (state == State::closed) {
        journal_.push_back({entry, clock_.now()});
    }
    if (client_.unanswered() == 0) {
        stay_alarm_->unset();
    }
}

void RedisAccounts::put_unconfirmed(bool all) {
    std::vector<uint64_t> entries;
    for (const auto &[entry, request] : requests_) {
        if (request.state != State::asked && !request.is_putting && (all || !request.is_known)) {
            entries.push_back(entry);
        }
    }
    for (const uint64_t entry : entries) {
        put(entry);
    }
}

// Another process may know less than the last one did: it is told everything.
void RedisAccounts::on_ready(const std::string &run_id) {
    const bool is_another = !run_id_.empty() && run_id_ != run_id;
    run_id_ = run_id;
    forget_old();
    put_unconfirmed(is_another);
}

// Keeps the leases of requests that run.
void RedisAccounts::renew() {
    renew_alarm_->set(settings_.lease / 4);
    forget_old();
    if (!client_.is_ready()) {
        return;
    }
    put_unconfirmed(false);
    std::map<std::string_view, size_t> open;
    for (const auto &[entry, request] : requests_) {
        if (request.state == State::open && request.is_known) {
            ++open[request.tag];
        }
    }
    if (open.empty()) {
        (void)client_.run(step("beat", "", 0), [](const auto &) {});
    }
    for (const auto &[name, count] : open) {
        const std::string tag(name);
        (void)client_.run(step("renew", tag, 0), [this, tag, count = count](const auto &reply) {
            if (reply && integer_at(*reply, 1) < static_cast<int64_t>(count)) {
                put_all_open(tag);
            }
        });
    }
}

// Redis took this worker for dead: what it holds is taken again.
void RedisAccounts::put_all_open(const std::string &tag) {
    std::vector<uint64_t> entries;
    for (const auto &[entry, request] : requests_) {
        if (request.state == State::open && request.tag == tag) {
            entries.push_back(entry);
        }
    }
    for (const uint64_t entry : entries) {
        put(entry);
    }
}

void RedisAccounts::forget_old() {
    while (!journal_.empty() &&
           (journal_.size() > kMaxJournal || clock_.now() - journal_.front().at >= kJournalTime)) {
        requests_.erase(journal_.front().entry);
        journal_.pop_front();
    }
}

size_t RedisAccounts::unconfirmed() const {
    return static_cast<size_t>(std::count_if(requests_.begin(), requests_.end(),
                                             [](const auto &one) { return !one.second.is_known; }));
}

}  // namespace gateway
