// What a making ends in: a value that refers to nothing, so that it can outlive whoever waited.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/api_error.h"
#include "core/making/bill.h"
#include "core/outcome.h"
#include "core/request/image_request.h"
#include "core/routing/history.h"

namespace gateway {

struct Maker {
    std::string provider;
    std::string model;
};

struct Result {
    // None: the images below are a success.
    std::optional<ApiError> error;
    std::optional<OutcomeType> outcome;  // of the attempt that decided; none: there was none
    History history;

    // Of a success; and of images that were made and may not be sent, the bill.
    Maker maker;
    ImageWords words;
    std::vector<Image> images;  // in order
    Bill bill;
    std::vector<Adjustment> adjustments;
    std::string raw_request;  // JSON, where it was asked for
    std::string raw_response;
    int64_t requested = 0;              // images that the maker was asked for
    int64_t withheld = 0;               // images that were made, and are in no reply
    std::optional<Cost> withheld_cost;  // of all that was made, where some is withheld
    std::string missing;                // why, if some of them were not made
};

}  // namespace gateway
