// A key set behind a URL. It is fetched when the worker starts and regularly after that; no request
// waits for it. If a fetch fails, the previous keys stay in use.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "core/access/jwt.h"
#include "core/ports.h"
#include "nginx/jwt_rules.h"

namespace gateway {

class JwksSource {
 public:
    JwksSource(const JwksAddress &address, std::shared_ptr<KeySource> source, const Clock &clock,
               EventLoop &loop, Random &random, TaskPool &tasks, UpstreamClient &upstream);
    ~JwksSource();
    JwksSource(const JwksSource &) = delete;
    JwksSource &operator=(const JwksSource &) = delete;

 private:
    using Read = tl::expected<std::shared_ptr<const KeySet>, std::string>;

    void fetch();
    void fetch_for_unknown_key();
    void on_response(HttpResponse response);
    void take(Read read);

    JwksAddress address_;
    std::shared_ptr<KeySource> source_;
    const Clock &clock_;
    Random &random_;
    TaskPool &tasks_;
    UpstreamClient &upstream_;
    std::optional<Milliseconds> began_;  // start of the last fetch
    int failures_ = 0;                   // in a row
    std::string told_;                   // the last failure that was logged
    std::unique_ptr<Alarm> alarm_;
    std::unique_ptr<UpstreamCall> call_;
    std::unique_ptr<Task> task_;
};

}  // namespace gateway
