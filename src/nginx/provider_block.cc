#include "nginx/provider_block.h"

#include <algorithm>
#include <string>
#include <utility>

#include "nginx/conf_error.h"
#include "nginx/provider_directives.h"

namespace gateway {

namespace {

void read_line(ProviderBlock &block, const Arguments &arguments) {
    const std::string name(arguments[0]);
    const auto rows = provider_directives();
    const auto row = std::find_if(rows.begin(), rows.end(),
                                  [&](const ProviderDirective &one) { return one.name == name; });
    if (row == rows.end()) {
        throw ConfError{"unknown directive \"" + name + "\""};
    }
    if (arguments.size() - 1 < row->min || arguments.size() - 1 > row->max) {
        throw ConfError{"invalid number of arguments in \"" + name + "\" directive"};
    }
    if (!row->repeats &&
        std::find(block.seen.begin(), block.seen.end(), row->name) != block.seen.end()) {
        throw ConfError{"\"" + name + "\" directive is duplicate"};
    }
    block.seen.push_back(row->name);
    row->read(block, arguments);
}

void read_provider_defaults(ProviderBlock &block) {
    for (const ProviderDirective &row : provider_directives()) {
        if (!row.initial.empty()) {
            Arguments words = split_words(row.initial);
            words.insert(words.begin(), row.name);
            row.read(block, words);
        }
    }
}

extern "C" char *image_gateway_provider_line(ngx_conf_t *cf, ngx_command_t * /*command*/,
                                             void *conf) {
    return read_directive(cf, [=] {
        Arguments words;
        for (ngx_uint_t i = 0; i < cf->args->nelts; ++i) {
            words.push_back(to_view(arguments(cf)[i]));
        }
        read_line(*static_cast<ProviderBlock *>(conf), words);
    });
}

void check(const ProviderBlock &block) {
    const Provider &provider = block.provider;
    const std::string who = "image_provider \"" + provider.name + "\"";
    if (provider.dialect == nullptr) {
        throw ConfError{who + " has no \"api\""};
    }
    const std::string api(provider.dialect->name());
    if (provider.dialect->needs_url() && provider.url.empty()) {
        throw ConfError{who + " has no \"url\", which api \"" + api + "\" needs"};
    }
    if (!provider.dialect->needs_url() && !provider.url.empty()) {
        throw ConfError{who + " has a \"url\", which api \"" + api + "\" does not use"};
    }
    if (provider.dialect->needs_key() && provider.keys.empty() && !block.keyless) {
        throw ConfError{who + " has no \"key\", which api \"" + api +
                        "\" needs; for a server without keys say \"key none\""};
    }
    if (block.keyless && !provider.keys.empty()) {
        throw ConfError{who + " has both \"key none\" and a key"};
    }
    if (!provider.file_account.empty() && provider.file_account != "off" &&
        !provider.dialect->takes_file_ids()) {
        throw ConfError{who + ": \"file_account\" is for apis that have files, such as \"openai\""};
    }
    int percent = 0;
    for (const auto &failure : provider.rehearsal.failures) {
        percent += failure.percent;
    }
    if (percent > 100) {
        throw ConfError{who + " fails more than 100% of the time"};
    }
    const bool rehearses = percent > 0 || provider.rehearsal.longest.count() > 0;
    if (rehearses && api != "sandbox") {
        throw ConfError{who + ": \"latency\" and \"fail\" are for api \"sandbox\" only"};
    }
}

}  // namespace

std::unique_ptr<Provider> read_provider_block(ngx_conf_t *cf) {
    ProviderBlock block{cf, {}, false, {}};
    block.provider.name = to_string(arguments(cf)[1]);
    const std::string &name = block.provider.name;
    if (name.empty() || name.size() > 64 ||
        name.find_first_not_of(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") !=
            std::string::npos) {
        throw ConfError{"invalid provider name \"" + name +
                        "\", expected letters, digits, '.', '_' and '-'"};
    }
    read_provider_defaults(block);
    ngx_conf_t inner = *cf;
    inner.handler = image_gateway_provider_line;
    inner.handler_conf = reinterpret_cast<decltype(inner.handler_conf)>(&block);
    block.cf = &inner;
    char *result = ngx_conf_parse(&inner, nullptr);
    *cf = [&] {
        ngx_conf_t restored = inner;
        restored.handler = cf->handler;
        restored.handler_conf = cf->handler_conf;
        return restored;
    }();
    if (result != NGX_CONF_OK) {
        throw AlreadyLogged{};
    }
    check(block);
    return std::make_unique<Provider>(std::move(block.provider));
}

}  // namespace gateway
