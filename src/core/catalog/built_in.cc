// Embeds catalog.json in the module by the assembler, because C++20 has no #embed.
#include "core/catalog/catalog.h"

// clang-format off
__asm__(
    ".section .rodata\n"
    ".global image_gateway_catalog_begin\n"
    ".global image_gateway_catalog_end\n"
    ".hidden image_gateway_catalog_begin\n"
    ".hidden image_gateway_catalog_end\n"
    "image_gateway_catalog_begin:\n"
    ".incbin \"" IMAGE_GATEWAY_CATALOG "\"\n"
    "image_gateway_catalog_end:\n"
    ".previous\n");
// clang-format on

extern "C" {
extern const char image_gateway_catalog_begin[] __attribute__((visibility("hidden")));
extern const char image_gateway_catalog_end[] __attribute__((visibility("hidden")));
}

namespace gateway {

std::string_view Catalogue::built_in() {
    return {image_gateway_catalog_begin,
            static_cast<size_t>(image_gateway_catalog_end - image_gateway_catalog_begin)};
}

}  // namespace gateway
