#include "nginx/jwks_source.h"

#include <algorithm>
#include <utility>

#include "core/providers/redact.h"
#include "core/random.h"
#include "nginx/ngx.h"

namespace gateway {

namespace {

constexpr Milliseconds kFetchInterval{300'000};
constexpr Milliseconds kFirstRetry{1'000};
constexpr Milliseconds kLongestRetry{60'000};
constexpr Milliseconds kForUnknownKey{30'000};  // the minimum interval, whatever tokens arrive
constexpr size_t kLargest = 1024 * 1024;

// Long members of a key may be cut out by the lifter. No relevant member is that long.
tl::expected<std::shared_ptr<const KeySet>, std::string> read_keys(const LiftedText &text) {
    const auto document = JsonDocument::read(text.outline, kOperatorsJson, &text.strings);
    return document ? KeySet::read(document->root(), KeySet::Origin::address)
                    : tl::unexpected(std::string("is not valid JSON"));
}

std::string problem_of(const HttpResponse &response) {
    if (response.end != TransferEnd::answered) {
        return "cannot be fetched: " + response.problem;
    }
    return response.status == 200 ? "" : "answers with status " + std::to_string(response.status);
}

}  // namespace

JwksSource::JwksSource(const JwksAddress &address, std::shared_ptr<KeySource> source,
                       const Clock &clock, EventLoop &loop, Random &random, TaskPool &tasks,
                       UpstreamClient &upstream)
    : address_(address),
      source_(std::move(source)),
      clock_(clock),
      random_(random),
      tasks_(tasks),
      upstream_(upstream),
      alarm_(loop.make_alarm([this] { fetch(); }, TimerKind::idle)) {
    source_->on_unknown_key = [this] { fetch_for_unknown_key(); };
    alarm_->set(Milliseconds(0));
}

JwksSource::~JwksSource() {
    source_->on_unknown_key = nullptr;
}

void JwksSource::fetch() {
    constexpr Milliseconds kPatience{10'000};
    alarm_->set(kLongestRetry);  // in case something below throws
    began_ = clock_.now();
    task_.reset();
    HttpCall call;
    call.method = HttpMethod::get;
    call.url = address_.url;
    call.ca_file = address_.ca_file;
    call.add_header("Accept", "application/json");
    call.timeouts = {kPatience / 2, kPatience, kPatience, kPatience};
    call.answer_max = kLargest;
    call_ = upstream_.start(std::move(call),
                            [this](HttpResponse response) { on_response(std::move(response)); });
}

// An unknown key may be new, or the token may be invented.
void JwksSource::fetch_for_unknown_key() {
    const bool busy = call_ != nullptr || task_ != nullptr;
    if (!busy && clock_.now() - began_.value_or(Milliseconds(0)) >= kForUnknownKey) {
        began_ = clock_.now();
        alarm_->set(Milliseconds(0));
    }
}

void JwksSource::on_response(HttpResponse response) {
    const auto call = std::move(call_);
    std::string problem = problem_of(response);
    if (!problem.empty()) {
        take(tl::unexpected(std::move(problem)));
        return;
    }
    auto text = std::make_shared<const LiftedText>(std::move(response.body));
    auto read = std::make_shared<Read>(tl::unexpected(std::string("cannot be read")));
    task_ = tasks_.run([text, read] { *read = read_keys(*text); },
                       [this, read] {
                           const auto task = std::move(task_);
                           take(std::move(*read));
                       });
    if (task_ == nullptr) {
        take(tl::unexpected(std::string("cannot be read: the thread pool takes no more tasks")));
    }
}

void JwksSource::take(Read read) {
    if (read) {
        source_->keys = std::move(*read);
        failures_ = 0;
        if (!std::exchange(told_, "").empty()) {
            ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                          "image gateway: \"%s\" is fetched again", address_.url.c_str());
        }
        alarm_->set(random_time(kFetchInterval - kFetchInterval / 10,
                                kFetchInterval + kFetchInterval / 10, random_));
        return;
    }
    if (told_ != read.error()) {
        told_ = read.error();
        const std::string line = for_log("\"" + address_.url + "\" " + told_);
        ngx_str_t text = to_ngx(line);
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0, "image gateway: keys of tokens at %V; %s",
                      &text,
                      source_->keys == nullptr ? "tokens are not accepted yet"
                                               : "the previous keys stay in use");
    }
    const Milliseconds longest =
        std::min(kLongestRetry, kFirstRetry * (1 << std::min(failures_++, 6)));
    alarm_->set(random_time(longest / 2, longest, random_));
}

}  // namespace gateway
