// Errors in the configuration, reported as nginx does: file, line, and what would be right.
#pragma once

#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "core/ports.h"
#include "nginx/ngx.h"

namespace gateway {

// Thrown only while the configuration is read.
struct ConfError {
    std::string message;
};

// For an error that nginx has logged already.
struct AlreadyLogged {};

inline ngx_str_t *arguments(ngx_conf_t *cf) {
    return static_cast<ngx_str_t *>(cf->args->elts);
}

// Runs the function that reads a directive. What it throws is logged as [emerg] with this line.
template <typename Body>
char *read_directive(ngx_conf_t *cf, Body &&body) noexcept {
    ngx_str_t text = ngx_null_string;
    try {
        std::forward<Body>(body)();
        return NGX_CONF_OK;
    } catch (const ConfError &error) {
        text = to_ngx(error.message);
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%V", &text);
    } catch (const AlreadyLogged &) {
        return static_cast<char *>(NGX_CONF_ERROR);
    } catch (const std::exception &error) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s", error.what());
    }
    return static_cast<char *>(NGX_CONF_ERROR);
}

// Takes the value of "name=value"; false if the argument is something else.
inline bool take_parameter(const ngx_str_t &argument, std::string_view name,
                           std::string_view &value) {
    const std::string_view text = to_view(argument);
    if (text.size() <= name.size() || !text.starts_with(name) || text[name.size()] != '=') {
        return false;
    }
    value = text.substr(name.size() + 1);
    return true;
}

[[noreturn]] inline void invalid_parameter(std::string_view argument, std::string_view expected) {
    throw ConfError{"invalid parameter \"" + std::string(argument) + "\", expected " +
                    std::string(expected)};
}

// Splits the text at spaces.
std::vector<std::string_view> split_words(std::string_view text);

Milliseconds parse_time_parameter(std::string_view text);
size_t parse_size_parameter(std::string_view text);
size_t parse_large_size_parameter(std::string_view text);
int parse_count(std::string_view text, std::string_view what, int min, int max);

// The full path of a file. Relative names are relative to the configuration's directory.
std::string full_path(ngx_conf_t *cf, std::string_view name);
// The contents of the file.
std::string read_file(ngx_conf_t *cf, std::string_view name);

}  // namespace gateway
