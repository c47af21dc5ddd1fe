#include "core/sharing/written_making.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/bytes/held_memory.h"
#include "core/json/document.h"
#include "core/json/writer.h"
#include "core/sharing/kept_facts.h"

namespace gateway {

namespace {

constexpr int64_t kWrittenVersion = 1;
constexpr JsonLimits kWrittenJson{32, size_t{1} << 20, size_t{1} << 16, false, false};
// How long a job may be asked for whose deadline has passed meanwhile.
constexpr Milliseconds kLeastTime{60'000};

// These may be a person's own words.
constexpr Param kUnwritten[] = {Param::prompt, Param::negative_prompt, Param::user};

// ---- numbers of 64 bits and hashes, in hexadecimal digits

std::string hex_of(uint64_t number) {
    std::array<char, 16> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, 16).ptr;
    return {digits.data(), end};
}

uint64_t from_hex(std::string_view digits) {
    uint64_t number = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
    return number;
}

void write_account(JsonWriter &out, const Account &account) {
    out.open_array().string(hex_of(account[0])).string(hex_of(account[1])).close_array();
}

Account read_account(JsonValue value) {
    return {from_hex(value.at(0).string()), from_hex(value.at(1).string())};
}

// ---- parameters

// Each is an array: its name, whether it is a default, the letter of its type, its value.
void write_params(JsonWriter &out, std::string_view key, const Params &params) {
    struct Write {
        JsonWriter &out;
        void operator()(std::monostate) const { out.string("").null(); }
        void operator()(bool truth) const { out.string("b").boolean(truth); }
        void operator()(int64_t integer) const { out.string("i").number(integer); }
        void operator()(double number) const { out.string("d").number(number); }
        void operator()(std::string_view text) const { out.string("s").string(text); }
    };
    out.key(key).open_array();
    for (const Param param : all_params()) {
        const bool is_written =
            std::find(std::begin(kUnwritten), std::end(kUnwritten), param) == std::end(kUnwritten);
        if (params.has(param) && is_written) {
            out.open_array().string(name_of(param)).boolean(params.is_default(param));
            std::visit(Write{out}, params[param]);
            out.close_array();
        }
    }
    out.close_array();
}

Params read_params(JsonValue list, Fitted &owner) {
    Params params;
    for (const JsonValue one : list) {
        const auto param = param_named(one.at(0).string());
        const std::string_view type = one.at(2).string();
        const JsonValue written = one.at(3);
        ParamValue value;
        if (type == "b") {
            value = written.boolean().value_or(false);
        } else if (type == "i") {
            value = written.integer().value_or(0);
        } else if (type == "d") {
            value = written.number().value_or(0);
        } else if (type == "s") {
            value = owner.keep(text_of(written));
        }
        if (param && one.at(1).boolean().value_or(false)) {
            params.set_default(*param, value);
        } else if (param) {
            params[*param] = value;
        }
    }
    return params;
}

// Prices by tokens depend on how long the prompt is.
struct PromptSize {
    int64_t bytes = 0;
    int64_t characters = 0;

    void add(std::string_view text) {
        bytes += static_cast<int64_t>(text.size());
        characters += std::count_if(text.begin(), text.end(), [](char byte) {
            return (static_cast<uint8_t>(byte) & 0xc0) != 0x80;  // not a continuation byte
        });
    }
    // A text of this size. It is never sent.
    [[nodiscard]] std::string stand_in() const {
        return std::string(static_cast<size_t>(characters), 'x') +
               std::string(static_cast<size_t>(std::max<int64_t>(0, bytes - characters)), '\x80');
    }
};

// ---- the claim

void write_shares(JsonWriter &out, std::string_view key, const std::vector<PartyShare> &shares) {
    out.key(key).open_array();
    for (const PartyShare &share : shares) {
        const Party &party = share.party;
        out.open_object().key("kind").number(static_cast<int64_t>(party.kind)).key("account");
        write_account(out, party.account);
        out.key("owner");
        write_account(out, party.owner);
        out.key("limits").open_array();
        for (const LimitRow &row : kLimitRows) {
            out.number(party.limits.*row.value);
        }
        out.close_array().key("budget").boolean(!party.budgets.empty());
        out.key("record").boolean(party.has_budget_record);
        out.key("lease").open_array().number(int64_t{share.lease.number});
        out.number(int64_t{share.lease.generation}).close_array();
        out.key("hold").open_array().number(int64_t{share.hold.number});
        out.number(int64_t{share.hold.generation}).close_array();
        out.key("reserved").open_array();
        for (const PartyShare::Reservation &reservation : share.reservations) {
            out.open_array().number(reservation.at.unix_seconds);
            out.number(reservation.at.milliseconds).number(reservation.images).close_array();
        }
        out.close_array().close_object();
    }
    out.close_array();
}

LeaseHandle read_handle(JsonValue value) {
    return {static_cast<uint32_t>(integer_of(value.at(0))),
            static_cast<uint32_t>(integer_of(value.at(1)))};
}

// The names of the parties are the caller's.
std::vector<PartyShare> read_shares(JsonValue list, std::string_view caller) {
    static constexpr Budget kSomeBudget[1] = {};
    std::vector<PartyShare> shares;
    for (const JsonValue value : list) {
        PartyShare share;
        share.party.kind = enum_of(value["kind"], Party::Kind::model);
        share.party.account = read_account(value["account"]);
        share.party.owner = read_account(value["owner"]);
        share.party.key = caller;
        size_t row = 0;
        for (const JsonValue limit : value["limits"]) {
            if (row < std::size(kLimitRows)) {
                share.party.limits.*kLimitRows[row++].value = integer_of(limit);
            }
        }
        if (value["budget"].boolean().value_or(false)) {
            share.party.budgets = kSomeBudget;
        }
        share.party.has_budget_record = value["record"].boolean().value_or(false);
        share.lease = read_handle(value["lease"]);
        share.hold = read_handle(value["hold"]);
        for (const JsonValue reservation : value["reserved"]) {
            share.reservations.push_back(
                {{integer_of(reservation.at(0)), integer_of(reservation.at(1))},
                 integer_of(reservation.at(2))});
        }
        shares.push_back(std::move(share));
    }
    return shares;
}

void write_claim(JsonWriter &out, const ClaimState &claim) {
    out.key("claim").open_object();
    out.key("memory").open_array().string(hex_of(claim.memory.tallies));
    out.string(hex_of(claim.memory.budgets)).close_array();
    write_shares(out, "shares", claim.shares);
    write_shares(out, "models", claim.models);
    out.key("lost_before_models").number(claim.lost_before_models).close_object();
}

ClaimState read_claim(JsonValue value, std::string_view caller) {
    ClaimState claim;
    claim.memory = {from_hex(value["memory"].at(0).string()),
                    from_hex(value["memory"].at(1).string())};
    claim.shares = read_shares(value["shares"], caller);
    claim.models = read_shares(value["models"], caller);
    claim.lost_before_models = integer_of(value["lost_before_models"]);
    return claim;
}

// ---- the jobs

void write_taken(JsonWriter &out, std::span<const TakenCall> taken) {
    out.key("jobs").open_array();
    for (const TakenCall &call : taken) {
        out.open_object().key("call").number(static_cast<int64_t>(call.number)).key("key");
        write_account(out, call.key);
        write_optional(out, "seed", call.seed);
        out.key("prompt").string(to_hex(call.prompt));
        out.key("poll").string(call.job.poll_url).key("result").string(call.job.result_url);
        out.key("cancel").string(call.job.cancel_url);
        write_optional(out, "cost", call.job.cost);
        out.close_object();
    }
    out.close_array();
}

std::vector<TakenCall> read_taken(JsonValue list) {
    std::vector<TakenCall> taken;
    for (const JsonValue value : list) {
        TakenCall call;
        call.number = static_cast<size_t>(std::max<int64_t>(0, integer_of(value["call"])));
        call.key = read_account(value["key"]);
        call.seed = value["seed"].integer();
        call.prompt = parse_sha256(value["prompt"].string()).value_or(Sha256{});
        call.job.poll_url = text_of(value["poll"]);
        call.job.result_url = text_of(value["result"]);
        call.job.cancel_url = text_of(value["cancel"]);
        call.job.cost = value["cost"].integer();
        taken.push_back(std::move(call));
    }
    return taken;
}

// ---- the order

void write_prepared(JsonWriter &out, const Prepared &prepared) {
    write_params(out, "sent", prepared.fitted.params);
    PromptSize prompt;
    prompt.add(prepared.fitted.params.text(Param::prompt));
    prompt.add(prepared.fitted.params.text(Param::negative_prompt));
    out.key("prompt").open_array().number(prompt.bytes).number(prompt.characters).close_array();
    write_kept_adjustments(out, "fitted", prepared.fitted.adjustments);
    out.key("calls").open_array();
    for (const CallShare &call : prepared.calls) {
        out.number(call.images);
    }
    out.close_array().key("sizes").open_array();
    for (const Pixels &size : prepared.input_sizes) {
        out.open_array().number(size.width).number(size.height).close_array();
    }
    out.close_array();
}

Prepared read_prepared(JsonValue root, const ModelSpec &spec, const Order &order) {
    Prepared prepared;
    prepared.spec = &spec;
    prepared.fitted.params = read_params(root["sent"], prepared.fitted);
    const PromptSize prompt{integer_of(root["prompt"].at(0)), integer_of(root["prompt"].at(1))};
    prepared.fitted.params[Param::prompt] = prepared.fitted.keep(prompt.stand_in());
    prepared.fitted.adjustments = read_kept_adjustments(root["fitted"]);
    int64_t first = 0;
    for (const JsonValue images : root["calls"]) {
        CallShare &call = prepared.calls.emplace_back(
            CallShare{prepared.fitted.params, first, std::max<int64_t>(1, integer_of(images))});
        if (call.params.has(Param::n)) {
            call.params[Param::n] = call.images;
        }
        first += call.images;
    }
    prepared.inputs = {order.operation, order.inputs.images, nullptr, &spec.inputs};
    for (const JsonValue size : root["sizes"]) {
        prepared.input_sizes.push_back({integer_of(size.at(0)), integer_of(size.at(1))});
    }
    return prepared;
}

void write_order(JsonWriter &out, const Order &order) {
    out.key("place").string(order.place).key("request_id").string(order.request_id);
    out.key("caller").string(order.caller.id()).key("admin").boolean(order.caller.admin);
    out.key("end_user").string(order.end_user).key("memory");
    write_account(out, order.memory->owner());
    out.key("operation").number(static_cast<int64_t>(order.operation));
    out.key("requested").string(order.requested_model).key("format").string(order.form.format);
    out.key("only_so").boolean(order.form.only_so).key("base_url").string(order.form.base_url);
    out.key("strict").boolean(order.strict);
    out.key("after_refusal").boolean(order.plan.choice.after_refusal == AfterRefusal::fallback);
    out.key("keeps_provenance").boolean(order.keeps_provenance);
    out.key("answer_max").number(static_cast<int64_t>(order.answer_max));
    write_params(out, "asked", order.request.params);
    write_kept_adjustments(out, "adjustments", order.request.adjustments);
    write_kept_inputs(out, order.inputs);
}

std::string_view format_named(std::string_view name) {
    return name == "url" ? "url" : name == "b64_json" ? "b64_json" : "";
}

// Texts of its parameters belong to `texts`.
void read_order(JsonValue root, const MakingPlace &place, Fitted &texts, Order &order) {
    order.place = text_of(root["place"]);
    order.request_id = text_of(root["request_id"]);
    const std::string_view caller = root["caller"].string();
    order.caller.key = place.keys == nullptr ? nullptr : place.keys->find_id(caller);
    order.caller.ring = order.caller.key == nullptr ? nullptr : place.keys;
    order.caller.token_id = order.caller.key == nullptr ? std::string(caller) : "";
    order.caller.admin = root["admin"].boolean().value_or(false);
    order.end_user = text_of(root["end_user"]);
    order.operation = enum_of(root["operation"], Operation::variation);
    order.requested_model = text_of(root["requested"]);
    order.form.format = format_named(root["format"].string());
    order.form.only_so = root["only_so"].boolean().value_or(false);
    order.form.base_url = text_of(root["base_url"]);
    order.form.hosting = place.hosting;
    order.form.fetch_rules = place.fetch_rules;
    const bool goes_on = root["after_refusal"].boolean().value_or(false);
    order.plan.choice.after_refusal = goes_on ? AfterRefusal::fallback : AfterRefusal::fail;
    order.strict = root["strict"].boolean().value_or(false);
    order.fit = order.strict ? FitMode::strict : FitMode::adapt;
    order.keeps_provenance = root["keeps_provenance"].boolean().value_or(false);
    order.answer_max = static_cast<size_t>(std::max<int64_t>(0, integer_of(root["answer_max"])));
    order.request.operation = order.operation;
    order.request.params = read_params(root["asked"], texts);
    order.request.adjustments = read_kept_adjustments(root["adjustments"]);
    order.inputs = read_kept_inputs(root);
}

// Times on the wall, so that they mean the same in a process that was started later.
void write_times(JsonWriter &out, const Order &order, const Clock &clock) {
    const auto on_the_wall = [&](Milliseconds time) {
        return clock.unix_seconds() * 1000 + (time - clock.now()).count();
    };
    out.key("began").number(on_the_wall(order.deadline - order.allowed));
    out.key("deadline").number(on_the_wall(order.deadline));
}

void read_times(JsonValue root, const Clock &clock, Order &order) {
    const int64_t now = clock.unix_seconds() * 1000;
    const Milliseconds left(integer_of(root["deadline"]) - now);
    const Milliseconds since(now - integer_of(root["began"]));
    order.deadline = clock.now() + std::max(left, kLeastTime);
    order.allowed = order.deadline - clock.now() + std::max(since, Milliseconds(0));
}

}  // namespace

std::optional<std::string> write_making(Order &order, const Making &making,
                                        std::span<const TakenCall> taken, const Clock &clock) {
    const Prepared &prepared = making.prepared();
    if (prepared.exact_feather) {
        return std::nullopt;
    }
    const History &history = making.result().history;
    JsonWriter out;
    out.open_object().key("version").number(kWrittenVersion);
    write_order(out, order);
    write_times(out, order, clock);
    out.key("provider").string(making.candidate().provider->name);
    out.key("model").string(making.candidate().model);
    out.key("configured").boolean(making.candidate().configured);
    write_prepared(out, prepared);
    write_taken(out, taken);
    write_history(out, history);
    out.key("images_lost").number(history.images_recorded_lost());
    const Expense::Before before = order.funds.expense_before();
    out.key("lost_before").open_array().number(before.images).number(before.usd).close_array();
    write_claim(out, order.funds.hand_on());
    out.close_object();
    return std::move(out).finish_text();
}

std::string place_of_making(std::string_view text) {
    const auto document = JsonDocument::read(text, kWrittenJson);
    return document ? text_of(document->root()["place"]) : std::string();
}

std::optional<WrittenMaking> read_making(std::string_view text, const MakingPlace &place,
                                         const ModelMap &models, Accounts &accounts,
                                         HeldMemory &memory, const Clock &clock) {
    const auto document = JsonDocument::read(text, kWrittenJson);
    if (!document || document->root()["version"].integer() != kWrittenVersion) {
        return std::nullopt;
    }
    const JsonValue root = document->root();
    Candidate candidate;
    candidate.provider = models.provider(root["provider"].string());
    candidate.model = text_of(root["model"]);
    candidate.configured = root["configured"].boolean().value_or(false);
    WrittenMaking making;
    making.order = std::make_shared<Order>(accounts);
    Order &order = *making.order;
    order.catalogue = models.catalogue();
    const ModelSpec *spec =
        candidate.provider == nullptr ? nullptr : spec_of(*order.catalogue, candidate);
    if (spec == nullptr || root["calls"].size() == 0) {
        return std::nullopt;
    }
    Fitted texts;
    read_order(root, place, texts, order);
    read_times(root, clock, order);
    order.memory = memory.open(read_account(root["memory"]));
    Prepared prepared = read_prepared(root, *spec, order);
    prepared.fitted.texts.splice_after(prepared.fitted.texts.before_begin(), texts.texts);
    order.plan.resume(std::move(candidate), std::move(prepared));
    making.resumption.calls = read_taken(root["jobs"]);
    making.resumption.history = read_history(root, integer_of(root["images_lost"]));
    making.resumption.before = {integer_of(root["lost_before"].at(0)),
                                integer_of(root["lost_before"].at(1))};
    // Last: what throws before leaves the claim to the sweep, which counts it as spent.
    order.funds.adopt(read_claim(root["claim"], order.caller.id()), order.allowed);
    return making;
}

}  // namespace gateway
