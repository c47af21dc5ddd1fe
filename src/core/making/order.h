// All that a making needs to know about a request: what to make, for whom, and the funds. It owns
// its data, so it can outlive the client.
#pragma once

#include <memory>
#include <string>

#include "core/access/identify.h"
#include "core/bytes/held_disk.h"
#include "core/catalog/catalog.h"
#include "core/catalog/fit.h"
#include "core/making/image_form.h"
#include "core/request/operation.h"
#include "core/routing/funds.h"
#include "core/routing/plan.h"
#include "core/tracing/trace.h"

namespace gateway {

// As nginx received it, as the order keeps it, as parsed JSON, and as it is sent to the provider.
inline constexpr size_t kCopiesOfBody = 4;

struct Order {
    explicit Order(Accounts &accounts) : funds(accounts, caller) {}
    Order(const Order &) = delete;
    Order &operator=(const Order &) = delete;
    ~Order() = default;

    // The caller and the request:
    std::string request_id;
    Caller caller;
    std::string end_user;
    std::string address;            // of the client
    std::string client_request_id;  // empty: the client sent none
    std::string idempotency_key;
    std::string place;  // names the location, for a process that has the same configuration
    Rare<Trace> trace;  // empty: it is in none
    std::shared_ptr<RequestMemory> memory;
    std::unique_ptr<DiskSpace> disk;  // null: the body is in memory
    Funds funds;

    // What to make:
    Operation operation = Operation::generate;  // as `request` says, once it is decoded
    std::string body;                           // `request` refers to its bytes
    ImageRequest request;
    InputImages inputs;
    std::string requested_model;
    std::shared_ptr<const Catalogue> catalogue;
    FitMode fit = FitMode::adapt;
    Plan plan;

    // How to deliver it:
    // What is sent before the end: nothing, events for each image, or pieces of a single image.
    enum class Progress : uint8_t { none, events, pieces } progress = Progress::none;
    ImageForm form;
    bool strict = false;
    bool keeps_provenance = false;  // an image with Content Credentials is not changed
    bool raw_request = false;
    bool raw_response = false;
    size_t answer_max = 0;
    Milliseconds deadline{0};  // a time of the clock
    Milliseconds allowed{0};   // from the request's start to the deadline

    [[nodiscard]] Preparation preparation(int64_t unix_seconds) const {
        return {request,  *catalogue,   fit,     requested_model,
                end_user, unix_seconds, &inputs, plan.varies_by_edits};
    }
    // The request id that is sent to providers.
    [[nodiscard]] std::string_view id_for_providers() const {
        return client_request_id.empty() ? std::string_view(request_id) : client_request_id;
    }
};

}  // namespace gateway
