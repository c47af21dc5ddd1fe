// Answers requests about jobs: shows one of them, lists them, and removes or cancels one.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "core/api_error.h"
#include "core/exchange/policy.h"
#include "core/response/answer.h"
#include "core/response/jobs.h"
#include "core/sharing/making_register.h"

namespace gateway {

struct JobRequest {
    enum class What : uint8_t { show, show_bifrost, list, remove };
    What what = What::show;
    std::string id;          // not for a list
    std::string operation;   // only as Bifrost writes it: that of the path
    std::string_view query;  // of the URL; only for a list
};

inline constexpr int kJobAccepted = 202;

class JobRequests {
 public:
    using Answered = tl::expected<Answer, ApiError>;
    using Found = tl::expected<JobRecord, ApiError>;

    // All arguments must outlive the object. `tenant`: see tenant_of().
    JobRequests(const Ports &ports, const Policy &policy, std::string tenant)
        : ports_(ports), policy_(policy), tenant_(std::move(tenant)) {}

    // Calls `then` once, perhaps before it returns. Destroying the object drops the answer.
    void answer(const JobRequest &request, std::function<void(Answered)> then);
    // The same for a job itself.
    void find(const std::string &id, std::function<void(const Found &)> then);

 private:
    void show(const JobRequest &request);
    void list(std::string_view query);
    void remove(const std::string &id);
    void on_removed(const std::optional<JobRecord> &job);
    void look_again(const std::string &id);
    void end(Answered answered);
    [[nodiscard]] JobContext context() const;
    Records &records() { return *ports_.sharing->records; }

    const Ports &ports_;
    const Policy &policy_;
    std::string tenant_;
    std::function<void(Answered)> then_;
    int looks_ = 0;  // after it was asked to cancel
    std::unique_ptr<Task> task_;
    std::unique_ptr<Timer> timer_;
};

}  // namespace gateway
