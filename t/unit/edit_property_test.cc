// Random edits for every model that edits: each input image is sent once, in the order of the
// request, and the mask as the model takes it; or the request is refused. The id of a file is sent
// only where there are files. Each parameter is sent or listed.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <variant>
#include <vector>

#include "catalogues.h"
#include "core/bytes/base64.h"
#include "core/routing/prepare.h"
#include "dialect_world.h"
#include "how_many.h"
#include "random_request.h"

namespace gateway {
namespace {

struct EditableModel {
    const Dialect *dialect;
    const ModelSpec *spec;
};

std::vector<EditableModel> editable_models() {
    std::vector<EditableModel> models;
    for (const auto &[api, rows] : built_in().apis()) {
        for (const ModelSpec &row : rows) {
            if (row.can(Operation::edit) || row.can(Operation::variation)) {
                models.push_back({dialect_named(api), &row});
            }
        }
    }
    return models;
}

class EditMaker {
 public:
    explicit EditMaker(FakeRandom &random) : random_(random) {}

    // Contents that occur nowhere else.
    InputImage image(const std::string &field) {
        constexpr ImageFormat kFormats[] = {ImageFormat::png, ImageFormat::png, ImageFormat::jpeg,
                                            ImageFormat::webp, ImageFormat::gif};
        constexpr int kSides[] = {32, 64, 300, 512, 768, 1024, 3000, 5000};
        InputImage image;
        image.field = field;
        image.facts.format = kFormats[random_.below(std::size(kFormats))];
        image.facts.width = kSides[random_.below(std::size(kSides))];
        image.facts.height = kSides[random_.below(std::size(kSides))];
        image.content = Content::in_memory("(content " + std::to_string(++number_) + " of " +
                                           field + ")" + std::string(random_.below(9), '.'));
        return image;
    }

    // One that only the provider has.
    InputImage file_id(const std::string &field) {
        InputImage image;
        image.field = field + ".file_id";
        image.file_id = "file-" + std::to_string(++number_) + "-of-" + field;
        return image;
    }

    InputImages inputs(const ModelSpec &spec) {
        InputImages inputs;
        for (uint64_t count = 1 + random_.below(3); count > 0; --count) {
            inputs.images.push_back(random_.below(8) == 0 ? file_id("image") : image("image"));
        }
        if (random_.below(2) == 0) {
            inputs.mask = random_.below(8) == 0 ? file_id("mask") : image("mask");
            if (spec.inputs.mask && inputs.mask->has_content()) {
                ConvertedMask converted{*spec.inputs.mask, image("mask"), {}};
                converted.result.outcome = MaskOutcome::written;
                converted.result.had_alpha = random_.below(4) != 0;
                converted.result.was_soft = random_.below(2) == 0;
                inputs.masks.push_back(std::move(converted));
            }
        }
        return inputs;
    }

 private:
    FakeRandom &random_;
    int number_ = 0;
};

// Where the content stands in a body, as it is or as base64, or the id. It must stand there once.
size_t place_of(const std::string &body, const InputImage &image) {
    std::string bytes;
    EXPECT_TRUE(image.content.copy_to(bytes));
    size_t found = std::string::npos;
    int times = 0;
    const std::vector<std::string> forms =
        image.has_content() ? std::vector<std::string>{bytes, encode_base64(bytes)}
                            : std::vector<std::string>{R"({"file_id":")" + image.file_id + R"("})"};
    for (const std::string &form : forms) {
        for (size_t at = body.find(form); at != std::string::npos; at = body.find(form, at + 1)) {
            found = at;
            ++times;
        }
    }
    EXPECT_EQ(times, 1) << bytes << " in " << body.substr(0, 2000);
    return found;
}

bool is_listed(const std::vector<Adjustment> &adjustments, Param param) {
    return std::any_of(adjustments.begin(), adjustments.end(),
                       [=](const Adjustment &row) { return row.param == name_of(param); });
}

void expect_all_sent(const HttpCall &call, const CallInputs &inputs) {
    const std::string body = call.body.copy();
    ASSERT_EQ(body.size(), call.body.size());
    size_t last = 0;
    for (const InputImage &image : inputs.images) {
        const size_t place = place_of(body, image);
        EXPECT_GE(place, last) << "the images have another order";
        last = place;
    }
    if (inputs.mask != nullptr) {
        (void)place_of(body, *inputs.mask);
    }
    const auto contents = static_cast<size_t>(
        std::count_if(inputs.images.begin(), inputs.images.end(),
                      [](const InputImage &image) { return image.has_content(); }));
    const bool has_mask = inputs.mask != nullptr && inputs.mask->has_content();
    EXPECT_EQ(call.body.inserts().size(), contents + (has_mask ? 1 : 0)) << "an image was copied";
}

TEST(EditProperty, EveryInputIsSentOnceOrTheRequestIsRefused) {
    const std::vector<EditableModel> models = editable_models();
    ASSERT_GT(models.size(), 50U);
    RequestMaker requests(11);
    EditMaker edits(requests.random());
    size_t sent = 0;
    for (int64_t round = 0; round < (is_long_run() ? 1'000'000 : 10'000); ++round) {
        const EditableModel &model = models[requests.random().below(models.size())];
        const RandomRequest asked = requests.make();
        const InputImages inputs = edits.inputs(*model.spec);
        ImageRequest request;
        request.params = asked.params;
        request.operation =
            requests.random().below(4) == 0 ? Operation::variation : Operation::edit;
        if (request.operation == Operation::variation) {
            request.params.clear(Param::prompt);
        }
        SCOPED_TRACE(std::string(model.dialect->name()) + "/" + model.spec->pattern);
        Provider provider;
        provider.name = "p";
        provider.dialect = model.dialect;
        provider.url = "https://p";
        provider.keys.push_back({"account:key"});
        std::string name = model.spec->pattern;
        if (name.ends_with('*')) {
            name.back() = 'x';
        }
        const Preparation preparation{request, built_in(), FitMode::adapt, name, "", 0, &inputs};
        const auto prepared = prepare({&provider, name}, preparation);
        if (!prepared) {
            EXPECT_EQ(prepared.error().status, 400);
            EXPECT_FALSE(prepared.error().message.empty());
            continue;
        }
        EXPECT_TRUE(!prepared->inputs.any_file_id() || model.dialect->name() == "openai");
        EXPECT_EQ(prepared->inputs.images.size(), inputs.images.size());
        EXPECT_EQ(prepared->inputs.mask != nullptr, inputs.mask.has_value());
        for (const Param param : all_params()) {
            if (request.params.is_requested(param) && !prepared->fitted.params.has(param) &&
                request.params.text(param) != "auto") {
                const bool is_the_gateways = param == Param::response_format ||
                                             param == Param::stream ||
                                             param == Param::partial_images || param == Param::n;
                EXPECT_TRUE(is_the_gateways || is_listed(prepared->fitted.adjustments, param))
                    << name_of(param) << " is neither sent nor listed";
            }
        }
        for (const CallShare &share : prepared->calls) {
            const Work work = model.dialect->begin({provider,
                                                    provider.keys.data(),
                                                    name,
                                                    share.params,
                                                    {},
                                                    "req",
                                                    "",
                                                    "",
                                                    requests.random(),
                                                    prepared->inputs});
            if (const auto *call = std::get_if<HttpCall>(&work)) {
                expect_all_sent(*call, prepared->inputs);
                ++sent;
            }
        }
        if (testing::Test::HasFailure()) {
            return;
        }
    }
    EXPECT_GT(sent, 100U);
}

}  // namespace
}  // namespace gateway
