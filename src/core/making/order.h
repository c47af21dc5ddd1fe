// What is to be made, for whom, and with what money: all that a making needs of a request. It owns
// what it refers to, so that it can outlive the client.
#pragma once

#include <memory>
#include <string>

#include "core/access/identify.h"
#include "core/catalog/catalog.h"
#include "core/catalog/fit.h"
#include "core/making/image_form.h"
#include "core/request/operation.h"
#include "core/routing/funds.h"
#include "core/routing/plan.h"

namespace gateway {

struct Order {
    explicit Order(Accounts &accounts) : funds(accounts, caller) {}
    Order(const Order &) = delete;
    Order &operator=(const Order &) = delete;
    ~Order() = default;

    // For whom:
    std::string request_id;
    Caller caller;
    std::string end_user;
    std::string address;            // of the client
    std::string client_request_id;  // empty: it has none
    std::string idempotency_key;
    std::string traceparent;
    std::shared_ptr<RequestMemory> memory;
    Funds funds;

    // What:
    Operation operation = Operation::generate;
    std::string body;  // what the request refers to
    ImageRequest request;
    std::string requested_model;
    std::shared_ptr<const Catalogue> catalogue;
    FitMode fit = FitMode::adapt;
    Plan plan;

    // How:
    // What is wanted before the end: nothing, an event for each image, or an image as it arrives.
    enum class Progress : uint8_t { none, events, pieces } progress = Progress::none;
    ImageForm form;
    bool strict = false;
    bool raw_request = false;
    bool raw_response = false;
    size_t answer_max = 0;
    Milliseconds deadline{0};  // on the clock
    Milliseconds allowed{0};   // from the request's start to the deadline

    [[nodiscard]] Preparation preparation(int64_t unix_seconds) const {
        return {request, *catalogue, fit, requested_model, end_user, unix_seconds};
    }
    // As providers are told it.
    [[nodiscard]] std::string_view id_for_providers() const {
        return client_request_id.empty() ? std::string_view(request_id) : client_request_id;
    }
};

}  // namespace gateway
