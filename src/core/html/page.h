// The page of image_gateway_page: one HTML file with everything in it, for one location. src/page
// has its sources, which src/page/assemble.sh puts together when the module is built.
#pragma once

#include <string>
#include <string_view>

namespace gateway {

struct PageSettings {
    std::string api;     // the path of the gateway's location, which ends with "/"
    std::string status;  // the path of image_gateway_status; empty: none
    std::string title;
};

struct Page {
    std::string html;
    std::string gzip;    // the same, compressed
    std::string tag;     // of the contents, for entity tags
    std::string policy;  // the value of Content-Security-Policy
};

// Throws std::bad_alloc.
Page make_page(const PageSettings &settings);

// What is built in, with {{api}}, {{status}} and {{title}} where the settings belong.
std::string_view built_in_page();

// A text as it may stand in HTML, also between double quotes.
std::string escape_html(std::string_view text);

}  // namespace gateway
