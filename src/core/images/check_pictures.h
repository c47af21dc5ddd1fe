// The truth about pictures: what their own bytes say.
#pragma once

#include "core/outcome.h"

namespace gateway {

// How much of a picture is here: all, or only its beginning, because it was handed on as it came.
enum class PicturePart : uint8_t { whole, beginning };

// Format, sides and size of a picture that is here as bytes; false when it is none, or was cut
// short.
bool read_facts(Image &image, PicturePart part = PicturePart::whole);

// Of all pictures of a success. Those that are none are taken out, and without any left it is no
// success. After the first `asked` that are pictures the others are left out without a look: how
// many there are is the provider's choice.
void check_pictures(Outcome &outcome, int64_t asked, PicturePart part = PicturePart::whole);

}  // namespace gateway
