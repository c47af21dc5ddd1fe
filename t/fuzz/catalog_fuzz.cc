// Any text as an operator's catalog.json: a sentence about what is wrong, or models that any
// request can be fitted to and priced for.
#include "core/catalog/catalog.h"

#include "core/catalog/fit.h"
#include "core/catalog/price.h"
#include "fuzz.h"

namespace gateway {
namespace {

const Catalogue &built_in() {
    static const Catalogue read = *Catalogue::read(Catalogue::built_in());
    return read;
}

Params wish(int which) {
    Params params;
    params[Param::prompt] = std::string_view("a kite");
    params[Param::n] = int64_t{which % 10 + 1};
    params[Param::quality] = std::string_view(which % 2 == 0 ? "hd" : "low");
    params[Param::seed] = int64_t{7};
    params[Param::style] = std::string_view("vivid");
    if (which % 3 != 0) {
        params[Param::size] = std::string_view(which % 2 == 0 ? "1920x1080" : "16384x1");
    } else {
        params[Param::aspect_ratio] = std::string_view("21:9");
        params[Param::resolution] = std::string_view("2K");
    }
    return params;
}

void use(const ModelSpec &model) {
    for (int which = 0; which < 6; ++which) {
        const Params asked = wish(which);
        const auto fitted = fit(asked, model, FitMode::adapt);
        if (!fitted) {
            promise(fitted.error().status == 400, "what does not fit is the caller's to know");
            continue;
        }
        int64_t images = 0;
        for (const int64_t call : fitted->calls) {
            promise(call > 0, "no call for nothing");
            images += call;
        }
        promise(images == asked.integer(Param::n, 1), "all images are planned for");
        for (const Param param : all_params()) {
            const bool has = param == Param::prompt || model[param].has_value();
            promise(has || !fitted->params.has(param),
                    "nothing is sent that the model does not have");
        }
        const PricedCall call{fitted->params, images};
        const auto bound = upper_bound(call, model);
        promise(!bound || *bound >= 0, "no price is below nothing");
        promise(!bound || parse_dollars(dollars(*bound)).value_or(*bound) == *bound,
                "money is written as it is");
    }
}

void run(std::string_view text) {
    const auto read = Catalogue::read(text, &built_in());
    if (!read) {
        promise(!read.error().empty(), "a mistake is told");
        return;
    }
    for (const auto &[api, rows] : read->apis()) {
        promise(read->find("", api, "gpt-image-2") != nullptr || !built_in().find("", api, "x"),
                "what was known stays known");
        size_t used = 0;
        for (const ModelSpec &model : rows) {
            if (++used > 4) {
                break;  // new rows come first
            }
            use(model);
        }
    }
}

}  // namespace
}  // namespace gateway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gateway::run(gateway::Input(data, size).rest());
    return 0;
}
