// Embeds the page in the module by the assembler, as the catalogue.
#include "core/html/page.h"

// clang-format off
__asm__(
    ".section .rodata\n"
    ".global image_gateway_page_begin\n"
    ".global image_gateway_page_end\n"
    ".hidden image_gateway_page_begin\n"
    ".hidden image_gateway_page_end\n"
    "image_gateway_page_begin:\n"
    ".incbin \"" IMAGE_GATEWAY_PAGE "\"\n"
    "image_gateway_page_end:\n"
    ".previous\n");
// clang-format on

extern "C" {
extern const char image_gateway_page_begin[] __attribute__((visibility("hidden")));
extern const char image_gateway_page_end[] __attribute__((visibility("hidden")));
}

namespace gateway {

std::string_view built_in_page() {
    return {image_gateway_page_begin,
            static_cast<size_t>(image_gateway_page_end - image_gateway_page_begin)};
}

}  // namespace gateway
