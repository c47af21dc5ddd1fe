// The shape of a picture: from what was asked of it to what a model takes, the nearest by ratio
// first and then by area.
#pragma once

#include <string>

#include "core/catalog/model_spec.h"
#include "core/request/geometry.h"

namespace gateway {

// What to send. Empty: nothing.
struct FittedShape {
    std::string size;
    std::string ratio;
    std::string tier;
    std::string reason;  // why it is not what was asked, with the error in percent
};

FittedShape fit_shape(const Params &asked, const ModelSpec &model);

// The legal size nearest to a ratio and an area; nothing where there is none.
std::optional<Pixels> nearest_size(const SizeSpec &spec, double ratio, double area,
                                   bool ratio_is_all);

}  // namespace gateway
