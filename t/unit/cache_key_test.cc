// The key of a cached result: two requests for which a provider would be sent different things
// never share one.
#include "core/sharing/cache_key.h"

#include <gtest/gtest.h>

#include <string>
#include <variant>
#include <vector>

#include "catalogues.h"
#include "core/limits/ledger.h"
#include "core/routing/prepare.h"
#include "fake_ports.h"
#include "how_many.h"
#include "random_request.h"

namespace gateway {
namespace {

struct CachedModel {
    const Dialect *dialect;
    std::string name;
};

std::vector<CachedModel> models_that_generate() {
    std::vector<CachedModel> models;
    for (const auto &[api, rows] : built_in().apis()) {
        for (const ModelSpec &row : rows) {
            if (row.can(Operation::generate) && api != "sandbox") {
                std::string name = row.pattern;
                if (name.ends_with('*')) {
                    name.back() = 'x';
                }
                models.push_back({dialect_named(api), std::move(name)});
            }
        }
    }
    return models;
}

class CacheKeyTest : public testing::Test {
 protected:
    CacheKeyTest() { EXPECT_TRUE(Ledger::prepare(memory_.region(), true)); }

    struct Asked {
        std::optional<Sha256> key;
        std::string sent;  // to the provider, except for what is random
    };

    // Nothing if the model does not take the request.
    std::optional<Asked> ask(const CachedModel &model, const Params &params) {
        Order order(accounts_);
        order.request.params = params;
        order.catalogue = catalogue_;
        Provider provider;
        provider.name = "p";
        provider.dialect = model.dialect;
        provider.url = "https://p";
        provider.keys.push_back({"account:key"});
        const Candidate candidate{&provider, model.name};
        order.plan.candidates.push_back(candidate);
        const auto &prepared = order.plan.prepared(0, order.preparation(0));
        if (!prepared) {
            return std::nullopt;
        }
        Asked asked;
        asked.key = cache_key("scope", order, candidate, *prepared, {}, true);
        for (const CallShare &share : prepared->calls) {
            FakeRandom random;
            const Work work = model.dialect->begin({provider,
                                                    provider.keys.data(),
                                                    model.name,
                                                    share.params,
                                                    {},
                                                    "req",
                                                    "",
                                                    "",
                                                    random,
                                                    prepared->inputs});
            if (const auto *call = std::get_if<HttpCall>(&work)) {
                asked.sent += call->url + "\n" + call->body.copy() + "\n";
            }
        }
        return asked;
    }

    const std::shared_ptr<const Catalogue> catalogue_ =
        std::make_shared<const Catalogue>(built_in());
    FakeClock clock_;
    FakeMemory memory_{64 * 1024};
    Ledger ledger_{memory_, memory_.budgets()};
    LedgerAccounts accounts_{ledger_, clock_, 7};
};

TEST_F(CacheKeyTest, DiffersWhereWhatTheProviderGetsDiffers) {
    const std::vector<CachedModel> models = models_that_generate();
    RequestMaker requests(7);
    size_t different = 0;
    size_t equal = 0;
    for (int64_t round = 0; round < of_cases<int64_t>(100'000); ++round) {
        const CachedModel &model = models[requests.random().below(models.size())];
        const RandomRequest first = requests.make();
        const RandomRequest other = requests.make();
        Params changed = first.params;
        const Param param = all_params()[requests.random().below(kParamCount)];
        changed[param] = other.params[param];
        const auto one = ask(model, first.params);
        const auto two = ask(model, changed);
        if (!one || !two) {
            continue;
        }
        ASSERT_TRUE(one->key && two->key);
        if (one->sent != two->sent) {
            ASSERT_NE(*one->key, *two->key) << model.name << " " << name_of(param) << "\n"
                                            << one->sent << two->sent;
            ++different;
        } else if (first.params[param] == changed[param]) {
            ASSERT_EQ(*one->key, *two->key);
            ++equal;
        }
    }
    EXPECT_GT(different, 500U);
    EXPECT_GT(equal, 500U);
}

TEST_F(CacheKeyTest, DependsOnTheScopeTheProviderAndTheInputs) {
    Order order(accounts_);
    order.catalogue = catalogue_;
    order.request.params[Param::prompt] = std::string_view("a kite");
    Provider provider;
    provider.name = "p";
    provider.dialect = dialect_named("openai");
    provider.url = "https://p";
    Provider other = provider;
    other.url = "https://q";
    const auto key = [&](std::string_view scope, const Provider &at, const InputDigests &inputs) {
        const Candidate candidate{&at, "gpt-image-2"};
        const auto prepared = prepare(candidate, order.preparation(0));
        EXPECT_TRUE(prepared);
        return *cache_key(scope, order, candidate, *prepared, inputs, true);
    };
    const Sha256 first = key("a", provider, {});
    EXPECT_EQ(first, key("a", provider, {}));
    EXPECT_NE(first, key("b", provider, {}));
    EXPECT_NE(first, key("a", other, {}));
    order.inputs.images.emplace_back().content = Content::in_memory("image");
    const Sha256 edited = key("a", provider, {{Sha256{1}}, std::nullopt});
    EXPECT_NE(first, edited);
    EXPECT_NE(edited, key("a", provider, {{Sha256{2}}, std::nullopt}));
    order.inputs.mask.emplace().content = Content::in_memory("mask");
    const Candidate candidate{&provider, "gpt-image-2"};
    Prepared prepared;
    const auto masked = [&](std::optional<int> feather) {
        prepared.exact_feather = feather;
        return *cache_key("a", order, candidate, prepared, {{Sha256{}}, Sha256{}}, true);
    };
    EXPECT_NE(masked(std::nullopt), masked(8));
    EXPECT_NE(masked(0), masked(8));
    order.keeps_provenance = true;
    const Sha256 keeping = masked(8);
    order.keeps_provenance = false;
    EXPECT_NE(keeping, masked(8));
    order.inputs.images.front().content = {};
    EXPECT_FALSE(cache_key("a", order, candidate, prepared, {{Sha256{}}, Sha256{}}, true))
        << "an image that only the provider has";
}

}  // namespace
}  // namespace gateway
