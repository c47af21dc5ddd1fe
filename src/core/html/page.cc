#include "core/html/page.h"

#include <zlib.h>

#include <algorithm>
#include <new>
#include <utility>

#include "core/bytes/base64.h"
#include "core/bytes/sha256.h"

namespace gateway {

namespace {

constexpr std::string_view kScript = "<script type=\"module\">";
constexpr std::string_view kStyle = "<style>";

std::string_view bytes_of(const Sha256 &hash) {
    return {reinterpret_cast<const char *>(hash.data()), hash.size()};
}

// Replaces each {{name}} once, so that a value cannot have a placeholder.
std::string fill_in(std::string_view text, const PageSettings &settings) {
    const std::pair<std::string_view, const std::string &> values[] = {
        {"{{api}}", settings.api}, {"{{status}}", settings.status}, {"{{title}}", settings.title}};
    std::string filled;
    while (!text.empty()) {
        const size_t next = text.find("{{");
        filled += text.substr(0, next);
        text.remove_prefix(next == std::string_view::npos ? text.size() : next);
        size_t length = std::min<size_t>(2, text.size());
        std::string value(text.substr(0, length));
        for (const auto &[name, setting] : values) {
            if (text.starts_with(name)) {
                value = escape_html(setting);
                length = name.size();
            }
        }
        filled += value;
        text.remove_prefix(length);
    }
    return filled;
}

// The sources that a Content-Security-Policy allows: the hash of each inline element that begins
// with this tag.
std::string hashes_of(std::string_view html, std::string_view tag) {
    const std::string end = "</" + std::string(tag.substr(1, tag.find_first_of(" >") - 1)) + ">";
    std::string sources;
    for (size_t at = html.find(tag); at != std::string_view::npos; at = html.find(tag, at)) {
        at += tag.size();
        const std::string_view inside = html.substr(at, html.find(end, at) - at);
        sources += " 'sha256-" + encode_base64(bytes_of(sha256(inside))) + "'";
    }
    return sources;
}

// Nothing is loaded from elsewhere. Pictures are data that the page has itself. Text becomes HTML
// nowhere: Trusted Types refuse it.
std::string policy_of(std::string_view html) {
    return "default-src 'none'; script-src" + hashes_of(html, kScript) + "; style-src" +
           hashes_of(html, kStyle) +
           "; connect-src 'self'; img-src data: blob:; base-uri 'none'; form-action 'none'; "
           "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
}

std::string compress(std::string_view text) {
    constexpr int kGzip = 16 + MAX_WBITS;
    constexpr int kMemory = 9;
    z_stream stream{};
    if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, kGzip, kMemory, Z_DEFAULT_STRATEGY) !=
        Z_OK) {
        throw std::bad_alloc();
    }
    std::string out;
    try {
        out.resize(deflateBound(&stream, static_cast<uLong>(text.size())));
    } catch (...) {
        deflateEnd(&stream);
        throw;
    }
    stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef *>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const int ended = deflate(&stream, Z_FINISH);  // there is room for all of it
    out.resize(stream.total_out);
    deflateEnd(&stream);
    if (ended != Z_STREAM_END) {
        throw std::bad_alloc();
    }
    return out;
}

}  // namespace

std::string escape_html(std::string_view text) {
    std::string escaped;
    for (const char letter : text) {
        switch (letter) {
            case '&': escaped += "&amp;"; break;
            case '<': escaped += "&lt;"; break;
            case '>': escaped += "&gt;"; break;
            case '"': escaped += "&quot;"; break;
            case '\'': escaped += "&#39;"; break;
            default: escaped += letter;
        }
    }
    return escaped;
}

Page make_page(const PageSettings &settings) {
    constexpr size_t kTagLength = 20;
    Page page;
    page.html = fill_in(built_in_page(), settings);
    page.gzip = compress(page.html);
    page.tag = to_hex(sha256(page.html)).substr(0, kTagLength);
    page.policy = policy_of(page.html);
    return page;
}

}  // namespace gateway
