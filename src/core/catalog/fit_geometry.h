// Finds the size, ratio and tier that a model accepts and that are nearest to the requested ones:
// by ratio first, then by area.
#pragma once

#include <string>

#include "core/catalog/model_spec.h"
#include "core/request/geometry.h"

namespace gateway {

// The values to send. Empty: not sent.
struct FittedShape {
    std::string size;
    std::string ratio;
    std::string tier;
    std::string reason;  // why it differs from the request, with the error in percent
};

FittedShape fit_shape(const Params &requested, const ModelSpec &model);

// The allowed size that is nearest to a ratio and an area. Nothing if no size is allowed.
std::optional<Pixels> nearest_size(const SizeSpec &spec, double ratio, double area,
                                   bool ratio_is_all);

}  // namespace gateway
