#include "nginx/conf_error.h"

#include <algorithm>
#include <charconv>

#include "nginx/files.h"

namespace gateway {

std::vector<std::string_view> split_words(std::string_view text) {
    std::vector<std::string_view> words;
    while (!text.empty()) {
        const size_t end = std::min(text.find(' '), text.size());
        words.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return words;
}

Milliseconds parse_time_parameter(std::string_view text) {
    ngx_str_t value = to_ngx(text);
    const ngx_int_t milliseconds = ngx_parse_time(&value, 0);
    if (milliseconds == NGX_ERROR || milliseconds <= 0) {
        throw ConfError{"invalid time \"" + std::string(text) +
                        "\", expected something like 500ms or 30s"};
    }
    return Milliseconds(milliseconds);
}

size_t parse_size_parameter(std::string_view text) {
    ngx_str_t value = to_ngx(text);
    const ssize_t size = ngx_parse_size(&value);
    if (size == NGX_ERROR || size <= 0) {
        throw ConfError{"invalid size \"" + std::string(text) +
                        "\", expected something like 512k or 32m"};
    }
    return static_cast<size_t>(size);
}

size_t parse_large_size_parameter(std::string_view text) {
    ngx_str_t value = to_ngx(text);
    const off_t size = ngx_parse_offset(&value);  // unlike ngx_parse_size(), it knows gigabytes
    if (size == NGX_ERROR || size <= 0) {
        throw ConfError{"invalid size \"" + std::string(text) +
                        "\", expected something like 512m or 10g"};
    }
    return static_cast<size_t>(size);
}

int parse_count(std::string_view text, std::string_view what, int min, int max) {
    int number = 0;
    const auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || problem != std::errc() || stop != text.data() + text.size() ||
        number < min || number > max) {
        throw ConfError{"invalid " + std::string(what) + " \"" + std::string(text) +
                        "\", expected a number from " + std::to_string(min) + " to " +
                        std::to_string(max)};
    }
    return number;
}

std::string full_path(ngx_conf_t *cf, std::string_view name) {
    // nginx replaces the name by an absolute one that ends with a NUL.
    std::string copy(name);
    ngx_str_t path = to_ngx(copy);
    if (ngx_conf_full_name(cf->cycle, &path, 1) != NGX_OK) {
        throw ConfError{"no memory"};
    }
    return to_string(path);
}

std::string read_file(ngx_conf_t *cf, std::string_view name) {
    auto text = load_file(full_path(cf, name));
    if (!text) {
        throw ConfError{text.error()};
    }
    return std::move(*text);
}

}  // namespace gateway
