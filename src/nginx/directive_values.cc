#include "nginx/directive_values.h"

namespace gateway {

namespace {

[[noreturn]] void must_be_positive(ngx_conf_t *cf) {
    throw ConfError{"\"" + to_string(arguments(cf)[0]) + "\" must be greater than 0"};
}

}  // namespace

// Unlike nginx's own setters, these errors say what would be right.
void invalid_value(ngx_conf_t *cf, const std::string &expected) {
    throw ConfError{"\"" + to_string(arguments(cf)[0]) + "\" directive invalid value \"" +
                    to_string(arguments(cf)[1]) + "\", expected " + expected};
}

// In upper or lower case, as nginx reads its own flags.
bool read_flag(ngx_conf_t *cf) {
    const ngx_str_t &value = arguments(cf)[1];
    const auto is = [&](std::string_view word) {
        return value.len == word.size() &&
               ngx_strncasecmp(value.data, to_ngx(word).data, word.size()) == 0;
    };
    if (!is("on") && !is("off")) {
        throw ConfError{"invalid value \"" + to_string(value) + "\" in \"" +
                        to_string(arguments(cf)[0]) + "\" directive, it must be \"on\" or \"off\""};
    }
    return is("on");
}

std::string read_text(ngx_conf_t *cf) {
    return to_string(arguments(cf)[1]);
}

size_t read_size(ngx_conf_t *cf) {
    const ssize_t size = ngx_parse_size(&arguments(cf)[1]);
    if (size == NGX_ERROR) {
        invalid_value(cf, "something like 512k or 32m");
    }
    if (size == 0) {
        must_be_positive(cf);
    }
    return static_cast<size_t>(size);
}

Milliseconds read_time(ngx_conf_t *cf) {
    const ngx_int_t milliseconds = ngx_parse_time(&arguments(cf)[1], 0);
    if (milliseconds == NGX_ERROR) {
        invalid_value(cf, "something like 500ms or 30s");
    }
    if (milliseconds == 0) {
        must_be_positive(cf);
    }
    return Milliseconds(static_cast<int64_t>(milliseconds));
}

}  // namespace gateway
