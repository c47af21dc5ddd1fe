// The truth about pictures: what their own bytes say.
#pragma once

#include "core/outcome.h"

namespace gateway {

// Format, sides and size of a picture that is here as bytes; false when it is none.
bool read_facts(Image &image);

// Of all pictures of a success. Those that are none are taken out, and without any left it is no
// success.
void check_pictures(Outcome &outcome);

}  // namespace gateway
