// A dialect as the gateway uses it: a request is fitted to a model of the built-in catalogue and
// becomes a call; a response becomes an outcome.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "core/catalog/fit.h"
#include "core/providers/dialect.h"
#include "core/request/decode.h"
#include "fake_ports.h"
#include "responses.h"

namespace gateway {

struct DialectWorld {
    DialectWorld(const char *api, const char *url) : dialect(*dialect_named(api)) {
        provider.name = "p";
        provider.dialect = &dialect;
        provider.url = url;
        provider.keys = {{"sk-secret"}};
    }

    // Fields of no published API are passed on, as where a location says so.
    Work begin(const char *model, const std::string &asked) {
        UnknownFields unknown;
        unknown.mode = UnknownFields::Mode::pass;
        unknown.names = {"own", "scheduler", "style_preset", "strange\"\r\nname"};
        auto request = decode_request(asked, {unified_profile(), unknown});
        EXPECT_TRUE(request) << request.error().message;
        const auto catalogue = Catalogue::read(Catalogue::built_in());
        const auto fitted =
            fit(request->params, *catalogue->find("", dialect.name(), model), FitMode::adapt);
        EXPECT_TRUE(fitted) << fitted.error().message;
        const ProviderKey *key = provider.keys.empty() ? nullptr : provider.keys.data();
        return dialect.begin({provider, key, model, fitted->params, request->passed, "req_1",
                              "idem-1", "00-ab-cd-01", random});
    }
    HttpCall call(const char *model, const std::string &asked) {
        return std::get<HttpCall>(begin(model, asked));
    }
    // The outcome of what is decided without asking the provider.
    Outcome local(const char *model, const std::string &asked) {
        return std::get<LocalWork>(begin(model, asked)).make();
    }

    const Dialect &dialect;
    Provider provider;
    FakeRandom random;
};

// A response whose body is an image.
inline HttpResponse image_response(std::string headers = "") {
    HttpResponse response = response_of(200, "", std::move(headers));
    response.image = Bytes::own(kPng);
    return response;
}

inline std::string header_of(const HttpCall &call, std::string_view name) {
    std::string found;
    for (const std::string &line : call.headers) {
        if (line.starts_with(name) && line.substr(name.size(), 2) == ": ") {
            EXPECT_EQ(found, "") << "twice: " << name;
            found = line.substr(name.size() + 2);
        }
    }
    return found;
}

// The parts of a form, in order, a line each: `name=text`. Reads as a server does.
inline std::string form_of(const HttpCall &call) {
    constexpr std::string_view kType = "multipart/form-data; boundary=";
    const std::string type = header_of(call, "Content-Type");
    EXPECT_TRUE(type.starts_with(kType)) << type;
    const std::string boundary = "--" + type.substr(kType.size());
    const std::string body = call.body.copy();
    std::string_view rest = body;
    std::string fields;
    while (rest.starts_with(boundary + "\r\n")) {
        rest.remove_prefix(boundary.size() + 2);
        const std::string_view part = rest.substr(0, rest.find("\r\n" + boundary));
        constexpr std::string_view kHead = "Content-Disposition: form-data; name=\"";
        EXPECT_TRUE(part.starts_with(kHead)) << part;
        const size_t blank = part.find("\"\r\n\r\n");
        EXPECT_NE(blank, std::string_view::npos) << part;
        fields.append(part.substr(kHead.size(), blank - kHead.size())).append("=");
        fields.append(part.substr(blank + 5)).append("\n");
        rest.remove_prefix(part.size() + 2);
    }
    EXPECT_EQ(rest, boundary + "--\r\n");
    return fields;
}

}  // namespace gateway
