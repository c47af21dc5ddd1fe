// Providers and aliases as nginx.conf would define them, for tests of routing.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "catalogues.h"
#include "core/access/identify.h"
#include "core/routing/model_map.h"
#include "fake_ports.h"

namespace gateway {

class RoutingTest : public testing::Test {
 protected:
    RoutingTest() {
        map.use(std::make_shared<const Catalogue>(built_in()));
        add_provider("sandbox", "sandbox");
        add_provider("openai", "openai");
        add_provider("azure", "openai");
    }
    void add_provider(const char *name, const char *api) {
        auto provider = std::make_unique<Provider>();
        provider->name = name;
        provider->dialect = dialect_named(api);
        ASSERT_NE(provider->dialect, nullptr);
        map.add(std::move(provider));
    }
    void add_alias(const char *name, std::vector<Alias::Member> members,
                   AliasMode mode = AliasMode::ordered) {
        Alias alias;
        alias.name = name;
        alias.mode = mode;
        alias.members = std::move(members);
        EXPECT_TRUE(map.add(std::move(alias)));
    }
    void use_catalogue(std::string_view text, const Catalogue *below = nullptr) {
        map.use(std::make_shared<const Catalogue>(read_catalogue(text, below)));
    }
    // Somebody with a key for these patterns.
    const Caller &caller_for(std::vector<std::string> models) {
        key.models = std::move(models);
        caller.key = &key;
        return caller;
    }
    // "provider/model provider/model …"
    static std::string names_of(const std::vector<Candidate> &candidates) {
        std::string names;
        for (const Candidate &candidate : candidates) {
            names += (names.empty() ? "" : " ") + candidate.name();
        }
        return names;
    }

    ModelMap map;
    FakeRandom random;
    Key key;
    Caller caller;  // anonymous until it is given a key
};

}  // namespace gateway
