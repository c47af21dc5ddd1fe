// What a making ends in. Holds only values, so it can outlive the request.
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
    // Empty: success.
    std::optional<ApiError> error;
    std::optional<OutcomeType> outcome;  // of the attempt that decided; empty: there was none
    History history;

    // Set on success. The bill is also set if images were made but may not be sent.
    Maker maker;
    ImageWords words;
    std::vector<Image> images;  // in order
    Bill bill;
    std::vector<Adjustment> adjustments;
    std::string raw_request;  // JSON, if it was requested
    std::string raw_response;
    int64_t requested = 0;              // images that the maker was requested to make
    int64_t withheld = 0;               // images that were made but are not in the reply
    std::optional<Cost> withheld_cost;  // of all images that were made, if some are withheld
    std::string missing;                // why some images were not made; empty: all were
};

}  // namespace gateway
